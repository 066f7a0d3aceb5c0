"""Recordings are read as far as they go, whatever else is in them."""

from __future__ import annotations

import bz2
import gzip
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import written_bags as bags
from hypothesis import given
from hypothesis import strategies as st
from mcap_files import McapChannel, McapMessage, write_mcap
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.media.bags.bag_files import is_bag
from s2r_depth_ros.media.bags.ros1 import Ros1File
from s2r_depth_ros.media.bags.storage import zstd
from s2r_depth_ros.media.checks import SourceError

CAMERA = McapChannel('/cam', 'cdr', ('sensor_msgs/msg/CompressedImage', 'ros2msg', b'no matter'))
# What the writer of rosbags refuses.
NOT_WRITTEN = [
    (StoragePlugin.MCAP, CompressionMode.MESSAGE),
    (StoragePlugin.SQLITE3, CompressionMode.STORAGE),
]
TIMES = [10, 20, 30, 40, 50, 60, 70]


def compressed(index: int) -> bytes:
    image = bags.compressed(float(index), np.full(50, index, np.uint8))
    return bytes(bags.STORE.serialize_cdr(image, bags.COMPRESSED))


def read(path: Path) -> list[int]:
    """The first byte of each message on /cam."""
    with Bag(path) as bag:
        return [int(m.read().data[0]) for m in bag.messages({'/cam'})]


def refusal(action: Callable[[], object]) -> str | None:
    """What a SourceError says, None if there is none."""
    try:
        action()
    except SourceError as error:
        return str(error)
    return None


def problems(path: Path) -> list[str]:
    with Bag(path) as bag:
        list(bag.messages({'/cam'}))
        return bag.problems


foreign_channels = st.lists(
    st.builds(
        McapChannel,
        st.text(min_size=1, max_size=8).map(lambda name: f'/other/{name}'),
        st.sampled_from(['json', 'protobuf', 'cdr', 'ros1', 'cbor', '']),
        st.none()
        | st.tuples(
            st.text(max_size=8),
            st.sampled_from(['jsonschema', 'protobuf', 'ros2msg', 'ros2idl', 'ros1msg', '', 'x']),
            st.binary(max_size=20),
        ),
    ),
    max_size=4,
)


@given(
    foreign=foreign_channels,
    packing=st.sampled_from([None, '', 'zstd', 'lz4']),
    per_chunk=st.integers(1, 9),
    summary=st.booleans(),
    profile=st.sampled_from(['ros2', 'ros1', '', 'x']),
)
def test_foreign_channels_do_not_cost_the_camera(
    tmp_path_factory: pytest.TempPathFactory,
    foreign: list[McapChannel],
    packing: str | None,
    per_chunk: int,
    summary: bool,
    profile: str,
) -> None:
    messages: list[McapMessage] = []
    for index, time in enumerate(TIMES):
        messages += [(n, time - 1, b'foreign') for n in range(len(foreign))]
        messages.append((len(foreign), time, compressed(index)))
    path = write_mcap(
        tmp_path_factory.getbasetemp() / 'foreign.mcap',
        [*foreign, CAMERA],
        messages,
        packing=packing,
        per_chunk=per_chunk,
        summary=summary,
        profile=profile,
    )
    assert read(path) == list(range(len(TIMES)))
    assert problems(path) == []


@given(
    share=st.floats(0, 1),
    packing=st.sampled_from([None, '', 'zstd', 'lz4']),
    per_chunk=st.integers(1, 4),
)
def test_of_a_cut_file_the_beginning_is_read(
    tmp_path_factory: pytest.TempPathFactory, share: float, packing: str | None, per_chunk: int
) -> None:
    path = tmp_path_factory.getbasetemp() / 'cut.mcap'
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    whole = write_mcap(path, [CAMERA], messages, packing=packing, per_chunk=per_chunk).read_bytes()
    path.write_bytes(whole[: int(share * (len(whole) - 1))])
    found = [] if (told := refusal(lambda: read(path))) else read(path)
    assert told is None or 'cut.mcap' in told
    if told:
        return
    assert found == list(range(len(found)))
    assert all('mcap recover' in problem for problem in problems(path))
    if len(found) < len(TIMES):
        assert problems(path)


@given(
    place=st.integers(0, 2000),
    value=st.integers(0, 255),
    packing=st.sampled_from([None, '', 'zstd']),
)
def test_a_damaged_byte_is_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, packing: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / 'damaged.mcap'
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    content = bytearray(write_mcap(path, [CAMERA], messages, packing=packing).read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    told = refusal(lambda: read(path))
    assert told is None or 'damaged.mcap' in told or told.startswith('/cam')


def test_any_damaged_byte_of_a_summary_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / 'damaged.mcap'
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    without = write_mcap(path, [CAMERA], messages, summary=False).read_bytes()
    whole = write_mcap(path, [CAMERA], messages).read_bytes()
    for place in range(len(without) - 40, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 7]) + whole[place + 1 :])
        told = refusal(lambda: read(path))
        assert told is None or 'damaged.mcap' in told or told.startswith('/cam')


def test_chunks_that_overlap_are_in_order_of_time(tmp_path: Path) -> None:
    order = [0, 3, 1, 5, 2, 6, 4]
    messages = [(0, TIMES[index], compressed(index)) for index in order]
    path = write_mcap(tmp_path / 'a.mcap', [CAMERA], messages, per_chunk=3)
    assert read(path) == sorted(order)


def written(path: Path, plugin: StoragePlugin, mode: CompressionMode) -> Path:
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        camera = writer.add_connection('/cam', bags.COMPRESSED, typestore=bags.STORE)
        for index, time in enumerate(TIMES):
            writer.write(camera, time, compressed(index))
    return path


@pytest.mark.parametrize('plugin', list(StoragePlugin))
@pytest.mark.parametrize(
    'mode', [CompressionMode.NONE, CompressionMode.FILE, CompressionMode.MESSAGE]
)
@pytest.mark.parametrize('with_metadata', [True, False])
def test_recordings_of_rosbag2_with_and_without_their_metadata(
    tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode, with_metadata: bool
) -> None:
    if (plugin, mode) in NOT_WRITTEN:
        return
    folder = written(tmp_path / 'bag', plugin, mode)
    if not with_metadata:
        (folder / 'metadata.yaml').unlink()
    assert is_bag(folder)
    assert read(folder) == list(range(len(TIMES)))
    (file,) = (path for path in folder.iterdir() if path.suffix != '.yaml')
    assert read(file) == list(range(len(TIMES)))
    upper = file.rename(folder / file.name.upper())
    assert is_bag(upper)
    assert read(upper) == list(range(len(TIMES)))


BROKEN_LISTS = [
    f'rosbag2_bagfile_information: {{relative_file_paths: {value}}}'
    for value in ('', 'bag.mcap', '[]', '[other.mcap]', '{a: 1}')
]


@pytest.mark.parametrize(
    'yaml', ['', '[', 'a: 1', '\xff', 'rosbag2_bagfile_information: 3', *BROKEN_LISTS]
)
def test_a_broken_metadata_file_is_told_and_not_needed(tmp_path: Path, yaml: str) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.MCAP, CompressionMode.NONE)
    (folder / 'metadata.yaml').write_bytes(yaml.encode('latin1'))
    assert read(folder) == list(range(len(TIMES)))
    (told,) = problems(folder)
    assert 'ros2 bag reindex' in told


@given(
    folders=st.lists(st.sampled_from(['', 'bag/', '/elsewhere/', 'C:\\bags\\', './']), min_size=1)
)
def test_of_listed_files_only_the_names_count_and_each_once(
    tmp_path_factory: pytest.TempPathFactory, folders: list[str]
) -> None:
    folder = tmp_path_factory.mktemp('listed')
    write_mcap(folder / 'a b:0 ü.mcap', [CAMERA], [(0, 1, compressed(5))])
    names = '\n'.join(f"    - '{where}a b:0 ü.mcap'" for where in folders)
    metadata = f'rosbag2_bagfile_information:\n  relative_file_paths:\n{names}\n'
    (folder / 'metadata.yaml').write_text(metadata, encoding='utf-8')
    assert read(folder) == [5]
    assert problems(folder) == []


def test_parts_come_in_natural_order_and_a_missing_one_is_told(tmp_path: Path) -> None:
    folder = tmp_path / 'run'
    folder.mkdir()
    for index in (10, 2, 1):
        write_mcap(folder / f'run_{index}.mcap', [CAMERA], [(0, index, compressed(index))])
    assert read(folder) == [1, 2, 10]
    names = '\n'.join(f'    - run_{index}.mcap' for index in (1, 2, 3, 10))
    metadata = f'rosbag2_bagfile_information:\n  relative_file_paths:\n{names}\n'
    (folder / 'metadata.yaml').write_text(metadata)
    assert read(folder) == [1, 2, 10]
    (told,) = problems(folder)
    assert 'run_3.mcap' in told
    (folder / 'metadata.yaml').unlink()
    write_mcap(folder / 'run_4.mcap', [CAMERA], [])
    write_mcap(folder / 'run_5.mcap', [CAMERA], [])
    (told,) = problems(folder)
    assert 'number 3, 6, 7, 8, 9' in told
    write_mcap(folder / 'other_0.mcap', [CAMERA], [])
    with pytest.raises(SourceError, match='several recordings'):
        read(folder)


def test_a_part_that_cannot_be_read_does_not_cost_the_others(tmp_path: Path) -> None:
    for index in (0, 1):
        write_mcap(tmp_path / f'run_{index}.mcap', [CAMERA], [(0, index, compressed(index))])
    (tmp_path / 'run_0.mcap').write_bytes(b'')
    assert read(tmp_path) == [1]
    assert 'empty' in problems(tmp_path)[0]


def test_what_the_recorder_had_not_merged_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.SQLITE3, CompressionMode.NONE)
    live = sqlite3.connect(folder / 'bag.db3')
    live.execute('PRAGMA journal_mode=WAL')
    live.execute('INSERT INTO messages VALUES (99, 1, 80, ?)', (compressed(7),))
    live.commit()
    copy = tmp_path / 'copy'  # as after a power failure: the log lies beside
    shutil.copytree(folder, copy)
    live.close()
    assert read(copy) == list(range(8))


def test_a_half_written_database_is_told_with_the_remedy(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.SQLITE3, CompressionMode.NONE)
    live = sqlite3.connect(folder / 'bag.db3', isolation_level=None)
    live.execute('PRAGMA cache_size=1')
    live.execute('BEGIN')
    live.execute('DELETE FROM messages')
    for index in range(200):  # until some is in the file
        live.execute('INSERT INTO messages VALUES (?, 1, 80, ?)', (index, bytes(5000)))
    copy = tmp_path / 'copy'  # as after a power failure
    shutil.copytree(folder, copy)
    live.close()
    assert 'bag.db3-journal' in {file.name for file in copy.iterdir()}
    told = refusal(lambda: read(copy))
    assert told is not None
    assert '-journal' in told
    sqlite3.connect(copy / 'bag.db3').execute('SELECT count(*) FROM topics')  # the remedy
    assert read(copy) == list(range(len(TIMES)))


def test_a_cut_database_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.SQLITE3, CompressionMode.NONE)
    file = folder / 'bag.db3'
    whole = file.read_bytes()
    for size in range(16, len(whole), 512):
        file.write_bytes(whole[:size])
        told = refusal(lambda: read(folder))
        if told is None and read(folder) != list(range(len(TIMES))):
            (told,) = problems(folder)
        assert told is None or 'bag.db3' in told


@pytest.mark.parametrize(
    'name',
    [
        'sensor_msgs/CompressedImage',
        'sensor_msgs::msg::CompressedImage',
        'sensor_msgs::msg::dds_::CompressedImage_',
    ],
)
def test_type_names_of_old_and_of_other_recorders(tmp_path: Path, name: str) -> None:
    channel = McapChannel('/cam', 'cdr', (name, 'ros2msg', b''))
    assert read(write_mcap(tmp_path / 'a.mcap', [channel], [(0, 5, compressed(3))])) == [3]


@given(
    omitted=st.sets(st.sampled_from(['schemas', 'channels', 'counts', 'chunks', 'statistics'])),
    packing=st.sampled_from([None, 'zstd']),
)
def test_what_a_summary_leaves_out_is_found_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, omitted: set[str], packing: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / 'summary.mcap'
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    write_mcap(path, [CAMERA], messages, packing=packing, omitted=omitted)
    with Bag(path) as bag:
        assert bag.topics['/cam'].count == len(TIMES)
    assert read(path) == list(range(len(TIMES)))
    assert problems(path) == []


def test_a_topic_that_others_use_too_is_still_the_cameras(tmp_path: Path) -> None:
    other = McapChannel('/cam', 'cdr', ('my_msgs/msg/Image', 'ros2msg', b''))
    messages = [(0, 1, b'other')] * 9 + [(1, 2, compressed(4))]
    assert read(write_mcap(tmp_path / 'a.mcap', [other, CAMERA], messages)) == [4]


def test_an_empty_recording_is_told_as_such(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / 'a.mcap', [], [])
    assert 'nothing was recorded' in (refusal(lambda: read(path)) or '')


@pytest.mark.parametrize(
    ('pack', 'told'),
    [
        (lambda _: b'', 'empty'),
        (lambda _: bytes(5000), 'zeros'),
        (lambda _: b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'),
        (lambda _: b'<!DOCTYPE html><html>404</html>', 'web page'),
        (gzip.compress, 'gunzip'),
        (bz2.compress, 'bunzip2'),
        (lambda _: b'#ROSBAG V1.2\n' + bytes(50), 'rosbag fix'),
        (lambda _: b'#ROSBAG V2.0\n', 'rosbag reindex'),
        (lambda _: b'some text', 'no MCAP'),
        (lambda data: data[:12], 'no channel'),
    ],
)
def test_what_is_no_recording_is_named_with_the_remedy(
    tmp_path: Path, pack: Callable[[bytes], bytes], told: str
) -> None:
    whole = write_mcap(tmp_path / 'a.mcap', [CAMERA], [(0, 5, compressed(3))]).read_bytes()
    (tmp_path / 'b.bag').write_bytes(pack(whole))
    with pytest.raises(SourceError, match=rf'b\.bag.*{told}'):
        read(tmp_path / 'b.bag')


@pytest.mark.parametrize('pack', [zstd.compress, lz4.frame.compress])
def test_files_compressed_by_hand_are_unpacked(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    whole = write_mcap(tmp_path / 'a.mcap', [CAMERA], [(0, 5, compressed(3))]).read_bytes()
    path = tmp_path / 'a.mcap.zst'
    path.write_bytes(pack(whole))
    assert read(path) == [3]
    path.write_bytes(pack(whole)[:-10])
    with pytest.raises(SourceError, match=r'a\.mcap\.zst.*cut short'):
        read(path)


@pytest.mark.parametrize('pack', [zstd.compress, lz4.frame.compress])
def test_of_a_cut_compressed_file_the_beginning_is_read(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    random, messages = np.random.default_rng(1), []
    for time in range(20):
        noise = random.integers(0, 256, 100_000, np.uint8)
        image = bags.STORE.serialize_cdr(bags.compressed(1.0, noise), bags.COMPRESSED)
        messages.append((0, time, bytes(image)))
    whole = write_mcap(tmp_path / 'a.mcap', [CAMERA], messages, packing=None).read_bytes()
    path = tmp_path / 'a.mcap.zst'
    path.write_bytes(pack(whole)[:1_000_000])
    assert 5 < len(read(path)) < 11
    assert any('cut short' in problem for problem in problems(path))


@given(content=st.binary(max_size=200), kind=st.sampled_from(['cdr', 'ros1']))
def test_any_bytes_are_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    channel = McapChannel('/cam', kind, ('sensor_msgs/msg/CompressedImage', '', b''))
    path = write_mcap(tmp_path_factory.getbasetemp() / 'any.mcap', [channel], [(0, 1, content)])
    with Bag(path) as bag:
        (message,) = bag.messages({'/cam'})
        told = refusal(message.read)
    assert told is None or told.startswith('/cam')


def test_several_recordings_in_a_folder_are_named(tmp_path: Path) -> None:
    for name in ('kitchen_0', 'kitchen_1', 'garden_0'):
        write_mcap(tmp_path / f'{name}.mcap', [CAMERA], [(0, 1, compressed(1))])
    told = refusal(lambda: read(tmp_path))
    assert told is not None
    assert 'holds several recordings (garden_0.mcap, kitchen_0.mcap, kitchen_1.mcap)' in told


def test_metadata_without_its_files_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.MCAP, CompressionMode.NONE)
    (folder / 'bag.mcap').unlink()
    told = refusal(lambda: read(folder))
    assert told is not None
    assert 'it names bag.mcap' in told


def test_chunks_of_other_channels_are_passed_over(tmp_path: Path) -> None:
    """Also one that could not be unpacked."""
    other = McapChannel('/other', 'json', None)
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES[:3])]
    messages += [(1, 80, b'{}')] * 3
    path = write_mcap(tmp_path / 'a.mcap', [CAMERA, other], messages, indexed=True)
    content = bytearray(path.read_bytes())
    content[content.rindex(b'\x28\xb5\x2f\xfd') + 6] ^= 0xFF
    path.write_bytes(content)
    assert read(path) == [0, 1, 2]
    assert problems(path) == []


@pytest.mark.parametrize(
    ('old', 'new', 'told'),
    [
        (b'\x04\0\0\0zstd', b'\x04\0\0\0rice', "compressed by 'rice', which is not known here"),
        (
            struct.pack('<I', 0) + b'\x04\0\0\0zstd',
            struct.pack('<I', 9) + b'\x04\0\0\0zstd',
            'damaged',
        ),
    ],
)
def test_a_chunk_that_cannot_be_unpacked_is_told(
    tmp_path: Path, old: bytes, new: bytes, told: str
) -> None:
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    path = write_mcap(tmp_path / 'a.mcap', [CAMERA], messages)
    content = path.read_bytes()
    second = content.index(old, content.index(old) + 1)
    path.write_bytes(content[:second] + new + content[second + len(old) :])
    assert read(path) == [0, 1, 2, 6]
    assert told in problems(path)[0]


def test_a_file_that_was_not_ended_is_read_and_told(tmp_path: Path) -> None:
    messages = [(0, time, compressed(index)) for index, time in enumerate(TIMES)]
    path = write_mcap(tmp_path / 'a.mcap', [CAMERA], messages, summary=False)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b'\x0f' + struct.pack('<Q', 4))])
    assert read(path) == list(range(len(TIMES)))
    assert 'the recorder was not stopped properly' in problems(path)[0]


def test_of_no_channels_a_ros_1_bag_has_no_messages(tmp_path: Path) -> None:
    message = bags.ROS1_STORE.types['std_msgs/msg/String']('hello')
    path = bags.write_ros1(tmp_path / 'a.bag', [('/words', 'std_msgs/msg/String', message)])
    storage = Ros1File(path)
    assert [message.time for message in storage.messages([])] == []
    assert len(list(storage.messages([channel.id for channel in storage.channels]))) == 1
    storage.close()


def test_a_database_of_something_else_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / 'a.db3') as database:
        database.execute('CREATE TABLE birds (name TEXT)')
    told = refusal(lambda: read(tmp_path / 'a.db3'))
    assert told is not None
    assert 'it is a SQLite database but no recording (no such table: topics)' in told


def test_a_database_that_is_being_recorded_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.SQLITE3, CompressionMode.NONE)
    live = sqlite3.connect(folder / 'bag.db3')
    live.execute('PRAGMA locking_mode=EXCLUSIVE')
    live.execute('PRAGMA journal_mode=WAL')
    live.execute('INSERT INTO messages VALUES (99, 1, 80, ?)', (compressed(7),))
    live.commit()
    told = refusal(lambda: read(folder))
    live.close()
    assert told is not None
    assert 'is it still being recorded?' in told


def test_a_row_that_is_no_message_is_left_out(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag', StoragePlugin.SQLITE3, CompressionMode.NONE)
    with sqlite3.connect(folder / 'bag.db3') as database:
        database.execute("INSERT INTO messages VALUES (98, 1, 81, 'text')")
    assert read(folder) == list(range(len(TIMES)))
