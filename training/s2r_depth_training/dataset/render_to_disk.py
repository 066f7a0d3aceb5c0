"""Renders scenes into the shards of a training set, and goes on where it was stopped.

The manifest also lists the recipe, and every shard's frames, scenes and seeds. It is the ledger of
what was rendered: no scene is ever in a set twice.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np

from s2r_depth_ros.files import make_folder
from s2r_depth_training.dataset.format import (
    MANIFEST,
    TRAIN,
    VALIDATION,
    Manifest,
    ShardEntry,
    read_manifest,
    write_manifest,
    write_shard,
)
from s2r_depth_training.dataset.render_workers import (
    CONTEXT,
    begin_worker,
    failure,
    next_report,
    stop,
)
from s2r_depth_training.dataset.rendering import (
    FrameMaker,
    Recipe,
    check_worlds,
    code_version,
    split_of,
)
from s2r_depth_training.errors import RenderingError

_FORMAT = 1


@dataclass(frozen=True)
class Job:
    """The seeds of one shard (those of one split within a range) and its file name."""

    name: str
    split: str
    seeds: tuple[int, ...]


def plan_shards(first: int, scenes: int, per_shard: int, recipe: Recipe) -> list[Job]:
    """Divide the scenes first .. first + scenes - 1 into shards, each of one split."""
    jobs = []
    for split in (TRAIN, VALIDATION):
        seeds = [s for s in range(first, first + scenes) if split_of(s, recipe.validation) == split]
        for k in range(0, len(seeds), per_shard):
            jobs.append(_job(recipe.kind, split, seeds[k : k + per_shard]))
    return jobs


def render_dataset(
    out: Path,
    recipe: Recipe,
    first: int,
    scenes: int,
    workers: int,
    per_shard: int = 64,
    progress: Callable[[int], object] = lambda scenes_done: None,
) -> Manifest:
    """Render scenes into a folder with parallel workers and return the manifest.

    Scenes that the folder already has are kept, so a killed run goes on where it was. Raises
    RenderingError if the folder holds frames of another recipe or another version of the code, or
    if a world is missing.
    """
    manifest = _open_manifest(out, recipe)
    jobs = _not_done(plan_shards(first, scenes, per_shard, recipe), manifest)
    progress(scenes - sum(len(j.seeds) for j in jobs))
    return _list_shards(out, manifest, _run_jobs(out, recipe, jobs, workers, progress))


def render_for(
    out: Path,
    recipe: Recipe,
    first: int,
    seconds: float,
    workers: int,
    per_shard: int = 64,
    progress: Callable[[int], object] = lambda scenes_done: None,
) -> Manifest:
    """Render scenes for ``seconds``, behind those that the folder has, and return the manifest.

    first: the least seed. When the time is over each worker finishes its scene, so the last shards
    have fewer scenes. Raises RenderingError as ``render_dataset`` does.
    """
    end = time.monotonic() + seconds
    manifest = _open_manifest(out, recipe)
    starts = itertools.count(max(first, next_scene(out)), per_shard)
    jobs = itertools.chain.from_iterable(
        plan_shards(start, per_shard, per_shard, recipe) for start in starts
    )
    return _list_shards(out, manifest, _run_jobs(out, recipe, jobs, workers, progress, end))


def all_cores() -> int:
    """Return how many workers make use of all cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _list_shards(out: Path, manifest: Manifest, entries: Iterable[ShardEntry]) -> Manifest:
    """List the shards in the manifest, each when it is done."""
    for entry in entries:
        manifest['shards'].append(entry)
        manifest['shards'].sort(key=lambda s: s['file'])
        write_manifest(out, manifest)
    write_manifest(out, manifest)  # also of scenes without a good view, which give no shard
    return manifest


def _not_done(jobs: list[Job], manifest: Manifest) -> list[Job]:
    """Return the jobs without the scenes that shards of the manifest have."""
    left = []
    for job in jobs:
        spans = [entry['seeds'] for entry in manifest['shards'] if entry['split'] == job.split]
        seeds = [s for s in job.seeds if not any(low <= s <= high for low, high in spans)]
        if seeds:
            left.append(_job(manifest['kind'], job.split, seeds))
    return left


def _job(kind: str, split: str, seeds: Sequence[int]) -> Job:
    return Job(f'{kind}_{split}_{seeds[0]:08d}.npz', split, tuple(seeds))


def next_scene(folder: Path) -> int:
    """Return the first seed above all that were rendered into a folder, 0 for an empty one."""
    path = folder / MANIFEST
    if not path.exists():
        return 0
    return max((entry['seeds'][1] + 1 for entry in read_manifest(path)['shards']), default=0)


def _open_manifest(out: Path, recipe: Recipe) -> Manifest:
    """Return the manifest in ``out``, or a new one, not yet written, if it lists no shard yet."""
    check_worlds(recipe)
    make_folder(out)
    fresh = Manifest(
        format=_FORMAT,
        code_version=code_version(),
        recipe=json.loads(json.dumps(asdict(recipe))),  # as it is read back: lists, no tuples
        kind=recipe.kind,
        size=[recipe.height, recipe.width],
        shards=[],
    )
    path = out / MANIFEST
    if not path.exists():
        return fresh
    old = read_manifest(path)
    if not old['shards']:
        return fresh
    for key, was, now in (
        ('format', old.get('format'), fresh['format']),
        ('code_version', old.get('code_version'), fresh['code_version']),
        ('recipe', old.get('recipe'), fresh['recipe']),
    ):
        if was != now:
            raise RenderingError(
                f'{path} was made with another {key} ({was}, now {now}): '
                'give another folder or delete this one'
            )
    return old


def _run_jobs(
    out: Path,
    recipe: Recipe,
    jobs: Iterable[Job],
    workers: int,
    progress: Callable[[int], object],
    end: float = math.inf,
) -> Iterator[ShardEntry]:
    """Run jobs in processes of their own; yield the shards that have frames as they are done.

    end: a time.monotonic(), at which workers stop, however many jobs there are.
    """
    tasks, reports = CONTEXT.Queue(), CONTEXT.Queue()
    coming = iter(jobs)
    ahead = list(itertools.islice(coming, 2 * workers))  # so that no worker waits for its next job
    for job in ahead:
        tasks.put(job)
    processes = [
        CONTEXT.Process(target=_work, args=(out, recipe, end, tasks, reports), daemon=True)
        for _ in range(min(workers, len(ahead)))
    ]
    for process in processes:
        process.start()
    try:
        running = len(processes)
        while running:
            report = next_report(reports, processes)
            if report is None:
                running -= 1
            elif isinstance(report, int):
                progress(report)
            else:
                tasks.put(next(coming, None))
                if report['frames']:
                    yield report
    finally:
        stop(processes)


def _work(
    out: Path, recipe: Recipe, end: float, tasks: Queue[Job | None], reports: Queue[Any]
) -> None:
    """Do jobs until there is none or the time is over.

    Reports 1 for every scene, every shard's entry, and at last None.
    """
    try:
        begin_worker()
        maker = FrameMaker(recipe)
        for job in iter(tasks.get, None):
            if time.monotonic() >= end:
                break
            reports.put(_render_shard(maker, out, job, end, reports))
        reports.put(None)
    except Exception as error:  # goes to the parent, which raises
        reports.put(failure(error))


def _render_shard(
    maker: FrameMaker, out: Path, job: Job, end: float, reports: Queue[Any]
) -> ShardEntry:
    """Render the scenes of a job, at least one of them, until the time is over."""
    frames, scenes = [], 0
    for seed in job.seeds:
        frames += maker.frames(seed)
        scenes += 1
        reports.put(1)
        if time.monotonic() >= end:
            break
    means = []
    if frames:
        write_shard(out / job.name, frames)
        means = np.mean([f.intrinsics for f in frames], 0).round(2).tolist()
    return ShardEntry(
        file=job.name,
        split=job.split,
        frames=len(frames),
        scenes=scenes,
        seeds=[job.seeds[0], job.seeds[scenes - 1]],
        intrinsics_mean=means,
    )
