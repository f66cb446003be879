"""Photographs and the masked data set made of them."""

from spikefill.data.embedded import EMBEDDED, TRAIN, VAL, Attribution, embedded_files
from spikefill.data.masked import MaskedPhotographs
from spikefill.data.photographs import Photographs, open_photographs
from spikefill.data.sharding import ShardingStopped, write_shards

EMBEDDED_ATTRIBUTIONS = {**TRAIN, **VAL}

__all__ = [
    "EMBEDDED",
    "EMBEDDED_ATTRIBUTIONS",
    "Attribution",
    "MaskedPhotographs",
    "Photographs",
    "ShardingStopped",
    "embedded_files",
    "open_photographs",
    "write_shards",
]
