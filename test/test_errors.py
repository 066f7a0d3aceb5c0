from __future__ import annotations

import ast
import re

from source_files import ROOT, python_files

from s2r_depth_ros import errors


def made_from_user_error() -> dict[str, list[str]]:
    """Return room -> names of the classes that derive from UserError, also over others."""
    bases: dict[str, tuple[str, list[str]]] = {}
    for file in python_files('s2r_depth_ros'):
        room = file.relative_to(ROOT).with_suffix('').parts[1]
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = (room, [ast.unparse(base) for base in node.bases])
    known = {'UserError'}
    rooms: dict[str, list[str]] = {}
    while found := {
        name for name, (_, parents) in bases.items() if known & set(parents) and name not in known
    }:
        known |= found
        for name in found:
            rooms.setdefault(bases[name][0], []).append(name)
    return {room: sorted(names) for room, names in sorted(rooms.items())}


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    drawn = re.findall(r'^    (\w+): (.*(?:\n {8}.*)*)$', errors.__doc__ or '', re.MULTILINE)
    expected = made_from_user_error()
    right = [f'    {room}: {", ".join(names)}' for room, names in expected.items()]
    assert {room: re.split(r',\s+', names) for room, names in drawn} == expected, '\n'.join(right)
