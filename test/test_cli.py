"""The command line: what it prints, returns and imports."""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from stored_tensors import stored_tensors

from s2r_depth_ros import cli
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.network.checkpoint import load_model, read_metadata, save_model
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS
from s2r_depth_ros.network.safetensors_file import to_safetensors

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[[argparse.Namespace], int]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def released(tiny_model: Path, tmp_path: Path) -> list[str]:
    """Options that name the tiny model as the authors' four files."""
    network, _ = load_model(tiny_model)
    options = []
    for name in SUB_NETWORKS:
        path = tmp_path / f'{name}_vkitti.pth'
        torch.save(getattr(network, name).state_dict(), path)
        options += ['--' + name.replace('_', '-'), str(path)]
    return options


@pytest.fixture
def fake_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Put a command of our making in the place of info."""

    def install(run: Run) -> None:
        module = types.SimpleNamespace(
            add_arguments=lambda parser: parser.add_argument('word'), run=run
        )
        monkeypatch.setitem(sys.modules, 's2r_depth_ros.commands.info', module)

    return install


def convert(released: list[str], path: Path, *options: str) -> int:
    return cli.main(['convert', *released, '--name', 'mine', '--out', str(path), *options])


def test_convert_writes_a_model_that_loads(
    released: list[str], tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / 'out' / 'mine.safetensors'
    assert convert(released, path, '--max-depth', '80') == 0
    network, metadata = load_model(path)
    assert metadata.sha256 in capsys.readouterr().out
    expected = load_model(tiny_model)[0].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())
    facts = asdict(metadata)
    assert facts['provenance'] == {'converted_from': [f'{n}_vkitti.pth' for n in SUB_NETWORKS]}
    assert (metadata.name, metadata.width, metadata.max_depth) == ('mine', 0.125, 80.0)
    assert (metadata.input_height, metadata.input_width, metadata.scene) == (192, 640, 'outdoor')
    assert (metadata.focal_length, metadata.licence) == (None, 'not stated')
    assert (metadata.color_order, metadata.resize) == ('rgb', 'bicubic')


def test_convert_keeps_every_option(released: list[str], tmp_path: Path) -> None:
    path = tmp_path / 'mine.safetensors'
    options = ['--max-depth', '8', '--scene', 'indoor', '--focal-length', '205.5']
    options += ['--licence', 'MIT']
    assert convert(released, path, *options) == 0
    metadata = read_metadata(path)
    assert (metadata.input_height, metadata.input_width) == (192, 256)
    assert (metadata.max_depth, metadata.scene) == (8.0, 'indoor')
    assert (metadata.focal_length, metadata.licence) == (205.5, 'MIT')
    assert convert(released, path, *options, '--input-size', '96x160') == 0
    metadata = read_metadata(path)
    assert (metadata.input_height, metadata.input_width) == (96, 160)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--max-depth', '-1'], ["'max_depth'", '-1']),
        (['--max-depth', 'nan'], ["'max_depth'", 'nan']),
        (['--max-depth', '80', '--input-size', '64x128'], ['64x128', 'multiples of 16']),
        (['--max-depth', '80', '--focal-length', '0'], ["'focal_length'"]),
        (['--max-depth', '80', '--depth-net', '/no/d.pth'], ['/no/d.pth: no such file']),
    ],
)
def test_convert_names_the_mistake_in_one_line(
    released: list[str], tmp_path: Path, capsys: Capture, options: list[str], words: list[str]
) -> None:
    path = tmp_path / 'mine.safetensors'
    assert convert(released, path, *options) == 2
    text = capsys.readouterr().err
    assert text.startswith('error: ')
    assert text.count('\n') == 1
    assert all(word in text for word in words), text
    assert not path.exists()


@pytest.mark.parametrize('size', ['192', '192x', 'axb', '1x2x3'])
def test_convert_refuses_a_size_it_cannot_read(
    released: list[str], tmp_path: Path, capsys: Capture, size: str
) -> None:
    with pytest.raises(SystemExit, match='2'):
        convert(released, tmp_path / 'x', '--max-depth', '8', '--input-size', size)
    assert 'is not HEIGHTxWIDTH in pixels' in capsys.readouterr().err


def test_info_prints_every_fact_and_the_check(tiny_model: Path, capsys: Capture) -> None:
    assert cli.main(['info', str(tiny_model)]) == 0
    text = capsys.readouterr().out
    lines = dict(line.split(None, 1) for line in text.splitlines())
    assert lines['max_depth'] == '80 m'
    assert lines['focal_length'] == '100 px'
    assert lines['mean'] == '0.5 0.5 0.5'
    assert lines['scores'] == 'none'
    assert lines['sha256'] in (read_metadata(tiny_model).sha256, 'check  ok')
    assert set(asdict(read_metadata(tiny_model))) <= set(lines)
    assert text.endswith('sha256 check  ok\n')


def test_info_lays_scores_out_as_a_table(tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    network, metadata = load_model(tiny_model)
    facts = asdict(metadata) | {
        'focal_length': None,
        'scores': {
            'street': {'abs_rel': 0.25, 'a1': 0.6},
            'room': {'abs_rel': 0.125, 'frames': 12},
            'note': 'median-scaled',
        },
    }
    path = tmp_path / 'scored.safetensors'
    save_model(path, network, type(metadata)(**facts))
    assert cli.main(['info', str(path)]) == 0
    text = capsys.readouterr().out
    table = [line.split() for line in text.split('scores\n')[1].splitlines()[:4]]
    assert table == [
        ['abs_rel', 'a1', 'frames'],
        ['street', '0.25', '0.6', '-'],
        ['room', '0.125', '-', '12'],
        ['note', 'median-scaled'],
    ]
    assert 'focal_length  unknown\n' in text


def test_info_fails_where_the_weights_were_altered(
    tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    content = bytearray(tiny_model.read_bytes())
    content[-2] ^= 1
    path = tmp_path / 'altered.safetensors'
    path.write_bytes(content)
    assert cli.main(['info', str(path)]) == 1
    assert 'sha256 check  MISMATCH' in capsys.readouterr().out


def test_info_fails_where_a_key_is_missing(
    tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    tensors = stored_tensors(tiny_model)
    del tensors['dsa.D.conv.bias']
    header = {
        's2r_depth_ros.format_version': '1',
        's2r_depth_ros.model': read_metadata(tiny_model).to_json(),
    }
    path = tmp_path / 'short.safetensors'
    path.write_bytes(to_safetensors(tensors, header))
    assert cli.main(['info', str(path)]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"error: {path}: key 'dsa.D.conv.bias' of width 0.125 is missing")


def test_info_of_an_unknown_model_is_one_line(capsys: Capture) -> None:
    assert cli.main(['info', 'nothing_of_this_name']) == 2
    assert capsys.readouterr().err.startswith('error: nothing_of_this_name: no model of this name')


def test_status_of_the_command_is_returned(fake_command: Callable[[Run], None]) -> None:
    fake_command(lambda args: 7 if args.word == 'seven' else 0)
    assert cli.main(['info', 'seven']) == 7


def test_user_errors_are_one_line_without_traceback(
    fake_command: Callable[[Run], None], capsys: Capture
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise UserError('two\nlines')

    fake_command(run)
    assert cli.main(['info', 'x']) == 2
    assert capsys.readouterr().err == 'error: two lines\n'


@pytest.mark.parametrize(
    ('said', 'line'), [([], 'interrupted\n'), (['it goes on'], 'interrupted: it goes on\n')]
)
def test_ctrl_c_is_a_line(
    fake_command: Callable[[Run], None], capsys: Capture, said: list[str], line: str
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt(*said)

    fake_command(run)
    assert cli.main(['info', 'x']) == 130
    assert capsys.readouterr().err == line


def test_defects_keep_their_traceback(fake_command: Callable[[Run], None]) -> None:
    def run(args: argparse.Namespace) -> int:
        raise KeyError('a defect')

    fake_command(run)
    with pytest.raises(KeyError, match='a defect'):
        cli.main(['info', 'x'])


@pytest.mark.parametrize('status', [0, 3])
def test_node_gets_its_arguments_untouched(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    seen: list[list[str]] = []

    def record(argv: list[str]) -> int:
        seen.append(argv)
        return status

    fake = types.SimpleNamespace(main=record)
    monkeypatch.setitem(sys.modules, 's2r_depth_ros.node.main', fake)
    arguments = ['--ros-args', '-r', 'image:=/camera/image', '-p', 'model:=first', '--help']
    assert cli.main(['node', *arguments]) == status
    assert seen == [arguments]


@pytest.mark.parametrize('arguments', [[], ['paint'], ['--device', 'cpu', 'info']])
def test_wrong_commands_show_the_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit, match='2'):
        cli.main(arguments)
    assert 'usage: s2r_depth_ros' in capsys.readouterr().err


def test_help_lists_every_command(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match='0'):
        cli.main(['--help'])
    text = capsys.readouterr().out
    assert all(f'  {name}' in text and line in text for name, line in cli.COMMANDS.items())


@pytest.mark.parametrize('name', cli.COMMANDS)
def test_single_command_executables_pass_their_arguments(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen: list[list[str]] = []

    def record(argv: list[str]) -> int:
        seen.append(argv)
        return 0

    monkeypatch.setattr(cli, 'main', record)
    monkeypatch.setattr(sys, 'argv', [f'/bin/{name}', 'a', '--b'])
    assert cli.executable() == 0
    assert seen == [[name, 'a', '--b']]


def test_setup_installs_every_command() -> None:
    tree = ast.parse((ROOT / 'setup.py').read_text())
    tables = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    assert set(ast.literal_eval(tables['COMMANDS'])) == set(cli.COMMANDS)


@pytest.mark.parametrize('command', ['convert', 'info'])
def test_convert_and_info_need_neither_opencv_nor_ros(command: str) -> None:
    code = (
        'import json, sys\n'
        'from s2r_depth_ros import cli\n'
        'try: cli.main([sys.argv[1], "--help"])\n'
        'except SystemExit: pass\n'
        'print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))'
    )
    result = subprocess.run(
        [sys.executable, '-c', code, command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(result.stdout.splitlines()[-1]))
    assert 'torch' in loaded
    assert not loaded & {'cv2', 'rclpy', 'sensor_msgs', 'cv_bridge'}


def test_the_overview_is_there_without_torch() -> None:
    code = 'import sys, s2r_depth_ros.cli; print("torch" in sys.modules)'
    result = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == 'False'


@pytest.mark.parametrize('program', ['s2r_depth_ros', 's2r_depth_training'])
@pytest.mark.parametrize('unbuffered', ['', '1'])
@pytest.mark.parametrize(
    ('arguments', 'told'),
    [(['--help'], ''), (['card', 'x', '--results', 'none.json'], 'none.json')],
)
def test_nobody_who_reads_the_output_is_no_error(
    program: str, unbuffered: str, arguments: list[str], told: str
) -> None:
    """As ``| head -1`` leaves it. An error is told all the same."""
    if program == 's2r_depth_ros' and told:
        arguments, told = ['info', 'none.safetensors'], 'none.safetensors'
    read, write = os.pipe()
    os.close(read)
    paths = os.pathsep.join([str(ROOT), str(ROOT / 'training')])
    result = subprocess.run(
        [sys.executable, '-m', program, *arguments],
        env=os.environ | {'PYTHONPATH': paths, 'PYTHONUNBUFFERED': unbuffered},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert 'Traceback' not in result.stderr
    assert 'BrokenPipe' not in result.stderr
    assert (told in result.stderr) if told else not result.stderr


def test_info_that_nobody_reads_to_its_end(tiny_model: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, '-m', 's2r_depth_ros', 'info', str(tiny_model)]
    result = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (result.returncode, result.stderr) == (1, '')


def test_another_broken_pipe_is_a_defect(
    fake_command: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise BrokenPipeError

    fake_command(run)
    with (tmp_path / 'stdout').open('w') as open_file:
        monkeypatch.setattr(sys, 'stdout', open_file)
        with pytest.raises(BrokenPipeError):
            cli.main(['info', 'x'])


def test_python_dash_m_returns_the_status() -> None:
    result = subprocess.run(
        [sys.executable, '-m', 's2r_depth_ros', 'info', 'nothing_of_this_name'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.startswith('error: nothing_of_this_name')
    assert 'Traceback' not in result.stderr
