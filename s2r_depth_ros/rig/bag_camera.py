"""The camera of a recording that is to be played: its topic, and the calibration of its images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration, calibration_from
from s2r_depth_ros.media.bags.bag import Bag, RecordedTopic
from s2r_depth_ros.media.bags.messages import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from s2r_depth_ros.media.bags.topic_names import info_topics, is_called_colour, is_colour_camera
from s2r_depth_ros.rig.bag_images import ImageReader
from s2r_depth_ros.rig.clip import ClipError, ImageData, describe_assumed

# Encodings that hold no brightness: distances, labels.
_OTHER_ENCODINGS = ('16UC1', '32FC1', '16SC1', '64FC1', '32SC1')
_GREY = ('mono', '8UC1')
# How many messages are tried before a topic is given up: images, and the smaller camera_info.
_TRIED, _INFOS_TRIED = 10, 100


@dataclass(frozen=True)
class BagCamera:
    """An image topic, its first readable image, that one's frame_id, and the camera's grey or not.

    is_grey: the images have no colours, as far as their encoding says. others: topics that might
    have been chosen, too.
    """

    topic: RecordedTopic
    image: ImageData
    frame_id: str
    is_grey: bool
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class CameraInfo:
    """A camera_info topic (None: there is none that fits), its calibration, and both in words."""

    topic: str | None
    calibration: Calibration | None
    words: str


def choose_camera(bag: Bag, name: str, wanted: str | None) -> BagCamera:
    """Return the camera on the topic ``wanted``, or that which most looks like a colour camera.

    name: of the recording. It is chosen by name and encoding, by whether its images can be read and
    whether there is a camera_info beside it. Raises ClipError, which names the topics.
    """
    if wanted is not None:
        return _wanted_camera(bag, name, wanted)
    cameras, failures = [], []
    for topic in _image_topics(bag):
        if not is_colour_camera(topic.name):
            continue
        try:
            camera = _camera(bag, topic)
        except UserError as error:
            failures.append(f'{topic}: {error}')
            continue
        if camera is not None:
            cameras.append(camera)
    if not cameras:
        raise ClipError(_no_camera(bag, name, failures))
    infos = {name for name, topic in bag.topics.items() if _is_info(topic)}
    images = [topic.name for topic in _image_topics(bag)]

    def rank(camera: BagCamera) -> tuple[bool, bool, bool, bool, int, str]:
        topic = camera.topic
        return (
            camera.is_grey,
            not infos & set(info_topics(topic.name, images)),
            not is_called_colour(topic.name),
            topic.type != IMAGE,
            -topic.count,
            topic.name,
        )

    chosen, *others = sorted(cameras, key=rank)
    return replace(chosen, others=tuple(camera.topic.name for camera in others))


def find_camera_info(bag: Bag, camera: BagCamera, fx: float | None) -> CameraInfo:
    """Return the camera_info beside a camera whose calibration fits its images, else words why."""
    if fx is not None:
        return CameraInfo(None, None, describe_assumed(fx))
    size = (camera.image.width, camera.image.height)
    images = [topic.name for topic in _image_topics(bag)]
    refused = []
    for name in info_topics(camera.topic.name, images):
        if name not in bag.topics or not _is_info(bag.topics[name]):
            continue
        reason = f'it has no messages of {CAMERA_INFO}'
        for info in first_messages(bag, name, _INFOS_TRIED):
            try:
                calibration = calibration_from(info, size=size)
            except UserError as error:
                reason = str(error)
                continue
            words = f'intrinsics of {name}: fx = {calibration.k[0]:.1f} px'
            return CameraInfo(name, calibration, words)
        refused.append(f'{name} is unusable ({reason}): ')
    return CameraInfo(None, None, ''.join(refused) + describe_assumed(None))


def _wanted_camera(bag: Bag, name: str, wanted: str) -> BagCamera:
    """Return the camera on a topic that the user names. Raises ClipError."""
    wanted = wanted if wanted.startswith('/') else f'/{wanted}'
    topic = bag.topics.get(wanted)
    if topic not in _image_topics(bag):
        raise ClipError(f'{name} has no images on {wanted}; its topics: {_listed(bag)}')
    assert topic is not None
    try:
        camera = _camera(bag, topic)
    except UserError as error:
        raise ClipError(f'{name}, topic {wanted}: {error}') from error
    if camera is None:
        raise ClipError(f'{name}, topic {wanted}: its images are no pictures but distances')
    return camera


def _camera(bag: Bag, topic: RecordedTopic) -> BagCamera | None:
    """Return the camera on an image topic by its first readable image, None if it is no camera.

    Raises UserError if none of its first messages can be read.
    """
    reader = ImageReader()
    failure: UserError = ClipError('it has no messages')
    for message in first_messages(bag, topic.name):
        encoding = getattr(message, 'encoding', None) or message.format
        if encoding.startswith(_OTHER_ENCODINGS) or 'compressedDepth' in encoding:
            return None
        try:
            image = reader.read(message)
        except UserError as error:
            failure = error
            continue
        return BagCamera(topic, image, message.header.frame_id, encoding.startswith(_GREY))
    raise failure


def first_messages(bag: Bag, topic: str, count: int = _TRIED) -> Iterator[Any]:
    """Yield the readable ones among the first ``count`` messages of a topic."""
    for message in islice(bag.messages({topic}), count):
        try:
            yield message.read()
        except UserError:
            continue


def _image_topics(bag: Bag) -> list[RecordedTopic]:
    """Return the image topics that have messages which can be deserialised here."""
    return [
        topic
        for topic in bag.topics.values()
        if topic.type in (IMAGE, COMPRESSED_IMAGE) and topic.readable and topic.count
    ]


def _is_info(topic: RecordedTopic) -> bool:
    return topic.type == CAMERA_INFO and topic.readable and topic.count > 0


def _no_camera(bag: Bag, name: str, failures: list[str]) -> str:
    """Say why a recording has no camera to play."""
    if failures:
        return f'{name}: no image topic can be read: {"; ".join(failures)}'
    remedy = '; name one of them by --topic' if _image_topics(bag) else ''
    return f'{name} holds no colour image topic; its topics: {_listed(bag)}{remedy}'


def _listed(bag: Bag) -> str:
    """Name the topics of a recording, those with images first."""
    images = _image_topics(bag)
    topics = sorted(bag.topics.values(), key=lambda topic: (topic not in images, topic.name))
    more = f' and {len(topics) - 20} more' if len(topics) > 20 else ''
    return (', '.join(map(str, topics[:20])) or 'none') + more
