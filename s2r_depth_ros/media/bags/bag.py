"""A recording of ROS as one type, whatever files it is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.media.bags.bag_files import files_of, open_storage
from s2r_depth_ros.media.bags.messages import ENCODINGS, TYPES, BagMessage
from s2r_depth_ros.media.bags.storage import Storage, StoredTopic
from s2r_depth_ros.media.checks import SourceError


@dataclass(frozen=True)
class RecordedTopic:
    """A topic of a recording; encoding: of its messages; count: how many it says to hold."""

    name: str
    type: str
    encoding: str
    count: int

    @property
    def readable(self) -> bool:
        """Return whether its messages are in an encoding that is read here."""
        return self.encoding in ENCODINGS

    def __str__(self) -> str:
        return f'{self.name} ({self.type}{"" if self.readable else f", {self.encoding}"})'


class Bag:
    """A recording, open; for use by ``with``.

    topics: what it holds, by name; where topics of several types share one, the type that is
    readable, of a camera, and with more messages.
    """

    def __init__(self, path: Path) -> None:
        """Open it. Raises SourceError naming the file and the remedy if nothing can be read."""
        self._stack = ExitStack()
        self._storages: list[tuple[Path, Storage]] = []
        self._problems: list[str] = []
        try:
            self._open(path)
        except BaseException:
            self.close()
            raise
        self.topics = self._topics()

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and remove the temporary ones."""
        self._stack.close()

    @property
    def problems(self) -> list[str]:
        """What is wrong with the recording and the remedy, as far as it was read."""
        return self._problems + [
            f'{path.name}: {damage}'
            for path, storage in self._storages
            for damage in storage.damage
        ]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the messages of ``topics``, file by file in the order of their recording."""
        for _, storage in self._storages:
            ids = [c.id for c in storage.channels if c.topic in topics and self._is_of_topic(c)]
            if ids:
                yield from map(BagMessage, storage.messages(ids))

    def _is_of_topic(self, channel: StoredTopic) -> bool:
        topic = self.topics[channel.topic]
        return (channel.type, channel.encoding) == (topic.type, topic.encoding)

    def _open(self, path: Path) -> None:
        files, self._problems = files_of(path)
        errors = []
        for file in files:
            try:
                self._storages.append((file, open_storage(file, self._stack)))
            except SourceError as error:
                errors.append(error)
        if not self._storages:
            raise errors[0]
        self._problems += [str(error) for error in errors]

    def _topics(self) -> dict[str, RecordedTopic]:
        counts: dict[tuple[str, str, str], int] = {}
        for _, storage in self._storages:
            for channel in storage.channels:
                key = (channel.topic, channel.type, channel.encoding)
                counts[key] = counts.get(key, 0) + channel.count
        topics = [RecordedTopic(*key, count) for key, count in counts.items()]
        topics.sort(key=lambda t: (t.readable and t.count > 0, t.type in TYPES, t.count))
        return {topic.name: topic for topic in topics}
