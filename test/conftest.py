"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings
from made_up_model import save_tiny_model
from numpy.typing import NDArray
from parity_recipe import FOLDER, load_recipe
from ros_domain import own_domain

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet

if not torch.cuda.is_available():
    # Before anything imports Triton: its kernels run in its interpreter.
    os.environ.setdefault('TRITON_INTERPRET', '1')

# A shell lets what it starts in the background ignore SIGINT, and so would the nodes of the tests
# until they handle it: a test that ends one as it starts waited in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)

_ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile('no deadline', deadline=None)
settings.load_profile('no deadline')


# Where tests start ROS processes, or wait for some: never two of them beside each other. Only the
# walk of test/training/adaptation may be, whose demo has a domain of its own.
_ONE_BY_ONE = tuple(
    f'test/{room}/' for room in ('node', 'rig', 'demo', 'graph_benchmark', 'doctor', 'packaging')
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under pytest-xdist, hand out files as wholes, and all of ``_ONE_BY_ONE`` to one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return 'one by one' if nodeid.startswith(_ONE_BY_ONE) else nodeid.partition('::')[0]

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``gpu`` where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker('gpu'):
            item.add_marker(pytest.mark.skip(reason='torch sees no GPU'))


@pytest.fixture(scope='session', autouse=True)
def domain() -> Iterator[int]:
    """The ROS domain of this process and of all that it starts: no other test's, and no robot's."""
    with own_domain() as number, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(number))
        yield number


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a small model with random weights, the same on every run: width 0.125, 96x128."""
    return save_tiny_model(tmp_path_factory.mktemp('models') / 'tiny.safetensors')


@pytest.fixture(scope='session')
def needs_shared() -> Path:
    """Folder of evaluation data that lies beside the checkout, where there is one."""
    folder = _ROOT.parent / 'shared'
    if not folder.is_dir():
        pytest.skip(f'needs the evaluation data in {folder.name}/ beside the checkout')
    return folder


@pytest.fixture(scope='session')
def parity_folder() -> Path:
    return FOLDER


@pytest.fixture(scope='session')
def recipe() -> ModuleType:
    """The recipe of the parity fixtures: deterministic weights for any width."""
    return load_recipe()


@pytest.fixture(scope='session')
def recipe_network(recipe: ModuleType) -> Callable[[float], S2RDepthNet]:
    """Makes a network of a width with the recipe's weights.

    Unlike that of fresh random weights, its depth varies over most of the range.
    """

    def make(width: float) -> S2RDepthNet:
        network = S2RDepthNet(width)
        for name in SUB_NETWORKS:
            part = getattr(network, name)
            shapes = {key: tuple(value.shape) for key, value in part.state_dict().items()}
            weights = recipe.weights(name, shapes)
            part.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
        return network.eval()

    return make


@pytest.fixture(scope='session')
def metadata() -> ModelMetadata:
    return ModelMetadata(
        name='lively',
        width=0.125,
        input_height=96,
        input_width=128,
        max_depth=80.0,
        focal_length=100.0,
        scene='universal',
        licence='MIT',
    )


@pytest.fixture(scope='session')
def lively_model(
    recipe_network: Callable[[float], S2RDepthNet],
    metadata: ModelMetadata,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """File of a small model whose depth varies: width 0.125, 96x128, fx 100 px, 80 m."""
    path = tmp_path_factory.mktemp('lively') / 'lively.safetensors'
    save_model(path, recipe_network(0.125), metadata)
    return path


@pytest.fixture(scope='session')
def estimator(lively_model: Path) -> DepthEstimator:
    return DepthEstimator(lively_model, device='cpu')


@pytest.fixture(scope='session')
def photo() -> NDArray[np.uint8]:
    """uint8 RGB 112x208 with structure at all scales."""
    bgr = cv2.imread(str(FOLDER / 'input_112x208.png'))
    assert bgr is not None
    return np.asarray(bgr, np.uint8)[:, :, ::-1].copy()
