"""A recording of made-up frames, for the tests of what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('rosbags', reason='needs rosbags')

import written_bags as bags
from made_up_frames import FRAMES, LATENCY_S, cloud, depth, rgb, structure
from rosbags.rosbag2 import StoragePlugin

from s2r_depth_ros.rig.recording import Recording


@pytest.fixture(scope='session')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Eight frames; the node dropped frame 3, and the cloud of frame 7 was lost."""
    folder: Path = tmp_path_factory.mktemp('recording')
    messages: list[bags.Message] = []
    for index in range(FRAMES):
        stamp = 50.0 + 0.1 * index
        messages.append(('/camera/image_raw', bags.IMAGE, bags.image(stamp, rgb(index), 'rgb8')))
        if index == 3:
            continue
        metres, map_ = bags.image(stamp, depth(index), '32FC1'), structure(index)
        messages.append(('/depth_registered/image_rect', bags.IMAGE, metres))
        messages.append(('/depth/structure', bags.IMAGE, bags.image(stamp, map_, 'mono8')))
        if index != 7:
            messages.append(('/depth_registered/points', bags.CLOUD, cloud(stamp, index)))
    times = [
        bags.nanoseconds(m.header.stamp) + int(LATENCY_S * 1e9) + n
        for n, (_, _, m) in enumerate(messages)
    ]
    bags.write(folder / 'bag', messages, StoragePlugin.MCAP, times)
    arrivals: dict[str, list[tuple[int, int]]] = {}
    for (topic, _, message), time in zip(messages, times):
        arrivals.setdefault(topic, []).append((bags.nanoseconds(message.header.stamp), time))
    (folder / 'arrivals.json').write_text(json.dumps(arrivals))
    return Recording.load(folder / 'bag', folder / 'arrivals.json', 'depth')
