"""Frames of public data sets become images to evaluate by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_data_sets import (
    DEPTH,
    INNER,
    RGB,
    SETS,
    WHOLE,
    make,
    nyu_pictures,
    put,
    rgbd,
    true_depth,
)

from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_training.cli import main
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.eval_set import KINDS, write_eval_set
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted


@pytest.mark.parametrize('kind', KINDS)
def test_images_to_evaluate_by_have_the_depth_of_the_set(kind: str, tmp_path: Path) -> None:
    selection = make(kind, tmp_path / 'root')
    manifest = write_eval_set(kind, tmp_path / 'root', tmp_path / 'set', selection)
    frames = read_ground_truth(manifest)
    assert [frame.id for frame in frames] == [f'{i:04d}' for i in range(len(frames))]
    assert len(frames) == (4 if kind == 'vkitti1' else 2)
    assert len({frame.scene for frame in frames}) == 2
    for frame in frames:
        _, fx, accuracy = SETS[kind]
        step = 4 if kind == 'nyu_raw' else 1  # what is evaluated by is not shrunk
        assert frame.kind == ('driving' if kind.startswith(('kitti', 'vkitti')) else 'indoor')
        assert frame.fx == pytest.approx(fx * step, rel=1e-4)
        rgb, depth = (pixels[step // 2 :: step, step // 2 :: step] for pixels in frame.load())
        assert np.abs(rgb.astype(int) - RGB)[INNER].mean() < 3
        known, expected = depth > 0, true_depth(kind)
        assert known.sum() > 1000
        np.testing.assert_allclose(depth[known], expected[known], rtol=accuracy + 1e-3, atol=0.003)


def test_kinds_that_no_protocol_knows_are_not_offered() -> None:
    assert set(IMPORTERS) - set(KINDS) == {'tartanair'}


def test_the_command_writes_the_test_set_of_nyu_and_evaluate_reads_it(
    tmp_path: Path, capsys: Any
) -> None:
    path = nyu_pictures(tmp_path / 'root', 12)
    arguments = ['eval_set', 'nyu', str(tmp_path / 'root'), '--out', str(tmp_path / 'set')]
    assert main([*arguments, '--list', str(path), '--every', '5']) == 0
    manifest = tmp_path / 'set' / 'manifest.json'
    assert capsys.readouterr().out == f'{manifest}\n'
    frames = read_ground_truth(manifest)
    sources = [Path(frame['source']).name for frame in json.loads(manifest.read_text())['frames']]
    assert sources == ['00000_colors.png', '00005_colors.png', '00010_colors.png']
    np.testing.assert_allclose(frames[0].load()[1], DEPTH, atol=0.001)


def test_a_frame_without_depth_is_not_evaluated_by(tmp_path: Path) -> None:
    path = nyu_pictures(tmp_path / 'root', 2)
    wanted = Wanted(options=Options(list=path))
    write_eval_set('nyu', tmp_path / 'root', tmp_path / 'set', wanted)
    put(tmp_path / 'root/data/nyu2_test/00001_depth.png', np.zeros((120, 160), np.uint16))
    with pytest.raises(DataError, match=r'00001_colors\.png has no true depth; take it out'):
        write_eval_set('nyu', tmp_path / 'root', tmp_path / 'set', wanted)
    assert not (tmp_path / 'set' / 'manifest.json').exists()


def test_what_is_farther_than_the_file_holds_does_not_come_near(tmp_path: Path) -> None:
    rgbd(tmp_path / 'root', 'place')
    far = DEPTH.copy()
    far[:10] = 700.0
    put(tmp_path / 'root/place/depth/a.npy', far)
    (tmp_path / 'root/place/depth/a.png').unlink()
    manifest = write_eval_set('rgbd', tmp_path / 'root', tmp_path / 'set', WHOLE)
    _, depth = read_ground_truth(manifest)[0].load()
    assert (depth[:10] > 65).all()
