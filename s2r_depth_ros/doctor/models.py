"""The model files that come with the package."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from s2r_depth_ros.doctor.finding import FAILED, OK, Finding
from s2r_depth_ros.network_choices import DEFAULT_MODEL


def check() -> Iterator[Finding]:
    """Load each model, which compares its weights with their sha256, and let it see a picture."""
    from s2r_depth_ros.network.registry import available_models

    names = available_models()
    yield from missing(names)
    yield from map(of_model, names)


def missing(names: Sequence[str]) -> Iterator[Finding]:
    """Give what is wrong with there being only the models ``names``: the node needs its default."""
    if not names:
        yield Finding('models', FAILED, 'none is installed', 'build the package again')
    elif DEFAULT_MODEL not in names:
        text = 'its file is not in models/, and it is what the node takes by default'
        remedy = f'build the package again, or set the parameter model: {", ".join(names)}'
        yield Finding(f'model {DEFAULT_MODEL}', FAILED, text, remedy)


def of_model(name: str) -> Finding:
    """Return whether the model ``name`` gives finite depth on the CPU."""
    import numpy as np

    from s2r_depth_ros.errors import UserError
    from s2r_depth_ros.inference.estimator import DepthEstimator

    what = f'model {name}'
    try:
        estimator = DepthEstimator(name, device='cpu')
        picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
        depth = estimator.predict(picture).depth
        started = time.perf_counter()
        estimator.predict(picture)
        milliseconds = 1e3 * (time.perf_counter() - started)
    except UserError as error:
        return Finding(what, FAILED, str(error))
    if not np.isfinite(depth).any():
        return Finding(what, FAILED, 'its depth is nowhere finite', 'install torch again')
    return Finding(what, OK, f'sha256 fits; 640x480 in {milliseconds:.0f} ms on the CPU')
