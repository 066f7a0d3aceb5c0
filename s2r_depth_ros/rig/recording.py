"""A finished recording: the bag, and when each message of it arrived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader

from s2r_depth_ros.rig.channels import IMAGE_TOPIC, full_name
from s2r_depth_ros.rig.serialized import header_stamp


@dataclass(frozen=True)
class Recording:
    """What the recorder left: ``arrivals`` maps topic -> {stamp: arrival}, nanoseconds both."""

    bag: Path
    node: str
    arrivals: dict[str, dict[int, int]]

    @classmethod
    def load(cls, bag: Path, result: Path, node: str) -> Recording:
        """Read the recorder's result file."""
        arrivals = json.loads(result.read_text())
        return cls(bag, node, {topic: dict(pairs) for topic, pairs in arrivals.items()})

    @property
    def image_topic(self) -> str:
        """The camera image's topic."""
        return f'/{IMAGE_TOPIC}'

    def name_of(self, topic: str) -> str:
        """Return the full name of one of the node's topics."""
        return full_name(topic, node=self.node)

    def common_stamps(self, names: list[str]) -> list[int]:
        """Return the stamps (ns) of which every named topic has a message, in order."""
        common = set.intersection(*(set(self.arrivals.get(name, {})) for name in names))
        return sorted(common)

    def stamps_in_bag(self, reader: AnyReader, name: str) -> set[int]:
        """Return the stamps (ns) of the messages of a topic that were written."""
        return {header_stamp(raw) for _, raw in self._written(reader, name)}

    def messages(self, reader: AnyReader, name: str) -> Iterator[Any]:
        """Yield the messages of a topic that were written, in their order."""
        for kind, raw in self._written(reader, name):
            yield reader.deserialize(raw, kind)

    def latencies(self, name: str) -> dict[int, float]:
        """Return stamp (ns) -> seconds from stamp to arrival of that topic's messages."""
        return {s: (t - s) * 1e-9 for s, t in self.arrivals.get(name, {}).items()}

    def message(self, reader: AnyReader, name: str, stamp: int) -> Any:
        """Read the message of ``name`` with that header stamp."""
        arrived = self.arrivals[name][stamp]
        # Only the chunks of that moment are read, not the whole bag.
        for kind, raw in self._written(reader, name, arrived, arrived + 1):
            return reader.deserialize(raw, kind)
        raise KeyError(f'{self.bag} has no message of {name} with stamp {stamp} ns')

    def _written(
        self, reader: AnyReader, name: str, start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield type and bytes of a topic's messages, of all times or from start to stop, ns."""
        connections = [c for c in reader.connections if c.topic == name]
        if connections:  # to rosbags none means all
            for connection, _, raw in reader.messages(connections, start, stop):
                yield connection.msgtype, raw
