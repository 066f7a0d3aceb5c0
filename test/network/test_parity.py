"""The network computes what the authors' network computes: replays test/data/parity/recipe.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from parity_recipe import load_recipe

from s2r_depth_ros.network.released import load_released
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, WIDTHS, S2RDepthNet
from s2r_depth_ros.size_rule import SizeError

DATA = Path(__file__).resolve().parents[1] / 'data'
KEYS = json.loads((DATA / 'state_dict_keys.json').read_text())
MANIFEST = json.loads((DATA / 'parity' / 'manifest.json').read_text())
ATOL = 1e-4
SIZES = ('96x160', '112x208')
# Channels that no width scales: the image, the maps between sub-networks, the depth maps.
FIXED = {1, 3}


recipe = load_recipe()
# Of each sub-network: state-dict key -> values. Of each size: name in the fixtures -> values.
Weights = dict[str, dict[str, NDArray[Any]]]
Runs = dict[str, dict[str, NDArray[Any]]]


def official_shapes(name: str) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value['shape']) for key, value in KEYS[name]['keys'].items()}


@pytest.fixture(scope='module')
def weights() -> Weights:
    return {name: recipe.weights(name, official_shapes(name)) for name in SUB_NETWORKS}


@pytest.fixture(scope='module')
def network(weights: Weights) -> S2RDepthNet:
    with torch.device('meta'):
        network = S2RDepthNet()
    for name, values in weights.items():
        tensors = {key: torch.from_numpy(value) for key, value in values.items()}
        getattr(network, name).load_state_dict(tensors, strict=True, assign=True)
    return network.eval()


@pytest.fixture(scope='module')
def runs(network: S2RDepthNet) -> Runs:
    """What our network gives at both sizes, by the names of the fixtures."""
    results = {}
    for size in SIZES:
        image = official_image(size)
        with torch.inference_mode():
            output = network(image)
            maps = {
                'structure_map': output.structure,
                'attention_map': output.attention,
                'depth_specific_structure': output.structure * output.attention,
                'metric_depth_80m': (output.depths[3] + 1) / 2 * 80,
                'struct_code': network.struct_encoder(image),
                'dsa_encoder': network.dsa.E(image)[0],
            }
        maps |= {f'depth_{s}': depth for s, depth in zip((8, 4, 2, 1), output.depths)}
        results[size] = {name: value[0].squeeze(0).numpy() for name, value in maps.items()}
    return results


def official_image(size: str) -> torch.Tensor:
    return torch.from_numpy(recipe.to_tensor(recipe.image(*map(int, size.split('x')))))


def official(size: str) -> dict[str, NDArray[Any]]:
    folder = DATA / 'parity'
    outputs = np.load(folder / f'outputs_{size}.npz')
    inner = np.load(folder / f'intermediates_{size}.npz')
    return {name: file[name] for file in (outputs, inner) for name in file.files if name != 'image'}


@pytest.mark.parametrize('name', SUB_NETWORKS)
def test_recipe_makes_the_weights_of_the_fixtures(weights: Weights, name: str) -> None:
    digest = hashlib.sha256()
    for key in sorted(weights[name]):
        digest.update(key.encode('ascii') + weights[name][key].tobytes())
    assert digest.hexdigest() == MANIFEST['nets'][name]['sha256_sorted_key_then_le_bytes']


@pytest.mark.parametrize('size', ['64x128', *SIZES])
def test_recipe_makes_the_images_of_the_fixtures(size: str) -> None:
    stored = np.load(DATA / 'parity' / f'outputs_{size}.npz')['image']
    np.testing.assert_array_equal(recipe.image(*map(int, size.split('x'))), stored)


@pytest.mark.parametrize('name', SUB_NETWORKS)
def test_keys_shapes_and_dtypes_are_the_authors(network: S2RDepthNet, name: str) -> None:
    ours = getattr(network, name).state_dict()
    theirs = KEYS[name]['keys']
    assert {key: (list(v.shape), str(v.dtype)) for key, v in ours.items()} == {
        key: (v['shape'], v['dtype']) for key, v in theirs.items()
    }


@pytest.mark.parametrize('name', SUB_NETWORKS)
def test_number_of_parameters_is_the_authors(network: S2RDepthNet, name: str) -> None:
    parameters = list(getattr(network, name).parameters())
    assert sum(p.numel() for p in parameters) == KEYS[name]['n_params_unique']
    assert len(parameters) == KEYS[name]['n_param_tensors_unique']


def test_prelu_stays_one_scalar_after_loading(network: S2RDepthNet) -> None:
    slopes = [m for m in network.depth_net.modules() if isinstance(m, torch.nn.PReLU)]
    assert len(slopes) == 1
    assert slopes[0].weight.item() == recipe.PRELU


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(
    'name',
    [
        'struct_code',
        'structure_map',
        'dsa_encoder',
        'attention_map',
        'depth_specific_structure',
        'depth_8',
        'depth_4',
        'depth_2',
        'depth_1',
    ],
)
def test_output_is_the_authors(runs: Runs, size: str, name: str) -> None:
    ours, theirs = runs[size][name], official(size)[name]
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=ATOL)


@pytest.mark.parametrize('size', SIZES)
def test_metric_depth_is_the_authors(runs: Runs, size: str) -> None:
    # (x + 1) / 2 * 80 m magnifies what x may differ by 40 times.
    theirs = official(size)['metric_depth_80m']
    np.testing.assert_allclose(runs[size]['metric_depth_80m'], theirs, rtol=0, atol=40 * ATOL)


def test_no_fixture_is_left_out(runs: Runs) -> None:
    assert all(set(official(size)) == set(runs[size]) for size in SIZES)


def test_at_64x128_structure_and_attention_are_the_authors(network: S2RDepthNet) -> None:
    image, theirs = official_image('64x128'), official('64x128')
    with torch.inference_mode():
        code = network.struct_encoder(image)
        ours = {
            'struct_code': code,
            'structure_map': network.struct_decoder(code),
            'dsa_encoder': network.dsa.E(image)[0],
            'attention_map': network.dsa(image),
        }
    ours['depth_specific_structure'] = ours['structure_map'] * ours['attention_map']
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(
            value[0].squeeze(0).numpy(), theirs[name], rtol=0, atol=ATOL, err_msg=name
        )


def test_at_64x128_the_depth_network_names_the_size_rule(network: S2RDepthNet) -> None:
    structure = torch.zeros(1, 1, 64, 128)
    for run in (
        lambda: network.depth_net(structure),
        lambda: network(official_image('64x128')),
    ):
        with pytest.raises(SizeError, match=r'64x128.*multiples of 16 and at least 96.*96x128'):
            run()


@pytest.mark.parametrize('prefixed', [('struct_decoder', 'dsa', 'depth_net'), SUB_NETWORKS, ()])
def test_released_files_load_with_and_without_module_prefix(
    tmp_path: Path, weights: Weights, network: S2RDepthNet, prefixed: tuple[str, ...]
) -> None:
    paths = []
    for name, values in weights.items():
        prefix = 'module.' if name in prefixed else ''
        state = {prefix + key: torch.from_numpy(value) for key, value in values.items()}
        paths.append(tmp_path / f'{name}.pth')
        torch.save(state, paths[-1])
    loaded = load_released(*paths)
    assert loaded.width == 1.0
    assert not loaded.training
    expected = network.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in loaded.state_dict().items())
    for path in paths:  # 350 MB that pytest would keep
        path.unlink()


@pytest.mark.parametrize('width', WIDTHS)
def test_width_scales_every_hidden_channel_count(width: float) -> None:
    with torch.device('meta'):
        network = S2RDepthNet(width)
    image = torch.zeros(1, 3, 96, 96, device='meta')
    assert [tuple(d.shape) for d in network(image).depths] == [
        (1, 1, 96 // s, 96 // s) for s in (8, 4, 2, 1)
    ]
    for name in SUB_NETWORKS:
        ours = {key: tuple(v.shape) for key, v in getattr(network, name).state_dict().items()}
        theirs = official_shapes(name)
        assert ours.keys() == theirs.keys()
        for key, shape in theirs.items():
            assert ours[key] == scaled_shape(shape, width), key


def scaled_shape(shape: tuple[int, ...], width: float) -> tuple[int, ...]:
    """Scale the channel axes; a 33, 129 or 257 holds one fixed channel: a depth map."""
    channels = tuple(c if c in FIXED else int((c - c % 2) * width) + c % 2 for c in shape[:2])
    return channels + shape[2:]


@pytest.mark.parametrize('width', [0.01, 0.15625, 1 / 3])
def test_width_that_splits_channels_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=r'use 1\.0, 0\.5, 0\.25 or 0\.125'):
        S2RDepthNet(width)
