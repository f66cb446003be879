"""The command ``spikefill``: a file a command, and the frame that they share (`app`, `console`)."""
