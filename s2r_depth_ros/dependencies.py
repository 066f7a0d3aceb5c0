"""What the package needs of other people's, and what to do where it is missing or does not fit.

package.xml has the same list for rosdep.
"""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path

from s2r_depth_ros.errors import UserError, brief

OLDEST_TORCH = (2, 1)
_SAFE_TORCH = (2, 6)
"""From here on ``torch.load(weights_only=True)`` runs no code (CVE-2025-32434)."""

_TORCH = (
    "`pip install --break-system-packages -U torch 'setuptools<80'`; README.md tells more of each "
    'distribution, and of CPU and GPU'
)
_ROS = 'source /opt/ros/<distro>/setup.bash first'
_INSTALL = 'run the lines of README.md, "On a ROS 2 machine", or `make` where there is no ROS'
_TRAIN = 'training needs what requirements.txt has below "# training"; `make` installs it'
LIBRARIES = ('numpy', 'cv2', 'yaml', 'tqdm', 'tabulate', 'rosbags')
"""What all commands need, besides torch."""
MESSAGES = (
    'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'lifecycle_msgs', 'rcl_interfaces',
    'builtin_interfaces',
)  # fmt: skip
"""What the node needs, besides rclpy."""
# Module -> remedy where it cannot be imported.
_REMEDIES = {
    'torch': _TORCH,
    'rclpy': _ROS,
    **dict.fromkeys((*LIBRARIES, *MESSAGES), _INSTALL),
    **dict.fromkeys(('cv_bridge', 'launch', 'launch_ros', 'ament_index_python'), _INSTALL),
    **dict.fromkeys(
        ('lightning', 'moderngl', 'trimesh', 'PIL', 'scipy', 'collada', 'h5py'), _TRAIN
    ),
}
# What an extension module says that was built for the other NumPy, 1 or 2.
_OTHER_NUMPY = re.compile('numpy.*(multiarray|_ARRAY_API|dtype size)|_ARRAY_API', re.IGNORECASE)


# Remedy where a module is there and fails, if that of one that is missing would leave it there.
_REPLACEMENTS = {
    'torch': _TORCH.replace(' -U ', ' -U --force-reinstall '),
    'rclpy': f'`sudo apt-get install --reinstall ros-<distro>-rclpy`; and {_ROS}',
}
# Whose failure is a defect, no fault of the installation.
_OWN = ('s2r_depth_ros', 's2r_depth_training', '__main__')


class DependencyError(UserError):
    """Something that the package needs is missing, too old, or does not fit the rest.

    found: what is wrong. remedy: what to do.
    """

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(f'{found}: {remedy}')
        self.found = found
        self.remedy = remedy


def dependency_error(error: Exception) -> DependencyError | None:
    """Return the error that tells its user what ``error`` means, None for a defect of the package.

    Known are the modules of package.xml and of the training that are not here, those built for
    another NumPy, and whatever module of others raised ``error`` as it was imported.
    """
    failed = _failed_import(error)
    if not failed and not isinstance(error, ImportError):
        return None
    said = brief(error if isinstance(error, ImportError) else f'{type(error).__name__}: {error}')
    if _OTHER_NUMPY.search(str(error)):
        return DependencyError(said, _numpy_mismatch('a module'))
    named = ((error.name if isinstance(error, ImportError) else '') or '').split('.')[0]
    if named in _REMEDIES and isinstance(error, ModuleNotFoundError):
        return DependencyError(f'{named} is missing ({said})', _REMEDIES[named])
    module = named if named in _REMEDIES else failed
    if not module:
        return None
    again = _REPLACEMENTS.get(module) or _REMEDIES.get(module, _INSTALL)
    return DependencyError(f'{module} cannot be loaded ({said})', f'install it again: {again}')


def _failed_import(error: Exception) -> str:
    """Return the package of others that raised ``error`` as it was imported, '' if none did."""
    failed = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get('__name__', '')).partition('.')[0]
        if package in _OWN:
            failed = ''  # raised here, or further in
        elif frame.f_code.co_name == '<module>' and package not in sys.stdlib_module_names:
            failed = package
    if isinstance(error, SyntaxError):  # of a file that could not even be compiled
        return _package_of(Path(error.filename or '')) or failed
    return failed


def _package_of(file: Path) -> str:
    """Return the package of others in whose folder ``file`` is, '' if in none's."""
    for folder in filter(None, sys.path):
        if file.is_relative_to(folder):
            package = file.relative_to(folder).parts[0].removesuffix('.py')
            return '' if package in (*_OWN, *sys.stdlib_module_names) else package
    return ''


def is_too_old(torch_version: str, oldest: tuple[int, int] = OLDEST_TORCH) -> bool:
    """Return whether a version of torch is older than ``oldest``, builds of that one included."""
    version = re.match(r'(\d+)\.(\d+)', torch_version)
    return version is not None and tuple(map(int, version.groups())) < oldest


def check_safe_torch(path: object) -> None:
    """Raise DependencyError if this torch can run code that a ``.pth`` file at ``path`` holds."""
    import torch

    if is_too_old(torch.__version__, _SAFE_TORCH):
        raise DependencyError(
            f'{path}: torch {torch.__version__} can run code that such a file holds '
            '(CVE-2025-32434)',
            f'read it with torch {".".join(map(str, _SAFE_TORCH))} or newer; the .safetensors file '
            'that comes of it serves this torch, too',
        )


def check_torch() -> None:
    """Raise DependencyError unless torch is new enough and shares arrays with the NumPy here.

    Raises ImportError where there is no torch or no NumPy.
    """
    import numpy as np
    import torch

    if is_too_old(torch.__version__):
        raise DependencyError(
            f'torch {torch.__version__} ({torch.__path__[0]}) is too old, '
            f'{".".join(map(str, OLDEST_TORCH))} or newer is needed',
            _TORCH,
        )
    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:  # Numpy is not available
        raise DependencyError(
            f'torch {torch.__version__} does not fit NumPy {np.__version__}',
            _numpy_mismatch('this torch'),
        ) from error


def _numpy_mismatch(what: str) -> str:
    return (
        f'{what} was built for another NumPy; remove a NumPy that pip put before that of the '
        'system (`pip uninstall numpy`), or install a newer torch (2.3 and newer fit both)'
    )
