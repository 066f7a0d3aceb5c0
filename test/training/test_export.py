from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import ALIGNMENTS, METRICS
from s2r_depth_ros.evaluation.report import counts
from s2r_depth_ros.evaluation.scores import FrameScore, summarise
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.rendering import DatasetError
from s2r_depth_training.runs.experiment import STAGE_NAMES, Experiment, StageConfig
from s2r_depth_training.runs.export import (
    ExportError,
    card_text,
    export,
    metadata_of,
    placeholder_of,
    write_card,
)
from s2r_depth_training.runs.smoke import smoke
from s2r_depth_training.stages.stages import make_stage


def write_checkpoint(folder, name='joint', fold_skips=False):
    """A checkpoint as Lightning writes it, whose average differs from the trained weights."""
    torch.manual_seed(0)
    experiment = Experiment(
        width=0.125,
        picked_on_real='the loss',
        fold_skips=fold_skips,
        stages=[StageConfig(name, 500)],
    )
    experiment.data.manifests = ['/home/me/rooms/manifest.json']
    experiment.data.paintings = '/home/me/paintings'
    stage = make_stage(experiment, experiment.stages[0], S2RDepthNet(0.125))
    for parameter in stage.average.parameters():
        parameter.mul_(1.5)
    checkpoint = {'state_dict': stage.state_dict(), 'global_step': 500}
    stage.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / 'best.ckpt')
    return folder / 'best.ckpt', stage


def results_of(metadata, model_error, prior_error):
    """What the evaluate command would write for a model with these abs_rel everywhere."""
    values = {'model': model_error, 'row': prior_error}
    records = [
        FrameScore(
            f'{kind}{i}', kind, f's{i}', who, how, {**dict.fromkeys(METRICS, v), 'scale': 1.0}
        )
        for kind in ('indoor', 'driving')
        for i in range(2)
        for who, v in values.items()
        for how in ALIGNMENTS
    ]
    return {
        'model': metadata.name,
        'model_sha256': metadata.sha256,
        'manifest_sha256': 'abc',
        'caps_m': CAPS,
        'counts': counts(records),
        'summary': summarise(records),
    }


def test_the_average_is_exported_with_its_provenance(tmp_path):
    checkpoint, stage = write_checkpoint(tmp_path)
    export(checkpoint, 'mine', tmp_path / 'mine.safetensors', torch.float32)
    network, metadata = load_model(tmp_path / 'mine.safetensors')
    for key, value in stage.average.state_dict().items():
        assert torch.equal(network.state_dict()[key], value), key
    assert (metadata.name, metadata.focal_length, metadata.max_depth) == ('mine', 100.0, 80.0)
    assert metadata.provenance['stage'] == 'joint'
    assert metadata.provenance['experiment']['stages'][0]['steps'] == 500
    assert metadata.provenance['experiment']['data']['manifests'] == ['rooms']
    assert metadata.provenance['experiment']['data']['paintings'] == 'paintings'


def test_an_unfinished_model_is_not_exported(tmp_path):
    checkpoint, _ = write_checkpoint(tmp_path, 'decoder')
    with pytest.raises(ExportError, match='has not learnt behind the attention map'):
        export(checkpoint, 'mine', tmp_path / 'mine.safetensors')
    (tmp_path / 'other.ckpt').write_bytes(b'nothing')
    with pytest.raises(ExportError, match='not a checkpoint'):
        export(tmp_path / 'other.ckpt', 'mine', tmp_path / 'mine.safetensors')


@pytest.mark.parametrize('fold_skips', [False, True])
def test_estimator_and_training_agree_on_depth(tmp_path, fold_skips):
    """Decoding, normalisation, focal correction and skip weights are those of the training."""
    checkpoint, stage = write_checkpoint(tmp_path, fold_skips=fold_skips)
    export(checkpoint, 'mine', tmp_path / 'mine.safetensors', torch.float32)
    rgb = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    estimator = DepthEstimator(tmp_path / 'mine.safetensors', device='cpu')
    image = torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32) / 255 * 2 - 1)
    with torch.no_grad():
        encoded = stage.predict(stage.average, image[None]).depths[-1]
    canonical = (encoded[0, 0].numpy() + 1) / 2 * 80
    # A lens of 50 px shows at half the distance what the canonical one of 100 px does.
    depth = estimator.predict(rgb, fx=50.0).depth
    np.testing.assert_allclose(depth, canonical / 2, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(('model_error', 'placeholder'), [(0.2, False), (0.4, True)])
def test_card_says_what_was_measured(tmp_path, model_error, placeholder):
    checkpoint, _ = write_checkpoint(tmp_path)
    path = tmp_path / 'mine.safetensors'
    before = export(checkpoint, 'mine', path)
    card = write_card(path, results_of(before, model_error, 0.3))
    text, after = card.read_text(), read_metadata(path)
    assert card.name == 'mine.md'
    assert f'| median | model | {model_error:.3f} ({model_error:.3f} to' in text
    assert '| median | row | 0.300' in text
    assert '| picked on real images | the loss |' in text
    assert 'placeholder' in text if placeholder else 'placeholder' not in text
    assert bool(after.placeholder) == placeholder
    assert after.scores['indoor']['median']['abs_rel'] == pytest.approx(model_error)
    assert after.sha256 == before.sha256
    load_model(path)  # the weights, still in float16, are unchanged


def test_results_of_other_weights_are_refused(tmp_path):
    checkpoint, _ = write_checkpoint(tmp_path)
    path = tmp_path / 'mine.safetensors'
    results = {**results_of(export(checkpoint, 'mine', path), 0.2, 0.3), 'model_sha256': 'other'}
    with pytest.raises(ExportError, match='other weights'):
        write_card(path, results)


@pytest.mark.parametrize(
    ('scene', 'fails'), [('indoor', False), ('outdoor', True), ('universal', True)]
)
def test_a_model_answers_for_its_own_scenes(scene, fails):
    results = results_of(metadata_of(Experiment(), 'mine'), 0.2, 0.3)
    results['summary']['driving']['median']['model']['abs_rel']['mean'] = 0.4
    assert ('driving' in placeholder_of(scene, results)) == fails


def test_card_needs_no_provenance():
    metadata = metadata_of(Experiment(), 'mine')
    assert 'see the provenance' in card_text(metadata, results_of(metadata, 0.2, 0.3))


def test_command_line_reports_mistakes_in_one_line(tmp_path, capsys):
    assert main(['fit', str(tmp_path / 'none.yaml'), '--out', str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith('s2r_train: ')


def test_smoke_renders_runs_every_stage_and_the_estimator_loads_the_result(tmp_path):
    try:
        model = smoke(tmp_path)
    except DatasetError as error:
        pytest.skip(f'cannot render here: {error}')
    metadata = read_metadata(model)
    assert metadata.provenance['stage'] == 'joint'
    finished = [
        json.loads((tmp_path / 'run' / name / 'finished.json').read_text())['best']
        for name in STAGE_NAMES
    ]
    assert finished == ['best.ckpt'] * len(STAGE_NAMES)
