"""Long runs over damaged files, pictures of every kind and killed batches; see docs/robustness.md.

`make soak` runs them whole, and `make test` one percent of them.
"""
