"""The Fast DDS profile with which camera-sized messages arrive; set before a process starts."""

from __future__ import annotations

from collections.abc import Mapping

from s2r_depth_ros.share import share_directory

# Jazzy's Fast DDS reads the first name, Kilted's the second.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def profile_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to ``environment`` so that images and clouds are not lost.

    Empty when the user has chosen a profile under either name: it is left as it is.
    """
    if any(environment.get(name) for name in PROFILE_VARIABLES):
        return {}
    profile = str(share_directory() / 'config' / 'fastdds.xml')
    return dict.fromkeys(PROFILE_VARIABLES, profile)
