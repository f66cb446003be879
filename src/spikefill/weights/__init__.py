"""The weights that ship with the package, each with its model card beside it."""
