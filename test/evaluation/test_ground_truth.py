from __future__ import annotations

import json
from pathlib import Path

import pytest

from s2r_depth_ros.evaluation.manifest import ManifestError, read_manifest


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kind': 'attic'}, "kind 'attic'"),
        ({'fx': None}, 'has no fx'),
        ({'rgb': 'missing.png'}, 'cannot read'),
    ],
)
def test_wrong_manifest_names_the_frame(
    manifest: Path, change: dict[str, str | None], message: str
) -> None:
    content = json.loads(manifest.read_text())
    entry = {k: v for k, v in {**content['frames'][0], **change}.items() if v is not None}
    manifest.write_text(json.dumps({'frames': [entry]}))
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest)[0].load()
