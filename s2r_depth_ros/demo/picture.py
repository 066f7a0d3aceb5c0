"""The picture of README.md: one frame of the clip that comes with the package, in four panels.

``python -m s2r_depth_ros.demo.picture docs/picture.jpg`` writes it: camera image, structure map,
depth in colours, and the point cloud as somebody sees it who stands to the left of the camera.
Everything is computed here, by the default model, from files of the repository.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.demo.cloud_view import draw_cloud
from s2r_depth_ros.demo.viewpoint import FROM_THE_LEFT
from s2r_depth_ros.files import check_output
from s2r_depth_ros.geometry import Intrinsics, Rectifier, back_project
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.captions import BACKGROUND, TEXT, write
from s2r_depth_ros.media.writers import write_color_picture
from s2r_depth_ros.network_choices import DEFAULT_MODEL
from s2r_depth_ros.rig.open_clip import open_clip
from s2r_depth_ros.share import share_directory

Rgb = NDArray[np.uint8]

FRAME = 12  # of the clip: window, table, chair and cupboard are all in view
PANEL_WIDTH, PANEL_HEIGHT, GAP, CAPTION = 560, 420, 8, 34
JPEG_QUALITY = 88


def draw_picture() -> Rgb:
    """Return the whole picture, uint8 RGB [H, W, 3]. Raises UserError if a file is missing."""
    rgb, intrinsics = read_frame()
    prediction = DepthEstimator(DEFAULT_MODEL, device='cpu').predict(
        rgb, fx=intrinsics.fx, maps=True
    )
    depth, structure = prediction.depth, prediction.structure
    assert structure is not None  # maps were asked for
    near, far = (float(metres) for metres in np.nanpercentile(depth, (2, 98)))
    grey = np.rint(structure * 255).astype(np.uint8)
    colours = colorize_depth(depth, near, far)
    return tiled(
        (
            ('camera image', resized(rgb)),
            ('structure map', resized(np.repeat(grey[..., None], 3, axis=2))),
            (f'depth, {near:.1f} m (red) to {far:.1f} m (blue)', resized(colours)),
            ('point cloud, seen from the left', cloud_panel(depth, rgb, intrinsics)),
        )
    )


def read_frame() -> tuple[Rgb, Intrinsics]:
    """Return frame FRAME of the shipped clip, uint8 RGB [H, W, 3], and its camera."""
    clip = open_clip(share_directory() / 'config' / 'demo_clip')
    frame = next(islice(clip.frames(), FRAME, None))
    image = frame.image
    rgb = np.asarray(image.data, np.uint8).reshape(image.height, image.width, 3)
    return rgb, Rectifier(frame.calibration).intrinsics


def cloud_panel(depth: NDArray[np.float32], rgb: Rgb, intrinsics: Intrinsics) -> Rgb:
    """Return the panel of the cloud of ``depth`` (metres [H, W], NaN invalid) in its colours."""
    points = back_project(depth, intrinsics).reshape(-1, 3)
    valid = np.isfinite(points).all(axis=1)
    colors = rgb.reshape(-1, 3)[valid]
    return draw_cloud(points[valid], colors, PANEL_WIDTH, PANEL_HEIGHT, yaw=FROM_THE_LEFT)


def resized(image: Rgb) -> Rgb:
    """Return ``image``, which has the shape of a panel, at a panel's size."""
    panel = cv2.resize(image, (PANEL_WIDTH, PANEL_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(panel, np.uint8)


def tiled(panels: tuple[tuple[str, Rgb], ...]) -> Rgb:
    """Return the captioned ``panels`` in two columns on a dark ground."""
    width, height = PANEL_WIDTH + GAP, PANEL_HEIGHT + CAPTION + GAP
    rows = -(-len(panels) // 2)
    picture = np.full((rows * height + GAP, 2 * width + GAP, 3), BACKGROUND, np.uint8)
    for place, (caption, panel) in enumerate(panels):
        left, top = GAP + place % 2 * width, GAP + place // 2 * height
        write(picture, caption, (left + 4, top + CAPTION - 11), 0.68, TEXT)
        top += CAPTION
        picture[top : top + PANEL_HEIGHT, left : left + PANEL_WIDTH] = panel
    return picture


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture to the file named on the command line; return the exit status.

    Raises SystemExit where argparse does (--help, wrong arguments).
    """
    parser = argparse.ArgumentParser(
        prog='python -m s2r_depth_ros.demo.picture', description='draw the picture of README.md'
    )
    parser.add_argument('file', type=Path, help='file to write, .jpg')
    return reported(lambda: write_picture(parser.parse_args(arguments).file))


def write_picture(file: Path) -> None:
    """Write the picture as JPEG. Raises UserError for a file that cannot be written."""
    check_output(file, ('.jpg', '.jpeg'))
    write_color_picture(file, draw_picture(), (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))


if __name__ == '__main__':
    sys.exit(main())
