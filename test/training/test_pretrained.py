"""Parts of the network start from files that their user has."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from traps import Trap

from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.cli import main
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.start import start_network

# Of DRN-D-22 as fyu/drn has it: name -> shape, one of each kind of layer.
SOME = {
    'layer0.0.weight': (16, 3, 7, 7),
    'layer1.1.running_var': (16,),
    'layer3.0.downsample.0.weight': (64, 32, 1, 1),
    'layer6.1.conv2.weight': (512, 512, 3, 3),
    'layer8.0.weight': (512, 512, 3, 3),
}


def drn(counters: bool = False) -> dict[str, Tensor]:
    """The file of ImageNet, of random numbers: with a classifier, without counters as it is old."""
    torch.manual_seed(5)
    base = S2RDepthNet(1.0).dsa.E.base
    state = {
        f'layer{key}': torch.rand_like(value) if value.is_floating_point() else value
        for key, value in base.state_dict().items()
        if counters or not key.endswith('num_batches_tracked')
    }
    return {**state, 'fc.weight': torch.zeros(1000, 512, 1, 1), 'fc.bias': torch.zeros(1000)}


def start(**files: Path) -> S2RDepthNet:
    torch.manual_seed(0)
    experiment = Experiment(width=1.0)
    for key, path in files.items():
        assert getattr(experiment, key) == ''
        setattr(experiment, key, str(path))
    return start_network(experiment)


def first_weight(network: S2RDepthNet) -> Tensor:
    return network.state_dict()['dsa.E.base.0.0.weight']


@pytest.mark.parametrize('counters', [False, True])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_dsas_encoder_starts_from_imagenet_and_nothing_else_changes(tmp_path, counters, prefix):
    state = drn(counters)
    assert {name: tuple(state[name].shape) for name in SOME} == SOME
    torch.save({prefix + k: v for k, v in state.items()}, tmp_path / 'drn.pth')
    got, plain = start(drn_d_22=tmp_path / 'drn.pth').state_dict(), start().state_dict()
    for key, value in got.items():
        if key.startswith('dsa.E.base.') and not key.endswith('num_batches_tracked'):
            expected = state[f'layer{key.removeprefix("dsa.E.base.")}']
        else:
            expected = plain[key]
        assert torch.equal(value, expected), key


def test_a_file_in_the_old_format_of_torch_is_read(tmp_path):
    torch.save(drn(), tmp_path / 'drn.pth', _use_new_zipfile_serialization=False)
    got = start(drn_d_22=tmp_path / 'drn.pth')
    assert torch.equal(first_weight(got), drn()['layer0.0.weight'])


def test_the_structure_encoder_starts_from_the_authors(tmp_path):
    state = {k: torch.rand_like(v) for k, v in S2RDepthNet(1.0).struct_encoder.state_dict().items()}
    torch.save(state, tmp_path / 'e.pth')
    got = start(struct_encoder=tmp_path / 'e.pth')
    assert all(torch.equal(v, state[k]) for k, v in got.struct_encoder.state_dict().items())
    assert torch.equal(first_weight(got), first_weight(start()))


def broken(how: str, made: Path) -> object:
    state: dict[str, object] = dict(drn())
    if how == 'missing':
        del state['layer5.1.bn2.running_mean']
    elif how == 'extra':
        state['layer9.0.weight'] = torch.zeros(1)
    elif how == 'shape':
        state['layer7.0.weight'] = torch.zeros(512, 512, 1, 1)
    elif how == 'nan':
        state['layer2.0.weight'] = torch.full((32, 16, 3, 3), torch.nan)
    elif how == 'double':
        state['layer1.0.weight'] = torch.zeros(16, 16, 3, 3, dtype=torch.float64)
    elif how == 'wrapped':
        return {'state_dict': state}
    elif how == 'code':
        state['fc.bias'] = Trap(made)
    elif how == 'list':
        return [1, 2]
    return state


@pytest.mark.parametrize(
    ('how', 'told'),
    [
        ('missing', r"key 'layer5.1.bn2.running_mean' of DRN-D-22 is missing; give drn_d_22"),
        ('extra', "key 'layer9.0.weight' is unexpected in DRN-D-22"),
        ('shape', r"'layer7.0.weight' has shape \(512, 512, 1, 1\), DRN-D-22 needs \(512, 512, 3"),
        ('nan', "'layer2.0.weight' holds NaN or infinity; it is damaged"),
        ('double', "'layer1.0.weight' is torch.float64"),
        ('wrapped', 'a wrapped training checkpoint'),
        ('code', 'holds Python objects'),
        ('list', 'not a filled state dict'),
    ],
)
def test_another_file_is_told_and_runs_no_code(tmp_path, how, told):
    path = tmp_path / 'drn.pth'
    torch.save(broken(how, tmp_path / 'made'), path)
    with pytest.raises(CheckpointError, match=told) as caught:
        start(drn_d_22=path)
    assert str(path) in str(caught.value)
    assert not (tmp_path / 'made').exists()


def test_a_file_that_is_cut_short_or_gone_is_told(tmp_path):
    path = tmp_path / 'drn.pth'
    torch.save(drn(), path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match='not a whole PyTorch file'):
        start(drn_d_22=path)
    with pytest.raises(CheckpointError, match=r'gone\.pth'):
        start(struct_encoder=tmp_path / 'gone.pth')


def test_a_narrow_network_does_not_take_them(tmp_path, manifests, capsys):
    torch.save(drn(), tmp_path / 'drn.pth')
    (tmp_path / 'a.yaml').write_text('width: 0.125\nstages: [{name: joint, steps: 1}]\n')
    arguments = ['fit', str(tmp_path / 'a.yaml'), '--out', str(tmp_path / 'run')]
    arguments += ['--data', str(manifests[0]), '--drn-d-22', str(tmp_path / 'drn.pth')]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert (
        'DRN-D-22 needs (2, 3, 7, 7); give drn_d_22-4bd2f8ea.pth of fyu/drn, and width: 1.0'
        in error
    )
