"""Image files as arrays and back: a module a format, and what they share."""

from spikefill.images.content import LARGEST_MEGAPIXELS, Pixels
from spikefill.images.image_file import FORMATS, ImageFile, decode, encode, is_tiff

__all__ = ["FORMATS", "LARGEST_MEGAPIXELS", "ImageFile", "Pixels", "decode", "encode", "is_tiff"]
