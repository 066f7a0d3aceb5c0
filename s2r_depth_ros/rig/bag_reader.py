"""Reading ROS bags of either version by the rosbags library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.rig.clip import ClipError


def open_reader(path: Path) -> AnyReader:
    """Return an unopened reader whose errors at opening are ClipErrors. For use by ``with``."""
    # Bags older than Iron carry no message definitions: those of Humble then stand in.
    typestore = get_typestore(Stores.ROS2_HUMBLE)
    try:
        reader = AnyReader([path], default_typestore=typestore)
        reader.open()
        reader.close()
    except Exception as error:  # rosbags lets errors of sqlite, yaml and struct through
        raise ClipError(f'{path} cannot be read as a ROS bag: {error}') from error
    return reader


def messages(reader: AnyReader, topic: str) -> Iterator[Any]:
    """Yield the messages of ``topic`` in the order of their arrival."""
    connections = [c for c in reader.connections if c.topic == topic]
    for connection, _, raw in reader.messages(connections):
        yield reader.deserialize(raw, connection.msgtype)


def first_message(reader: AnyReader, topic: str) -> Any:
    """Return the first message of ``topic``, which must have one."""
    return next(messages(reader, topic))
