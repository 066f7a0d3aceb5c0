"""The gate of branch coverage lets nothing through that is below its floor."""

from __future__ import annotations

import pytest
from source_files import ROOT

pytest.importorskip('coverage')
from coverage_floors import branch_coverage, floors, verdict


def _file(taken: int, branches: int, covered: int = 0, lines: int = 0) -> dict:
    summary = {'covered_branches': taken, 'num_branches': branches}
    return {'summary': {**summary, 'covered_lines': covered, 'num_statements': lines}}


def test_a_file_counts_for_its_own_room_only() -> None:
    report = {
        'a/one.py': _file(1, 4),
        'a/b/two.py': _file(3, 4),
        'a/b/three.py': _file(1, 1),
        'ab/four.py': _file(0, 10),
    }
    assert branch_coverage(report, ['a', 'a/b']) == {'a': 25.0, 'a/b': 80.0}


def test_a_room_without_branches_counts_by_its_lines_and_one_without_any_has_none() -> None:
    report = {'plain/one.py': _file(0, 0, 1, 4), 'forked/one.py': _file(1, 2, 9, 9)}
    measured = branch_coverage(report, ['plain', 'forked', 'gone'])
    assert measured == {'plain': 25.0, 'forked': 50.0, 'gone': 0.0}


def test_a_room_below_its_floor_fails_and_is_named() -> None:
    table, good = verdict({'a': 89.9, 'b': 95.0}, {'a': 90.0, 'b': 95.0})
    assert not good
    assert 'a: add tests' in table
    assert 'b: add tests' not in table


def test_every_room_at_its_floor_passes() -> None:
    assert verdict({'a': 90.0}, {'a': 90.0})[1]


def test_every_room_has_a_floor_and_so_have_the_modules_above_the_rooms() -> None:
    rooms = {
        str(file.parent.relative_to(ROOT))
        for top in ('s2r_depth_ros', 'training/s2r_depth_training')
        for file in [ROOT / top / '__init__.py', *(ROOT / top).glob('*/__init__.py')]
    }
    assert rooms == set(floors())
