"""Training frames: from scene seeds to arrays, to sharded archives on disk, or streamed.

Shards are as data.py defines them: ``scene`` is the scene's seed, ``restyled`` is absent if not
asked for, depth 0 is where nothing was hit. The manifest also lists the recipe, and every shard's
frames, scenes and seeds. A scene is in one split only: its seed decides.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import queue
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from s2r_depth_ros.errors import UserError
from s2r_depth_training import synthetic
from s2r_depth_training.dataset.shards import MANIFEST, write_manifest, write_shard
from s2r_depth_training.synthetic.looks.photo import sample_photo, take_photo
from s2r_depth_training.synthetic.looks.restyle import restyle
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.kinds import make_source
from s2r_depth_training.synthetic.views import find_view

FORMAT = 1
_CODE = frozenset({'.py', '.vert', '.frag', '.glsl'})


class DatasetError(UserError):
    """A dataset on disk that does not fit what is asked for; the text says the remedy."""


@dataclass(frozen=True)
class Recipe:
    """What frames are made of. Equal recipes and seeds give equal frames on the same driver.

    kind: a name in sources.KINDS. height, width: px. views: cameras per scene. restyled: also
    render each view in another style. worlds: for kind 'gazebo', files; seed k uses the k-th in
    turn. validation: share of the scenes in the validation split.
    """

    kind: str
    height: int
    width: int
    views: int = 4
    restyled: bool = True
    worlds: tuple[str, ...] = ()
    validation: float = 0.05


@dataclass(frozen=True)
class Frame:
    """One training frame; the arrays are those of one row of a shard."""

    rgb: np.ndarray
    restyled: np.ndarray | None
    depth: np.ndarray
    intrinsics: np.ndarray
    scene: int


def _row(frame: Frame) -> dict[str, Any]:
    """Return what a shard keeps of a frame."""
    return {key: value for key, value in vars(frame).items() if value is not None}


def split_of(seed: int, validation: float) -> str:
    """Tell the split of a scene, 'train' or 'validation', from its seed alone."""
    digest = hashlib.sha256(f'scene {seed}'.encode()).digest()
    return 'validation' if int.from_bytes(digest[:4], 'big') < validation * 2**32 else 'train'


def code_version() -> str:
    """Fingerprint of the code that decides how frames look, 12 hexadecimal digits."""
    folder = Path(synthetic.__file__).parent
    files = sorted(f for f in folder.rglob('*') if f.suffix in _CODE)
    return hashlib.sha256(b''.join(f.read_bytes() for f in files)).hexdigest()[:12]


class FrameMaker:
    """Renders the frames of scenes by seed; owns a renderer, so one per process."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.renderer = Renderer(recipe.width, recipe.height)
        self.sources = [make_source(recipe.kind, w) for w in recipe.worlds or (None,)]

    def frames(self, seed: int) -> list[Frame]:
        """Render the good views of one scene, at most `views` of them, often fewer."""
        recipe = self.recipe
        rng = np.random.default_rng(seed)
        source = self.sources[seed % len(self.sources)]
        scene = source.build(rng)
        cameras = [
            find_view(self.renderer, scene, source, rng, (recipe.width, recipe.height))
            for _ in range(recipe.views)
        ]
        cameras = [c for c in cameras if c is not None]
        other = restyle(scene, rng) if recipe.restyled else None
        frames = []
        for camera in cameras:
            image, second = self.renderer.render(scene, camera), None
            if other is not None:
                restyled = self.renderer.render(other, camera)
                second = take_photo(restyled.rgb, sample_photo(rng, recipe.height), rng)
            rgb = take_photo(image.rgb, sample_photo(rng, recipe.height), rng)
            intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
            frames.append(Frame(rgb, second, image.depth.astype(np.float16), intrinsics, seed))
        return frames

    def close(self) -> None:
        """Give the renderer back."""
        self.renderer.close()


# ---- on disk


@dataclass(frozen=True)
class Job:
    """The seeds of one shard (those of one split within a range) and its file name."""

    name: str
    split: str
    seeds: tuple[int, ...]


def plan_shards(first: int, scenes: int, per_shard: int, recipe: Recipe) -> list[Job]:
    """Divide the scenes first .. first + scenes - 1 into shards, each of one split."""
    jobs = []
    for split in ('train', 'validation'):
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
    progress: Callable[[int], None] = lambda scenes_done: None,
) -> dict:
    """Render scenes into a folder with parallel workers and return the manifest.

    Shards that the folder already has are kept, so a killed run goes on where it was. Raises
    DatasetError if the folder holds frames of another recipe or another version of the code.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = _open_manifest(out, recipe)
    done = {s['file'] for s in manifest['shards']}
    jobs = [j for j in plan_shards(first, scenes, per_shard, recipe) if j.name not in done]
    progress(scenes - sum(len(j.seeds) for j in jobs))
    for job, count, intrinsics in _run_jobs(out, recipe, jobs, workers, progress):
        manifest['shards'].append({
            'file': job.name, 'split': job.split, 'frames': count, 'scenes': len(job.seeds),
            'seeds': [job.seeds[0], job.seeds[-1]], 'intrinsics_mean': intrinsics,
        })  # fmt: skip
        manifest['shards'].sort(key=lambda s: s['file'])
        write_manifest(out, manifest)
    return manifest


def _open_manifest(out: Path, recipe: Recipe) -> dict:
    fresh = {
        'format': FORMAT, 'code_version': code_version(),
        'recipe': json.loads(json.dumps(asdict(recipe))),
        'kind': recipe.kind, 'size': [recipe.height, recipe.width], 'shards': [],
    }  # fmt: skip
    path = out / MANIFEST
    if not path.exists():
        write_manifest(out, fresh)
        return fresh
    old = json.loads(path.read_text())
    for key in ('format', 'code_version', 'recipe'):
        if old.get(key) != fresh[key]:
            raise DatasetError(
                f'{path} was made with another {key} ({old.get(key)}, now {fresh[key]}): '
                'give another folder or delete this one'
            )
    return old


def _run_jobs(
    out: Path, recipe: Recipe, jobs: list[Job], workers: int, progress: Callable[[int], None]
) -> Iterator[tuple[Job, int, list[float]]]:
    """Run jobs in processes of their own (an OpenGL context does not survive a fork)."""
    if not jobs:
        return
    context = multiprocessing.get_context('spawn')
    tasks, reports = context.Queue(), context.Queue()
    for job in jobs:
        tasks.put(job)
    count = min(workers, len(jobs))
    for _ in range(count):
        tasks.put(None)
    processes = [
        context.Process(target=_shard_worker, args=(out, recipe, tasks, reports), daemon=True)
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        left = len(jobs)
        while left:
            report = _next_report(reports, processes)
            if isinstance(report, int):
                progress(report)
            else:
                left -= 1
                if report[1]:
                    yield report
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _next_report(reports, processes):
    """Wait for a report; raise if the workers that should send it are gone."""
    while True:
        try:
            report = reports.get(timeout=1.0)
        except queue.Empty:
            dead = [p.exitcode for p in processes if p.exitcode not in (None, 0)]
            if dead or not any(p.is_alive() for p in processes):
                raise DatasetError(f'a render worker ended early, exit status {dead}') from None
            continue
        if isinstance(report, Exception):
            raise DatasetError(f'a render worker failed: {report}') from report
        return report


def _be_one_core() -> None:
    """Keep this worker to one core: the number of workers is what scales."""
    import cv2

    os.environ.setdefault('LP_NUM_THREADS', '0')
    cv2.setNumThreads(1)


def _shard_worker(out: Path, recipe: Recipe, tasks, reports) -> None:
    try:
        _be_one_core()
        maker = FrameMaker(recipe)
        for job in iter(tasks.get, None):
            frames = []
            for seed in job.seeds:
                frames += maker.frames(seed)
                reports.put(1)
            means = []
            if frames:
                write_shard(out / job.name, [_row(frame) for frame in frames])
                means = np.mean([f.intrinsics for f in frames], 0).round(2).tolist()
            reports.put((job, len(frames), means))
    except Exception as error:  # goes to the parent, which raises
        reports.put(DatasetError(f'{type(error).__name__}: {error}'))


def next_scene(folder: Path) -> int:
    """Return the first seed above all that are in a folder, 0 for an empty one."""
    if not (folder / MANIFEST).exists():
        return 0
    shards = json.loads((folder / MANIFEST).read_text())['shards']
    return max((shard['seeds'][1] + 1 for shard in shards), default=0)


def shard_files(folder: Path, split: str) -> list[Path]:
    """List the shards of a split from a folder's manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    return [folder / s['file'] for s in manifest['shards'] if s['split'] == split]


# ---- streamed


class FrameStream:
    """Endless training frames rendered by worker processes, without touching the disk.

    Iterating starts the workers; leaving the `with` block ends them. Scenes of the validation
    split never occur. recipes: drawn in turn, all of one size; first: seed to begin with. With
    one worker the order is reproducible; with more, each frame is, their order is not.
    """

    def __init__(
        self, recipes: list[Recipe], workers: int, first: int = 0, prefetch: int = 256
    ) -> None:
        self._recipes, self._workers, self._first = recipes, workers, first
        context = multiprocessing.get_context('spawn')
        self._frames = context.Queue(prefetch)
        self._processes = [
            context.Process(
                target=_stream_worker, args=(recipes, first + k, workers, self._frames), daemon=True
            )
            for k in range(workers)
        ]

    def __enter__(self) -> FrameStream:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.terminate()
            process.join()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames as they come. Raises DatasetError when a worker fails."""
        while True:
            yield _next_report(self._frames, self._processes)

    def waiting(self) -> int:
        """Count the frames that wait to be taken: 0 means that training outruns rendering."""
        return self._frames.qsize()


def _stream_worker(recipes: list[Recipe], seed: int, stride: int, frames) -> None:
    try:
        _be_one_core()
        makers = [FrameMaker(r) for r in recipes]
        turn = 0
        while True:
            maker = makers[turn % len(makers)]
            if split_of(seed, maker.recipe.validation) == 'train':
                for frame in maker.frames(seed):
                    frames.put(frame)
                turn += 1
            seed += stride
    except Exception as error:  # goes to the parent, which raises
        frames.put(DatasetError(f'{type(error).__name__}: {error}'))
