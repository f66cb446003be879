"""``python -m spikefill``: the command line, for launchers that start modules, such as ``torchrun -m spikefill``."""

from spikefill.cli.app import main

if __name__ == "__main__":
    main()
