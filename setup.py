"""Build of the ROS 2 package; ``colcon build`` and ``pip install .`` both run it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from glob import glob
from os.path import isfile
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 's2r_depth_ros'
# `ros2 run s2r_depth_ros COMMAND`. The table of cli.py again, which a build cannot always import;
# a test compares the two.
COMMANDS = (
    'node', 'predict', 'convert', 'info', 'evaluate', 'demo', 'benchmark', 'calibrate_scale',
    'doctor', 'export',
)  # fmt: skip
# setuptools wants data files relative to this folder; both colcon and pip run setup.py from it.
manifest = ElementTree.parse(Path(__file__).with_name('package.xml'))
maintainer = manifest.find('maintainer')
assert maintainer is not None, 'package.xml names no maintainer'


def share_files(top: str) -> list[tuple[str, list[str]]]:
    """Return the data_files entries that install the folder ``top`` and all below it to share/."""
    folders = sorted(glob(f'{top}/**/', recursive=True))
    return [
        (f'share/{PACKAGE}/{folder}', sorted(filter(isfile, glob(f'{folder}*'))))
        for folder in folders
        if '__pycache__' not in folder
    ]


setup(
    name=PACKAGE,
    version=manifest.findtext('version'),
    description=manifest.findtext('description'),
    maintainer=maintainer.text,
    maintainer_email=maintainer.get('email'),
    license=manifest.findtext('license'),
    url=manifest.findtext('url'),
    python_requires='>=3.10, <3.15',
    # By this `colcon test` knows to run pytest; what the tests need is in package.xml.
    extras_require={'test': ['pytest']},
    packages=[
        *find_packages('.', include=[PACKAGE, f'{PACKAGE}.*']),
        *find_packages('training', include=['s2r_depth_training', 's2r_depth_training.*']),
    ],
    package_dir={'s2r_depth_training': 'training/s2r_depth_training'},
    package_data={'s2r_depth_training': ['**/*.vert', '**/*.frag', '**/*.glsl']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml', 'README.md', 'CONTRIBUTING.md', 'LICENSE']),
        # What README.md and docs/ link to.
        (f'share/{PACKAGE}/training', ['training/README.md', 'training/RESULTS.md']),
        (f'share/{PACKAGE}/benchmarks', ['benchmarks/NOTES.md']),
        *share_files('launch'),
        *share_files('config'),
        *share_files('docs'),
        *share_files('models'),
        *share_files('training/configs'),
    ],
    entry_points={
        'console_scripts': [
            f'{PACKAGE} = {PACKAGE}.cli:main',
            *(f'{command} = {PACKAGE}.cli:executable' for command in COMMANDS),
            's2r_train = s2r_depth_training.cli:main',
        ],
    },
    zip_safe=False,
)
