"""Where models are: a file, or a name in the folder of models that comes with the package."""

from __future__ import annotations

import os.path
from pathlib import Path

from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network_choices import DEFAULT_MODEL
from s2r_depth_ros.share import share_directory

SUFFIX = '.safetensors'


def find_model(name_or_path: str | Path) -> Path:
    """Return the file of a model.

    Text with a folder or the suffix .safetensors is a path; anything else is a NAME, looked up as
    models/NAME.safetensors of the source tree or <prefix>/share/s2r_depth_ros/models. Raises
    CheckpointError that names the models that exist.
    """
    text = str(name_or_path)
    # By os.path: of an unknown user, or too long, a path is one that does not exist, and no error.
    path = Path(os.path.expanduser(text))
    if path.suffix == SUFFIX or text != path.name:
        if os.path.exists(path):
            return path
        raise CheckpointError(f'{path}: no such model file; {_choices()}')
    file = _models_folder() / (text + SUFFIX)
    if not os.path.isfile(file):
        known = text == DEFAULT_MODEL  # its user may have named none at all
        wrong = 'its file is missing, build the package again' if known else 'no model of this name'
        raise CheckpointError(f'{text}: {wrong}; {"or " if known else ""}{_choices()}')
    return file


def available_models() -> list[str]:
    """Return the names that find_model knows, sorted."""
    return sorted(file.stem for file in _models_folder().glob('*' + SUFFIX))


def _models_folder() -> Path:
    try:
        return share_directory() / 'models'
    except FileNotFoundError as error:
        raise CheckpointError(str(error)) from error


def _choices() -> str:
    names = ', '.join(available_models()) or 'none is installed'
    return f'give one of the names ({names}) or a path such as ./model{SUFFIX}'
