"""Benchmarks: a module a question, each a ratio against a named rival in the same run; see `__main__`."""
