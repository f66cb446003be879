"""Damaged photographs as a data set: crop, mask and target, sample i a function of the seed and i alone."""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from spikefill import masks
from spikefill.data.noise import gaussian_noise
from spikefill.data.resizing import resized, with_shorter_side
from spikefill.degradation import HOLES, Degradation
from spikefill.errors import InputError, UnreadableError, check_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

Image = NDArray[np.uint8]
Order = Literal["random", "epochs"]

_LOG = logging.getLogger(__name__)

_WINDOWS = 10
"""How many windows of a larger mask are tried."""

_EPOCH_STREAM = 1
"""Of the random numbers that order an epoch."""

_SMALLEST_HOLE_RATIO, _LARGEST_HOLE_RATIO = 0.01, 0.7
"""Of a window that is taken."""


class MaskedPhotographs(Dataset[dict[str, Tensor]]):
    """Random or central crops of photographs, each with a mask, or under noise.

    Args:
        photographs: What to crop: N uint8 RGB arrays (H, W, 3), such as `Photographs`.
        size: Side of a sample in pixels, at least 8.
        families: Families of masks; a sample's is drawn from them, each as likely.
        seed: Samples of different seeds are independent.
        length: Number of samples.
        augment: Draw photograph, scale, position, flips and quarter turns at random. Without, sample i is the
            centre of photograph i modulo N, and only its mask is random.
        order: Which photographs augmented samples show: ``"random"`` draws each sample's; ``"epochs"`` shows all of
            them once, in an order drawn from the seed and the epoch, before any comes again: sample i is of epoch
            i // N.
        scales: Range of the random scale: a crop shows ``size / scale`` pixels of the photograph, reduced to
            ``size``, or as many as there are.
        shorter_side: Larger photographs are first reduced to this shorter side, so that a crop shows more
            than a patch of sky. Photographs smaller than a crop are enlarged to it.
        cache_bytes: How many bytes of reduced photographs each process keeps decoded.
        mask_size: Half of the masks are windows of masks of this size, if it is larger than a sample: their holes
            are as large in pixels as in a larger picture. None: all are drawn at the size of the samples.
        degradation: Holes, or noise, to which families and sizes of masks are nothing.

    Each sample is ``{"masked": 3 x S x S, "mask": 1 x S x S, "target": 3 x S x S}``, float32 in [0, 1]; the
    mask is 1 in the holes, where ``masked`` is 0. Where there is noise, ``masked`` is the noisy image, which leaves
    [0, 1], and the mask is 1 everywhere: all of it is to be restored. A photograph whose pixels turn out to be damaged
    is reported once to the log and replaced by the next that is not. One that cannot be read is not replaced: which
    photograph a sample shows never depends on the state of a network.

    Raises:
        InputError: An argument is unknown or out of its range, or no photograph could be decoded.
    """

    def __init__(
        self,
        photographs: Sequence[Image],
        *,
        size: int,
        families: Sequence[str] = ("thin", "medium", "thick"),
        seed: int = 0,
        length: int,
        augment: bool = True,
        order: Order = "random",
        scales: tuple[float, float] = (0.5, 1.0),
        shorter_side: int = 512,
        cache_bytes: int = 1 << 30,
        mask_size: int | None = None,
        degradation: Degradation = HOLES,
    ) -> None:
        if not len(photographs):
            raise InputError("photographs is empty; there must be at least one")
        if isinstance(families, str):
            raise InputError(f"families is {families!r}; it must be a sequence of names")
        if not len(families):
            raise InputError(f"families is empty; name some of: {', '.join(masks.family_names())}")
        for family in families:
            check_choice("family", family, masks.family_names())
        for name, value, least in (("size", size, 8), ("length", length, 0), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise InputError(f"{name} is {value!r}; it must be a whole number, at least {least}")
        check_choice("order", order, ("random", "epochs"))
        if not 0 < scales[0] <= scales[1] <= 1:
            raise InputError(f"scales is {scales!r}; it must be a range within (0, 1]")
        if shorter_side < size:
            raise InputError(f"shorter_side is {shorter_side!r}; it must be at least size = {size}")
        self.photographs = photographs
        self.size = size
        self.families = tuple(families)
        self.seed = seed
        self.length = length
        self.augment = augment
        self.order = order
        self.scales = scales
        self.shorter_side = shorter_side
        self.cache_bytes = cache_bytes
        self.mask_size = mask_size
        self.degradation = degradation
        self._cache: OrderedDict[int, Image] = OrderedDict()
        self._cached = 0
        self._damaged: set[int] = set()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Sample ``index``; see the class.

        Raises:
            IndexError: There is no such sample.
            UnreadableError: The file of its photograph cannot be read.
        """
        if not 0 <= index < self.length:
            raise IndexError(f"index is {index}; there are {self.length} samples")
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, index])))
        if self.degradation.sigma is not None:
            target = _as_tensor(self._crop(index, generator))
            noise = gaussian_noise(target.shape, self.degradation.sigma, seed=self.seed, index=index)
            return {"masked": target + torch.from_numpy(noise), "mask": torch.ones_like(target[:1]), "target": target}
        family = self.families[generator.integers(len(self.families))]
        hole = self._hole(family, index, generator)
        target = _as_tensor(self._crop(index, generator))
        if self.augment:
            hole = hole[:: 1 - 2 * int(generator.integers(2)), :: 1 - 2 * int(generator.integers(2))]
        mask = torch.from_numpy(np.ascontiguousarray(hole))[None]
        return {"masked": target.masked_fill(mask, 0.0), "mask": mask.float(), "target": target}

    def _hole(self, family: str, index: int, generator: np.random.Generator) -> NDArray[np.bool_]:
        """The sample's mask; a window of a larger one has a hole that leaves a part of it known."""
        if self.mask_size is None or self.mask_size <= self.size or generator.integers(2):
            return masks.sample(family, self.size, seed=self.seed, index=index)
        larger = masks.sample(family, self.mask_size, seed=self.seed, index=index)
        for top, left in generator.integers(self.mask_size - self.size + 1, size=(_WINDOWS, 2)).tolist():
            window = larger[top : top + self.size, left : left + self.size]
            if _SMALLEST_HOLE_RATIO <= window.mean() <= _LARGEST_HOLE_RATIO:
                return window
        return masks.sample(family, self.size, seed=self.seed, index=index)

    def _crop(self, index: int, generator: np.random.Generator) -> Image:
        return self._random_crop(index, generator) if self.augment else self._central_crop(index)

    def _random_crop(self, index: int, generator: np.random.Generator) -> Image:
        number = int(generator.integers(len(self.photographs)))
        if self.order == "epochs":
            epoch, place = divmod(index, len(self.photographs))
            number = int(_permutation(len(self.photographs), self.seed, epoch)[place])
        image = self._photograph(number)
        height, width = image.shape[:2]
        side = min(round(self.size / generator.uniform(*self.scales)), height, width)
        top, left = int(generator.integers(height - side + 1)), int(generator.integers(width - side + 1))
        crop = image[top : top + side, left : left + side]
        crop = resized(crop, self.size, self.size)
        if generator.integers(2):
            crop = crop[:, ::-1]
        return np.rot90(crop, int(generator.integers(4)))

    def _central_crop(self, index: int) -> Image:
        image = self._photograph(index % len(self.photographs))
        top, left = (image.shape[0] - self.size) // 2, (image.shape[1] - self.size) // 2
        return image[top : top + self.size, left : left + self.size]

    def _photograph(self, index: int) -> Image:
        """A photograph, its shorter side from ``size`` to ``shorter_side``; the next one if it is damaged."""
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        image = self._fitted(self._first_readable(index))
        self._cache[index] = image
        self._cached += image.nbytes
        while self._cached > self.cache_bytes:
            self._cached -= self._cache.popitem(last=False)[1].nbytes
        return image

    def _first_readable(self, index: int) -> Image:
        for offset in range(len(self.photographs)):
            number = (index + offset) % len(self.photographs)
            try:
                return self.photographs[number]
            except UnreadableError:
                raise
            except InputError as error:
                problem = error
                if number not in self._damaged:
                    self._damaged.add(number)
                    _LOG.warning("%s; the next photograph is used instead", error)
        raise InputError(f"no photograph could be decoded: {problem}")

    def _fitted(self, image: Image) -> Image:
        return with_shorter_side(image, min(max(min(image.shape[:2]), self.size), self.shorter_side))

    def __getstate__(self) -> dict[str, Any]:
        """For worker processes: everything but the decoded photographs."""
        return {**self.__dict__, "_cache": OrderedDict(), "_cached": 0}


def _as_tensor(crop: Image) -> Tensor:
    """3 x S x S in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))).float().div_(255)


@lru_cache(maxsize=2)  # workers are at most an epoch apart
def _permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of ``count`` photographs in an epoch."""
    sequence = np.random.SeedSequence([seed, epoch, _EPOCH_STREAM])
    return np.random.Generator(np.random.Philox(sequence)).permutation(count)
