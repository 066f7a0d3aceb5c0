"""Models by name or by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2r_depth_ros.network import registry
from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network.registry import available_models, find_model
from s2r_depth_ros.network_choices import DEFAULT_MODEL


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with two models and other files."""
    folder = tmp_path / 'share' / 'models'
    folder.mkdir(parents=True)
    for name in ('street.safetensors', 'room.safetensors', 'room.md', 'priors.npz'):
        (folder / name).touch()
    monkeypatch.setattr(registry, 'share_directory', lambda: folder.parent)
    return folder


def test_name_gives_the_file_of_the_package(models: Path) -> None:
    assert find_model('room') == models / 'room.safetensors'


def test_available_models_are_sorted_names(models: Path) -> None:
    assert available_models() == ['room', 'street']


def test_unknown_name_lists_what_exists(models: Path) -> None:
    with pytest.raises(CheckpointError, match=r'rom: no model of this name; .*\(room, street\)'):
        find_model('rom')


def test_the_default_that_is_missing_is_no_mistake_of_its_name(models: Path) -> None:
    told = rf'{DEFAULT_MODEL}: its file is missing, build the package again; or .*\(room, street\)'
    with pytest.raises(CheckpointError, match=told):
        find_model(DEFAULT_MODEL)


def test_path_is_returned(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'mine.safetensors'
    file.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert find_model(file) == find_model(str(file)) == file
    assert find_model('mine.safetensors').samefile(file)
    assert find_model('./mine.safetensors').samefile(file)
    assert find_model('~/mine.safetensors') == file


def test_a_name_never_means_a_file_of_the_current_folder(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'room').touch()
    monkeypatch.chdir(tmp_path)
    assert find_model('room') == models / 'room.safetensors'


@pytest.mark.parametrize('text', ['no.safetensors', './no', 'no/room', '/no/room.safetensors'])
def test_path_that_does_not_exist_is_named(
    models: Path, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r'no such model file; .*\(room, street\)') as caught:
        find_model(text)
    assert text.removeprefix('./') in str(caught.value)


def test_without_a_models_folder_the_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, 'share_directory', lambda: tmp_path)
    assert available_models() == []
    with pytest.raises(CheckpointError, match='none is installed'):
        find_model('first')


def test_incomplete_installation_is_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise FileNotFoundError('build the package again')

    monkeypatch.setattr(registry, 'share_directory', missing)
    with pytest.raises(CheckpointError, match='build the package again'):
        find_model('first')


@pytest.mark.parametrize(
    'text', ['~nobody-of-this-name/x.safetensors', '/' + 'a' * 5000 + '.safetensors', 'b' * 5000]
)
def test_paths_that_the_system_refuses_are_named(models: Path, text: str) -> None:
    with pytest.raises(CheckpointError, match=r'no such model file|no model of this name'):
        find_model(text)
