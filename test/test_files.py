"""Files are written whole or not at all, and what cannot be written is refused beforehand."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2r_depth_ros.files import (
    JsonError,
    OutputError,
    check_output,
    make_folder,
    read_json,
    write_atomically,
)


@pytest.mark.parametrize(
    ('name', 'suffixes', 'message'),
    [
        ('gone/x.json', (), r'gone/x\.json: there is no folder .*gone; make it'),
        ('file/x.json', (), 'there is no folder'),
        ('folder', (), 'is a folder; give the name of a file'),
        ('x.xyz', ('.png', '.jpg'), r'x\.xyz: the name must end in \.png or \.jpg'),
        ('x', ('.png',), r'must end in \.png'),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, name: str, suffixes: tuple[str, ...], message: str
) -> None:
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match=message):
        check_output(tmp_path / name, suffixes)


def test_a_folder_that_may_not_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('os.access', lambda path, mode: False)
    with pytest.raises(OutputError, match='you may not write to'):
        check_output(tmp_path / 'x')


def test_what_can_be_written_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path('old.PNG').touch()
    for name in ('new.png', 'old.PNG'):
        check_output(Path(name), ('.png',))
    check_output(Path('anything'))
    assert [path.name for path in tmp_path.iterdir()] == ['old.PNG']


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    for wrong in (tmp_path / 'gone' / 'x', tmp_path):
        with pytest.raises(OSError, match='directory') as caught:
            write_atomically(wrong, b'')
        assert caught.value.filename == str(wrong)
        assert str(caught.value).endswith(f"'{wrong}'")
    assert not list(tmp_path.parent.glob(f'.{tmp_path.name}.*'))


def test_a_file_that_is_cut_off_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    """As where the disk is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match='too large') as caught:
            write_atomically(tmp_path / 'x', bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value).endswith(f"'{tmp_path / 'x'}'")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['file', 'file/below', 'file/a/b'])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match=f'cannot make the folder .*{name}: .*; choose another'):
        make_folder(tmp_path / name)


def test_a_folder_is_made_with_those_above_it_and_may_be_there(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / 'a' / 'b')
    assert (tmp_path / 'a' / 'b').is_dir()


@pytest.mark.parametrize(
    'content',
    [b'', b'{', b'\xff\xfe', b'[' * 100_000, b'[1, 2] 3', '{"\u00e9": 1}'.encode('latin1')],
)
def test_what_is_no_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'x.json'
    path.write_bytes(content)
    with pytest.raises(JsonError, match=r'x\.json is no JSON: '):
        read_json(path)


def test_a_json_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / 'none.json', 'No such file'), (tmp_path, 'Is a directory')):
        with pytest.raises(JsonError, match=f'{path.name} cannot be read: {reason}'):
            read_json(path)


def test_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'x.json'
    path.write_text('{"a": [1, 2.5, null, "\u00e9"]}', encoding='utf-8')
    assert read_json(path) == {'a': [1, 2.5, None, '\u00e9']}


@pytest.fixture(params=['pipe', 'socket', 'null'])
def special(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    path = tmp_path / request.param
    with socket.socket(socket.AF_UNIX) as opened:
        if request.param == 'pipe':
            os.mkfifo(path)
        elif request.param == 'socket':
            opened.bind(str(path))
        else:
            path.symlink_to('/dev/null')
        yield path


def test_what_is_no_file_is_refused_and_stays(special: Path) -> None:
    mode = special.stat().st_mode
    with pytest.raises(OutputError, match='is a device or a pipe; give the name of a file'):
        check_output(special)
    with pytest.raises(OSError, match='it is a device or a pipe') as caught:
        write_atomically(special, b'x')
    assert caught.value.filename == str(special)
    assert special.stat().st_mode == mode
    assert [path.name for path in special.parent.iterdir()] == [special.name]


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / 'results').mkdir()
    target, link = tmp_path / 'results' / 'a.json', tmp_path / 'link.json'
    link.symlink_to(target)
    for content in (b'new', b'newer'):
        check_output(link)
        write_atomically(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    dangling = tmp_path / 'dangling.json'
    dangling.symlink_to(tmp_path / 'gone' / 'a.json')
    with pytest.raises(OutputError, match=r'there is no folder .*gone; make it'):
        check_output(dangling)
