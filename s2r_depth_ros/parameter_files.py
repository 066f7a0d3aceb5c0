"""ROS parameter files: what they set for a node, and what of them no node could read.

Imports no ROS: the launch file looks into them, and so does the node before it starts, because
rcl says of a wrong file where it stopped, not what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from s2r_depth_ros.errors import UserError

# As YAML 1.1, and so ROS, reads words without quotes.
_BOOLEANS = {
    **dict.fromkeys(('true', 'yes', 'on', 'y', '1'), True),
    **dict.fromkeys(('false', 'no', 'off', 'n', '0'), False),
}
_PARAMETERS = 'ros__parameters'


class ParameterFileError(UserError):
    """A parameter file that cannot be read, or an option that YAML reads otherwise than meant."""


def boolean(text: str) -> bool | None:
    """Return what a word such as True, yes or off means, None for another text."""
    return _BOOLEANS.get(text.strip().lower())


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the name that was meant, '' if none is close."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f'; did you mean {found[0]}?' if found else ''


class ParameterFile:
    """A YAML file of parameters.

    sections: (which nodes it is for, such as /** or /front/depth; name -> value as YAML has it).
    Raises ParameterFileError if it is not there or is no file of parameters.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        content = _load(path)
        if not isinstance(content, Mapping):
            found = 'is empty' if content is None else f'holds {content!r:.60}'
            raise ParameterFileError(f'the parameter file {path} {found}: {_FORM}')
        self.sections = list(self._sections(content, ''))

    def for_node(self, full_name: str) -> dict[str, Any] | None:
        """Return what the file sets for a node; None if it has no section for that node."""
        # Later sections win over earlier ones.
        sections = [values for nodes, values in self.sections if is_for(nodes, full_name)]
        return {k: v for values in sections for k, v in values.items()} if sections else None

    def _sections(
        self, content: Mapping[Any, Any], nodes: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, value in content.items():
            if not isinstance(value, Mapping):
                raise ParameterFileError(
                    f'the parameter file {self.path} has {key!r} outside of {_PARAMETERS}: {_FORM}'
                    if key != _PARAMETERS
                    else f'the parameter file {self.path} has nothing in {_PARAMETERS}: {_FORM}'
                )
            if key == _PARAMETERS:
                values = dict(flat(value))
                self._check_lists(values)
                yield nodes, values
            else:
                yield from self._sections(value, f'{nodes}/{str(key).strip("/")}')

    def _check_lists(self, values: Mapping[str, Any]) -> None:
        """Refuse what ROS would take for something else without a word."""
        for name, value in values.items():
            if isinstance(value, list) and any(isinstance(v, (list, Mapping)) for v in value):
                raise ParameterFileError(
                    f'the parameter file {self.path} has {name}: {value!r:.60}, but the items of a '
                    'list are texts or numbers: correct it there'
                )


_FORM = (
    'a file has the nodes (/** for any) above ros__parameters, and the parameters below it, as '
    'config/depth.yaml'
)


def _load(path: str) -> Any:
    if not Path(path).is_file():
        raise ParameterFileError(f'there is no parameter file {path}: correct its path')
    try:
        content = Path(path).read_bytes()
        # A few of them make a file of a kilobyte billions of values, or one within itself.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content)):
            raise ParameterFileError(
                f'the parameter file {path} has aliases (*), which ROS does not read: write what '
                'they stand for'
            )
        return yaml.safe_load(content)
    except OSError as error:
        raise ParameterFileError(
            f'the parameter file {path} cannot be read: {error.strerror}'
        ) from error
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise ParameterFileError(
            f'the parameter file {path} is no YAML, correct it there: {error}'
        ) from error


def flat(values: Mapping[Any, Any], above: str = '') -> Iterator[tuple[str, Any]]:
    """Give the parameters of nested mappings, which ROS joins by dots."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f'{above}{key}.')
        else:
            yield f'{above}{key}', value


def is_for(nodes: str, full_name: str) -> bool:
    """Return whether a section is for a node: ``*`` is one part of its name, ``**`` any number."""
    pattern = re.escape(nodes).replace(r'/\*\*', '(/[^/]+)*').replace(r'\*', '[^/]+')
    return re.fullmatch(pattern, full_name) is not None
