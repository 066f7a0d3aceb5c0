"""docs/architecture.md draws the layers that import-linter checks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from source_files import ROOT, imported_modules, python_files

tomllib = pytest.importorskip('tomllib', reason='from Python 3.11 on')

_TEXT = (ROOT / 'docs' / 'architecture.md').read_text()
_FOLDERS = {
    's2r_depth_ros': ROOT / 's2r_depth_ros',
    's2r_depth_training': ROOT / 'training' / 's2r_depth_training',
}

Layers = list[list[str]]


def drawn_layers(text: str, package: str) -> Layers:
    """Return the names of each line of the diagram, from top to bottom.

    The names, parted by ``|``, are what stands before two spaces; the rest says what they are.
    """
    block = re.search(rf'<!-- layers of {package} -->\n```text\n(.*?)```', text, re.DOTALL)
    assert block, f'no diagram of {package}'
    return [names(re.split(r'\s{2,}', line)[0]) for line in block[1].splitlines()]


def contract_layers(package: str) -> Layers:
    """Return the layers of ``package`` in pyproject.toml, without missing optional ones."""
    settings = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['importlinter']
    contracts: list[dict[str, Any]] = [
        contract
        for contract in settings['contracts']
        if contract['type'] == 'layers' and contract['containers'] == [package]
    ]
    (contract,) = contracts
    lines = [
        sorted(name.strip('()') for name in names(line) if name[0] != '(' or exists(package, name))
        for line in contract['layers']
    ]
    return [line for line in lines if line]


def names(line: str) -> list[str]:
    """Return, sorted, the names that ``|`` (or ``:``, if they may import each other) parts."""
    return sorted(name.strip() for name in re.split(r'[|:]', line))


def exists(package: str, name: str) -> bool:
    """Return whether the package has a module or a folder of that name."""
    path = _FOLDERS[package] / name.strip('()')
    return path.is_dir() or path.with_suffix('.py').is_file()


@pytest.mark.parametrize('package', _FOLDERS)
def test_the_diagram_is_the_contract(package: str) -> None:
    assert drawn_layers(_TEXT, package) == contract_layers(package)


@pytest.mark.parametrize('package', _FOLDERS)
def test_the_diagram_has_every_module_of_the_package(package: str) -> None:
    drawn = {name for line in drawn_layers(_TEXT, package) for name in line}
    present = {
        path.stem
        for path in _FOLDERS[package].iterdir()
        if (path.is_dir() or path.suffix == '.py')
        and path.name not in ('__init__.py', '__pycache__')
    }
    assert drawn == present


def test_a_line_that_moved_is_seen() -> None:
    text = '<!-- layers of x -->\n```text\nb | a    top\nc        bottom\n```\n'
    assert drawn_layers(text, 'x') == [['a', 'b'], ['c']]


def sentence(beginning: str) -> set[str]:
    """Return what is in backticks between ``beginning`` and the next semicolon or full stop."""
    after = _TEXT.split(beginning)[1]
    return set(re.findall(r'`(\w+)`', re.split(r'[;.]', after)[0]))


def test_what_is_imported_of_the_node_is_what_is_written() -> None:
    files = [f for f in python_files('s2r_depth_ros') if f.parent.name != 'node']
    imported = [name.split('.') for file in files for name in imported_modules(file)]
    modules = {parts[2] for parts in imported if parts[:2] == ['s2r_depth_ros', 'node']}
    assert sentence('Other rooms import of the node') == modules | {'cli'}


def test_what_the_training_imports_is_what_is_written() -> None:
    imported = [name for file in python_files('training') for name in imported_modules(file)]
    rooms = {name.split('.')[1] for name in imported if name.startswith('s2r_depth_ros.')}
    assert sentence('The training imports of the package') == rooms


def test_the_contract_forbids_the_training_all_that_is_not_written() -> None:
    settings = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['importlinter']
    (contract,) = (c for c in settings['contracts'] if c['id'] == 'training-below-commands')
    forbidden = {name.removeprefix('s2r_depth_ros.') for name in contract['forbidden_modules']}
    rooms = {name for line in contract_layers('s2r_depth_ros') for name in line} - {'__main__'}
    assert rooms - forbidden == sentence('The training imports of the package')
    assert forbidden <= rooms


def classes_with_locks() -> Iterator[str]:
    """Give the names of the classes that the node's threads share and that make a lock."""
    for file in (*python_files('s2r_depth_ros/node'), ROOT / 's2r_depth_ros/inference/sharing.py'):
        for part in ast.walk(ast.parse(file.read_text())):
            made = re.search(r'threading\.(Lock|RLock|Condition)\(', ast.unparse(part))
            if isinstance(part, ast.ClassDef) and made:
                yield part.name


def test_the_table_of_locks_has_every_lock_of_the_node() -> None:
    table = re.search(r'\| lock \| guards \|\n(.*?)\n\n', _TEXT, re.DOTALL)
    assert table
    assert set(re.findall('^\\| of `(\\w+)`', table[1], re.MULTILINE)) == {*classes_with_locks()}
