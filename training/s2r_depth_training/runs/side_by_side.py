"""Pieces of several experiments: one after the other, on a GPU side by side.

One small network leaves most of a GPU idle; the steps of several, asked for in turns on streams of
their own, fill it better.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch

from s2r_depth_training.dataset.device_frames import DeviceFrames
from s2r_depth_training.dataset.sampling import kind_shares
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError, DataError, DivergedError
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.open_step import load_frames
from s2r_depth_training.runs.relay import Relay, piece_work
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.runs.trunk import Work

_LOG = logging.getLogger(__name__)
_T = TypeVar('_T')
_Frames = FrameStore | list[DeviceFrames]


def run_pieces(
    relays: Sequence[Relay], extent: Extent, device: torch.device, out: Path
) -> list[Path]:
    """Train a piece of each run, all within ``extent``; return their model files.

    The runs share the time of an extent that has an end; its images are for each of them. Raises
    what ``piece_work`` does; where one of several diverges, the others are brought to their end
    before.
    """
    frames = _frames_of(relays, device)
    for relay, own in zip(relays, frames):  # before hours of work on those before it
        _check(relay.experiment, own)
    is_gpu = device.type == 'cuda'
    works = {}
    for number, (relay, own) in enumerate(zip(relays, frames)):
        runs = 1 if is_gpu else len(relays) - number
        works[relay.experiment.name] = _share(relay, extent, runs, own, device, out)
    return list(in_turns(works, len(works) if is_gpu else 1).values())


def _share(
    relay: Relay, extent: Extent, runs: int, frames: _Frames, device: torch.device, out: Path
) -> Work[Path]:
    """Train a piece; of an extent with an end for its part, where ``runs`` are left to share it."""
    now = time.monotonic()
    own = extent if extent.images else Extent(end=now + (extent.end - now) / runs)
    return (yield from piece_work(relay, own, frames, device, out))


def _check(experiment: Experiment, frames: _Frames) -> None:
    """Raise ConfigError or DataError, naming the experiment, for what would end it at once."""
    try:
        start_network(experiment)
        if isinstance(frames, FrameStore):
            kind_shares(frames.kinds, experiment.data)
    except (ConfigError, DataError) as error:
        raise type(error)(f'{experiment.name}: {error}') from error


def _frames_of(relays: Sequence[Relay], device: torch.device) -> list[_Frames]:
    """Return the training frames of each run; those that draw from the same share them."""
    loaded: dict[str, _Frames] = {}
    frames = []
    for relay in relays:
        data = relay.experiment.data
        key = repr((data.manifests, sorted(data.mix), data.typical, data.width / data.focal_length))
        if key not in loaded:
            loaded[key] = load_frames(relay.experiment, device)
        frames.append(loaded[key])
    return frames


def in_turns(works: Mapping[str, Work[_T]], at_once: int) -> dict[str, _T]:
    """Do all works, ``at_once`` of them in turns; return what each returns, by its name.

    One that raises DivergedError is left; the others go on, and the first such error is raised when
    they have ended.
    """
    waiting, done = list(works), {}
    running: list[str] = []
    failed: DivergedError | None = None
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(waiting.pop(0))
        for name in list(running):
            try:
                next(works[name])
                continue
            except StopIteration as end:
                done[name] = end.value
            except DivergedError as error:
                _LOG.error('%s: %s', name, error)
                failed = failed or error
            running.remove(name)
    if failed:
        raise failed
    return {name: done[name] for name in works}
