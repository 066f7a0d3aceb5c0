from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up_truth import flat_prior

from s2r_depth_ros.evaluation.priors import PriorsError, load_priors, mean_log_depth, save_priors


def test_prior_is_the_geometric_mean_in_the_canonical_camera() -> None:
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


def test_priors_survive_their_file(tmp_path: Path) -> None:
    save_priors(tmp_path / 'p.npz', {'indoor': flat_prior(3.0), 'driving': flat_prior(20.0, 9.0)})
    loaded = load_priors(tmp_path / 'p.npz')
    assert sorted(loaded) == ['driving', 'indoor']
    assert loaded['driving'].focal_length == 9.0
    np.testing.assert_array_equal(loaded['indoor'].log_depth, flat_prior(3.0).log_depth)


def saved(save: Callable[..., None], *arrays: object, **named: object) -> bytes:
    """Return what a function of numpy writes."""
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


_DEPTH, _FOCAL = np.zeros((6, 8), np.float32), np.float32(50)
_GOOD = saved(np.savez_compressed, indoor_log_depth=_DEPTH, indoor_focal_length=_FOCAL)


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        (b'', 'is not a priors file; make one with `s2r_train priors`'),
        (bytes(range(256)), 'is not a priors file'),
        (_GOOD[:-30], 'is not a priors file'),
        (_GOOD[:60] + bytes(20) + _GOOD[80:], 'is not a priors file'),
        (saved(np.save, _DEPTH), 'is not a priors file'),
        (saved(np.savez, indoor_log_depth=_DEPTH), 'is not a priors file'),
        (saved(np.savez, a_log_depth=_DEPTH[0], a_focal_length=_FOCAL), 'is not a priors file'),
        (saved(np.savez, a_log_depth=_DEPTH, a_focal_length=_DEPTH), 'is not a priors file'),
        (saved(np.savez, a_log_depth=_DEPTH, a_focal_length=-_FOCAL), 'is not a priors file'),
        (saved(np.savez, a_log_depth=_DEPTH, a_focal_length=np.inf), 'is not a priors file'),
        (saved(np.savez, a_log_depth=_DEPTH + 1e30, a_focal_length=_FOCAL), 'is not a priors'),
        (saved(np.savez, a_log_depth=_DEPTH * np.nan, a_focal_length=_FOCAL), 'is not a priors'),
        (saved(np.savez, a_log_depth=_DEPTH[:0], a_focal_length=_FOCAL), 'is not a priors file'),
        (
            saved(np.savez_compressed, a_log_depth=np.zeros((5000, 5000)), a_focal_length=_FOCAL),
            'is not a priors file',
        ),
        (saved(np.savez, rgb=_DEPTH), 'holds no priors; make one with'),
    ],
)
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / 'p.npz'
    path.write_bytes(content)
    with pytest.raises(PriorsError, match=f'p.npz {told}'):
        load_priors(path)
