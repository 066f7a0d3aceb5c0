"""No message harms the node: it is used or refused, soon, and the next good frame comes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from hypothesis import given, settings
from hypothesis import strategies as st
from malformed_messages import camera_infos, compressed_images, raw_images
from message_receiver import MessageReceiver

FEW = settings(max_examples=60)


@pytest.fixture(scope='module')
def raw(tiny_model: Path) -> Iterator[MessageReceiver]:
    receiver = MessageReceiver(tiny_model, compressed=False)
    yield receiver
    receiver.close()


@pytest.fixture(scope='module')
def compressed(tiny_model: Path) -> Iterator[MessageReceiver]:
    receiver = MessageReceiver(tiny_model, compressed=True)
    yield receiver
    receiver.close()


@FEW
@given(messages=st.lists(st.one_of(raw_images(), camera_infos()), min_size=1, max_size=4))
def test_raw_images(raw: MessageReceiver, messages: list[Any]) -> None:
    raw.take(messages)


@FEW
@given(messages=st.lists(st.one_of(compressed_images(), camera_infos()), min_size=1, max_size=4))
def test_compressed_images(compressed: MessageReceiver, messages: list[Any]) -> None:
    compressed.take(messages)
