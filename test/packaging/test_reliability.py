"""docs/reliability.md names tests that exist, and all defects of the attack."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

from source_files import ROOT

from s2r_depth_ros.transport import memory_needed

_TEXT = (ROOT / 'docs' / 'reliability.md').read_text()
_TEST = re.compile(r'`(test/[\w/]+\.py)::(\w+)`')


def test_every_test_it_names_exists() -> None:
    named = _TEST.findall(_TEXT)
    assert len(named) > 60
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert name in functions, f'{file}::{name}'


def test_every_row_is_shown_by_something() -> None:
    rows = [line for line in _TEXT.splitlines() if line.startswith('| ') and '---' not in line]
    heads = [row for row in rows if row.endswith('| shown by |')]
    assert len(heads) == 3
    for row in set(rows) - set(heads):
        shown = row.split(' | ')[-1]
        assert re.search(r'`[\w/]+\.py', shown), row


def test_no_defect_of_the_attack_is_left_out() -> None:
    assert re.findall(r'^\| D(\d+) \|', _TEXT, re.MULTILINE) == [str(i) for i in range(1, 17)]


def test_the_larger_profile_holds_an_image_of_3840x2160(tmp_path: Path) -> None:
    """The line of docs/troubleshooting.md, as it is there."""
    text = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    (line,) = re.findall(r'^ +(sed .*large\.xml)$', text, re.MULTILINE)
    profile = ROOT / 'config' / 'fastdds.xml'
    command = f'export FASTRTPS_DEFAULT_PROFILES_FILE={shlex.quote(str(profile))}; {line}'
    subprocess.run(['sh', '-ec', command], cwd=tmp_path, check=True)
    large = (tmp_path / 'large.xml').read_text()
    image = 3840 * 2160 * 3
    assert int(re.findall(r'<maxMessageSize>(\d+)', large)[0]) > image
    needed = memory_needed({'FASTRTPS_DEFAULT_PROFILES_FILE': str(tmp_path / 'large.xml')})
    assert 2 * image < needed < 65 * 2**20 + 1
