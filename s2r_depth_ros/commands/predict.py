"""``predict``: depth images, and point clouds, of images, folders and video files."""

from __future__ import annotations

import argparse
import errno
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.files import OutputError, make_folder
from s2r_depth_ros.geometry import Intrinsics, check_focal_length
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction
from s2r_depth_ros.inference.postprocess import MILLIMETRE_LIMIT
from s2r_depth_ros.media import writers
from s2r_depth_ros.media.figure import figure, grey_picture, maps_of
from s2r_depth_ros.media.sources import count_frames, find_files, passed_over, read_frames
from s2r_depth_ros.network.metadata import ModelMetadata


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        'input', nargs='+', type=Path, help='image file, folder of images, or video file'
    )
    arguments.add_model(parser)
    parser.add_argument('--out', required=True, type=Path, help='folder for the results')
    arguments.add_input_size(parser)
    arguments.add_device(parser)
    arguments.add_precision(parser)
    arguments.add_backend(parser)
    arguments.add_focal_length(parser)
    parser.add_argument('--npy', action='store_true', help='also write float32 metres (NumPy)')
    parser.add_argument('--ply', action='store_true', help='also write coloured point clouds')
    parser.add_argument(
        '--maps', action='store_true',
        help="also write the network's structure and attention maps, their product, and a figure",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Predict everything; return 0, or 1 if some inputs failed (they are named on stderr).

    Raises UserError for what makes all of it impossible: the model, the device, the folder.
    """
    _check_output(args.out, args.input)
    estimator = DepthEstimator(
        args.model,
        device=args.device,
        precision=args.precision,
        input_size=args.input_size,
        backend=args.backend,
    )
    print(estimator.summary())
    _print_assumptions(args, estimator.metadata)
    failures: list[str] = []
    files: list[Path] = []
    for path in args.input:
        try:
            files += find_files(path)
            others = passed_over(path)
        except UserError as error:
            failures.append(str(error))
            continue
        if others:
            print(others, file=sys.stderr)
    written = _predict_files(files, estimator, args, failures)
    print(f'{written} depth images written to {args.out}')
    if failures:
        print(f'{len(failures)} inputs failed:', *failures, sep='\n  ', file=sys.stderr)
    return 1 if failures else 0


def _predict_files(
    files: list[Path], estimator: DepthEstimator, args: argparse.Namespace, failures: list[str]
) -> int:
    """Predict every frame of ``files``; return how many, and add what failed to ``failures``."""
    unique, written = writers.UniqueNames(), 0
    with tqdm(total=sum(map(count_frames, files)), unit='image') as progress:
        for path in files:
            try:
                for stem, rgb in read_frames(path):
                    _predict_one(unique(stem), rgb, estimator, args)
                    written += 1
                    progress.update()
            except OutputError:
                raise
            except UserError as error:
                failures.append(str(error) if str(path) in str(error) else f'{path}: {error}')
    return written


def _predict_one(
    stem: str, rgb: NDArray[np.uint8], estimator: DepthEstimator, args: argparse.Namespace
) -> None:
    if args.fx is not None:
        check_focal_length(args.fx, rgb.shape[1], '--fx')
    prediction = estimator.predict(rgb, fx=args.fx, maps=args.maps)
    depth = prediction.depth
    try:
        writers.write_depth_png(args.out / f'{stem}.depth.png', depth)
        writers.write_color_picture(args.out / f'{stem}.color.png', colorize_depth(depth))
        if args.npy:
            writers.write_depth_npy(args.out / f'{stem}.depth.npy', depth)
        if args.maps:
            _write_maps(args.out, stem, rgb, prediction)
        if args.ply:
            intrinsics = _intrinsics(rgb, args.fx, estimator)
            writers.write_ply(args.out / f'{stem}.ply', depth, rgb, intrinsics)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # of this one only
            raise UserError(
                f'{brief(stem)}: the name is too long for its results; rename it'
            ) from error
        raise OutputError(f'cannot write to {args.out}: {error.strerror}') from error


def _write_maps(out: Path, stem: str, rgb: NDArray[np.uint8], prediction: Prediction) -> None:
    maps = maps_of(prediction)
    for name, values in maps.items():
        writers.write_color_picture(out / f'{stem}.{name}.png', grey_picture(values))
    whole = figure(rgb, maps, prediction.depth)
    writers.write_color_picture(out / f'{stem}.figure.png', whole)


def _intrinsics(rgb: NDArray[np.uint8], fx: float | None, estimator: DepthEstimator) -> Intrinsics:
    """Return a camera with square pixels and its centre in the middle of the image."""
    height, width = rgb.shape[:2]
    if fx is None:
        trained = estimator.metadata.focal_length
        assert trained is not None, '_print_assumptions refuses such a model'
        fx = trained * width / estimator.metadata.input_width
    return Intrinsics(fx, fx, (width - 1) / 2, (height - 1) / 2, width, height)


def _print_assumptions(args: argparse.Namespace, metadata: ModelMetadata) -> None:
    """Print what the results take for granted.

    Raises OutputError if a cloud needs a focal length that neither the user nor the model states.
    """
    if metadata.max_depth > MILLIMETRE_LIMIT:
        print(
            f'depth.png: distances beyond {MILLIMETRE_LIMIT} m do not fit into 16-bit millimetres '
            'and are 0 (invalid); --npy keeps them'
        )
    if not args.ply or args.fx is not None:
        return
    if metadata.focal_length is None:
        raise OutputError(
            f'--ply needs --fx: the training focal length of model {metadata.name} is unknown too'
        )
    degrees = 2 * math.degrees(math.atan(metadata.input_width / 2 / metadata.focal_length))
    print(
        f'ply: no --fx, so the camera is taken to have the field of view of the training images, '
        f'{degrees:.1f} degrees (fx = {metadata.focal_length / metadata.input_width:.3f} x image '
        'width); with another camera the cloud is distorted'
    )


def _check_output(out: Path, inputs: list[Path]) -> None:
    """Make the folder ``out``.

    Raises OutputError if that fails, or if the results would mix with the inputs.
    """
    if any(path.is_dir() and path.resolve() == out.resolve() for path in inputs):
        raise OutputError(
            f'--out {out} is also an input: the next run would read the results as images; choose '
            'another folder'
        )
    make_folder(out)
