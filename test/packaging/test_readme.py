"""README.md says what the code says."""

from __future__ import annotations

import re

import pytest
import yaml
from source_files import ROOT

from s2r_depth_ros.cli import COMMANDS
from s2r_depth_ros.network.registry import available_models

_README = (ROOT / 'README.md').read_text()


def test_tables_are_those_of_the_code() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.reference import TABLES, with_tables

    assert with_tables(_README) == _README, 'run `make readme`'
    for table in TABLES.values():
        assert len(table().splitlines()) > 5


def test_a_missing_mark_is_an_error() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.reference import with_tables

    with pytest.raises(ValueError, match='topics'):
        with_tables(_README.replace('<!-- end of topics -->', ''))


def test_files_it_names_exist() -> None:
    for name in re.findall(r'\b(?:config|models|test|launch|training)/[\w./]*', _README):
        assert (ROOT / name).exists(), f'README.md names {name}'


def test_make_targets_it_names_exist() -> None:
    makefile = (ROOT / 'Makefile').read_text()
    for target in set(re.findall(r'\bmake (demo|test|lint|readme|[a-z]+-[a-z]+)\b', _README)):
        assert re.search(rf'^{target}:', makefile, re.MULTILINE)


def test_commands_it_names_exist() -> None:
    section = _README.split('## Command line')[1].split('\n## ')[0]
    named = re.findall(r'^    ([a-z]+)\b', section, re.MULTILINE)
    assert set(named) - {'from', 'prediction'} == set(COMMANDS) - {'node', 'demo'}


def test_models_table_names_the_models_that_come_with_the_package() -> None:
    section = _README.split('## Models')[1].split('\n## ')[0]
    assert set(re.findall(r'^\| `([\w.-]+)` \|', section, re.MULTILINE)) == set(available_models())


def test_parameter_file_lists_every_parameter_with_its_default() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.node.parameters import PARAMETERS

    text = (ROOT / 'config' / 'depth.yaml').read_text()
    (sections,) = yaml.safe_load(text).values()
    expected = {spec.name: spec.default for spec in PARAMETERS}
    assert sections['ros__parameters'] == expected
