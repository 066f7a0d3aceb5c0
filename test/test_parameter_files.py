"""Files of ROS parameters, good and bad ones."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from source_files import ROOT

from s2r_depth_ros.parameter_files import ParameterFile, ParameterFileError, boolean, closest


def _file(folder: Path, text: str) -> ParameterFile:
    path = folder / 'parameters.yaml'
    path.write_text(text)
    return ParameterFile(str(path))


def _for(nodes: str, name: str, folder: Path) -> bool:
    text = yaml.safe_dump({nodes: {'ros__parameters': {'a': 1}}})
    return _file(folder, text).for_node(name) is not None


@pytest.mark.parametrize(
    ('nodes', 'name', 'is_its'),
    [
        ('/**', '/depth', True),
        ('/**', '/a/b/depth', True),
        ('depth', '/depth', True),
        ('depth', '/a/depth', False),
        ('/a/depth', '/a/depth', True),
        ('/*/depth', '/a/depth', True),
        ('/*/depth', '/depth', False),
        ('/*/depth', '/a/b/depth', False),
        ('/**/depth', '/a/b/depth', True),
        ('/**/depth', '/depth', True),
        ('/*', '/depth', True),
        ('/*', '/a/depth', False),
        ('/a.b', '/axb', False),
        ('camera', '/depth', False),
    ],
)
def test_sections_are_for_the_nodes_that_they_name(
    nodes: str, name: str, is_its: bool, tmp_path: Path
) -> None:
    assert _for(nodes, name, tmp_path) == is_its


def test_nested_nodes_and_parameters_are_joined_and_the_last_wins(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        """
a:
  depth:
    ros__parameters: {q: {x: {y: 1}}, z: 1}
/**:
  ros__parameters: {z: 2, empty: {}}
""",
    )
    assert file.for_node('/a/depth') == {'q.x.y': 1, 'z': 2, 'empty': {}}
    assert file.for_node('/depth') == {'z': 2, 'empty': {}}


def test_the_shipped_file_is_read() -> None:
    values = ParameterFile(str(ROOT / 'config' / 'depth.yaml')).for_node('/any/depth')
    assert values is not None
    assert values['rectify'] == 'auto'


# A billion values in half a kilobyte.
_LAUGHS = (
    '/**: {ros__parameters: {a0: &a0 {x: 1}, '
    + ', '.join(
        f'a{n}: &a{n} {{{", ".join(f"{c}: *a{n - 1}" for c in "abcdefghij")}}}'
        for n in range(1, 10)
    )
    + '}}'
)


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('', 'is empty'),
        ('# a comment', 'is empty'),
        ('just text', "holds 'just text'"),
        ('/**: {ros__parameters: &a {x: *a}}', r'has aliases \(\*\), which ROS does not read'),
        (_LAUGHS, r'has aliases \(\*\), which ROS does not read'),
        ('a: &a [1]\n', 'outside of ros__parameters'),
        ('[1, 2]', r'holds \[1, 2\]'),
        ('model: x', "has 'model' outside of ros__parameters"),
        ('depth: {model: x}', "has 'model' outside of ros__parameters"),
        ('depth: {ros__parameters: }', 'has nothing in ros__parameters'),
        ('depth: {ros__parameters: [1]}', 'has nothing in ros__parameters'),
        ('depth: {ros__parameters: {cameras: [{name: a}]}}', "has cameras: .*'name'.* items of a"),
        ('depth: {ros__parameters: {q: {cameras: [[a], [b]]}}}', 'has q.cameras: .* items of a'),
        ('a: [b', 'is no YAML, correct it there: '),
        ('a: !!python/object/apply:os.system [ls]', 'is no YAML'),
        ('\x00', 'is no YAML'),
        ('[' * 5000, 'is no YAML'),
    ],
)
def test_a_wrong_file_is_named_with_the_remedy(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterFileError, match=told) as error:
        _file(tmp_path, text)
    assert str(tmp_path) in str(error.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / 'none.yaml'):
        with pytest.raises(ParameterFileError, match=f'there is no parameter file {path}'):
            ParameterFile(str(path))


@given(st.binary() | st.text().map(str.encode))
def test_whatever_is_in_a_file_it_is_read_or_refused(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix='.yaml') as file:
        file.write(content)
        file.flush()
        with suppress(ParameterFileError):  # and no other error
            ParameterFile(file.name)


def test_words_that_yaml_reads_as_booleans_are_booleans() -> None:
    for word in ('yes', 'no', 'on', 'off', 'true', 'false'):
        for written in (word, word.upper(), word.capitalize()):
            assert boolean(written) is yaml.safe_load(written)
    assert boolean('1') is True
    assert boolean('0') is False
    for word in ('', 'auto', 'nil', '2', 'truee'):
        assert boolean(word) is None


def test_the_closest_name_is_hinted_at() -> None:
    assert closest('max_deph', ['min_depth', 'max_depth']) == '; did you mean max_depth?'
    assert closest('zzz', ['min_depth']) == ''
