"""The segments of a page of TIFF with restored values in its holes."""

from __future__ import annotations

from collections.abc import Iterator

from spikefill.images.tiff_segments import Segment, Segments
from spikefill.inpainting.damaged import opaque_value
from spikefill.inpainting.feathering import mixed, weights
from spikefill.inpainting.in_holes import InHoles


class RestoredSegments:
    """What to write of a page.

    Args:
        segments: Those of the damaged page.
        restored: The values of its holes, (N, C), without alpha.
        feather: As for `Damaged`.
        opaque: The same.
    """

    def __init__(self, segments: Segments, restored: InHoles, feather: int, *, opaque: bool) -> None:
        self._segments, self._restored, self._opaque = segments, restored, opaque
        self._weights = weights(restored.holes, feather) if feather else None

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """The bytes of each segment, with its number; those without a hole as they are."""
        for segment in self._segments:
            changed = self._restored.holes[segment.area].any()
            yield segment.number, self._encoded(segment) if changed else self._segments.raw(segment)

    def _encoded(self, segment: Segment) -> bytes:
        pixels = self._segments.decoded(segment)
        rows, columns = segment.area
        inside = pixels[: rows.stop - rows.start, : columns.stop - columns.start]
        here = self._restored.holes[segment.area]
        damaged = inside[here]
        new = damaged.copy()
        values = self._restored[segment.area]
        new[:, : values.shape[1]] = values
        if self._weights is not None:
            new = mixed(damaged, new, self._weights[segment.area])
        if self._opaque:
            new[:, -1] = opaque_value(new.dtype)
        inside[here] = new
        return self._segments.encoded(pixels)
