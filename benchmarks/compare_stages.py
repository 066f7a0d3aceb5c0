"""Compare ways to train STE, DSA and DP, each at the same number of images.

    compare_stages.py train --images 150000 --runs RUNS --data rooms/manifest.json
    compare_stages.py judge --runs RUNS --rooms held_out/manifest.json \
        --worlds worlds/*/manifest.json --out results
    compare_stages.py table results

An arm learns at a constant rate, its trunk. Its result at N images is a branch: the trunk after
0.8 N images, annealed over 0.2 N more. Interrupted, the same command goes on with the arm that it
was at. Images count what the arm's DP learnt from; stage 0 has ``--pairs`` of its own.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import cv2
import torch

from comparison_of_stages.arms import ARMS, PLAIN
from comparison_of_stages.judging import judge
from comparison_of_stages.tables import print_table
from comparison_of_stages.training import train
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.option_values import count, positive


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar='COMMAND')
    learn = commands.add_parser('train', help='train arms up to a number of images; resumes')
    learn.add_argument('--arms', choices=ARMS, nargs='+', default=PLAIN)
    learn.add_argument('--data', type=Path, nargs='+', required=True, help='manifests of rooms')
    learn.add_argument('--worlds', type=Path, nargs='*', default=[], help='for i: one a world')
    learn.add_argument('--wide', type=Path, nargs='*', default=[], help='for j: of wide poses')
    learn.add_argument('--start', type=Path, help='weights to go on from, not fresh ones')
    learn.add_argument('--images', type=count, default=150_000)
    learn.add_argument('--pairs', type=count, default=40_000, help='pairs of stage 0')
    learn.add_argument('--batch', type=count, help='images a step, in place of the configured')
    learn.add_argument('--rate', type=positive, help='of learning, in place of the configured')
    learn.set_defaults(run=train)
    score = commands.add_parser('judge', help='score all results; writes their JSON')
    score.add_argument('--rooms', type=Path, nargs='+', required=True, help='manifests of rooms')
    score.add_argument('--wide', type=Path, nargs='*', default=[], help='of rooms, wide poses')
    score.add_argument('--worlds', type=Path, nargs='*', default=[], help='manifests, one a world')
    score.add_argument('--outdoor', nargs='*', default=['citysim'], help='worlds judged apart')
    score.add_argument('--out', type=Path, required=True, help='folder of the JSON')
    score.add_argument(
        '--real-once', type=Path, help='manifest.json of real images; at the very end, once'
    )
    score.set_defaults(run=judge)
    for command in (learn, score):
        command.add_argument('--runs', type=Path, required=True, help='folder of all arms')
        command.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    show = commands.add_parser('table', help='print all results')
    show.add_argument('results', type=Path)
    show.set_defaults(run=lambda args: print_table(args.results))
    return top


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    args = parser().parse_args()
    return reported(lambda: args.run(args), 'compare_stages')


if __name__ == '__main__':
    sys.exit(main())
