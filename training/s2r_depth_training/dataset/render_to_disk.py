"""Renders scenes into the shards of a training set, and goes on where it was stopped.

The manifest also lists the recipe, and every shard's frames, scenes and seeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np

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
    failure,
    keep_to_one_core,
    next_report,
    stop,
)
from s2r_depth_training.dataset.rendering import FrameMaker, Recipe, code_version, split_of
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
            chunk = tuple(seeds[k : k + per_shard])
            jobs.append(Job(f'{recipe.kind}_{split}_{chunk[0]:08d}.npz', split, chunk))
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

    Shards that the folder already has are kept, so a killed run goes on where it was. Raises
    RenderingError if the folder holds frames of another recipe or another version of the code.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = _open_manifest(out, recipe)
    done = {entry['file'] for entry in manifest['shards']}
    jobs = [j for j in plan_shards(first, scenes, per_shard, recipe) if j.name not in done]
    progress(scenes - sum(len(j.seeds) for j in jobs))
    for entry in _run_jobs(out, recipe, jobs, workers, progress):
        manifest['shards'].append(entry)
        manifest['shards'].sort(key=lambda s: s['file'])
        write_manifest(out, manifest)
    return manifest


def next_scene(folder: Path) -> int:
    """Return the first seed above all that were rendered into a folder, 0 for an empty one."""
    path = folder / MANIFEST
    if not path.exists():
        return 0
    return max((entry['seeds'][1] + 1 for entry in read_manifest(path)['shards']), default=0)


def _open_manifest(out: Path, recipe: Recipe) -> Manifest:
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
        write_manifest(out, fresh)
        return fresh
    old = read_manifest(path)
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
    out: Path, recipe: Recipe, jobs: list[Job], workers: int, progress: Callable[[int], object]
) -> Iterator[ShardEntry]:
    """Run jobs in processes of their own; yield the shards that have frames as they are done."""
    tasks, reports = CONTEXT.Queue(), CONTEXT.Queue()
    for job in jobs:
        tasks.put(job)
    count = min(workers, len(jobs))
    for _ in range(count):
        tasks.put(None)
    processes = [
        CONTEXT.Process(target=_work, args=(out, recipe, tasks, reports), daemon=True)
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        left = len(jobs)
        while left:
            report = next_report(reports, processes)
            if isinstance(report, int):
                progress(report)
                continue
            left -= 1
            if report['frames']:
                yield report
    finally:
        stop(processes)


def _work(out: Path, recipe: Recipe, tasks: Queue[Job | None], reports: Queue[Any]) -> None:
    """Do jobs until there is none; report 1 for every scene, and every shard's entry."""
    try:
        keep_to_one_core()
        maker = FrameMaker(recipe)
        for job in iter(tasks.get, None):
            reports.put(_render_shard(maker, out, job, reports))
    except Exception as error:  # goes to the parent, which raises
        reports.put(failure(error))


def _render_shard(maker: FrameMaker, out: Path, job: Job, reports: Queue[Any]) -> ShardEntry:
    frames = []
    for seed in job.seeds:
        frames += maker.frames(seed)
        reports.put(1)
    means = []
    if frames:
        write_shard(out / job.name, frames)
        means = np.mean([f.intrinsics for f in frames], 0).round(2).tolist()
    return ShardEntry(
        file=job.name,
        split=job.split,
        frames=len(frames),
        scenes=len(job.seeds),
        seeds=[job.seeds[0], job.seeds[-1]],
        intrinsics_mean=means,
    )
