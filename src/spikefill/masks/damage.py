"""What happens to photographs: ``scratches``, ``text`` laid over them, ``blocks`` lost on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from spikefill.masks.families import family

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikefill.masks.families import BoolMask

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_CASES = (str.lower, str.title, str.upper)
_SYLLABLES = [a + b + c for a in "bdfghklmnprstvw" for b in "aeiou" for c in ("", "", "n", "r", "s")]
_SMALLEST_LETTER = 8


@family("scratches")
def _draw_scratches(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """Lines and dust as on a scanned photograph.

    At 256 px: 1 to 8 long, slightly bent lines, 1 to 3 px wide, most of them steep, and 5 to 40 specks with
    half axes of up to 3 px.
    """
    canvas = np.zeros((height, width), np.uint8)
    scale = min(height, width) / 256
    for _ in range(generator.integers(1, 9)):
        middle = generator.uniform((0, 0), (width, height))
        steep = generator.random() < 0.7
        angle = generator.normal(math.pi / 2, 0.35) if steep else generator.uniform(0, math.pi)
        along = np.array((math.cos(angle), math.sin(angle)))
        half = generator.uniform(0.15, 0.7) * max(height, width)
        bend = generator.normal(0, 0.04) * half
        at = np.linspace(-1, 1, 17)[:, None]
        points = middle + half * at * along + bend * (1 - at**2) * along[::-1] * (-1, 1)
        thickness = max(1, round(generator.uniform(1, 3) * scale))
        cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, 1, thickness)
    for _ in range(generator.integers(5, 41)):
        x, y = generator.integers((width, height))
        axes = np.maximum(0, np.rint(generator.uniform(0.5, 3, 2) * scale)).astype(int)
        cv2.ellipse(canvas, (int(x), int(y)), axes.tolist(), float(generator.uniform(0, 180)), 0, 360, 1, -1)
    return canvas.astype(bool)


@family("text")
def _draw_text(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """Paragraphs as laid over a photograph: captions, dates, watermarks.

    At 256 px: up to six paragraphs below one another, of one to four lines each; capitals are 9 to 36 px high (in
    small masks at least 8 px), and a paragraph tilts by 4 degrees in the root mean square.
    """
    letters = np.zeros((height, width), bool)
    top = 0.0
    for number in range(generator.integers(2, 7)):
        paragraph = _paragraph(generator, height, width)
        h, w = paragraph.shape
        if number == 0:
            top = generator.uniform(0, 0.5) * (height - h)
        elif top + h > height:
            continue
        left = generator.random() * (width - w)
        placing = np.asarray(cv2.getRotationMatrix2D((w / 2, h / 2), generator.normal(0, 4), 1), np.float64)
        placing[:, 2] += left, top
        letters |= cv2.warpAffine(paragraph, placing, (width, height)) >= 96  # of thin letters, more than half
        top += h + generator.uniform(0.02, 0.2) * height
    return letters


def _paragraph(generator: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """Lines of one font, flush left, 255 on 0: a uint8 array that is as large as they need."""
    scale = min(height, width) / 256
    font = _FONTS[generator.integers(len(_FONTS))]
    case = _CASES[generator.integers(len(_CASES))]
    letter = max(_SMALLEST_LETTER, round(9 * 4 ** generator.random() * scale))
    thickness = max(1, round(generator.uniform(0.03, 0.15) * letter))
    font_scale = cv2.getFontScaleFromHeight(font, letter, thickness)
    room = generator.uniform(0.4, 0.95) * width

    def length(line: str) -> int:
        return int(cv2.getTextSize(line, font, font_scale, thickness)[0][0])

    lines = []
    for _ in range(generator.integers(1, 5)):
        line = _word(generator)
        for _ in range(generator.integers(7)):
            longer = f"{line} {_word(generator)}"
            if length(case(longer)) > room:
                break
            line = longer
        lines.append(case(line))

    pitch = round(generator.uniform(1.5, 2) * letter)
    margin = letter // 2
    paper = np.zeros((pitch * len(lines) + margin, max(map(length, lines)) + 2 * margin), np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(paper, line, (margin, margin + letter + number * pitch), font, font_scale, 255, thickness)
    return paper


def _word(generator: np.random.Generator) -> str:
    """A number, as in a date, or one to three syllables."""
    if generator.random() < 0.15:
        return str(generator.integers(1, 2100))
    return "".join(_SYLLABLES[i] for i in generator.integers(len(_SYLLABLES), size=generator.integers(1, 4)))


@family("blocks")
def _draw_blocks(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """Blocks of a coded picture whose packets are lost.

    At 256 px: blocks of 8 or 16 px on a grid from the top left. A packet holds one block or, in some masks, one
    to 2, 4 or 8 in reading order; 5 to 30 % of the packets are lost.
    """
    side = max(1, round(float(generator.choice((8, 16))) * min(height, width) / 256))
    rows, columns = -(-height // side), -(-width // side)
    longest = int(generator.choice((1, 1, 2, 4, 8)))
    ends = generator.integers(1, longest + 1, size=rows * columns).cumsum()
    packet = np.searchsorted(ends, np.arange(rows * columns), side="right")
    packets = int(packet[-1]) + 1
    lost = generator.permutation(packets) < max(1, generator.uniform(0.05, 0.3) * packets)
    return lost[packet].reshape(rows, columns).repeat(side, 0).repeat(side, 1)[:height, :width]
