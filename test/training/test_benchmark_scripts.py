"""What the scripts in benchmarks/ say to a wrong command line: one line, and exit status 2."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from benchmark_scripts import load_script
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compare_stages import main as compare_stages

RESULT: dict[str, Any] = {
    'images': 10,
    'arm': 'a',
    'about': 'map by formula',
    'sets': {
        'rooms': {
            'frames': 2,
            'scenes': 1,
            'median': {m: {'mean': 0.1, 'low': 0.1, 'high': 0.2} for m in ('abs_rel', 'delta1')},
        }
    },
    'scene_means': {'rooms': {'rooms/3': [0.1, 0.9]}},
}


@pytest.fixture(autouse=True)
def settings_of_torch_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests go on in this process."""
    monkeypatch.setattr('torch.set_num_threads', lambda _: None)
    monkeypatch.setattr('torch.set_flush_denormal', lambda _: None)
    monkeypatch.setattr('cv2.setNumThreads', lambda _: None)


def refused(script: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, *options: object) -> str:
    """Return the one line that the script says of its options."""
    monkeypatch.setattr(sys, 'argv', ['script', *map(str, options)])
    capsys.readouterr()
    try:
        status = script()
    except SystemExit as ended:  # of argparse
        status = ended.code
    said = capsys.readouterr()
    assert status == 2, said
    assert said.out == ''
    line = said.err.strip().splitlines()[-1]
    assert 'Traceback' not in said.err
    return line


@pytest.mark.parametrize(
    'script', ['adaptation', 'cloud_filters', 'confidence', 'held_out', 'scale_sources']
)
@pytest.mark.parametrize('content', [None, '[]', 'null', '{', '{"frames": []}'])
def test_what_is_no_manifest_is_told(script, content, tmp_path, monkeypatch, capsys):
    manifest = tmp_path / 'm.json'
    if content is not None:
        manifest.write_text(content)
    result = tmp_path / 'result.json'
    options: dict[str, list[tuple[object, ...]]] = {
        'adaptation': [
            ('--real', manifest, '--synthetic', manifest, '--out', tmp_path, '--work', tmp_path)
        ],
        'cloud_filters': [('--rooms', manifest, '--json', result)],
        'confidence': [(manifest, '--json', result)],
        'held_out': [('--models', 'indoor-s', '--sets', manifest, '--json', result)],
        'scale_sources': [
            (option, manifest, '--out', tmp_path / 'out') for option in ('--real', '--rendered')
        ],
    }
    main = load_script(script, monkeypatch).main
    for these in options[script]:
        line = refused(main, monkeypatch, capsys, *these)
        assert line.startswith(f'{script}: {manifest}')


@pytest.mark.parametrize(
    'script',
    ['adaptation', 'cloud_filters', 'confidence', 'held_out', 'scale_sources', 'simulate_drive'],
)
def test_what_cannot_be_written_is_told_before_the_work(script, tmp_path, monkeypatch, capsys):
    file = tmp_path / 'file'
    file.touch()
    options = {
        'adaptation': ('--real', file, '--synthetic', file, '--out', file),
        'cloud_filters': ('--json', file / 'result.json'),
        'confidence': (file, '--json', file / 'result.json'),
        'held_out': ('--models', 'x', '--sets', file, '--json', file / 'result.json'),
        'scale_sources': ('--real', file, '--out', file),
        'simulate_drive': ('--out', file),
    }
    line = refused(load_script(script, monkeypatch).main, monkeypatch, capsys, *options[script])
    assert 'folder' in line
    assert str(file) in line


@pytest.mark.parametrize('content', [None, '[]', 'null', '{', '{"frames": []}'])
def test_what_is_no_drive_is_told(content, tmp_path, monkeypatch, capsys):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    file = tmp_path / 'drive' / 'sequence.json'
    options = {
        'adaptation': ('--drive', tmp_path, '--synthetic', file, '--work', tmp_path / 'work'),
        'adaptation_walk': (tmp_path, '--work', tmp_path / 'work'),
    }
    for script, these in options.items():
        main = load_script(script, monkeypatch).main
        line = refused(main, monkeypatch, capsys, *these, '--out', tmp_path / 'out')
        assert line.startswith(f'{script}: {tmp_path}')
        for name in ('drive', 'rooms') if content is not None else ():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / 'sequence.json').write_text(content)
            line = refused(main, monkeypatch, capsys, *these, '--out', tmp_path / 'out')
            assert line.startswith(f'{script}: {tmp_path}')


def test_a_table_of_nothing_is_told(tmp_path, monkeypatch, capsys):
    file = tmp_path / 'file'
    file.touch()
    for path in (tmp_path / 'no such', file):
        line = refused(compare_stages, monkeypatch, capsys, 'table', path)
        assert line == f'compare_stages: {path} is no folder; give the one that judge wrote to'
    line = refused(compare_stages, monkeypatch, capsys, 'table', tmp_path)
    assert 'has no results (*.json)' in line


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all that a nested value holds."""
    found = [at]
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += paths(value[key], (*at, key))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.sampled_from(paths(RESULT)), other=st.sampled_from([None, [], {}, [1, 2, 3], 'x']))
def test_json_of_another_kind_is_named(at, other, tmp_path, monkeypatch, capsys):
    content: Any = json.loads(json.dumps(RESULT))
    if at:
        inner = content
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = other
    else:
        content = other
    (tmp_path / 'a.json').write_text(json.dumps(content))
    if at in (('arm',), ('about',)) or (at[-1:] == ('rooms',) and other == {}):
        return  # any text will do there
    line = refused(compare_stages, monkeypatch, capsys, 'table', tmp_path)
    assert line.startswith(f'compare_stages: {tmp_path / "a.json"} is not what judge writes')


@pytest.mark.parametrize('content', [b'', b'{', b'\xff\xfe\x00', b'[' * 100_000])
def test_what_is_no_json_is_named(content, tmp_path, monkeypatch, capsys):
    (tmp_path / 'a.json').write_bytes(content)
    line = refused(compare_stages, monkeypatch, capsys, 'table', tmp_path)
    assert line.startswith(f'compare_stages: {tmp_path / "a.json"} is no JSON')


@pytest.mark.parametrize(
    ('option', 'value', 'words'),
    [
        *((option, value, f"'{value}' is not a whole number, 1 or more")
          for option in ('--images', '--pairs', '--batch') for value in ('0', '-1', 'nan', 'x')),
        *(('--rate', value, f"'{value}' is not a positive number")
          for value in ('0', 'nan', 'inf', '-1', 'x')),
        ('--device', 'nope', "unknown device 'nope'"),
        ('--arms', 'z', "invalid choice: 'z'"),
        ('--data', 'no such', 'no such'),
    ],
)  # fmt: skip
def test_options_of_training_are_checked(option, value, words, tmp_path, monkeypatch, capsys):
    command = ['train', '--runs', tmp_path / 'runs', '--data', tmp_path / 'none.json']
    command += ['--device', 'cpu', option, value]
    assert words in refused(compare_stages, monkeypatch, capsys, *command)


def test_results_that_are_something_else_are_named(manifests, tmp_path, monkeypatch, capsys):
    runs = tmp_path / 'runs'
    runs.mkdir()
    model, facts = runs / 'a_10.safetensors', runs / 'a_10.json'
    command = ['judge', '--runs', runs, '--rooms', manifests[0], '--out', tmp_path / 'out']
    command += ['--device', 'cpu']
    model.write_bytes(b'other')
    facts.write_text('[]')
    line = refused(compare_stages, monkeypatch, capsys, *command)
    assert line == f'compare_stages: {facts} says nothing of a result; move it away'
    facts.write_text('{"arm": "a"}')
    line = refused(compare_stages, monkeypatch, capsys, *command)
    assert f'{model}: its JSON names no stage' in line or f'{model} is no result' in line
    facts.write_text('{"arm": "a", "stage": "formula"}')
    assert f'{model} is no result of width' in refused(
        compare_stages, monkeypatch, capsys, *command
    )
    (tmp_path / 'file').touch()
    line = refused(compare_stages, monkeypatch, capsys, *command, '--out', tmp_path / 'file')
    assert str(tmp_path / 'file') in line


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('--device', 'nope'), "training_step: unknown device 'nope'"),
        (('--device', 'cpu', '--cases', '99'), 'training_step: no case 99: on cpu there are 0 to'),
        (('--device', 'cpu', '--profiled', '99'), 'training_step: no case 99'),
        (('--cases', '-1'), 'is not a whole number'),
        (('--seconds', 'nan'), 'is not a positive number of seconds'),
        (('--device', 'cpu', '--json', '/no such/a.json'), 'there is no folder /no such'),
        (('--device', 'cpu', '--profile', '/'), '/ is a folder'),
    ],
)
def test_options_of_training_step_are_checked(options, words, monkeypatch, capsys):
    script = load_script('training_step', monkeypatch).main
    assert words in refused(script, monkeypatch, capsys, *options)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('--width', '3'), 'invalid choice: 3.0'),
        (('--input-size', '9'), "'9' is not HEIGHTxWIDTH"),
        (('--input-size', '97x128'), 'the network cannot run at 97x128'),
        (('--device', 'nope'), "unknown device 'nope'"),
    ],
)
def test_options_of_the_profile_are_checked(options, words, tmp_path, monkeypatch, capsys):
    script = load_script('profile_inference', monkeypatch).main
    assert words in refused(script, monkeypatch, capsys, '--out', tmp_path, *options)


def test_the_profile_is_written(tmp_path, monkeypatch, capsys):
    script = load_script('profile_inference', monkeypatch)
    command = ['script', '--out', str(tmp_path / 'new'), '--device', 'cpu', '--width', '0.125']
    monkeypatch.setattr(sys, 'argv', [*command, '--input-size', '96x128'])
    assert script.main() == 0
    assert 'conv' in (tmp_path / 'new/profile_w0.125_96x128.txt').read_text()


def test_a_file_where_results_go_is_named(tmp_path, monkeypatch, capsys):
    file = tmp_path / 'file'
    file.touch()
    for name in ('gpu_check', 'profile_inference'):
        script = load_script(name, monkeypatch).main
        device = [] if name == 'gpu_check' else ['--device', 'cpu']
        assert str(file) in refused(script, monkeypatch, capsys, '--out', file, *device)


def test_what_leaving_a_room_out_gains_is_told_with_an_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = load_script('adaptation', monkeypatch)

    def row(name: str, before: float, after: float) -> dict[str, Any]:
        then, now = (
            {'that scene': script.over({name: [value, value + 0.1]}, 2)}
            for value in (before, after)
        )
        return {'learnt': name, 'before': then, **now, 'steps': 3}

    rows = [row('a', 0.2, 0.1), row('b', 0.3, 0.4), row('c', 0.4, 0.4)]
    means = script.over_scenes(rows)
    assert means['before']['that scene']['none']['mean'] == pytest.approx(0.3)
    assert means['that scene']['median']['mean'] == pytest.approx(0.4)
    worse = means['worse by']['that scene']['none']
    assert worse['mean'] == pytest.approx(0.0, abs=1e-9)
    assert worse['low'] == pytest.approx(-0.1)
    assert means['that scene']['frames'] == 6
    text = script.table([*rows, means]).splitlines()
    assert text[2] == '| a | 3 | 0.200 -> 0.100 | 0.300 -> 0.200 |'
    assert text[5].startswith(
        '| the mean of these |  | 0.300 -> 0.300: +0.000 (-0.100 to +0.100) |'
    )


def test_what_a_drive_gains_is_paired_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard and easy places, all a tenth better: of that the interval is narrow."""
    script = load_script('adaptation', monkeypatch)
    means = {f'place {n}': [0.1 * n, 0.2 * n] for n in range(1, 9)}
    before = script.over(means, 8)
    after = script.over({place: [e - 0.1 for e in errors] for place, errors in means.items()}, 8)
    assert before['none']['high'] - before['none']['low'] > 0.2
    worse = script.worse_by(before, after)
    assert worse['none'] == pytest.approx({'mean': -0.1, 'low': -0.1, 'high': -0.1})
    assert script.signed(worse['median']) == '-0.100 (-0.100 to -0.100)'
    told = {
        when: {'rendered': {'abs_rel_scaled': e}} for when, e in (('before', 0.2), ('after', 0.3))
    }
    rows = [
        {'learnt': 'nothing', 'rooms': before},
        {'learnt': 'it', 'steps': 9, 'rooms': after, 'worse by': {'rooms': worse}, 'told': told},
    ]
    _, _, nothing, it = script.table(rows).splitlines()
    assert nothing.startswith('| nothing | 0 | 0.450 (')
    assert it == (
        '| it | 9 | 0.350: -0.100 (-0.100 to -0.100) | 0.800: -0.100 (-0.100 to -0.100) | '
        '0.200 -> 0.300 |'
    )
