"""Films: what neurons gain that go on from frame to frame, beside what needs no neurons.

Films are made from photographs by a known motion of the camera. Membrane potentials are carried at the same pixel, and
along the motion. A control starts each frame from random potentials. Rivals without neurons: the mean over time along
the motion, and pixels that neighbouring frames know, along the known motion or one that is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.results import Result, Table, digits
from benchmarks.timing import interleaved
from spikefill import data, inpainting, masks, models
from spikefill.evaluation.metrics import mse, psnr_of
from spikefill.models.carrying import Potentials, carrying

Frames = Sequence[NDArray[np.uint8]]
Holes = Sequence[NDArray[np.bool_]]
Affine = NDArray[np.float64]
Between = Callable[[Potentials, int], None]

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
"""Of the embedded ones; the default model saw none of them."""

TRAINED = 8
"""Steps that the default model was trained with."""

NEW = 0.3
"""Share of the new frame in the mean over time."""

REACH = 5
"""Frames before and after from which known pixels are taken."""

BORDER = 3
"""Pixels at the border of a moved frame that do not count: interpolation needs them."""

FRAME, RANDOM, CARRIED, ALONG = "frame by frame", "random starts", "potentials carried", "carried along the motion"
FRAME_MEAN, CARRIED_MEAN = "frame by frame, mean over time", "potentials carried, mean over time"
KNOWN, ESTIMATED = "pixels of neighbours, known motion", "pixels of neighbours, estimated motion"

NOTE = (
    "PSNR is that of the mean squared error over the holes of all frames of a film; flicker is the root mean square, "
    "in grey levels of 255, of what a restored frame differs by from the one before, moved by the known motion, in the "
    "holes. Both are means over the films. The mean over time takes 30 % of the new frame and 70 % of the mean so far, "
    "moved by the known motion, in the holes. Pixels of neighbours are the medians of what the five frames before and "
    "after know of a pixel, and what the network says where none does; the motion is estimated by dense optical flow "
    "(DIS) between frames restored one by one."
)


@dataclass(frozen=True)
class Scene:
    """A motion of the camera and a damage.

    Attributes:
        pan: Pixels down and to the right that the camera goes from frame to frame.
        zoom: By what it enlarges from frame to frame.
        family: Of the masks.
        still: Whether all frames have the same mask.
    """

    pan: tuple[float, float]
    zoom: float
    family: str
    still: bool

    def placings(self, photograph: NDArray[np.uint8], size: int, number: int) -> list[Affine]:
        """For each frame, where in the photograph its pixels lie: 3 x 3, of (x, y, 1)."""
        height, width = photograph.shape[:2]
        placings = []
        for step in np.arange(number) - (number - 1) / 2:
            scale = self.zoom ** (-step - (number - 1) / 2)
            x, y = (side / 2 + step * by for side, by in zip((width, height), self.pan[::-1], strict=True))
            shift = (scale * size - 1) / 2
            placings.append(np.array([[scale, 0, x - shift], [0, scale, y - shift], [0, 0, 1]]))
        return placings

    def holes(self, size: int, number: int, seed: int) -> Holes:
        """The masks of the frames."""
        index = [number * seed + (0 if self.still else frame) for frame in range(number)]
        return [masks.sample(self.family, size, seed=1, index=i) for i in index]


SCENES: Mapping[str, Scene] = {
    "Still camera, scratches": Scene((0, 0), 1, "scratches", still=False),
    "Pan, text": Scene((1.3, 2.6), 1, "text", still=True),
    "Pan, scratches": Scene((1.3, 2.6), 1, "scratches", still=False),
    "Zoom, text": Scene((0, 0), 1.01, "text", still=True),
}


@dataclass(frozen=True)
class Film:
    """True frames, their masks, and for each pair of them how one is moved onto the other."""

    frames: Frames
    holes: Holes
    placings: Sequence[Affine]

    @classmethod
    def of(cls, photograph: NDArray[np.uint8], scene: Scene, size: int, number: int, seed: int) -> Film:
        """A film of a part of a photograph, which is softened first, so that steps within a pixel leave it as sharp."""
        soft = cv2.GaussianBlur(photograph, (0, 0), 0.7)
        placings = scene.placings(photograph, size, number)
        frames = [np.asarray(_warped(soft, placing, size, cv2.BORDER_REFLECT), np.uint8) for placing in placings]
        return cls(frames, scene.holes(size, number, seed), placings)

    def onto(self, frame: int, other: int) -> Affine:
        """Where the pixels of a frame lie in another one."""
        return np.linalg.inv(self.placings[other]) @ self.placings[frame]

    def moved(self, pictures: Frames, other: int, frame: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """A picture of another frame as this frame sees it, and where it does."""
        onto, size = self.onto(frame, other), len(pictures[other])
        inside = np.zeros((size, size), np.uint8)
        inside[BORDER:-BORDER, BORDER:-BORDER] = 1
        picture = _warped(pictures[other].astype(np.float64), onto, size)
        return picture, _warped(inside.astype(np.float32), onto, size, flags=cv2.INTER_LINEAR) > 0.999

    def measured(self, restored: Frames) -> tuple[float, float]:
        """PSNR over the hole in dB, and flicker in grey levels."""
        error = mse(np.concatenate(restored), np.concatenate(self.frames), np.concatenate(self.holes))
        return psnr_of(error), self.flicker(restored)

    def flicker(self, pictures: Frames) -> float:
        """Root mean square of the change from frame to frame in the holes, the motion undone."""
        squares = []
        for number in range(1, len(pictures)):
            before, seen = self.moved(pictures, number - 1, number)
            squares.append(np.square(pictures[number] - before)[seen & self.holes[number]].ravel())
        return math.sqrt(np.concatenate(squares).mean())


def run(*, quick: bool) -> Result:
    """PSNR and flicker by scene, variant and T; the time of a frame."""
    return compared(64, 3, PHOTOGRAPHS[1:2], (1, TRAINED)) if quick else compared(256, 12, PHOTOGRAPHS, (1, 2, 4, 8))


def compared(size: int, number: int, names: Sequence[str], ladder: Sequence[int]) -> Result:
    """The comparison.

    Args:
        size: Side of the frames in pixels.
        number: Frames of a film.
        names: Of the embedded photographs, a film each for every scene.
        ladder: Steps a frame; the last of them with the rivals that use one network alone.
    """
    photographs = data.open_photographs("embedded")
    inpainter = inpainting.load(models.DEFAULT)
    tables, found = [], {}
    for title, scene in SCENES.items():
        films = [
            Film.of(photographs[photographs.names.index(name)], scene, size, number, seed)
            for seed, name in enumerate(names)
        ]
        rows: dict[str, dict[int, tuple[float, float]]] = {}
        for steps in ladder:
            print(f"{title}, T = {steps}", flush=True)
            inpainter.model.set_steps(steps)  # type: ignore[operator]
            every = [_variants(inpainter, film, rivals=steps == ladder[-1]) for film in films]
            for variant in every[0]:
                figures = [film.measured(one[variant]) for film, one in zip(films, every, strict=True)]
                rows.setdefault(variant, {})[steps] = fmean(f[0] for f in figures), fmean(f[1] for f in figures)
        true = fmean(film.flicker(film.frames) for film in films)
        tables.append(_table(f"{title}: dB / flicker; the true frames: {digits(true)}", rows, ladder))
        found[title] = {name: {str(steps): pair for steps, pair in row.items()} for name, row in rows.items()}
    inpainter.model.set_steps(TRAINED)  # type: ignore[operator]
    tables.append(_times(inpainter, films[0]))
    films_made = f"{len(names)} photographs, {number} frames of {size} x {size} px a film, {models.DEFAULT}. "
    return Result(title="Sequences", tables=tables, notes=[films_made + NOTE], data={"scenes": found})


def _variants(inpainter: inpainting.Inpainter, film: Film, *, rivals: bool) -> dict[str, Frames]:
    def along(potentials: Potentials, number: int) -> None:
        potentials.states = [state._replace(v=_moved(state.v, film, number)) for state in potentials.states]

    def at_random(potentials: Potentials, number: int) -> None:
        generator = torch.Generator().manual_seed(number)
        potentials.states = [
            state._replace(v=torch.rand(state.v.shape, generator=generator)) for state in potentials.states
        ]

    by_itself = list(inpainter.sequence(film.frames, film.holes))
    carried = list(inpainter.sequence(film.frames, film.holes, carry="potentials"))
    result: dict[str, Frames] = {
        FRAME: by_itself,
        RANDOM: _carried(inpainter, film, at_random, start=True),
        CARRIED: carried,
        ALONG: _carried(inpainter, film, along, start=False),
        FRAME_MEAN: _mean_over_time(film, by_itself),
        CARRIED_MEAN: _mean_over_time(film, carried),
    }
    if rivals:
        result[KNOWN] = [_from_neighbours(film, by_itself, number, film.moved) for number in range(len(by_itself))]
        estimate = _Estimated(by_itself).moved
        result[ESTIMATED] = [_from_neighbours(film, by_itself, number, estimate) for number in range(len(by_itself))]
    return result


def _carried(inpainter: inpainting.Inpainter, film: Film, between: Between, *, start: bool) -> Frames:
    """Frames restored with potentials that are changed between them; with ``start`` before the first one, too."""
    potentials = Potentials()
    carrier = inpainting.Inpainter(carrying(inpainter.model, potentials))
    if start:
        carrier.restore(film.frames[0], film.holes[0])
    restored = []
    for number, (frame, holes) in enumerate(zip(film.frames, film.holes, strict=True)):
        between(potentials, number)
        potentials.begin()
        restored.append(carrier.restore(frame, holes))
    return restored


def _moved(v: torch.Tensor, film: Film, number: int) -> torch.Tensor:
    """Potentials of the cells of a level, each from where it was in the frame before; afresh where it was not.

    They move by whole cells, when they have since the first frame moved by half a cell more: not even slow motion is
    lost in rounding.
    """
    height, width = v.shape[-2:]
    cell = 1 << round(math.log2(len(film.frames[0]) / height))
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)))  # x and y of each cell
    now = here * cell + (cell - 1) / 2  # its middle, in pixels
    before, first = (_applied(film.onto(number, other), now) for other in (number - 1, 0))
    x, y = (here + np.rint((first - now) / cell) - np.rint((first - before) / cell)).astype(int)
    inside = torch.from_numpy((x >= 0) & (x < width) & (y >= 0) & (y < height))
    moved = v[..., y.clip(0, height - 1), x.clip(0, width - 1)]
    return torch.where(inside, moved, models.hybrid.NEURON["v_init"])


def _applied(affine: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum("ij,jhw->ihw", affine[:2, :2], points) + affine[:2, 2, None, None]


def _mean_over_time(film: Film, restored: Frames) -> Frames:
    means = [restored[0]]
    for number in range(1, len(restored)):
        before, seen = film.moved(means, number - 1, number)
        mixed = np.rint(NEW * restored[number] + (1 - NEW) * before).clip(0, 255).astype(np.uint8)
        means.append(np.where((seen & film.holes[number])[..., None], mixed, restored[number]))
    return means


class _Estimated:
    """Frames moved by the optical flow between them."""

    def __init__(self, restored: Frames) -> None:
        self._grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in restored]
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def moved(self, pictures: Frames, other: int, frame: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """As `Film.moved`."""
        flow = self._flow.calc(self._grey[frame], self._grey[other], None)
        size = len(flow)
        rows, columns = np.mgrid[:size, :size].astype(np.float32)
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        inside = (x >= BORDER) & (x < size - BORDER) & (y >= BORDER) & (y < size - BORDER)
        return cv2.remap(pictures[other].astype(np.float64), x, y, cv2.INTER_CUBIC), inside


def _from_neighbours(
    film: Film,
    restored: Frames,
    number: int,
    moved: Callable[[Frames, int, int], tuple[NDArray[np.float64], NDArray[np.bool_]]],
) -> NDArray[np.uint8]:
    """A frame whose holes have what the frames around it know."""
    seen = []
    for other in range(max(0, number - REACH), min(len(restored), number + REACH + 1)):
        if other != number:
            picture, inside = moved(restored, other, number)
            holes, _ = moved([one[..., None].repeat(3, 2).astype(np.uint8) for one in film.holes], other, number)
            seen.append(np.ma.array(picture, mask=(np.abs(holes) > 0.001) | ~inside[..., None]))
    median = np.ma.median(np.ma.stack(seen), axis=0)
    known = film.holes[number][..., None] & ~np.ma.getmaskarray(median)
    return np.where(known, np.rint(median.filled(0)).clip(0, 255), restored[number]).astype(np.uint8)


def _table(title: str, rows: Mapping[str, Mapping[int, tuple[float, float]]], ladder: Sequence[int]) -> Table:
    def cell(pair: tuple[float, float] | None) -> str:
        return "" if pair is None else f"{pair[0]:.2f} / {pair[1]:.2f}"

    columns = ["", *(f"T = {steps}" for steps in ladder)]
    return Table(title, columns, [[name, *(cell(row.get(steps)) for steps in ladder)] for name, row in rows.items()])


def _times(inpainter: inpainting.Inpainter, film: Film) -> Table:
    carries: tuple[inpainting.Carry, ...] = ("nothing", "potentials")
    calls = {carry: _restoring(inpainter, film, carry) for carry in carries}
    medians = interleaved("time of a film", calls, 2)
    rows = [[f'carry="{carry}"', digits(milliseconds / len(film.frames))] for carry, milliseconds in medians.items()]
    return Table(f"Time of a frame, T = {TRAINED}", ["", "ms"], rows)


def _restoring(inpainter: inpainting.Inpainter, film: Film, carry: inpainting.Carry) -> Callable[[], object]:
    return lambda: list(inpainter.sequence(film.frames, film.holes, carry=carry))


def _warped(
    picture: NDArray[np.generic],
    where: Affine,
    size: int,
    border: int = cv2.BORDER_CONSTANT,
    flags: int = cv2.INTER_CUBIC,
) -> NDArray[np.float64]:
    """A square of ``size`` pixels from where they lie in a picture."""
    return np.asarray(
        cv2.warpAffine(picture, where[:2], (size, size), flags=flags | cv2.WARP_INVERSE_MAP, borderMode=border)
    )
