"""Files are written whole or not at all, and what cannot be written is refused beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2r_depth_ros.files import OutputError, check_output, write_atomically


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
        assert caught.value.filename2 is None
    assert not list(tmp_path.parent.glob(f'.{tmp_path.name}.*'))
