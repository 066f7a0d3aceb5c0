"""Which topics of a recording to learn from: as told, else by type and name where one is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.media.bags.bag import Bag, RecordedTopic
from s2r_depth_ros.media.bags.lidar import LIDARS
from s2r_depth_ros.media.bags.messages import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from s2r_depth_ros.media.bags.topic_names import info_topics, is_colour_camera, is_depth_camera
from s2r_depth_ros.media.bags.transforms import one_frame
from s2r_depth_training.errors import DataError

_IMAGES = (IMAGE, COMPRESSED_IMAGE)


@dataclass(frozen=True)
class GivenTopics:
    """Topics as the user names them, '' where the recording is to tell."""

    colour: str = ''
    info: str = ''
    depth: str = ''
    lidar: str = ''


def complete(path: Path, given: GivenTopics) -> GivenTopics:
    """Return the topics to learn from: with colour, info, and depth or lidar or both.

    Raises DataError where a recording has none, or several of which the user has to name one,
    SourceError for a recording that cannot be read.
    """
    with Bag(path) as bag:
        topics = [t for t in bag.topics.values() if t.readable and t.count > 0]
        colour = given.colour or _only(
            path, 'colour', [t for t in topics if t.type in _IMAGES and is_colour_camera(t.name)]
        )
        info = given.info or _info(path, bag, topics, colour)
    depth, lidar = given.depth, given.lidar
    if not (depth or lidar):
        depth = _one(
            topics, lambda t: t.type in _IMAGES and is_depth_camera(t.name) and t.name != colour
        )
        lidar = '' if depth else _one(topics, lambda t: t.type in LIDARS)
    if not (depth or lidar):
        raise DataError(
            f'{path} does not say by which topic depth is learnt: say --depth (images aligned with '
            f'colour) or --lidar (LaserScan or PointCloud2); it has {_listed(topics)}'
        )
    return GivenTopics(colour, info, depth, lidar)


def _info(path: Path, bag: Bag, topics: Sequence[RecordedTopic], colour: str) -> str:
    """Return the camera_info of a colour topic: by its name, else the only one of its frame.

    Raises DataError where neither tells: the only one there is may be of another camera.
    """
    if colour not in bag.topics:
        raise DataError(f'{path} has no topic {colour}; it has {_listed(topics)}')
    infos = {t.name: _frame(bag, t.name) for t in topics if t.type == CAMERA_INFO}
    frame = _frame(bag, colour)
    named = info_topics(colour, [t.name for t in topics if t.type in _IMAGES])
    by_name = next((name for name in named if name in infos), '')
    if by_name and one_frame(infos[by_name], frame):
        return by_name
    by_frame = [name for name, own in infos.items() if own and frame and one_frame(own, frame)]
    if len(by_frame) == 1:
        return by_frame[0]
    told = ', '.join(f'{name} (of the frame {own!r})' for name, own in sorted(infos.items()))
    raise DataError(
        f'{path}: which camera_info is of {colour} (of the frame {frame!r})? '
        f'The recording has {told or "none"}; say --info TOPIC, or record it'
    )


def _frame(bag: Bag, topic: str) -> str:
    """Return the frame_id of a topic's first message that can be read, '' if there is none."""
    for message in bag.messages({topic}):
        try:
            return str(message.read().header.frame_id)
        except UserError:
            continue
    return ''


def _one(topics: Sequence[RecordedTopic], fits: Callable[[RecordedTopic], bool]) -> str:
    """Return the only topic that fits, '' for none or several."""
    found = [topic.name for topic in topics if fits(topic)]
    return found[0] if len(found) == 1 else ''


def _only(path: Path, role: str, found: Sequence[RecordedTopic]) -> str:
    if len(found) == 1:
        return found[0].name
    what = f'has several that may be ({_listed(found)})' if found else 'has none'
    raise DataError(f'{path}: which topic is {role}? The recording {what}; say --{role} TOPIC')


def _listed(topics: Sequence[RecordedTopic]) -> str:
    return ', '.join(sorted(map(str, topics))) or 'no topics that can be read'
