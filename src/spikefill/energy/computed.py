"""Which cells of which layer the hybrid network computes where it computes only what the holes need.

It mirrors `spikefill.models.sparse.refined`, layer by layer; a test compares it with what that function does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from torch import Tensor, nn

from spikefill.models import pyramid, sparse
from spikefill.models.cells import grown
from spikefill.models.core import Block, Core
from spikefill.models.hybrid import FINE_LEVELS, Hybrid

Cells = dict[nn.Module, Tensor]
"""By convolution and layer of neurons: bool (H', W') of its output, True where it is computed."""


def computed_cells(model: Hybrid, levels: Sequence[pyramid.Level]) -> list[Cells]:
    """The cells that `Hybrid.restored` computes, for each of the finest levels; all cells of the coarser ones.

    Args:
        model: The network.
        levels: Those of one picture, the finest first; of ``light`` nothing is used.
    """
    needed = model.needed(levels)
    return [
        dict(
            _of_level(
                model.fine if number < FINE_LEVELS else model.coarse,
                need,
                needed[number + 1] if number + 1 < len(needed) else None,
            )
        )
        for number, need in enumerate(needed)
    ]


def _of_level(core: Core, need: sparse.Needs, coarser: sparse.Needs | None) -> Iterator[tuple[nn.Module, Tensor]]:
    """Of a level, whose coarser one needs ``coarser``, or everything where that is None."""
    yield core.entry, need.entered
    if coarser is not None:
        for pair in core.before.values():
            to_half, to_quarter = cast("nn.ModuleList", pair)
            yield to_half, coarser.handed_half
            yield to_quarter, coarser.handed_quarter
    yield from _of_blocks(core.encoder, need.entered, need.encoded)
    yield core.down[0], need.encoded
    yield core.down[1], need.down
    yield from _of_blocks(core.middle, need.down, need.middle)
    yield from ((layer, need.middle) for layer in core.up)
    yield from _of_blocks(core.decoder, need.joined, need.decoded)
    yield core.handed[0], need.handed_half
    yield core.handed[1], need.handed_quarter
    yield core.exit[0], need.decoded
    yield core.exit[1], need.unknown


def _of_blocks(blocks: nn.Module, before: Tensor, at: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
    """Of a chain of blocks that is given the cells ``before`` and asked for those ``at``."""
    chain = [cast("Block", block) for block in cast("nn.Sequential", blocks)]
    for number, block in enumerate(chain, 1):
        rest = 2 * (len(chain) - number)
        between, after = (grown(at, min(rest + farther, sparse.REACH)) for farther in (1, 0))
        first_neurons, first, second_neurons, second = block.residual
        yield first_neurons, before
        yield first, between
        yield second_neurons, between
        yield second, after
        before = after
