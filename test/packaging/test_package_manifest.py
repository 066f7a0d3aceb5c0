"""package.xml, setup.py and requirements.txt say what the code really needs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from source_files import ROOT, python_files, third_party

import s2r_depth_ros

# rosdep key of each module that is not its own key.
_ROSDEP_KEYS = {
    'cv2': 'python3-opencv',
    'hypothesis': 'python3-hypothesis',
    'numpy': 'python3-numpy',
    'PIL': 'python3-pil',
    'pytest': 'python3-pytest',
    'rosbags': 'python3-rosbags-pip',
    'simplejpeg': 'python3-simplejpeg-pip',
    'tabulate': 'python3-tabulate',
    'tf2_ros': 'tf2_ros_py',
    'torch': 'python3-torch',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
# What only pip has: tests that need it are skipped where it is missing.
_PIP_ONLY = {'coverage', 'safetensors', 'trimesh', 'lightning'}
# Programs that the package starts and does not import.
_PROGRAMS = {'rviz2'}
# Name on PyPI of each module that is not its own name.
_PIP_NAMES = {
    'cv2': 'opencv-python-headless',
    'cv_bridge': 'cv-bridge',
    'yaml': 'pyyaml',
    'PIL': 'pillow',
    'xdist': 'pytest-xdist',
}
_ROS_WHEELS = {
    'rclpy',
    'rcl_interfaces',
    'lifecycle_msgs',
    'builtin_interfaces',
    'sensor_msgs',
    'std_msgs',
    'geometry_msgs',
    'diagnostic_msgs',
    'rosgraph_msgs',
}
# In no wheel: the code and the tests do without where they are missing.
_ROS_INSTALLATION_ONLY = {
    'launch', 'launch_ros', 'ament_index_python', 'tf2_ros'
}  # fmt: skip


@pytest.fixture(scope='module')
def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def test_manifest_is_format_3_ament_python(manifest: ElementTree.Element) -> None:
    assert manifest.get('format') == '3'
    assert manifest.findtext('name') == 's2r_depth_ros'
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert manifest.findtext('license') == 'MIT'
    licence = manifest.find('license')
    assert licence is not None
    assert (ROOT / licence.get('file', 'missing')).is_file()
    assert (ROOT / 'resource' / 's2r_depth_ros').is_file()


def test_one_version(manifest: ElementTree.Element) -> None:
    assert manifest.findtext('version') == s2r_depth_ros.__version__


def test_it_has_a_url_and_setup_py_tells_it(manifest: ElementTree.Element) -> None:
    assert str(manifest.findtext('url')).startswith('https://')
    assert "url=manifest.findtext('url')" in (ROOT / 'setup.py').read_text()


def keys(manifest: ElementTree.Element, kind: str) -> list[str]:
    return sorted(str(element.text) for element in manifest.findall(kind))


def test_exec_depends_are_the_imports(manifest: ElementTree.Element) -> None:
    modules = third_party([*python_files('s2r_depth_ros'), *python_files('launch')])
    # Triton comes with torch for GPUs, the doctor looks for moderngl; the code does without both.
    modules -= {'triton', 'moderngl'}
    expected = {_ROSDEP_KEYS.get(name, name) for name in modules} | _PROGRAMS
    assert keys(manifest, 'exec_depend') == sorted(expected)


def test_test_depends_are_what_only_tests_import(manifest: ElementTree.Element) -> None:
    """Those of the training are for pip, as the training is."""
    tests = [file for file in python_files('test') if 'training' not in file.parts]
    modules = third_party(tests) - _PIP_ONLY - {file.stem for file in tests}
    expected = {_ROSDEP_KEYS.get(name, name) for name in modules}
    assert keys(manifest, 'test_depend') == sorted(
        {key for key in expected if key.startswith('python3-')} - set(keys(manifest, 'exec_depend'))
    )


def test_every_key_was_checked(manifest: ElementTree.Element) -> None:
    """docs/reference.md has what each key of package.xml is in rosdistro."""
    table = (ROOT / 'docs' / 'reference.md').read_text().split('<!-- rosdep keys -->')[1]
    rows = re.findall(
        r'^\| (`.*?`) \|', table.split('<!-- end of rosdep keys -->')[0], re.MULTILINE
    )
    checked = [key for row in rows for key in re.findall('`(.*?)`', row)]
    assert sorted(checked) == sorted(keys(manifest, 'exec_depend') + keys(manifest, 'test_depend'))


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of catkin_pkg's pyparsing
@pytest.mark.parametrize('distro', ['jazzy', 'kilted', 'lyrical', 'rolling'])
def test_torch_is_left_to_the_user_where_no_package_fits(distro: str) -> None:
    package = pytest.importorskip('catkin_pkg.package').parse_package(str(ROOT / 'package.xml'))
    package.evaluate_conditions({'ROS_DISTRO': distro})
    installed = [depend.name for depend in package.exec_depends if depend.evaluated_condition]
    assert ('python3-torch' in installed) == (distro not in ('jazzy', 'kilted'))
    assert 'python3-numpy' in installed


def test_colcon_finds_the_tests(manifest: ElementTree.Element) -> None:
    """colcon runs pytest for a package whose extra ``test`` names it, and unittest otherwise."""
    assert "extras_require={'test': ['pytest']}" in (ROOT / 'setup.py').read_text()
    assert 'python3-pytest' in keys(manifest, 'test_depend')


def _pins() -> dict[str, str]:
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith('#'):
            pin = re.fullmatch(r'([\w.-]+)(?:\[\w+\])?(==|<)(\S+)', line)
            assert pin, f'{line} is no pin'
            name, relation, version = pin.groups()
            assert relation == '==' or name == 'setuptools', f'{line} is not an exact version'
            pins[name.lower()] = version
    return pins


def test_every_import_is_pinned() -> None:
    folders = ('s2r_depth_ros', 'training', 'test')
    modules = third_party([file for folder in folders for file in python_files(folder)])
    local = {file.stem for file in python_files('test')}  # test helpers beside the tests
    local |= {path.stem for path in (ROOT / 'benchmarks').iterdir()}  # scripts, and their parts
    modules -= _ROS_WHEELS | _ROS_INSTALLATION_ONLY | local
    pins = _pins()
    assert {_PIP_NAMES.get(name, name).lower() for name in modules} <= set(pins)
    assert {'ros-jazzy-rclpy', 'ros-jazzy-common-interfaces'} <= set(pins)


def test_only_requirements_txt_pins_versions() -> None:
    for name in ('Makefile', '.ci/run', 'README.md', 'setup.py', 'pyproject.toml'):
        assert not re.search(r'[\w\]]==\d', (ROOT / name).read_text()), f'{name} names a version'


def test_supported_versions_agree() -> None:
    """The package's Python versions: setup.py says them, the rest agrees."""
    requires = r"python_requires='>=3\.(\d+), <3\.(\d+)'"
    ((oldest, end),) = re.findall(requires, (ROOT / 'setup.py').read_text())
    project = (ROOT / 'pyproject.toml').read_text()
    assert f"target-version = 'py3{oldest}'" in project
    assert f"python_version = '3.{oldest}'" in project
    makefile = (ROOT / 'Makefile').read_text()
    # There are ROS 2 wheels, which only the make targets need, for these.
    assert '(3, 11) <= sys.version_info[:2] <= (3, 13)' in makefile
    statement = f'Python 3.{oldest} to 3.{int(end) - 1}'
    assert statement in (ROOT / 'docs' / 'reference.md').read_text()
