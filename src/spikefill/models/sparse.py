"""The hybrid network computed where the holes need it, and nowhere else.

A level's correction is taken in its unknown pixels alone. What these need of the layers before, and of the coarser
levels, is found from the result backwards; then each layer is computed at the cells that somebody needs, but for those
that lie farther than `REACH` within a chain of blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn

from spikefill.models.cells import Cells, Features, doubled, grown, halved
from spikefill.models.pyramid import Level

if TYPE_CHECKING:
    from spikefill.models.core import Block, Core
    from spikefill.models.finest import Finest

DENSE_FROM = 0.7
"""Share of a level's cells from which all of them are computed: ordinary convolutions are then faster."""


REACH = 4
"""Cells around those asked for that a chain of residual blocks is computed at.

Each block sees two cells farther than the next one, but what lies beyond the first few has no influence to speak of: in
four photographs with scratches, text and thin masks this changed no value.
"""


class Needs(NamedTuple):
    """Which cells of a level are needed, by layer; masks at half and at a quarter of its resolution.

    Attributes:
        unknown: Half: cells with an unknown pixel.
        handed_half: Half: what the finer level takes.
        handed_quarter: Quarter: the same.
        decoded: Half: after the last blocks.
        joined: Half: before them.
        middle: Quarter: after the middle blocks.
        down: Quarter: before them.
        encoded: Half: after the first blocks.
        entered: Half: before them.
    """

    unknown: Tensor
    handed_half: Tensor
    handed_quarter: Tensor
    decoded: Tensor
    joined: Tensor
    middle: Tensor
    down: Tensor
    encoded: Tensor
    entered: Tensor

    @property
    def share(self) -> float:
        """The share of the cells before the middle blocks, where most of the work is."""
        return float(self.down.float().mean())

    def of_coarser(self, size: tuple[int, int], offset: tuple[int, int] = (0, 0)) -> tuple[Tensor, Tensor]:
        """What is needed of the next coarser level's half and quarter resolution.

        Args:
            size: Its height and width.
            offset: As for `refined`.
        """
        half, quarter = (
            _placed(halved(mask), _in_cells(size, side), _in_cells(offset, 2 * side))
            for mask, side in ((self.entered, 2), (self.down, 4))
        )
        return half, quarter


class State(NamedTuple):
    """What a core hands to the next finer level, as `core.State`, where it is needed."""

    half: Features
    quarter: Features


def needs(unknown: Tensor, core: Core, handed: tuple[Tensor, Tensor] | None) -> Needs:
    """What a level must compute for its unknown pixels and for the finer level.

    Args:
        unknown: bool, the level's cells at half its resolution with something unknown.
        core: That is applied there.
        handed: What the finer level needs of it; None for the finest.
    """
    first, middle, last = (len(blocks) for blocks in (core.encoder, core.middle, core.decoder))
    half, quarter = handed or (torch.zeros_like(unknown), torch.zeros_like(halved(unknown)))
    decoded = grown(unknown) | half
    joined = _seen_by(last, decoded)
    after = halved(joined) | quarter
    down = _seen_by(middle, after)
    encoded = joined | doubled(down)
    return Needs(unknown, half, quarter, decoded, joined, after, down, encoded, _seen_by(first, encoded))


class Averages:
    """A level whose pixels are averages, of which a part may be known; what `Finest` is for the finest.

    Args:
        level: Of one image. Its ``light`` is written into: what is restored of it takes its place.

    Attributes:
        pixels: Those with something unknown.
        missing: (N,), the share of each that is unknown.
    """

    def __init__(self, level: Level) -> None:
        self._image, self._known = level.light.contiguous(), level.known[0]
        self.pixels = Cells(level.known[0, 0] < 1)
        self.missing = 1 - self._at_pixels(self._known)[0]

    def filled(self, enlarged: Tensor) -> Tensor:
        """3 x N: `pixels`, composed of what is known and a first guess, for which the coarser level is given."""
        light, known = self._at_pixels(self._image[0]), self._at_pixels(self._known)
        nothing = known == 0
        guess = torch.where(nothing, enlarged, light / torch.where(nothing, 1, known))
        return light + self.missing * guess

    def unshuffled(self, cells: Cells, filled: Tensor) -> Features:
        """As `Finest.unshuffled`."""
        image = self.restored(filled)[0]
        width = image.shape[-1]
        corner = 2 * (cells.rows * width + cells.columns)
        pixels = torch.stack([corner, corner + 1, corner + width, corner + width + 1], dim=1)
        colours = image.flatten(1)[:, pixels].mul_(2).sub_(1)
        parts = torch.cat([colours, self._known.flatten(1)[:, pixels]])
        return Features.of(parts.permute(1, 0, 2).flatten(1), cells)

    def restored(self, values: Tensor) -> Tensor:
        """1 x 3 x H x W: the level's image with values at `pixels`."""
        self._image[0].flatten(1)[:, self.pixels.index] = values
        return self._image

    def _at_pixels(self, planes: Tensor) -> Tensor:
        """C x N, of C x H x W."""
        return planes.flatten(1).index_select(1, self.pixels.index)


def refined(
    core: Core,
    level: Level | Finest,
    need: Needs,
    coarser: Tensor,
    state: State,
    before: str,
    offset: tuple[int, int] = (0, 0),
) -> tuple[Tensor, State]:
    """What `hybrid.Core` and its caller do at a level, where it is needed.

    Args:
        core: Applied to the level.
        level: Of one image; see `Averages`.
        need: Of the level.
        coarser: The coarser level's image.
        state: Its state.
        before: The name of the core that gave it.
        offset: How far the level's first row and column lie from those of the coarser one, which may reach farther; in
            the level's pixels, multiples of 8.

    Returns:
        The level's image, 1 x 3 x H x W, of the finest one what is in the picture's holes, 3 x N; and the state for the
        next.
    """
    given = Averages(level) if isinstance(level, Level) else level
    pixels = given.pixels
    filled = given.filled(_enlarged(coarser[0], pixels, offset))
    to_half, to_quarter = cast("nn.ModuleList", core.before[before])
    entered = Cells(need.entered)
    signal = given.unshuffled(Cells(grown(need.entered)), filled)
    half = signal.convolved(core.entry, entered)
    half.values.add_(state.half.times(cast("nn.Conv2d", to_half)).taken_finer(entered, _in_cells(offset, 2)))
    half = _through_blocks(half, core.encoder, need.encoded)
    down = Cells(need.down)
    quarter = half.through(core.down[0]).convolved(cast("nn.Conv2d", core.down[1]), down)
    quarter.values.add_(state.quarter.times(cast("nn.Conv2d", to_quarter)).taken_finer(down, _in_cells(offset, 4)))
    quarter = _through_blocks(quarter, core.middle, need.middle)
    joined = Cells(need.joined)
    up = quarter.through(core.up[0]).times(cast("nn.Conv2d", core.up[1]))
    half = Features.of(up.taken_finer(joined).add_(half.taken(joined)), joined)
    half = _through_blocks(half, core.decoder, need.decoded)
    handed = State(
        _at(half, need.handed_half).through(core.handed[0]), _at(quarter, need.handed_quarter).through(core.handed[1])
    )
    exits = half.through(core.exit[0]).convolved(cast("nn.Conv2d", core.exit[1]), Cells(need.unknown))
    corrections = exits.values.view(-1, 3, 4)[pixels.within(exits.cells), :, pixels.quarters]
    return given.restored(filled + given.missing * corrections.T), handed


def _seen_by(blocks: int, mask: Tensor) -> Tensor:
    """The cells that so many residual blocks are given for those of a mask."""
    return grown(mask, min(2 * blocks, REACH))


def _through_blocks(features: Features, blocks: nn.Module, at: Tensor) -> Features:
    """Through residual blocks, each of which sees two cells around; the result is at the cells of ``at``."""
    chain = [cast("Block", block) for block in cast("nn.Sequential", blocks)]
    for number, block in enumerate(chain, 1):
        rest = 2 * (len(chain) - number)
        first, second = block.residual[1], block.residual[3]
        between, after = Cells(grown(at, min(rest + 1, REACH))), Cells(grown(at, min(rest, REACH)))
        changed = features.through(block.residual[0]).convolved(cast("nn.Conv2d", first), between)
        changed = changed.through(block.residual[2]).convolved(cast("nn.Conv2d", second), after)
        changed.values.add_(features.taken(after))
        features = changed
    return features


def _at(features: Features, mask: Tensor) -> Features:
    cells = Cells(mask)
    return Features.of(features.taken(cells), cells)


def radius(core: Core) -> int:
    """Pixels of a level that a core looks at on each side of what it is asked for."""
    first, middle, last = (min(2 * len(blocks), REACH) for blocks in (core.encoder, core.middle, core.decoder))
    at_half = 1 + first + 1 + last + 1  # at the entry, the blocks, the convolution to a quarter, the blocks, the exit
    return 2 * at_half + 4 * middle


def _in_cells(pixels: tuple[int, int], side: int) -> tuple[int, int]:
    """Heights and widths, or rows and columns, in cells of so many pixels a side."""
    return pixels[0] // side, pixels[1] // side


def _placed(mask: Tensor, size: tuple[int, int], first: tuple[int, int]) -> Tensor:
    """A mask in a grid of another size, whose other cells are False; its first cell comes where ``first`` says."""
    placed = mask.new_zeros(size)
    placed[first[0] : first[0] + mask.shape[0], first[1] : first[1] + mask.shape[1]] = mask
    return placed


def _enlarged(coarse: Tensor, pixels: Cells, offset: tuple[int, int] = (0, 0)) -> Tensor:
    """3 x N: pixels of `pyramid.enlarged` of an image 3 x H x W, by the same operations; they lie as in `refined`."""
    height, width = coarse.shape[-2:]
    (row, other_row), (column, other_column) = (
        _near(position + by, length)
        for position, by, length in ((pixels.rows, offset[0], height), (pixels.columns, offset[1], width))
    )

    def at(columns: Tensor) -> Tensor:
        here, there = (coarse.flatten(1).index_select(1, rows * width + columns) for rows in (row, other_row))
        return 0.75 * here + 0.25 * there

    return 0.75 * at(column) + 0.25 * at(other_column)


def _near(position: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The coarse pixel that a fine one lies in, and that one's neighbour that is nearer to it."""
    own = position // 2
    return own, (own + 2 * (position % 2) - 1).clamp_(0, length - 1)
