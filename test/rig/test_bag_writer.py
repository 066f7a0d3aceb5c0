"""A recording is small: chunks are compressed, and not every cloud is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import written_bags as bags
from made_up_frames import cloud, rgb
from rosbags.highlevel import AnyReader

from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.bag_writer import BagWriter
from s2r_depth_ros.rig.channels import camera_channels, node_channels
from s2r_depth_ros.rig.serialized import header_stamp


@pytest.mark.parametrize(
    ('rate_hz', 'count', 'clouds'),
    [(10, 3, 3), (10, 45, 5 + 8), (30, 90, 5 + 5), (2, 9, 9), (1, 8, 8)],
)
def test_first_clouds_then_two_a_second(
    tmp_path: Path, rate_hz: int, count: int, clouds: int
) -> None:
    points = next(c for c in node_channels('depth') if c.topic.name == topics.POINTS)
    image = next(c for c in camera_channels() if c.topic.name == topics.IMAGE)
    writer = BagWriter(tmp_path / 'bag')
    writer.start()
    for index in range(count):
        stamp = 50.0 + index / rate_hz + 0.02 * (index % 2)  # cameras are not that regular
        messages = ((image, bags.image(stamp, rgb(0), 'rgb8')), (points, cloud(stamp, 0)))
        for channel, message in messages:
            data = bags.STORE.serialize_cdr(message, channel.topic.type_name)
            writer.put(channel, round(stamp * 1e9), bytes(data))
    writer.finish()
    assert writer.error is None
    with AnyReader([tmp_path / 'bag']) as reader:
        written: dict[str, list[int]] = {}
        for connection, _, raw in reader.messages():
            written.setdefault(connection.topic, []).append(header_stamp(bytes(raw)))
    assert len(written[image.name]) == count
    assert len(written[points.name]) == clouds
    with Bag(tmp_path / 'bag') as bag:
        assert bag.topics[image.name].count == count
        assert bag.problems == []
    file = tmp_path / 'bag' / 'bag.mcap'
    assert b'\x28\xb5\x2f\xfd' in file.read_bytes()  # zstd
    assert file.stat().st_size < count * rgb(0).nbytes
