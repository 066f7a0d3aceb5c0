"""Build of the ROS 2 package; ``colcon build`` and ``pip install .`` both run it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 's2r_depth_ros'
# setuptools wants data files relative to this folder; both colcon and pip run setup.py from it.
manifest = ElementTree.parse(Path(__file__).with_name('package.xml'))


def share(folder: str, *patterns: str) -> tuple[str, list[str]]:
    """Return the data_files entry that installs the files of ``folder`` to share/."""
    files = sorted(name for pattern in patterns for name in glob(f'{folder}/{pattern}'))
    return f'share/{PACKAGE}/{folder}', [name for name in files if Path(name).is_file()]


setup(
    name=PACKAGE,
    version=manifest.findtext('version'),
    description=manifest.findtext('description'),
    maintainer=manifest.findtext('maintainer'),
    maintainer_email=manifest.find('maintainer').get('email'),
    license=manifest.findtext('license'),
    python_requires='>=3.10',
    packages=[
        *find_packages('.', include=[PACKAGE, f'{PACKAGE}.*']),
        *find_packages('training', include=['s2r_depth_training', 's2r_depth_training.*']),
    ],
    package_dir={'s2r_depth_training': 'training/s2r_depth_training'},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        share('launch', '*.launch.py'),
        share('config', '*.yaml', '*.xml', '*.rviz'),
        share('models', '*.safetensors', '*.md'),
    ],
    entry_points={
        'console_scripts': [
            f'{PACKAGE} = {PACKAGE}.cli:main',
            f'node = {PACKAGE}.node.main:main',
            f'predict = {PACKAGE}.commands.predict:main',
            f'convert = {PACKAGE}.commands.convert:main',
            f'info = {PACKAGE}.commands.info:main',
        ],
    },
    zip_safe=False,
)
