from __future__ import annotations

import json
from typing import Any

import pytest
from written_checkpoints import write_checkpoint

from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import ALIGNMENTS, METRICS
from s2r_depth_ros.evaluation.report import counts
from s2r_depth_ros.evaluation.scores import FrameScore, summarise_scores
from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_training.errors import ResultsError
from s2r_depth_training.runs.card import card_text, placeholder_of, read_results, write_card
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.export import export


def results_of(metadata: ModelMetadata, model_error: float, prior_error: float) -> dict[str, Any]:
    """Return what the evaluate command would write for a model with these abs_rel everywhere."""
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
        'summary': summarise_scores(records),
    }


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
    with pytest.raises(ResultsError, match='other weights'):
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


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('# a card', 'is no JSON'),
        ('[]', 'is not what evaluate --json writes$'),
        ('{"summary": {}}', 'writes: caps_m, counts, manifest_sha256, model, model_sha256 missing'),
    ],
)
def test_results_that_are_none_are_refused(tmp_path, text, message):
    (tmp_path / 'results.json').write_text(text)
    with pytest.raises(ResultsError, match=message):
        read_results(tmp_path / 'results.json')
    with pytest.raises(ResultsError, match='cannot be read'):
        read_results(tmp_path / 'none.json')


def test_results_are_read_as_they_were_written(tmp_path):
    results = results_of(metadata_of(Experiment(), 'mine'), 0.2, 0.3)
    (tmp_path / 'results.json').write_text(json.dumps(results))
    assert read_results(tmp_path / 'results.json') == results
