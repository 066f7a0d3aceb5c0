"""The documents say what the code says, and name what exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml
from source_files import ROOT, repository_files

from s2r_depth_ros.cli import COMMANDS
from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.registry import available_models, find_model
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, WIDTHS, S2RDepthNet
from s2r_depth_ros.parameter_files import flat

DOCUMENTS = [
    file
    for file in repository_files()
    if file.suffix == '.md' and not file.is_relative_to(ROOT / 'test')
]
_REFERENCE = (ROOT / 'docs' / 'reference.md').read_text()
_NETWORK = (ROOT / 'docs' / 'network.md').read_text()
# What paths in documents are relative to; training/README.md is about the last.
_BASES = (ROOT, ROOT / 'training', ROOT / 'training' / 's2r_depth_training')
_FOLDERS = {
    file.relative_to(base).parts[0]
    for base in _BASES
    for file in repository_files()
    if file.is_relative_to(base)
}
_NAMES = {file.name for file in repository_files()}
_FILE_SUFFIXES = ('.py', '.md', '.rst', '.toml', '.txt', '.yaml', '.xml', '.cfg')

each_document = pytest.mark.parametrize(
    'document', DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT))
)


def test_tables_are_those_of_the_code() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.reference import TABLES, with_tables

    assert with_tables(_REFERENCE) == _REFERENCE, 'run `make reference`'
    for name, table in TABLES.items():
        assert (
            _REFERENCE.count(f'<!-- {name}: ') == _REFERENCE.count(f'<!-- end of {name} -->') == 1
        )
        assert len(table().splitlines()) > 5


def test_a_missing_mark_is_an_error() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.reference import with_tables

    with pytest.raises(ValueError, match='topics'):
        with_tables(_REFERENCE.replace('<!-- end of topics -->', ''))


@each_document
def test_files_it_names_exist(document: Path) -> None:
    text = document.read_text()
    for name in re.findall(r'\b(?:config|models|test|launch|training)/[\w./-]*', text):
        assert exists(name.rstrip('.-')), f'{document.name} names {name}'


def exists(path: str) -> bool:
    """Return whether the repository has the path; those called ``mine`` are the reader's own."""
    mine = Path(path).stem == 'mine'
    return mine or path in _NAMES or any(found for base in _BASES for found in base.glob(path))


@each_document
def test_paths_in_backticks_exist(document: Path) -> None:
    assert not [word for word in quoted_paths(document.read_text()) if not exists(word)]


def quoted_paths(text: str) -> list[str]:
    """Return what is in backticks and is a path of this repository, or looks like a file of it."""
    words = re.findall(r'`([\w.*-][\w./*-]*)`', text)
    return [
        word.rstrip('/')
        for word in words
        if (word.split('/')[0] in _FOLDERS if '/' in word else word.endswith(_FILE_SUFFIXES))
    ]


def test_paths_are_found() -> None:
    text = '`s2r_depth_ros/cli.py`, `test/`, `models/*.md`, `setup.py`, `out/demo`, `a/topic`'
    assert quoted_paths(text) == ['s2r_depth_ros/cli.py', 'test', 'models/*.md', 'setup.py']
    assert quoted_paths('`stages/table.py` `runs/x.py`') == ['stages/table.py', 'runs/x.py']
    assert exists('stages/table.py')
    assert exists('models/mine.md')
    assert not exists('runs/x.py')


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r'\]\(([^)\s]+)\)', document.read_text()):
        if target.startswith('https://'):
            continue
        name, _, anchor = target.partition('#')
        file = document.parent / name if name else document
        assert file.exists(), f'{document.name} links to {target}'
        if anchor:
            assert anchor in anchors(file.read_text()), f'{document.name} links to {target}'


def anchors(text: str) -> set[str]:
    """Return the names that GitHub gives to the headings of a Markdown text."""
    headings = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-') for heading in headings}


@each_document
def test_make_targets_it_names_exist(document: Path) -> None:
    makefile, text = (ROOT / 'Makefile').read_text(), document.read_text()
    named = set(
        re.findall(r'\bmake (demo|test|lint|benchmark|reference|picture|[a-z]+-[a-z]+)\b', text)
    )
    named |= set(re.findall(r'(?:`|^    )make ([a-z-]+)', text, re.MULTILINE))
    targets = ' '.join(re.findall(r'^([a-z][a-z -]*):', makefile, re.MULTILINE)).split()
    assert named <= set(targets)


@each_document
def test_modules_it_runs_exist(document: Path) -> None:
    for module in re.findall(
        r'python -m ((?:s2r_depth_ros|s2r_depth_training)[\w.]*)', document.read_text()
    ):
        path = module.rstrip('.').replace('.', '/')
        roots = (ROOT, ROOT / 'training')
        found = [(root / f'{path}.py', root / path / '__main__.py') for root in roots]
        assert any(file.exists() for files in found for file in files), module


def test_commands_it_names_exist() -> None:
    section = _REFERENCE.split('## Command line')[1].split('\n## ')[0]
    named = re.findall(r'^    ([a-z_]+)\b', section, re.MULTILINE)
    assert set(named) - {'from', 'prediction'} == set(COMMANDS) - {'node', 'demo'}


def test_models_table_names_the_models_that_come_with_the_package() -> None:
    section = _REFERENCE.split('## Models')[1].split('\n## ')[0]
    assert set(re.findall(r'^\| `([\w.-]+)` \|', section, re.MULTILINE)) == set(available_models())


def test_scores_are_those_in_the_model_files() -> None:
    kinds = {'indoor': 'indoor', 'outdoor': 'driving'}
    readme = (ROOT / 'README.md').read_text()
    for name in available_models():
        metadata = read_metadata(find_model(name))
        scores = metadata.scores[kinds[metadata.scene]]
        scaled, raw = scores['median'], scores['none']
        row = _row(_REFERENCE, name)
        assert row[3] == f'{scaled["abs_rel"]:.3f} / {scaled["delta1"]:.3f}'
        assert row[5] == f'{raw["abs_rel"]:.2f}'
        prior = float(row[4].split(' / ')[0])
        percents = [f'{100 * error:.0f} %' for error in (raw['abs_rel'], scaled['abs_rel'], prior)]
        assert _row(readme, name)[2:] == percents


def _row(text: str, model: str) -> list[str]:
    """Return the cells of the row of ``model`` in the only table that has one."""
    (row,) = re.findall(rf'^\| `{re.escape(model)}` \|.*\|$', text, re.MULTILINE)
    return [cell.strip() for cell in row.strip('|').split('|')]


def test_parameter_file_lists_every_parameter_with_its_default() -> None:
    pytest.importorskip('rclpy')
    from s2r_depth_ros.node.parameters import PARAMETERS

    text = (ROOT / 'config' / 'depth.yaml').read_text()
    (sections,) = yaml.safe_load(text).values()
    expected = {spec.name: spec.default for spec in PARAMETERS}
    assert dict(flat(sections['ros__parameters'])) == expected


def test_metadata_keys_are_those_of_a_model_file() -> None:
    table = _NETWORK.split('<!-- metadata keys')[1].split('<!-- end of metadata keys')[0]
    rows = [line.split('|')[1] for line in table.splitlines() if line.startswith('| `')]
    assert re.findall(r'`(\w+)`', ''.join(rows)) == [f.name for f in fields(ModelMetadata)]


def test_numbers_of_parameters_are_those_of_the_network() -> None:
    table = _NETWORK.split('### 2.7')[1].split('\n\n')[1]
    rows = [re.findall(r'[\d,]+', line) for line in table.splitlines()[2:]]
    written = [[int(cell.replace(',', '')) for cell in row] for row in rows]
    with torch.device('meta'):
        networks = [S2RDepthNet(width) for width in WIDTHS]
    expected = []
    for name in SUB_NETWORKS:
        parts = [getattr(network, name) for network in networks]
        counts = [sum(p.numel() for p in part.parameters()) for part in parts]
        expected.append([*counts, len(parts[0].state_dict())])
    expected.append([sum(column) for column in zip(*expected)])
    assert written == expected


def test_sections_that_the_source_names_exist() -> None:
    sections = set(re.findall(r'^##+ (\d(?:\.\d)?)\.? ', _NETWORK, re.MULTILINE))
    for file in repository_files():
        if file.suffix in ('.py', '.yaml', '.md', '.toml') and file != Path(__file__):
            assert named_sections(file.read_text()) <= sections, file


def named_sections(text: str) -> set[str]:
    """Return the sections of docs/network.md that a text refers to."""
    several = r'\d(?:\.\d)?(?:(?:, | to )\d\.\d)*'
    references = re.findall(rf'docs/network\.md`?,?\s+(?:section )?({several})', text)
    return set(re.findall(r'\d(?:\.\d)?', ' '.join(references)))


def test_sections_are_found() -> None:
    text = (
        '(docs/network.md 2.2, 2.5) as docs/network.md\n4.3 to 4.5 and `docs/network.md`, section 5'
    )
    assert named_sections(text) == {'2.2', '2.5', '4.3', '4.5', '5'}
