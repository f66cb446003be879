"""The whole files that are damaged: photographs and masks of every format, depth and compression."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageFilter

from tests.images import samples
from tests.images.samples import photograph, pillow_file, tiff_file

SERVED = ("png", "jpeg", "webp", "tiff")
"""The formats that are damaged: what the names of the files begin with."""


@cache
def photographs() -> dict[str, bytes]:
    """Files by name: those that the tests damage, too, and more kinds of them."""
    grey, rgb, alpha = photograph(1), photograph(3), photograph(4)
    still, other = Image.fromarray(rgb), Image.new("RGB", rgb.shape[1::-1])
    found = {
        **samples.bases(),
        "png grey": pillow_file(grey, "PNG"),
        "png grey 16": samples.png_file(photograph(1, "16")),
        "png grey alpha": pillow_file(photograph(2), "PNG"),
        "png alpha": pillow_file(alpha, "PNG", exif=samples.exif(6)),
        "png colour that is transparent": pillow_file(rgb, "PNG", transparency=(1, 2, 3)),
        "png palette 4 bit": pillow_file(still.quantize(16), "PNG", bits=4),
        "png animated": pillow_file(still, "PNG", save_all=True, append_images=[other]),
        "jpeg grey": pillow_file(grey, "JPEG", quality=60),
        "jpeg 4:4:4 restarts": pillow_file(rgb, "JPEG", subsampling=0, restart_marker_rows=1, comment=b"a comment"),
        "jpeg with another": pillow_file(still, "MPO", save_all=True, append_images=[other]),
        "webp alpha": pillow_file(alpha, "WEBP", quality=50),
        "webp animated": pillow_file(still, "WEBP", save_all=True, append_images=[other]),
        "tiff grey alpha": tiff_file(photograph(2), compression="packbits"),
        "tiff grey 16": tiff_file(photograph(1, "16"), compression="zstd", byteorder=">"),
        "tiff planes": tiff_file(rgb, planarconfig="separate", compression="lzma"),
        "tiff tiles of jpeg": tiff_file(rgb, compression="jpeg", tile=(16, 32)),
        "tiff cmyk 16": tiff_file(samples.inks("16"), photometric="separated", compression="deflate"),
        "tiff two pages": tiff_file(np.stack([rgb, 255 - rgb]), compression="lzw"),
    }
    return {name: data for name, data in found.items() if name.startswith(SERVED)}


@cache
def masks() -> dict[str, bytes]:
    """Masks by name: hard and soft ones, and all of `photographs`, which people take for masks by mistake."""
    hard = Image.fromarray(photograph(1) > 128)
    soft = hard.convert("L").filter(ImageFilter.GaussianBlur(2))
    return {
        **photographs(),
        "png mask": pillow_file(hard, "PNG"),
        "png mask soft": pillow_file(soft, "PNG"),
        "png mask palette": pillow_file(hard.convert("RGB").quantize(2), "PNG", bits=1),
        "png mask 0 and 1": pillow_file(np.asarray(hard).astype(np.uint8), "PNG"),
        "jpeg mask": pillow_file(soft, "JPEG", exif=samples.exif(5)),
        "webp mask": pillow_file(soft.convert("RGB"), "WEBP"),
        "tiff mask group 4": pillow_file(hard, "TIFF", compression="group4"),
        "tiff mask group 3": pillow_file(hard, "TIFF", compression="group3"),
        "tiff mask float": pillow_file(soft.convert("F"), "TIFF", compression="tiff_adobe_deflate"),
        "tiff mask": tiff_file(np.asarray(soft), compression="lzw"),
    }
