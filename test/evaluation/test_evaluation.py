from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from s2r_depth_ros.commands import evaluate as command
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.evaluation import (
    ManifestError,
    Record,
    beats_prior,
    evaluate_frame,
    format_table,
    read_manifest,
    summarise,
)
from s2r_depth_ros.evaluation.metrics import METRICS
from s2r_depth_ros.evaluation.priors import (
    DepthPrior,
    load_priors,
    mean_log_depth,
    save_priors,
)

HEIGHT, WIDTH = 60, 80


def write_frame(folder, name, kind, scene, depth, fx=50.0):
    rgb = np.random.default_rng(len(name)).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(folder / f'{name}.png'), rgb)
    cv2.imwrite(str(folder / f'{name}_d.png'), (depth * 1000).round().astype(np.uint16))
    return {
        'id': name,
        'rgb': f'{name}.png',
        'depth': f'{name}_d.png',
        'depth_scale': 0.001,
        'fx': fx,
        'kind': kind,
        'scene': scene,
    }


@pytest.fixture
def manifest(tmp_path):
    depth = np.linspace(1.0, 8.0, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    holes = depth.copy()
    holes[::2] = 0
    frames = [
        write_frame(tmp_path, 'a', 'indoor', 'room', depth),
        write_frame(tmp_path, 'bb', 'indoor', 'hall', holes),
        write_frame(tmp_path, 'ccc', 'driving', 'road', depth * 5),
    ]
    path = tmp_path / 'manifest.json'
    path.write_text(json.dumps({'frames': frames}))
    return path


def flat_prior(metres, focal_length=50.0):
    return DepthPrior(np.full((6, 8), np.log(metres), np.float32), focal_length)


def test_a_perfect_predictor_has_no_error_and_a_scaled_one_only_without_scaling(manifest):
    frame = read_manifest(manifest)[1]
    _, truth = frame.load()

    def twice(rgb, fx):
        assert fx == 50.0
        return np.where(truth > 0, 2 * truth, 3.0).astype(np.float32)

    records = {r.alignment: r.errors for r in evaluate_frame(frame, twice, {})}
    # Without scaling the prediction is clamped to the cap of 10 m.
    assert records['none']['abs_rel'] == pytest.approx(
        np.mean(np.abs(np.minimum(2 * truth, 10) - truth)[truth > 0] / truth[truth > 0]), rel=1e-5
    )
    for alignment in ('median', 'scale_shift'):
        assert records[alignment]['scale'] == pytest.approx(0.5)
        assert records[alignment]['abs_rel'] < 1e-6


def test_invalid_depth_counts_as_wrong_rather_than_not_at_all(manifest):
    frame = read_manifest(manifest)[0]
    _, truth = frame.load()
    holes = truth.copy()
    holes[:20] = np.nan
    record = next(evaluate_frame(frame, lambda rgb, fx: holes, {}))
    assert record.alignment == 'none'
    assert record.errors['delta1'] == pytest.approx(40 / 60, abs=0.01)


def records(kind, predictor, values):
    """One record a frame; values: scene -> abs_rel of its frames."""
    return [
        Record(
            f'{scene}{i}',
            kind,
            scene,
            predictor,
            'median',
            {**dict.fromkeys(METRICS, v), 'scale': 1.0},
        )
        for scene, frames in values.items()
        for i, v in enumerate(frames)
    ]


def test_scenes_weigh_the_same_however_many_frames_they_have():
    summary = summarise(records('indoor', 'model', {'a': [0.1, 0.1, 0.1, 0.1], 'b': [0.5]}))
    value = summary['indoor']['median']['model']['abs_rel']
    assert value['mean'] == pytest.approx(0.3)
    assert (value['low'], value['high']) == pytest.approx((0.1, 0.5))
    assert '0.300 [0.100 0.500]' in format_table(summary)


def test_beating_a_prior_takes_every_kind_that_is_named():
    good, bad = {'s': [0.2]}, {'s': [0.3]}
    both = ('indoor', 'driving')
    shown = records('indoor', 'model', good) + records('indoor', 'row', bad)
    assert beats_prior(summarise(shown), ['indoor'])
    assert not beats_prior(summarise(shown), both)
    shown += records('driving', 'model', good)
    assert not beats_prior(summarise(shown), both)
    assert beats_prior(summarise(shown + records('driving', 'row', bad)), both)
    assert not beats_prior(summarise(shown + records('driving', 'row', {'s': [0.1]})), both)


def test_prior_is_the_geometric_mean_in_the_canonical_camera():
    near, far = np.full((12, 16), 2.0, np.float32), np.full((12, 16), 8.0, np.float32)
    far[0] = 0  # sky: only the other image counts there
    # At half the prior's width, fx 25 px is the canonical 50 px.
    prior = mean_log_depth([(near, 50.0), (far, 50.0)], (12, 16), 50.0, 80.0)
    pixel = prior.predict('pixel', 12, 16, 50.0)
    assert pixel[5, 5] == pytest.approx(4.0)
    assert pixel[0, 0] == pytest.approx(2.0)
    assert prior.predict('constant', 24, 32, 200.0) == pytest.approx(
        2 * np.exp(prior.log_depth.mean()) * np.ones((24, 32))
    )
    half = mean_log_depth([(near[::2, ::2], 25.0)], (12, 16), 50.0, 80.0)
    assert half.predict('row', 12, 16, 50.0) == pytest.approx(2.0 * np.ones((12, 16)))


def test_priors_survive_their_file(tmp_path):
    save_priors(tmp_path / 'p.npz', {'indoor': flat_prior(3.0), 'driving': flat_prior(20.0, 9.0)})
    loaded = load_priors(tmp_path / 'p.npz')
    assert sorted(loaded) == ['driving', 'indoor']
    assert loaded['driving'].focal_length == 9.0
    np.testing.assert_array_equal(loaded['indoor'].log_depth, flat_prior(3.0).log_depth)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kind': 'attic'}, "kind 'attic'"),
        ({'fx': None}, 'lacks fx'),
        ({'rgb': 'missing.png'}, 'cannot read'),
    ],
)
def test_wrong_manifest_names_the_frame(manifest, change, message):
    content = json.loads(manifest.read_text())
    entry = {k: v for k, v in {**content['frames'][0], **change}.items() if v is not None}
    manifest.write_text(json.dumps({'frames': [entry]}))
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest)[0].load()


def run_command(*arguments):
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(a) for a in arguments]))


def test_command_writes_numbers_and_a_sheet(manifest, tiny_model, tmp_path, capsys):
    save_priors(tmp_path / 'p.npz', {'indoor': flat_prior(3.0), 'driving': flat_prior(20.0)})
    options = ['--manifest', manifest, '--model', tiny_model, '--priors', tmp_path / 'p.npz']
    outputs = ['--json', tmp_path / 'out.json', '--sheet', tmp_path / 'sheet.png']
    assert run_command(*options, *outputs, '--device', 'cpu') == 0
    results = json.loads((tmp_path / 'out.json').read_text())
    assert results['counts'] == {
        'indoor': {'frames': 2, 'scenes': 2},
        'driving': {'frames': 1, 'scenes': 1},
    }
    assert sorted(results['summary']['indoor']['median']) == ['constant', 'model', 'pixel', 'row']
    assert 'driving, alignment: scale_shift' in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / 'sheet.png')).shape == (3 * 144, 3 * 192, 3)


def test_missing_priors_file_is_an_error(manifest, tiny_model, tmp_path):
    with pytest.raises(UserError, match='no such priors'):
        run_command(
            '--manifest', manifest, '--model', tiny_model, '--priors', tmp_path / 'none.npz'
        )
