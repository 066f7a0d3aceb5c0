"""``convert``: the authors' four checkpoint files into one model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import SCENES, ModelMetadata
from s2r_depth_ros.network.released import load_released
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS
from s2r_depth_ros.option_values import size

# The authors' training sizes, height x width (docs/network.md 4.1).
_OUTDOOR, _INDOOR = (192, 640), (192, 256)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    for name in SUB_NETWORKS:
        parser.add_argument(
            '--' + name.replace('_', '-'), required=True, type=Path, metavar='FILE.pth'
        )
    parser.add_argument(
        '--max-depth',
        required=True,
        type=float,
        metavar='M',
        help="metres that the largest output means (the authors': 80 outdoor, 8 indoor)",
    )
    parser.add_argument('--name', required=True, help='name of the model')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE.safetensors')
    parser.add_argument('--scene', default='outdoor', choices=SCENES, help='default: outdoor')
    # Not the option of the other commands: here it is a fact about the weights.
    parser.add_argument(
        '--input-size',
        type=size,
        metavar='HxW',
        help="training size; default: the authors', 192x256 indoor, 192x640 otherwise",
    )
    parser.add_argument(
        '--focal-length',
        type=float,
        metavar='PX',
        help='training fx in pixels at the input size; default: unknown, no focal correction',
    )
    parser.add_argument('--licence', default='not stated', help='of the weights')


def run(args: argparse.Namespace) -> int:
    """Convert; raise CheckpointError for files or facts that cannot make a model."""
    network = load_released(*(getattr(args, name) for name in SUB_NETWORKS))
    height, width = args.input_size or (_INDOOR if args.scene == 'indoor' else _OUTDOOR)
    metadata = ModelMetadata(
        name=args.name,
        width=network.width,
        input_height=height,
        input_width=width,
        max_depth=args.max_depth,
        focal_length=args.focal_length,
        scene=args.scene,
        licence=args.licence,
        provenance={'converted_from': [getattr(args, name).name for name in SUB_NETWORKS]},
    )
    metadata = save_model(args.out, network, metadata)
    print(f'{args.out}: width {metadata.width:g}, sha256 {metadata.sha256}')
    return 0
