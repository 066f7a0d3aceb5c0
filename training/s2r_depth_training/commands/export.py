"""``export``: turn a checkpoint into a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.runs.export import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--name', required=True, help='name that the model gives itself')
    add_out(parser, 'file to write, .safetensors')
    parser.add_argument('--fp32', action='store_true', help='store float32, not float16')


def run(args: argparse.Namespace) -> None:
    """Export, and print the file and its digest."""
    dtype = torch.float32 if args.fp32 else torch.float16
    metadata = export(args.checkpoint, args.name, args.out, dtype)
    print(f'{args.out}: {metadata.name}, sha256 {metadata.sha256}')
