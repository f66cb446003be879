"""Benchmarks: a module a question, every rival measured in the same run; see `__main__` and docs/performance.md."""
