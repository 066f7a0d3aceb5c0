"""What of the style in CONTRIBUTING.md a machine can check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from source_files import ROOT, python_files, repository_files

_WORDS = re.compile(
    r'\b(lack(s|ed|ing)?|shall|but for|(cannot|could) be had|the ones it names)\b', re.IGNORECASE
)


@pytest.mark.parametrize('folder', ['s2r_depth_ros', 'training', 'test', 'launch'])
def test_what_returns_a_bool_says_whether(folder: str) -> None:
    wrong = [
        f'{file.relative_to(ROOT)}:{node.lineno}'
        for file in python_files(folder)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and returns_bool_and_does_not_say_whether(node)
    ]
    assert not wrong


def returns_bool_and_does_not_say_whether(function: ast.FunctionDef) -> bool:
    """Return whether a function with a docstring breaks rule 5."""
    returned = ast.unparse(function.returns) if function.returns else ''
    docstring = ast.get_docstring(function) or 'Return whether'
    return returned == 'bool' and not docstring.startswith('Return whether')


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for folder in ('s2r_depth_ros', 'training', 'benchmarks'):
        for file in python_files(folder):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
                    places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_mannered_words_are_not_used() -> None:
    wrong = []
    for file in repository_files():
        if file.suffix in ('.py', '.md', '.rst', '.toml', '.yaml') and file != Path(__file__):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if _WORDS.search(line):
                    wrong.append(f'{file.relative_to(ROOT)}:{number}: {line.strip()}')
    assert not wrong
