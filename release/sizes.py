"""Prints what each extra adds to an installation, for ``docs/guide/install.md``: ``python release/sizes.py``."""

from __future__ import annotations

from importlib.metadata import Distribution, metadata, requires

from needs import needed, size

NOT_FOR_USERS = {"dev", "docs"}
"""Extras for those who work on Spikefill itself."""


def main() -> None:
    """Prints a table in Markdown: how many packages, and how many megabytes, come with the base and with each extra."""
    base = needed(text for text in requires("spikefill") or () if "extra ==" not in text)
    print("| | packages | MB | largest, MB |\n| --- | ---: | ---: | --- |")
    print(row("Spikefill needs", base))
    for extra in metadata("spikefill").get_all("Provides-Extra") or ():
        if extra not in NOT_FOR_USERS:
            more = needed([f"spikefill[{extra}]"])
            print(row(f"`{extra}` adds", {name: more[name] for name in more.keys() - base.keys() - {"spikefill"}}))


def row(label: str, packages: dict[str, Distribution]) -> str:
    """A row of the table."""
    sizes = {name: size(package) / 1e6 for name, package in packages.items()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
    named = ", ".join(f"{name} {sizes[name]:,.0f}" for name in largest)
    return f"| {label} | {len(sizes)} | {sum(sizes.values()):,.0f} | {named} |"


if __name__ == "__main__":
    main()
