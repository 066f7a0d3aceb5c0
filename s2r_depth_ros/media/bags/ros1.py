"""Bags of ROS 1 (version 2.0), by the rosbags library."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from rosbags.rosbag1 import Reader

from s2r_depth_ros.media.bags.storage import RawMessage, StorageError, StoredTopic

MAGIC = b'#ROSBAG V2.0'


class Ros1File:
    """A ROS 1 bag as a Storage."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises StorageError."""
        self.damage: list[str] = []
        self._reader = Reader(path)
        try:
            self._reader.open()
        except Exception as error:  # of a cut file rosbags lets errors of all kinds through
            raise StorageError(
                f'it has no whole index ({error}): `rosbag reindex` on ROS 1 makes one'
            ) from error
        self.channels = [
            StoredTopic(connection.id, connection.topic, connection.msgtype, 'ros1', count)
            for connection in self._reader.connections
            if (count := connection.msgcount) is not None
        ]

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def messages(self, ids: Collection[int]) -> Iterator[RawMessage]:
        """Yield the messages of these channels in the order of time."""
        channels = {channel.id: channel for channel in self.channels if channel.id in ids}
        wanted = [c for c in self._reader.connections if c.id in channels]
        if not wanted:
            return  # to rosbags no connection means all
        try:
            for connection, time, data in self._reader.messages(wanted):
                yield RawMessage(channels[connection.id], time, bytes(data))
        except Exception as error:  # of a damaged chunk, too
            self.damage.append(
                f'a part of it is damaged ({error!r}), what follows is left out; `rosbag reindex` '
                'on ROS 1 may save it'
            )
