"""One camera of the node: what its frames need on their way."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_health import CameraHealth
from s2r_depth_ros.node.camera_info import CameraInfoHistory, ImageSize
from s2r_depth_ros.node.camera_topics import CameraTopics
from s2r_depth_ros.node.pipeline import FramePipeline


class CameraStream:
    """The topics of one camera, its camera_info, its pipeline and its health.

    name: of the camera, '' for a single one, whose topics are not beneath a name.
    compressed: whether its images come as CompressedImage.
    image_arrived: called with this object and each image. info_arrived: called after each
    camera_info. Both may be called before the constructor returns.
    """

    def __init__(
        self,
        node: LifecycleNode,
        name: str,
        compressed: bool,
        image_arrived: Callable[[CameraStream, Image | CompressedImage], None],
        info_arrived: Callable[[], None],
    ) -> None:
        def keep_info(message: CameraInfo) -> None:
            self.infos.add(message)
            info_arrived()

        self.name = name
        self.infos = CameraInfoHistory()
        self.pipeline = FramePipeline()
        self.topics = CameraTopics(
            node, name, compressed, lambda image: image_arrived(self, image), keep_info
        )
        self.health = CameraHealth(name, self.topics.image, node.get_logger(), node.get_clock())

    def find_info(self, header: Header, size: ImageSize) -> tuple[CameraInfo | None, str]:
        """Return the camera_info for the image with ``header``, or None and the reason why.

        size: of the image, (width, height) in pixels.
        """
        info, _ = self.infos.find(header, size)
        name = topics.of_camera(topics.CAMERA_INFO, self.name)
        topic = self.topics.camera_info
        if info is None:
            return None, (
                f'no camera_info on {topic}: remap {name} to the topic of your camera '
                f'(-r {name}:=...)'
            )
        if info.header.frame_id != header.frame_id:
            self.health.report_once(
                f'camera_info on {topic} has frame_id {info.header.frame_id!r} but the image has '
                f'{header.frame_id!r}: it is used all the same. If it is of another camera, remap '
                f'{name} to the topic of the right one'
            )
        return info, ''
