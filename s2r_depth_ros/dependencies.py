"""What the package needs of other people's, and what to do where it is missing or does not fit.

package.xml has the same list for rosdep.
"""

from __future__ import annotations

import re

from s2r_depth_ros.errors import UserError

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


class DependencyError(UserError):
    """Something that the package needs is missing, too old, or does not fit the rest."""


def dependency_error(error: ImportError) -> DependencyError | None:
    """Return the error that tells its user what ``error`` means, None for a defect of the package.

    Known are the modules of package.xml and of the training, and those built for another NumPy.
    """
    if _OTHER_NUMPY.search(str(error)):
        return DependencyError(f'{error}: {_numpy_mismatch("a module")}')
    module = (error.name or '').split('.')[0]
    if module not in _REMEDIES:
        return None
    state = 'is missing' if isinstance(error, ModuleNotFoundError) else 'cannot be loaded'
    return DependencyError(f'{module} {state} ({error}): {_REMEDIES[module]}')


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
            f'(CVE-2025-32434): read it with torch {".".join(map(str, _SAFE_TORCH))} or newer; '
            'the .safetensors file that comes of it serves this torch, too'
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
            f'{".".join(map(str, OLDEST_TORCH))} or newer is needed: {_TORCH}'
        )
    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:  # Numpy is not available
        raise DependencyError(
            f'torch {torch.__version__} does not fit NumPy {np.__version__}: '
            + _numpy_mismatch('this torch')
        ) from error


def _numpy_mismatch(what: str) -> str:
    return (
        f'{what} was built for another NumPy; remove a NumPy that pip put before that of the '
        'system (`pip uninstall numpy`), or install a newer torch (2.3 and newer fit both)'
    )
