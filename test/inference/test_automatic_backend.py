"""``auto``: the fastest backend that is installed, works, and gives the network's depth."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from s2r_depth_ros.inference.backends import (
    Backend,
    BackendError,
    automatic,
    choose_backend,
    make_backend,
    openvino_backend,
)
from s2r_depth_ros.inference.backends.onnx_file import to_onnx
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network_choices import BACKENDS, DEFAULT_MODEL

CPU, SIZE = torch.device('cpu'), (96, 128)
# Largest relative change of depth from torch's own.
SAME_DEPTH = {'fp32': 1e-3, 'bf16': 0.1}

Recipe = Callable[[float], S2RDepthNet]


def _without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize('precision', SAME_DEPTH)
def test_the_chosen_backend_gives_the_depth_of_torch(
    precision: str, photo: NDArray[np.uint8]
) -> None:
    """Of the model that is shipped, on a CPU."""
    expected = DepthEstimator(DEFAULT_MODEL, device='cpu', backend='torch').predict(photo, fx=150.0)
    chosen = DepthEstimator(DEFAULT_MODEL, device='cpu', precision=precision, backend='auto')
    depth = chosen.predict(photo, fx=150.0).depth
    assert chosen.backend in BACKENDS
    change = np.abs(depth / expected.depth - 1)
    assert np.percentile(change, 99) < SAME_DEPTH[precision]


def test_openvino_where_it_is_installed(recipe_network: Recipe) -> None:
    pytest.importorskip('openvino', reason='optional')
    choice = choose_backend('auto', recipe_network(0.125), SIZE, CPU, torch.float32)
    assert (choice.name, choice.reason) == ('openvino', 'the fastest on a CPU')


@pytest.mark.parametrize('missing', ['openvino', 'onnx'])
def test_torch_where_openvino_is_not(
    missing: str, recipe_network: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what to install to be faster."""
    if missing == 'onnx':
        pytest.importorskip('openvino', reason='optional')
    _without(monkeypatch, missing)
    choice = choose_backend('auto', recipe_network(0.125), SIZE, CPU, torch.float32)
    assert choice.name == 'torch'
    assert f'needs {missing}, which cannot be imported' in choice.reason
    assert f'pip install {missing}' in choice.reason


# What a package called openvino may be, and what is told.
_CORE = """
class Core:
    def read_model(self, content): return content
    def compile_model(self, *arguments): return self
    def create_infer_request(self): return self
    def infer(self, inputs, **options):
"""
_BROKEN = {
    'a library that is missing': (
        'raise ImportError("libtbb.so.12: cannot open")', 'ImportError: libtbb.so.12: cannot open',
    ),
    'a package that it needs': ('import no_such_package', 'ModuleNotFoundError: No module named'),
    'the system': ('raise OSError("bad ELF header")', 'OSError: bad ELF header'),
    'another version': ('', 'AttributeError: '),
    'another processor': (
        'class Core:\n    compile_model = None\n    def read_model(self, content):\n'
        '        raise RuntimeError("no\\n  AVX2\\n")',
        'RuntimeError: no AVX2)',
    ),
    'no such outputs': (_CORE + '        return {}', "KeyError: 'depth'"),
}  # fmt: skip
_WRONG = """        import numpy
        shape = inputs['image'].shape[2:]
        result = numpy.full((1, 1, *shape), numpy.nan, 'float32')SLICED
        return dict.fromkeys(('depth', 'structure', 'attention'), result)
"""


def _install(monkeypatch: pytest.MonkeyPatch, folder: Path, content: str) -> None:
    """Put a package called openvino before the one that may be installed."""
    for name in [name for name in sys.modules if name.split('.')[0] == 'openvino']:
        monkeypatch.delitem(sys.modules, name)
    (folder / 'openvino.py').write_text(content)
    monkeypatch.syspath_prepend(folder)


@pytest.fixture(autouse=True)
def _forget_broken_packages() -> Iterator[None]:
    yield
    module = sys.modules.get('openvino')
    if module is not None and 'site-packages' not in (getattr(module, '__file__', '') or ''):
        del sys.modules['openvino']


@pytest.mark.parametrize('kind', _BROKEN)
def test_a_runtime_that_does_not_work_is_passed_over(
    kind: str, recipe_network: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """With one line that says so; by name it is refused, in the same words."""
    pytest.importorskip('onnx', reason='optional')
    content, told = _BROKEN[kind]
    _install(monkeypatch, tmp_path, content)
    network = recipe_network(0.125)
    with caplog.at_level(logging.WARNING):
        choice = choose_backend('auto', network, SIZE, CPU, torch.float32)
    assert choice.name == 'torch'
    (line,) = [record.message for record in caplog.records]
    assert told in line
    assert 'is installed but' in line
    assert '\n' not in line
    assert told in choice.reason
    with pytest.raises(BackendError) as caught:
        choose_backend('openvino', network, SIZE, CPU, torch.float32).backend(
            torch.zeros(1, 3, *SIZE)
        )
    assert str(caught.value) == line


@pytest.mark.parametrize('sliced', ['', '[..., 1:]', '[0]'])
def test_a_runtime_whose_depth_is_none_is_passed_over(
    sliced: str, recipe_network: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('onnx', reason='optional')
    _install(monkeypatch, tmp_path, _CORE + _WRONG.replace('SLICED', sliced))
    choice = choose_backend('auto', recipe_network(0.125), SIZE, CPU, torch.float32)
    assert choice.name == 'torch'
    wrong = 'gives depth of shape (1, ' if sliced else 'changes depth by '
    assert f"self-test: backend 'openvino' {wrong}" in choice.reason


def test_a_runtime_that_computes_something_else_is_passed_over(
    recipe_network: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip('openvino', reason='optional')
    network, other = recipe_network(0.125), recipe_network(0.125)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.05)
    monkeypatch.setattr(openvino_backend, 'to_onnx', lambda _, size: to_onnx(other, size))
    with caplog.at_level(logging.WARNING):
        choice = choose_backend('auto', network, SIZE, CPU, torch.float32)
    assert choice.name == 'torch'
    assert choice.reason.startswith("self-test: backend 'openvino' changes depth by")
    assert choice.reason in caplog.text


def test_exported_files_run_in_what_reads_them(
    recipe_network: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ('openvino', 'onnxruntime', 'onnx'):
        pytest.importorskip(module, reason='optional')
    file = tmp_path / 'x.onnx'
    file.write_bytes(to_onnx(recipe_network(0.125), SIZE))
    assert choose_backend('auto', file, SIZE, CPU, torch.float32).name == 'openvino'
    _without(monkeypatch, 'openvino')
    assert choose_backend('auto', file, SIZE, CPU, torch.float32).name == 'onnxruntime'
    _without(monkeypatch, 'onnxruntime')
    with pytest.raises(BackendError, match='pip install onnxruntime onnx'):
        choose_backend('auto', file, SIZE, CPU, torch.float32)


def test_a_named_backend_is_not_chosen(recipe_network: Recipe) -> None:
    choice = choose_backend('torch', recipe_network(0.125), SIZE, CPU, torch.float32)
    assert (choice.name, choice.reason) == ('torch', 'as asked for')


def test_a_gpu_runs_torch(recipe_network: Recipe) -> None:
    network, made = recipe_network(0.125), []

    def make(name: str) -> Backend:
        made.append(name)
        return make_backend(name, network, SIZE, CPU, torch.float32)

    choice = automatic.choose(network, torch.device('cuda'), make)
    assert (choice.name, choice.reason, made) == ('torch', 'the fastest on a GPU', ['torch'])
