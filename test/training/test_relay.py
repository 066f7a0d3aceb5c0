from __future__ import annotations

import copy
import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_up_shards import make_set, make_shard
from source_files import ROOT
from training_states import assert_same_state

from s2r_depth_ros.files import OutputError
from s2r_depth_ros.network.checkpoint import load_model, read_metadata, save_model
from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.format import Manifest, ShardEntry, write_manifest
from s2r_depth_training.errors import ConfigError, DataError, DivergedError, ExportError
from s2r_depth_training.runs import budget
from s2r_depth_training.runs import relay as relay_module
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment, save_experiment
from s2r_depth_training.runs.open_step import load_frames
from s2r_depth_training.runs.relay import (
    Relay,
    experiment_of,
    open_relay,
    piece_work,
    trunk_file,
)
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import load_trunk, run_to_end
from s2r_depth_training.stages.config import StageConfig

CPU = torch.device('cpu')


@pytest.fixture
def small(experiment: Experiment) -> Experiment:
    """DP alone, one image a step, of rooms."""
    experiment.name = 'a'
    experiment.data.batch = 1
    experiment.data.mix = {'indoor': 1.0}
    experiment.stages = [StageConfig('depth', steps=4)]
    experiment.validation.every = 1
    return experiment


def piece(relay: Relay, images: int, out: Path) -> Path:
    frames = load_frames(relay.experiment, CPU)
    return run_to_end(piece_work(relay, Extent(images=images), frames, CPU, out))


def trunk_of(model: Path) -> dict[str, Any]:
    return load_trunk(trunk_file(model))


def write_model(path: Path, of: Experiment, provenance: dict[str, Any] | None = None) -> Path:
    torch.manual_seed(1)
    network = S2RDepthNet(of.width)
    save_model(path, network, metadata_of(of, path.stem, provenance), torch.float16)
    return path


# ---- pieces


def test_two_calls_of_the_command_come_to_what_one_comes_to(
    experiment, manifests, tmp_path, capsys
):
    """The trunk, bit for bit; the models differ, as their branches do."""
    experiment.name = 'a'
    save_experiment(experiment, tmp_path / 'a.yaml')
    command = ['relay', str(tmp_path / 'a.yaml'), '--data', str(manifests[0])]
    command += ['--data', str(manifests[1])]
    for out, images in (('whole', 20), ('halves', 10), ('halves', 10)):
        out = str(tmp_path / out)
        assert main([*command, '--out', out, '--images', str(images)]) == 0
        assert capsys.readouterr().out == f'{out}/a.safetensors\n'
    whole, halves = (tmp_path / out / 'a.safetensors' for out in ('whole', 'halves'))
    assert_same_state(trunk_of(whole), trunk_of(halves))
    facts = trunk_of(halves)['facts']
    assert facts['seen'] == {'joint': 16}
    metadata = read_metadata(halves)
    assert facts['sha256'] == metadata.sha256
    assert metadata.provenance['seen'] == {'joint': 16}
    assert metadata.provenance['annealed'] == 2
    assert read_metadata(whole).provenance['annealed'] == 4
    assert metadata.provenance['stage'] == 'joint'
    assert not metadata.provenance['experiment']['data']['manifests'][0].startswith('/')
    network, _ = load_model(halves)
    with torch.no_grad():
        assert torch.isfinite(network(torch.rand(1, 3, 96, 128)).depths[-1]).all()
    assert len((tmp_path / 'halves/a.jsonl').read_text().splitlines()) == 4


def test_an_interrupted_piece_goes_on_where_it_was_saved(small, tmp_path, monkeypatch):
    """In the trunk, and again in the branch; the end is that of one that was not interrupted."""
    monkeypatch.setattr(budget, '_SAVE_S', 1e-9)  # a file every 16 steps
    whole = piece(
        open_relay(copy.deepcopy(small), tmp_path / 'whole', None), 25, tmp_path / 'whole'
    )
    out = tmp_path / 'cut'
    run, end = TrainingStep.run, 18

    def cut(self: TrainingStep, rate: float) -> None:
        if self.number == end:
            raise KeyboardInterrupt
        run(self, rate)

    monkeypatch.setattr(TrainingStep, 'run', cut)
    with pytest.raises(KeyboardInterrupt):
        piece(open_relay(copy.deepcopy(small), out, None), 25, out)
    assert not (out / 'a.safetensors').exists()
    relay = open_relay(copy.deepcopy(small), out, None)
    assert relay.state is not None
    assert (relay.state['number'], relay.seen, relay.sha256) == (16, {'depth': 16}, '')

    end = 20
    with pytest.raises(KeyboardInterrupt):
        piece(relay, 5, out)
    monkeypatch.setattr(TrainingStep, 'run', run)
    relay = open_relay(copy.deepcopy(small), out, None)
    assert relay.seen == {'depth': 20}
    assert relay.state is not None
    assert_same_state(relay.state, trunk_of(whole))
    model = piece(relay, 1, out)
    assert read_metadata(model).provenance['seen'] == {'depth': 21}


def test_by_time_a_piece_ends_with_it_and_leaves_a_model(small, tmp_path, clock):
    relay = open_relay(small, tmp_path, None)
    frames = load_frames(small, CPU)
    began = clock.monotonic()
    model = run_to_end(piece_work(relay, Extent(end=began + 1.2), frames, CPU, tmp_path))
    assert 0.9 < clock.monotonic() - began < 1.5
    seen, annealed = relay.seen['depth'], read_metadata(model).provenance['annealed']
    assert trunk_of(model)['number'] == seen > 1
    assert 0 < annealed < seen
    again = open_relay(small, tmp_path, None)
    run_to_end(piece_work(again, Extent(end=clock.monotonic() + 0.5), frames, CPU, tmp_path))
    assert again.seen['depth'] > seen


def test_stages_before_the_last_take_their_steps_once(small, tmp_path):
    """Then pieces are of the last stage, which also a model alone goes on with."""
    small.stages = [StageConfig('structure', steps=5), StageConfig('depth', steps=5)]
    small.name = 'b'
    model = piece(open_relay(copy.deepcopy(small), tmp_path, None), 5, tmp_path)
    facts = trunk_of(model)['facts']
    assert (facts['stage'], facts['seen']) == (1, {'structure': 4, 'depth': 4})
    relay = open_relay(copy.deepcopy(small), tmp_path, None)
    piece(relay, 5, tmp_path)
    assert trunk_of(model)['number'] == 8
    assert relay.seen == {'structure': 4, 'depth': 8}
    lines = [json.loads(line) for line in (tmp_path / 'b.jsonl').read_text().splitlines()]
    stages = [line['stage'] for line in lines]
    assert stages == ['structure', 'structure', 'depth', 'depth', 'depth', 'depth']
    # By the model alone: the same run.
    by_model = open_relay(None, tmp_path, model)
    assert by_model.state is not None
    assert by_model.stage == 1
    assert_same_state(by_model.state, trunk_of(model))


def test_by_time_stages_get_their_shares_of_it(small, tmp_path, clock):
    small.stages = [StageConfig('structure', steps=1), StageConfig('depth', steps=3)]
    relay = open_relay(small, tmp_path, None)
    began = clock.monotonic()
    run_to_end(piece_work(relay, Extent(end=began + 4.0), load_frames(small, CPU), CPU, tmp_path))
    assert 3.0 < clock.monotonic() - began < 4.3
    assert relay.stage == 1
    assert relay.seen['depth'] == pytest.approx(3 * relay.seen['structure'], rel=0.35)


def test_a_diverging_piece_is_told_and_leaves_what_was_saved(small, tmp_path):
    model = piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    before = model.read_bytes(), trunk_of(model)
    small.optimizer.learning_rate = 1e30
    with pytest.raises(DivergedError):
        piece(open_relay(small, tmp_path, None), 5, tmp_path)
    assert model.read_bytes() == before[0]
    assert_same_state(trunk_of(model), before[1])


# ---- going on from a model


def test_a_model_without_its_trunk_is_gone_on_from(small, tmp_path):
    """By its own experiment: its weights, a fresh optimizer, and the ledger goes on."""
    relay = open_relay(small, tmp_path / 'first', None)
    relay.scenes = {'indoor': [[3, 17]]}
    model = piece(relay, 5, tmp_path / 'first')
    trunk_file(model).unlink()
    out = tmp_path / 'second'
    again = open_relay(None, out, model)
    assert (again.state, again.stage, again.sha256) == (None, 0, '')
    assert again.seen == {'depth': 4}
    assert again.scenes == {'indoor': [[3, 17]]}
    assert again.next_scene('indoor') == 18
    assert again.experiment.name == 'a'
    assert again.experiment.stages == small.stages
    assert again.experiment.data.manifests == []
    torch.manual_seed(5)  # does not matter: weights are the model's
    started, (weights, _) = start_network(again.experiment), load_model(model)
    for key, value in weights.state_dict().items():
        assert torch.equal(started.state_dict()[key], value), key
    again.experiment.data.manifests = small.data.manifests
    gone_on = piece(again, 5, out)
    facts = trunk_of(gone_on)
    assert facts['number'] == 4  # of an optimizer that began here
    assert facts['facts']['seen'] == {'depth': 8}
    provenance = read_metadata(gone_on).provenance
    assert provenance['seen'] == {'depth': 8}
    assert provenance['scenes'] == {'indoor': [[3, 17]]}
    for key, value in load_model(gone_on)[0].state_dict().items():
        if key.startswith('struct_'):  # frozen in this stage
            assert torch.equal(value, weights.state_dict()[key]), key


def test_a_run_that_its_yaml_starts_from_a_model_keeps_the_ledger_of_that(small, tmp_path):
    """From its first stage; but what a DP had seen that a stage begins anew is gone with it."""
    first = open_relay(copy.deepcopy(small), tmp_path / 'first', None)
    first.scenes, first.seen = {'indoor': [[3, 17]]}, {'structure': 9}
    model = piece(first, 5, tmp_path / 'first')
    small.name, small.start = 'b', str(model)
    small.stages = [StageConfig('formula', steps=2), StageConfig('depth', steps=4)]
    relay = open_relay(small, tmp_path / 'second', None)
    assert (relay.stage, relay.state) == (0, None)
    assert relay.seen == {'structure': 9, 'depth': 4}
    relay.add_scenes(small.data.manifests)
    assert relay.before['name'] == 'a'
    known = relay.before['provenance']
    assert known == read_metadata(model).provenance  # which does not hear of the new scenes
    assert known['scenes'] == {'indoor': [[3, 17]]}
    assert relay.scenes.keys() == {'indoor', 'street'}
    trained = read_metadata(piece(relay, 5, tmp_path / 'second'))
    assert trained.provenance['seen'] == {'structure': 9, 'formula': 2, 'depth': 4}
    assert trained.provenance['before']['sha256'] == read_metadata(model).sha256


def test_a_trunk_beside_the_model_is_gone_on_with_in_another_folder(small, tmp_path):
    model = piece(open_relay(copy.deepcopy(small), tmp_path / 'first', None), 5, tmp_path / 'first')
    relay = open_relay(copy.deepcopy(small), tmp_path / 'second', model)
    assert relay.state is not None
    piece(relay, 5, tmp_path / 'second')
    whole = piece(open_relay(small, tmp_path / 'whole', None), 10, tmp_path / 'whole')
    assert_same_state(trunk_of(tmp_path / 'second/a.safetensors'), trunk_of(whole))


def test_the_folder_of_the_run_may_be_named_as_its_start(small, tmp_path):
    model = piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    assert open_relay(copy.deepcopy(small), tmp_path, model).state is not None


def test_the_first_models_tell_of_their_stages_in_words(small, tmp_path):
    values = asdict(small)
    # No multiple of validation.every, as those were no steps of one run.
    values['stages'] = [{'name': 'depth on rooms, again', 'steps': 77}]
    path = write_model(
        tmp_path / 'old.safetensors', small, {'stage': 'depth', 'experiment': values}
    )
    experiment = experiment_of(path)
    assert (experiment.name, experiment.data.manifests) == ('old', [])
    assert [stage.name for stage in experiment.stages] == ['depth']


@pytest.mark.parametrize('mix', [{'indoor': 1.0}, {}])
def test_models_without_a_ledger_leave_a_million_scenes_out(small, tmp_path, mix):
    """Also one whose experiment names no kinds, which then are all that can be rendered."""
    small.data.mix = mix
    known = {'stage': 'depth', 'experiment': asdict(small)}
    path = write_model(tmp_path / 'old.safetensors', small, known)
    for given_one in (None, small):
        relay = open_relay(given_one, tmp_path / 'out', path)
        assert relay.next_scene('indoor') == 1_000_000
        assert relay.seen == {}
        assert relay.next_scene('street') == (0 if mix else 1_000_000)


# ---- refusals


@pytest.fixture
def run(small: Experiment, tmp_path: Path) -> Path:
    """The model of a run of a few steps, with its trunk."""
    return piece(open_relay(copy.deepcopy(small), tmp_path / 'run', None), 2, tmp_path / 'run')


def test_a_run_is_not_mixed_with_another(small, run, tmp_path):
    out = run.parent
    other = write_model(tmp_path / 'other.safetensors', small)
    with pytest.raises(ConfigError, match='holds a run of a already'):
        open_relay(small, out, other)
    for changed in (
        replace(small, width=0.25),
        replace(small, stages=[StageConfig('joint', 4)]),
        replace(small, stages=[StageConfig('structure', 4), *small.stages]),
    ):
        with pytest.raises(ConfigError, match='another width or other stages'):
            open_relay(changed, out, None)
    write_model(run, small)
    with pytest.raises(ConfigError, match='is not the trunk of'):
        open_relay(small, out, None)


def test_what_gives_no_model_is_refused(small, tmp_path):
    with pytest.raises(ConfigError, match='give an experiment, or a model'):
        open_relay(None, tmp_path, None)
    with pytest.raises(ExportError, match='a is of stage decoder'):
        open_relay(replace(small, stages=[StageConfig('decoder', 4)]), tmp_path, None)
    with pytest.raises(ConfigError, match='stages: the experiment has none'):
        open_relay(replace(small, stages=[]), tmp_path, None)


def test_a_model_that_does_not_say_how_it_was_trained_is_refused(small, tmp_path):
    values = asdict(small)
    in_words = {**values, 'stages': [{'name': 'depth, again', 'steps': 7}]}
    cases: list[dict[str, Any]] = [
        {},
        {'stage': 'depth'},
        {'experiment': in_words},
        {'stage': 'unheard of', 'experiment': in_words},
        {'stage': 'depth', 'experiment': {**values, 'stages': 3}},
        {'stage': 'depth', 'experiment': {**values, 'width': 'wide'}},
        {'stage': 'depth', 'experiment': 'by hand'},
    ]
    for number, provenance in enumerate(cases):
        path = write_model(tmp_path / f'm{number}.safetensors', small, provenance)
        with pytest.raises(ConfigError, match=r'does not say by which experiment.*give its YAML'):
            open_relay(None, tmp_path, path)
    with pytest.raises(CheckpointError, match='no such file'):
        open_relay(None, tmp_path, tmp_path / 'none.safetensors')


def test_the_command_tells_in_one_line_what_it_cannot_do(small, manifests, tmp_path, capsys):
    data = ['--data', str(manifests[0]), '--out', str(tmp_path)]
    assert main(['relay', '--images', '8', *data]) == 2
    assert capsys.readouterr().err == 's2r_train: give an experiment, or a model to go on from\n'
    save_experiment(small, tmp_path / 'a.yaml')
    for extent in ([], ['--images', '8', '--minutes', '1'], ['--images', '0']):
        with pytest.raises(SystemExit) as ended:
            main(['relay', str(tmp_path / 'a.yaml'), *extent, *data])
        assert ended.value.code == 2


# ---- the ledger

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda r: [r[0], r[0] + r[1]])
)


def numbers(ranges: list[list[int]]) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


@given(RANGES)
def test_ranges_are_merged_without_loss(ranges):
    before = copy.deepcopy(ranges)
    merged = relay_module._merged(ranges)
    assert ranges == before
    assert numbers(merged) == numbers(ranges)
    for (_, last), (first, _) in pairwise(merged):
        assert first > last + 1  # sorted, and neither touching nor overlapping
    assert relay_module._merged(merged) == merged


@given(RANGES, RANGES)
def test_the_next_scene_is_above_all_that_was_learnt_from(known, spans):
    relay = Relay(Experiment(), scenes={'indoor': known, 'street': [[500, 600]]})
    relay.scenes['indoor'] = relay_module._merged([*known, *spans])
    first = relay.next_scene('indoor')
    assert all(number < first for number in numbers(known) | numbers(spans))
    assert first == max(numbers(known) | numbers(spans), default=-1) + 1
    assert relay.next_scene('attic') == 0


def test_scenes_of_training_sets_are_noted_by_kind(tmp_path):
    paths = []
    for kind, seeds in (('indoor', [[0, 7], [8, 15], [40, 41]]), ('street', [[3, 3]])):
        (tmp_path / kind).mkdir()
        shards = [ShardEntry(file=f'{n}.npz', split='train', seeds=s) for n, s in enumerate(seeds)]
        shards.append(ShardEntry(file='recorded.npz', split='train'))
        paths.append(write_manifest(tmp_path / kind, Manifest(kind=kind, shards=shards)))
    relay = Relay(Experiment(), scenes={'indoor': [[16, 20]]})
    for _ in range(2):
        relay.add_scenes(paths)
        assert relay.scenes == {'indoor': [[0, 20], [40, 41]], 'street': [[3, 3]]}
    with pytest.raises(DataError):
        relay.add_scenes([tmp_path / 'none.json'])


def test_the_command_takes_another_batch(small, manifests, tmp_path):
    save_experiment(small, tmp_path / 'a.yaml')
    command = ['relay', str(tmp_path / 'a.yaml'), '--images', '6', '--data', str(manifests[0])]
    command += ['--out', str(tmp_path / 'out')]
    assert main([*command, '--batch', '3']) == 0
    content = trunk_of(tmp_path / 'out/a.safetensors')
    assert (content['number'], content['facts']['seen']) == (2, {'depth': 6})
    assert content['facts']['experiment']['data']['batch'] == 3


def test_the_command_keeps_the_ledger(small, tmp_path):
    folder = tmp_path / 'rooms'
    folder.mkdir()
    make_shard(folder / 'train.npz', 2, [5, 6], 0)
    make_set(folder, 'indoor', ['train'])
    entry = ShardEntry(file='train.npz', split='train', seeds=[5, 6])
    path = write_manifest(folder, Manifest(kind='indoor', shards=[entry]))
    save_experiment(small, tmp_path / 'a.yaml')
    command = ['relay', str(tmp_path / 'a.yaml'), '--images', '1', '--data', str(path)]
    assert main([*command, '--out', str(tmp_path / 'out')]) == 0
    model = tmp_path / 'out/a.safetensors'
    assert read_metadata(model).provenance['scenes'] == {'indoor': [[5, 6]]}
    assert open_relay(None, tmp_path / 'out', model).next_scene('indoor') == 7


@pytest.mark.parametrize('name', ['indoor-s', 'outdoor-s'])
def test_shipped_models_can_be_gone_on_from(name, tmp_path):
    relay = open_relay(None, tmp_path, ROOT / 'models' / f'{name}.safetensors')
    assert [stage.name for stage in relay.experiment.stages] == ['depth']
    assert relay.before['name'] == name
    kinds = set(relay.experiment.data.mix)
    assert all(relay.next_scene(kind) > 1000 for kind in kinds)


def test_what_cannot_end_well_is_told_before_the_training(small, tmp_path):
    relay = open_relay(small, tmp_path, None)
    frames = load_frames(small, CPU)
    relay.experiment.data.batch = 2
    with pytest.raises(ConfigError, match='1 images are less than a step'):
        run_to_end(piece_work(relay, Extent(images=1), frames, CPU, tmp_path / 'out'))
    (tmp_path / 'taken/a.safetensors').mkdir(parents=True)
    with pytest.raises(OutputError, match='is a folder'):
        run_to_end(piece_work(relay, Extent(images=10), frames, CPU, tmp_path / 'taken'))
    assert [path.name for path in (tmp_path / 'taken').iterdir()] == ['a.safetensors']


def test_a_piece_cut_off_between_model_and_trunk_is_gone_on_from(small, tmp_path):
    model = piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    before = trunk_file(model).read_bytes()
    piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    trunk_file(model).write_bytes(before)
    assert open_relay(copy.deepcopy(small), tmp_path, None).state is not None
    piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    piece(open_relay(copy.deepcopy(small), tmp_path, None), 3, tmp_path)
    trunk_file(model).write_bytes(before)
    with pytest.raises(ConfigError, match='is not the trunk of'):
        open_relay(copy.deepcopy(small), tmp_path, None)


def test_a_rate_in_steps_is_refused(experiment, tmp_path):
    """A trunk has one rate; the paper's halving would be passed over."""
    experiment.optimizer.schedule = 'step'
    with pytest.raises(ConfigError, match=r'schedule: step is of `fit`'):
        open_relay(experiment, tmp_path, None)
