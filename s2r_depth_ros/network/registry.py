"""Where models are: a file, or a name in the folder of models that comes with the package."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.network.metadata import CheckpointError

SUFFIX = '.safetensors'
_PACKAGE = 's2r_depth_ros'


def find_model(name_or_path: str | Path) -> Path:
    """Return the file of a model.

    Text with a folder or the suffix .safetensors is a path; anything else is a NAME, looked up as
    models/NAME.safetensors of the source tree or <prefix>/share/s2r_depth_ros/models. Raises
    CheckpointError that names the models that exist.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix == SUFFIX or str(name_or_path) != path.name:
        if path.exists():
            return path
        raise CheckpointError(f'{path}: no such model file; {_choices()}')
    for folder in _model_folders():
        file = folder / (path.name + SUFFIX)
        if file.is_file():
            return file
    raise CheckpointError(
        f'{path.name}: no model of this name; {_choices()} (a file here is ./{path.name})'
    )


def available_models() -> list[str]:
    """Return the names that find_model knows, sorted."""
    return sorted({file.stem for folder in _model_folders() for file in folder.glob('*' + SUFFIX)})


def _choices() -> str:
    names = ', '.join(available_models())
    return f'give a file or one of the names: {names or "(no model is installed)"}'


def _model_folders() -> list[Path]:
    """Return the existing model folders: of the source tree first, then of the install prefix."""
    here = Path(__file__).resolve()
    folders = []
    if (here.parents[2] / 'package.xml').is_file():
        folders.append(here.parents[2] / 'models')
    folders += [parent / 'share' / _PACKAGE / 'models' for parent in here.parents]
    return [folder for folder in folders if folder.is_dir()]
