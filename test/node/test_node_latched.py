"""What was published once, before the node started, on a real graph; and who is not connected."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_graph import Graph, camera_info
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.status import WARN

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
WEAK = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture(scope='module')
def still(start_node: Any, make_graph: Any) -> tuple[Graph, Image]:
    """A node that started after its only image and camera_info were published."""
    graph = make_graph('/still')
    image = graph.image()
    info = camera_info(header=image.header)
    publishers = [
        graph.node.create_publisher(type(message), name, LATCHED)
        for message, name in ((image, 'image'), (info, 'camera_info'))
    ]
    for publisher, message in zip(publishers, (image, info)):
        publisher.publish(message)
    start_node('/still', autostart=True)
    return graph, image


def test_what_was_latched_before_the_node_started_is_used(still: tuple[Graph, Image]) -> None:
    graph, image = still
    cloud = graph.record(PointCloud2, topics.POINTS)
    graph.result(cloud, image)
    # Who subscribes later gets it, too.
    graph.result(graph.record(Image, topics.DEPTH), image)


def test_volatile_publishers_beside_a_latched_one_are_not_lost(still: tuple[Graph, Image]) -> None:
    graph, _ = still
    cloud = graph.record(PointCloud2, topics.POINTS)
    images = graph.node.create_publisher(Image, 'image', 1)  # start_node asks for reliable ones
    infos = graph.node.create_publisher(CameraInfo, 'camera_info', WEAK)
    sent: list[Any] = []

    def came() -> bool:
        image = graph.image()
        sent.append(image.header.stamp)
        infos.publish(camera_info(header=image.header))
        images.publish(image)
        graph.spin(0.1)
        return any(message.header.stamp in sent for message in cloud.messages)

    graph.until(came, 'a cloud of a volatile image')


def test_a_subscriber_that_is_not_connected_is_named(still: tuple[Graph, Image]) -> None:
    graph, _ = still
    late = graph.record(PointCloud2, topics.POINTS, LATCHED)
    told = '/still/tester asks for durability transient_local, this node offers volatile'
    status = graph.until_status(lambda s, _: told in s.message, 'the subscriber')
    assert status.level >= WARN
    line = '`qos_overrides./still/depth_registered/points.publisher.durability: transient_local`'
    assert line in status.message
    graph.forget(late)
    graph.until_status(lambda s, _: told not in s.message, 'no such subscriber')


def test_durability_can_be_overridden_on_both_sides(start_node: Any, make_graph: Any) -> None:
    """A kept cloud is made without a subscriber, and a late one gets it."""
    outputs = 'qos_overrides./kept/depth_registered/points.publisher.durability'
    inputs = 'qos_overrides./kept/camera_info.subscription'
    start_node(
        '/kept',
        autostart=True,
        **{
            outputs: 'transient_local',
            f'{inputs}.durability': 'transient_local',
            f'{inputs}.reliability': 'reliable',
        },
    )
    graph = make_graph('/kept')
    info = graph.node.create_publisher(CameraInfo, 'camera_info', LATCHED)
    weak = graph.node.create_publisher(CameraInfo, 'camera_info', WEAK)
    info.publish(camera_info(header=graph.image().header))
    line = '`qos_overrides./kept/camera_info.subscription.durability: volatile`'
    graph.until_status(lambda s, _: line in s.message, 'the volatile camera_info')
    assert weak.get_subscription_count() == 0

    def published(_status: Any, values: dict[str, str]) -> bool:
        graph.send(graph.image(), None)
        return int(values['frames published']) > 0

    graph.until_status(published, 'a cloud without a subscriber')
    late = graph.record(PointCloud2, topics.POINTS, LATCHED)
    graph.until(lambda: late.messages, 'the cloud that was kept')
