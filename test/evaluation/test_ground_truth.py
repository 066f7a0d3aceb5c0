from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from s2r_depth_ros.evaluation.manifest import (
    _ALLOWED,
    GroundTruthFrame,
    ManifestError,
    read_ground_truth,
)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kind': 'attic'}, "kind is 'attic'"),
        ({'fx': None}, 'has no fx'),
        ({'fx': 0.9}, 'fx of frame .* is 0.9 px, a field of view of 1'),
        ({'rgb': 'missing.png'}, 'frame a: .*no such file'),
        (
            {'kind': ['indoor']},
            r"frame a: kind is \['indoor'\]; give one of driving, indoor, stereo",
        ),
        ({'rgb': 7}, 'rgb is 7; give the name of a file'),
        ({'depth': ''}, "depth is ''; give the name of a file"),
        ({'fx': '50'}, "fx is '50'; give a number above 0"),
        ({'fx': True}, 'fx is True; give a number'),
        ({'depth_scale': -0.001}, 'depth_scale is -0.001; give a number above 0'),
        ({'depth_scale': float('nan')}, 'depth_scale is nan'),
        ({'scene': ['a']}, 'scene is .*; give a text'),
        ({'id': 5}, 'frame 5: id is 5; give a text'),
    ],
)
def test_wrong_manifest_names_the_frame(
    manifest: Path, change: dict[str, Any], message: str
) -> None:
    content = json.loads(manifest.read_text())
    entry = {k: v for k, v in {**content['frames'][0], **change}.items() if v is not None}
    manifest.write_text(json.dumps({'frames': [entry]}))
    with pytest.raises(ManifestError, match=message):
        read_ground_truth(manifest)[0].load()


@pytest.mark.parametrize('frame', [None, 3, 'a', ['id']])
def test_a_frame_that_is_no_object_is_named_by_its_number(tmp_path: Path, frame: Any) -> None:
    path = tmp_path / 'm.json'
    path.write_text(json.dumps({'frames': [frame]}))
    with pytest.raises(ManifestError, match=r'm\.json: frame 0 of the list is .*; give its fields'):
        read_ground_truth(path)


def test_what_is_checked_are_the_fields_of_a_frame() -> None:
    assert list(_ALLOWED) == [field.name for field in fields(GroundTruthFrame)]


@pytest.mark.parametrize('content', [b'', b'{', b'\xff\xfe'])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'm.json'
    with pytest.raises(ManifestError, match=r'm\.json cannot be read: No such file'):
        read_ground_truth(path)
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=r'm\.json is no JSON'):
        read_ground_truth(path)
