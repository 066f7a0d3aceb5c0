"""Sequences, image folders and videos are played as they are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='needs rosbags')

from clip_pictures import HEIGHT, WIDTH, K, picture, pixels, save

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.clip import ClipError
from s2r_depth_ros.rig.open_clip import open_clip


def write_sequence(folder: Path, stamps: list[float], **changes: Any) -> Path:
    for index in range(len(stamps)):
        save(folder / f'{index}.png', picture(index))
    meta: dict[str, Any] = {'width': WIDTH, 'height': HEIGHT}
    meta |= {'fx': 50.0, 'fy': 52.0, 'cx': 31.0, 'cy': 23.0}
    meta['frames'] = [{'stamp': s, 'rgb': f'{i}.png'} for i, s in enumerate(stamps)]
    (folder / 'sequence.json').write_text(json.dumps(meta | changes))
    return folder


def test_sequence_has_its_intrinsics_stamps_and_pixels(tmp_path: Path) -> None:
    clip = open_clip(write_sequence(tmp_path, [5.0, 5.1, 5.4]))
    frames = list(clip.frames())
    assert clip.frame_count == 3
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.4])
    for index, frame in enumerate(frames):
        assert frame.image.encoding == 'rgb8'
        np.testing.assert_array_equal(pixels(frame), picture(index))
        assert frame.calibration.k == tuple(K)
        assert frame.calibration.p[:7] == (50.0, 0.0, 31.0, 0.0, 0.0, 52.0, 23.0)
    assert '50.0 px' in clip.camera
    assert clip.metres is None


def test_a_sequence_may_have_depth(tmp_path: Path) -> None:
    millimetres = np.arange(WIDTH * HEIGHT, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    cv2.imwrite(str(tmp_path / 'depth.png'), millimetres)
    cv2.imwrite(str(tmp_path / 'small.png'), millimetres[:2])
    (tmp_path / 'text.png').write_text('text')
    names = ['depth.png', 'small.png', 'text.png', 'missing.png', None]
    write_sequence(tmp_path, [0.1 * i for i in range(len(names))])
    meta = json.loads((tmp_path / 'sequence.json').read_text())
    for entry, name in zip(meta['frames'], names):
        if name is not None:
            entry['depth'] = name
    (tmp_path / 'sequence.json').write_text(json.dumps(meta | {'depth_scale': 0.002}))
    clip = open_clip(tmp_path)
    assert clip.metres is not None
    assert clip.metres.has_depth
    told: list[str] = []
    depths = [frame.depth for frame in clip.frames(told.append)]
    assert [depth is not None for depth in depths] == [True, False, False, False, False]
    assert depths[0] is not None
    metres = np.frombuffer(depths[0].data, '<f4').reshape(HEIGHT, WIDTH)
    np.testing.assert_allclose(metres, millimetres * 0.002, rtol=1e-6)
    assert (depths[0].encoding, depths[0].step) == ('32FC1', 4 * WIDTH)
    assert len(told) == 3
    reasons = (f'is {WIDTH}x2, its image {WIDTH}x{HEIGHT}', 'not an image', 'no such file')
    for name, reason, text in zip(names[1:4], reasons, told):
        assert f'{name}' in text
        assert reason in text


def test_given_focal_length_replaces_the_sequences_own(tmp_path: Path) -> None:
    clip = open_clip(write_sequence(tmp_path, [0.0]), fx=77.0)
    k = next(clip.frames()).calibration.k
    assert (k[0], k[4], k[2], k[5]) == (77.0, 77.0, 31.5, 23.5)
    assert '77' in clip.camera


def test_given_focal_length_replaces_an_impossible_one(tmp_path: Path) -> None:
    clip = open_clip(write_sequence(tmp_path, [0.0], fx=1.0, fy=1.0), fx=77.0)
    assert next(clip.frames()).calibration.k[0] == 77.0
    with pytest.raises(UserError, match=r'^--fx is 0.5 px, a field of view of 178'):
        open_clip(tmp_path, fx=0.5)


@pytest.mark.parametrize(
    ('changes', 'word'),
    [
        ({'frames': []}, 'no frames'),
        ({'fx': None}, 'fx'),
        ({'width': 'wide'}, 'width'),
        ({'fx': 'far'}, 'far'),
        ({'fx': 1.0, 'fy': 1.0}, 'a placeholder'),
        ({'cx': 63.5, 'cy': 47.5}, 'another image size'),
        ({'fx': -50.0}, 'Or give --fx'),
    ],
)
def test_bad_sequence_names_its_file(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    write_sequence(tmp_path, [0.0], **changes)
    with pytest.raises(UserError, match=word) as error:
        open_clip(tmp_path)
    assert 'sequence.json' in str(error.value)


def test_numbers_of_a_sequence_may_be_texts(tmp_path: Path) -> None:
    clip = open_clip(write_sequence(tmp_path, [0.0], fx='50'))
    assert '50.0 px' in clip.camera
    assert next(clip.frames()).calibration.k == tuple(K)


def test_a_sequence_nested_without_end_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / 'sequence.json').write_text('[' * 100_000)
    with pytest.raises(ClipError, match=r'sequence\.json is no JSON'):
        open_clip(tmp_path)


def test_sequence_of_another_size_is_refused(tmp_path: Path) -> None:
    clip = open_clip(write_sequence(tmp_path, [0.0], width=32))
    with pytest.raises(ClipError, match=r'0\.png is 64x48.*32x48'):
        next(clip.frames())


def test_folder_is_played_in_natural_order_with_assumed_intrinsics(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        save(tmp_path / f'frame{index}.png', picture(index // 2))
    (tmp_path / 'notes.txt').write_text('no image')
    clip = open_clip(tmp_path)
    frames = list(clip.frames())
    assert clip.frame_count == len(frames) == 3
    assert [int(pixels(frame)[0, 0, 0]) for frame in frames] == [40, 60, 140]
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.2])
    fx = frames[0].calibration.k[0]
    assert math.degrees(2 * math.atan(WIDTH / 2 / fx)) == pytest.approx(60.0)
    assert '60 degrees' in clip.camera
    assert '--fx' in clip.camera


def test_video_has_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (WIDTH, HEIGHT))
    for index in range(4):
        writer.write(cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    writer.release()
    clip = open_clip(path)
    frames = list(clip.frames())
    assert clip.frame_count == len(frames) == 4
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.08, 0.16, 0.24])
    for index, frame in enumerate(frames):
        assert np.abs(pixels(frame).astype(int) - picture(index)).max() < 12  # JPEG


def test_truncated_image_is_named_when_its_turn_comes(tmp_path: Path) -> None:
    save(tmp_path / '0.png', picture(0))
    whole = (tmp_path / '0.png').read_bytes()
    (tmp_path / '1.png').write_bytes(whole[: len(whole) // 2])
    frames = open_clip(tmp_path).frames()
    next(frames)
    with pytest.raises(UserError, match=r'1\.png'):
        next(frames)
