"""Images of recorded messages as what the camera player publishes."""

from __future__ import annotations

from typing import Any

from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.media.pixels import image_to_rgb
from s2r_depth_ros.rig.clip import ImageData


class ImageReader:
    """Takes over an Image as it is, if the node can read it; decodes a CompressedImage to rgb8."""

    def __init__(self) -> None:
        # What an Image must have in common with one that was converted, to be readable, too.
        self._readable: set[tuple[Any, ...]] = set()
        self._bits = BitDepth()

    def read(self, message: Any) -> ImageData:
        """Return the image of a message. Raises ConversionError if the node could not read it."""
        if not hasattr(message, 'encoding'):
            return ImageData.from_rgb(compressed_to_rgb(message, self._bits))
        image = ImageData(
            message.height,
            message.width,
            message.encoding,
            message.step,
            message.is_bigendian,
            message.data,
        )
        layout = (
            image.height, image.width, image.encoding, image.step, image.is_bigendian,
            len(image.data),
        )  # fmt: skip
        if layout not in self._readable:
            image_to_rgb(message)
            self._readable.add(layout)
        return image
