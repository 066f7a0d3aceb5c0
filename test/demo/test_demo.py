"""The demo as its user runs it: real processes on real topics."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from patience import PATIENCE

pytest.importorskip('rosbags', reason='needs rosbags')

import robot_recordings as robot
from rosbags.highlevel import AnyReader

from s2r_depth_ros.demo.output_folder import OutputFolder
from s2r_depth_ros.errors import UserError

FRAMES, WIDTH, HEIGHT = 6, 160, 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of a chequered floor, each shifted a bit."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    path = tmp_path / 'pictures'
    path.mkdir()
    for index in range(FRAMES):
        board = ((rows // 15 + (columns + 3 * index) // 20) % 2 * 160 + 40).astype(np.uint8)
        cv2.imwrite(str(path / f'{index}.png'), cv2.merge([board, board, 255 - board]))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, '-m', 's2r_depth_ros', 'demo', *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE)


def left_behind(out: Path) -> list[str]:
    """Command lines of processes that still have this run's output folder as an argument."""
    found = []
    for file in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = file.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if str(out) in line:
            found.append(line)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / 'out'
    yield path
    assert not left_behind(path)


def test_demo_writes_sheet_recording_and_numbers(folder: Path, out: Path, tiny_model: Path) -> None:
    done = run(folder, '--out', out, '--model', tiny_model, '--device', 'cpu', '--rate', 2)
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / 'demo.json').read_text())
    assert facts['played'] == FRAMES
    assert facts['processed'] + facts['dropped'] == FRAMES
    assert facts['processed'] >= 2
    assert 0 < facts['latency_median_ms'] <= facts['latency_p95_ms']
    line = f'{FRAMES} frames played at {facts["camera_rate_hz"]:.1f} Hz, {facts["processed"]} proc'
    assert line in done.stdout
    assert '60 degrees' in done.stdout  # the folder has no intrinsics, and the user is told
    assert str(out) in done.stdout
    sheet = cv2.imread(str(out / 'contact_sheet.png'))
    assert sheet is not None
    assert sheet.std() > 20
    check_recording(out / 'recording', facts)


def check_recording(bag: Path, facts: dict[str, Any]) -> None:
    processed = facts['processed']
    with AnyReader([bag]) as reader:
        kinds = {c.topic: (c.msgtype.rsplit('/', 1)[1], c.msgcount) for c in reader.connections}
        depth = [c for c in reader.connections if c.topic == '/depth_registered/image_rect']
        message: Any = reader.deserialize(next(reader.messages(depth))[2], depth[0].msgtype)
        static = [c for c in reader.connections if c.topic == '/tf_static']
        transform: Any = reader.deserialize(next(reader.messages(static))[2], static[0].msgtype)
    for topic, kind in {
        '/depth_registered/image_rect': 'Image',
        '/depth_registered/camera_info': 'CameraInfo',
        '/depth_registered/points': 'PointCloud2',
        '/depth/structure': 'Image',
        '/depth/depth_color': 'Image',
    }.items():
        assert kinds[topic] == (kind, processed)
    assert kinds['/camera/image_raw'][0] == 'Image'
    assert processed <= kinds['/camera/image_raw'][1] <= FRAMES
    assert kinds['/diagnostics'][0] == 'DiagnosticArray'
    assert (message.width, message.height, message.encoding) == (WIDTH, HEIGHT, '32FC1')
    (stamped,) = transform.transforms
    assert (stamped.header.frame_id, stamped.child_frame_id) == ('map', message.header.frame_id)
    q = stamped.transform.rotation
    assert (q.x, q.y, q.z, q.w) == (-0.5, 0.5, -0.5, 0.5)


def test_a_recording_with_a_lidar_is_scaled_by_it(
    tmp_path: Path, out: Path, tiny_model: Path
) -> None:
    content = robot.messages([3.0 - 0.1 * i for i in range(FRAMES)], by=robot.POINTS, period=0.5)
    bag = robot.record(tmp_path / 'bag', content)
    done = run(bag, '--out', out, '--model', tiny_model, '--device', 'cpu')
    assert done.returncode == 0, done.stderr
    assert f'depth is to be scaled by the points of {robot.POINTS}' in done.stdout
    facts = json.loads((out / 'demo.json').read_text())
    assert facts['scaled_by'].endswith(robot.POINTS)
    told = re.match(r'depth of (\d+) of (\d+) frames was scaled', facts['scaled'])
    assert told is not None
    assert facts['scaled'] in done.stdout
    assert 0 < int(told[1]) <= int(told[2]) == facts['processed']
    with AnyReader([out / 'recording']) as reader:
        scales = [c for c in reader.connections if c.topic == '/depth/scale']
        messages: list[Any] = [
            reader.deserialize(raw, scales[0].msgtype) for _, _, raw in reader.messages(scales)
        ]
    last = {item.key: item.value for item in messages[-1].status[0].values}
    assert float(last['anchors_used']) > 100


def test_node_that_cannot_load_its_model_is_named(folder: Path, out: Path, tmp_path: Path) -> None:
    bad = tmp_path / 'bad.safetensors'
    bad.write_bytes(b'no model at all')
    done = run(folder, '--out', out, '--model', bad)
    assert done.returncode == 2
    assert 'refused to configure' in done.stderr
    assert 'bad.safetensors' in done.stderr  # the node's own log
    assert 'error: node /depth refused' in done.stderr
    assert not (out / 'demo.json').exists()


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        (['nowhere'], 'nowhere: no such file'),
        (['.', '--frames', '0'], '--frames'),
        (['.', '--rate', 'nan'], '--rate'),
    ],
)
def test_mistakes_are_told_at_once(
    folder: Path, out: Path, arguments: list[str], word: str
) -> None:
    arguments = [str(folder) if word_ == '.' else word_ for word_ in arguments]
    begin = time.monotonic()
    done = run(*arguments, '--out', out)
    assert done.returncode == 2
    assert word in done.stderr
    assert time.monotonic() - begin < 30
    assert not (out / 'recording').exists()


def test_foreign_files_are_never_deleted(folder: Path, out: Path, tiny_model: Path) -> None:
    (out / 'recording').mkdir(parents=True)
    (out / 'recording' / 'thesis.txt').write_text('mine')
    done = run(folder, '--out', out, '--model', tiny_model)
    assert done.returncode == 2
    assert 'thesis.txt' in done.stderr
    assert (out / 'recording' / 'thesis.txt').read_text() == 'mine'


@pytest.mark.parametrize('kind', ['a folder', 'nothing', 'a file'])
def test_a_recording_that_is_a_link_or_a_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    """It was a traceback, as a link to a folder cannot be removed like a folder."""
    elsewhere, out = tmp_path / 'elsewhere', OutputFolder(tmp_path)
    if kind == 'a folder':
        elsewhere.mkdir()
        (elsewhere / 'mine.mcap').touch()
    if kind == 'a file':
        out.recording.touch()
    else:
        out.recording.symlink_to(elsewhere)
    with pytest.raises(UserError, match=r'recording is a link or a file.*move it'):
        out.prepare()
    assert out.recording.is_symlink() != (kind == 'a file')
    assert (elsewhere / 'mine.mcap').exists() == (kind == 'a folder')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_ends_every_process(
    folder: Path, out: Path, tiny_model: Path, number: signal.Signals
) -> None:
    arguments = command(folder, '--out', out, '--model', tiny_model, '--rate', 0.05)
    # Not measured: a signal that comes while coverage starts in a process is lost on it.
    environment = {k: v for k, v in os.environ.items() if not k.startswith('COVERAGE_')}
    demo = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        # Both the demo and its recorder have the folder among their arguments.
        while len(left_behind(out)) < 2:
            assert time.monotonic() < deadline
            assert demo.poll() is None
            time.sleep(0.05)
        demo.send_signal(number)
        errors = demo.communicate(timeout=PATIENCE)[1]
    finally:
        demo.kill()
        demo.wait()
    if number == signal.SIGKILL:
        while left_behind(out):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    else:
        assert demo.returncode == 130
        assert 'interrupted' in errors
