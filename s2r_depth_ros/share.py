"""Where the package's data files are: the source tree, or <prefix>/share after installation."""

from __future__ import annotations

from pathlib import Path

PACKAGE = 's2r_depth_ros'


def share_directory() -> Path:
    """Return the folder that holds config/, launch/ and models/.

    The source tree (also behind ``colcon build --symlink-install``) when the package is imported
    from there, otherwise ``<prefix>/share/s2r_depth_ros`` of the prefix it is installed in. Found
    from this file's place, so no ROS environment is needed. Raises FileNotFoundError.
    """
    package = Path(__file__).resolve().parent
    if (package.parent / 'package.xml').is_file():
        return package.parent
    for prefix in package.parents:
        candidate = prefix / 'share' / PACKAGE
        if (candidate / 'package.xml').is_file():
            return candidate
    raise FileNotFoundError(
        f'no share/{PACKAGE} above {package}: the installation is incomplete; build the package '
        'again with `colcon build` or run from the source tree'
    )
