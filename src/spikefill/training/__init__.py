"""Training: recipes, and runs that can be resumed exactly."""

from spikefill.training.module import DivergenceError
from spikefill.training.recipe import Recipe
from spikefill.training.recipe_files import built_in_recipes, change_recipe, load_recipe
from spikefill.training.run import Interrupted, recipe_of, train
from spikefill.training.world import PeerLostError, RefusedByFirstError, is_first_process

__all__ = [
    "DivergenceError",
    "Interrupted",
    "PeerLostError",
    "Recipe",
    "RefusedByFirstError",
    "built_in_recipes",
    "change_recipe",
    "is_first_process",
    "load_recipe",
    "recipe_of",
    "train",
]
