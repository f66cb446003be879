"""`Inpainter`: a model that restores whatever picture the user has, and gives back the same kind of thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from spikefill import masks, memory
from spikefill.degradation import HOLES, check_trained_for
from spikefill.devices import find_device
from spikefill.errors import InputError, check_choice
from spikefill.images import Pixels, decode
from spikefill.images.through_pillow import pil_to_array
from spikefill.inpainting import inks
from spikefill.inpainting.checks import (
    check_known,
    check_pil_holds,
    check_pixels,
    check_something_known,
    stored_mask,
)
from spikefill.inpainting.ensemble import mean_of_eight
from spikefill.inpainting.filling import as_pixels, copied
from spikefill.inpainting.notebook import RestoredImage
from spikefill.inpainting.passes import Passes
from spikefill.inpainting.progress import Cancel, Count, Progress
from spikefill.inpainting.regions import TILE, plan
from spikefill.inpainting.sequence import Carry, restored_frames
from spikefill.models import windows
from spikefill.models.hybrid import Hybrid
from spikefill.models.integers import InIntegers, rounded
from spikefill.models.pyramid import Level
from spikefill.models.stored import Stored
from spikefill.models.windows import Coarse, Window

Picture = TypeVar("Picture", bound="Image.Image | Pixels | str | Path")

PRECISIONS = ("float32", "int8")
"""What networks may be computed in."""

QUALITIES = ("fast", "best")
"""What may be asked for: one pass of the network, or the mean of eight."""

_PREDICTED_WHOLE = 1 << 20
"""Pixels up to which `Inpainter.predict` does not cut a picture into tiles."""


class Inpainter:
    """Restores pictures with a model.

    Args:
        model: A model of `spikefill.models`, moved to the device and put into ``eval()`` mode, again at each call:
            noise that belongs to training must not be in a result.
        device: Such as ``"cpu"`` or ``"cuda"``; None for the CPU.
        precision: ``"float32"``; or ``"int8"``: weights of convolutions are rounded to eight bits, in a copy of the
            model (`models.rounded`), and those of spikes computed in whole numbers: faster, on a CPU of the x86-64 kind
            and with up to 128 time steps.
            None for whole numbers where the model has such weights already, as the bundled hybrid models have: the
            result is the same.
        quality: ``"fast"`` (None is the same): one pass of the network; or ``"best"``: the mean of eight, over the
            picture turned and mirrored in every way, in eight times the time (the self-ensemble of Timofte et al.,
            CVPR 2016).
        max_memory: Bytes that the process may take, with the picture: what does not fit at once is restored in
            windows. See `memory` for what is counted. None for any number, of which the network takes no more than for
            a picture of the model's own size.

    Attributes:
        model: The `nn.Module`.

    Calls share no state: several threads may use one object.

    Raises:
        InputError: The device is not there, or the precision or the quality is unknown, or the model has no weights to
            be rounded, or ``max_memory`` is less than the process takes, or the model was trained to take noise away.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        device: str | None = None,
        precision: str | None = None,
        quality: str | None = None,
        max_memory: int | None = None,
    ) -> None:
        check_choice("precision", precision or "float32", PRECISIONS)
        check_choice("quality", quality or "fast", QUALITIES)
        check_trained_for(model, HOLES)
        self.device = find_device(device or "cpu")
        self.precision = precision
        self.quality = quality or "fast"
        self.max_memory = None if max_memory is None else memory.check(max_memory)
        self.model = (rounded(model) if precision == "int8" else model).eval().to(self.device)
        self._integers = InIntegers()

    def inpaint(
        self,
        image: Picture,
        mask: Image.Image | Pixels | str | Path,
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Any:
        """Restores the holes of a picture.

        Args:
            image: A PIL image (1, L, LA, P, RGB, RGBA, CMYK, I;16); an array (H, W) or (H, W, 1 to 4), uint8, uint16
                or floating point in [0, 1]; or the path of a file of `images.FORMATS`. Two and four channels of an
                array: the last is alpha, which stays as it is.
            mask: A PIL image, an array or a path, of the picture's size; see `masks.as_mask`. For a path, as the
                picture is displayed; for an image or array, as its pixels lie.
            progress: Called with the number of regions done and of all, first with 0.
            cancel: Called between regions; if it returns True, `Cancelled` is raised.

        Returns:
            What was given, restored: an array of the same shape and dtype; for a PIL image or a path a PIL image,
            which a notebook shows beside the damaged one. Known pixels are those of the source, bit for bit; what
            lies under the mask has no influence. With an empty mask, a copy of the picture.

        Raises:
            InputError: Picture or mask are not of a kind above, differ in size, or no pixel is known; or the model
                answers with what is not a number; or a file holds what no PIL image holds (16 bits of colour).
            Cancelled: ``cancel`` returned True.
        """
        cmyk = False
        if isinstance(image, str | Path):
            file = decode(image)
            check_pil_holds(file, str(image))
            pixels, holes, cmyk = file.pixels, stored_mask(file, masks.as_mask(_opened(mask))), file.cmyk
        elif isinstance(image, Image.Image):
            pixels, holes, cmyk = pil_to_array(image), masks.as_mask(_opened(mask)), image.mode == "CMYK"
        else:
            pixels, holes = np.asarray(image), masks.as_mask(_opened(mask))
        restored = self.restore(pixels, holes, cmyk=cmyk, progress=progress, cancel=cancel)
        if isinstance(image, str | Path):
            return RestoredImage.of(restored, {**file.kept}, damaged=pixels, holes=holes, cmyk=cmyk)
        if isinstance(image, Image.Image):
            info = {key: value for key, value in image.info.items() if image.mode != "P" or key != "transparency"}
            return RestoredImage.of(restored, info, damaged=pixels, holes=holes, cmyk=cmyk)
        return restored

    def sequence(
        self,
        frames: Iterable[Picture],
        mask: Image.Image | Pixels | str | Path | Iterable[Image.Image | Pixels | str | Path],
        *,
        carry: Carry = "nothing",
    ) -> Iterator[Any]:
        """Restores the frames of a film one after the other, each when it is asked for.

        Args:
            frames: Pictures of one size, as for `inpaint`; only one of them is held at a time.
            mask: One for all frames, such as that of a logo; or an iterable, not an array, with one for each frame,
                such as those of scratches. What is left of it after the last frame is not looked at.
            carry: ``"nothing"``: each frame is restored by itself; or ``"potentials"``: the neurons start from the
                membrane potentials that the frame before left, for networks that run with one or two steps a frame.
                The whole frame is then computed, wherever its holes are. `docs/sequences.md` has what either gives.

        Returns:
            An iterator over what `inpaint` returns for each frame. It holds what is carried: several sequences may
            run at once.

        Raises:
            InputError: ``carry`` is unknown; or potentials cannot be carried, since the network has no neurons or runs
                step by step, or the quality is ``"best"``; or ``frames`` or ``mask`` is no iterable. While iterating,
                with the number of the frame: as `inpaint`, or its size is not that of the first one, or there is no
                mask for it.
        """
        return restored_frames(self, frames, mask, carry)

    def restore(
        self,
        pixels: Pixels,
        holes: NDArray[np.bool_],
        *,
        cmyk: bool = False,
        in_place: bool = False,
        held: int = 0,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Pixels:
        """`inpaint` for arrays alone: ``pixels`` as there, ``holes`` a bool array (H, W).

        With ``cmyk``, the four channels of ``pixels`` (uint8 or uint16) are inks, and 0 is no ink; see `inks`. With
        ``in_place`` the result is ``pixels`` itself, whose holes are written into, instead of a copy. ``held`` are
        bytes that the process holds beside both: they count against ``max_memory``.

        Raises:
            InputError: As `inpaint`; or picture and windows of the least size do not fit into ``max_memory``.
        """
        if cmyk:
            return self._restore_inks(pixels, holes, in_place, held, progress, cancel)
        return self._restore(pixels, holes, in_place, held, progress, cancel)

    def _restore(
        self,
        pixels: Pixels,
        holes: NDArray[np.bool_],
        in_place: bool,
        beside: int,
        progress: Progress | None,
        cancel: Cancel | None,
        passes: Passes | None = None,
    ) -> Pixels:
        """`restore` without inks; ``beside`` are bytes that are held beside the picture."""
        check_pixels(pixels, holes)
        result = pixels if in_place else pixels.copy()
        if not holes.any():
            return result
        check_something_known(holes)
        grid = result.reshape(*holes.shape, -1)
        colours = grid[..., : 1 if grid.shape[2] < 3 else 3]
        check_known(colours, holes)
        held = beside + result.nbytes * (1 if in_place else 2) + holes.nbytes
        passes = passes or Passes.of(self, holes, held, copied(colours.dtype, colours.shape[2]))
        count = Count(passes.parts, progress, cancel)
        for part in passes.filled(lambda rows, columns: colours[rows, columns], count):
            colours[part.rows, part.columns] = as_pixels(part.values, colours.shape[2], colours.dtype)
        count.ended()
        return result

    def _restore_inks(
        self,
        pixels: Pixels,
        holes: NDArray[np.bool_],
        in_place: bool,
        held: int,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Pixels:
        """`restore` for four inks: the regions of two pictures, one after the other."""
        check_pixels(pixels, holes)
        if pixels.shape[2:] != (4,) or pixels.dtype.kind != "u":
            raise InputError(f"image has shape {pixels.shape}, {pixels.dtype}; CMYK must be (H, W, 4), uint8 or uint16")
        if not holes.any():
            return pixels if in_place else pixels.copy()

        check_something_known(holes)
        colours_in_floats = 12
        held += pixels.nbytes * (1 if in_place else 2) + holes.nbytes + colours_in_floats * holes.size
        passes = Passes.of(self, holes, held, colours_in_floats)  # the same parts for both

        def one_of_two(colours: Pixels, number: int) -> Pixels:
            def tell(done: int, total: int) -> None:
                if progress is not None:
                    progress(done + number * total, 2 * total)

            return self._restore(colours, holes, number == 0, 0, tell, cancel, passes)  # black is a view of the source

        return inks.restore(one_of_two, pixels, holes, in_place=in_place)

    def predict(
        self, masked: Tensor, mask: Tensor, *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> Tensor:
        """The network's raw output, neither clipped nor with the known pixels put back.

        Args:
            masked: N x 3 x H x W, float32 in [0, 1], zero in the holes.
            mask: N x 1 x H x W, float32, 1 in the holes.
            progress: As for `inpaint`.
            cancel: As for `inpaint`.

        Returns:
            N x 3 x H x W, float32, on the CPU. Large pictures are computed in tiles, with the same result.

        Raises:
            Cancelled: ``cancel`` returned True.
        """
        height, width = masked.shape[-2:]
        context: int | None = getattr(self.model, "context", None)
        tile: int | None = getattr(self.model, "tile", None)
        if height * width <= _PREDICTED_WHOLE or context is None:
            tile = max(height, width)
        elif tile is None:
            tile = 4 * TILE
        output = torch.empty(masked.shape, dtype=torch.float32)
        regions = plan(np.ones((height, width), bool), context, tile)
        count = Count(len(regions), progress, cancel)
        for region in regions:
            count()
            outer, inner = (..., *region.outer), (..., *region.inner)
            output[inner] = self.run(masked[outer], mask[outer]).cpu()[(..., *region.inner_in_outer)]
        count.ended()
        return output

    def run(self, masked: Tensor, mask: Tensor) -> Tensor:
        """`predict` for what is computed at once, on the device."""
        with self._network() as network:
            here, holes, answer = masked.to(self.device), mask.to(self.device), partial(_answer, network)
            return answer(here, holes) if self.quality == "fast" else mean_of_eight(answer, here, holes)

    def in_holes(self, picture: Stored) -> Tensor:
        """3 x N, float32, on the CPU: a pass of the network in the holes of what is computed at once, row by row."""
        with self._network() as network:
            if isinstance(network, Hybrid) and self.device.type == "cpu":
                return network.in_holes(picture).float()
            return picture.in_holes(_answer(network, *(plane.to(self.device) for plane in picture.planes())))

    def coarse(self, level: Level, number: int) -> Coarse:
        """`windows.coarse` of the network, which must be a hybrid one."""
        with self._network() as network:
            return windows.coarse(cast("Hybrid", network), Level(*(part.to(self.device) for part in level)), number)

    def in_window(self, picture: Stored, window: Window, given: Coarse) -> Tensor:
        """`windows.in_window` of the network, which must be a hybrid one."""
        with self._network() as network:
            return windows.in_window(cast("Hybrid", network), picture, window, given)

    @contextmanager
    def _network(self) -> Iterator[nn.Module]:
        """What computes, in the precision, without gradients or noise of training."""
        self.model.eval()
        whole = self.precision != "float32" and self.device.type == "cpu"
        network = self._integers.network(self.model) if whole else self.model
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            yield network


def _answer(network: nn.Module, masked: Tensor, mask: Tensor) -> Tensor:
    # A network that can computes what the holes need alone.
    output: Tensor = getattr(network, "restored", network)(masked, mask)
    return output.float()


def _opened(mask: Image.Image | Pixels | str | Path) -> Image.Image | Pixels:
    return masks.read(mask) if isinstance(mask, str | Path) else mask
