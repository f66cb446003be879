"""Imports what warns while it is imported."""

import warnings

with warnings.catch_warnings():
    # Norse compiles some functions, none of which is used here, with torch.jit.script.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is (deprecated|not supported)", DeprecationWarning)
    import norse.torch  # noqa: F401
