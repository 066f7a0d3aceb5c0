"""The Python libraries, all but torch and those of ROS."""

from __future__ import annotations

from collections.abc import Iterator

from s2r_depth_ros.dependencies import LIBRARIES
from s2r_depth_ros.doctor.finding import Finding
from s2r_depth_ros.doctor.imports import imported, optional

_FASTER = 'only for the backend of that name'
_OPTIONAL = {
    'openvino': _FASTER,
    'onnxruntime': _FASTER,
    'numba': 'only for the backend tap on a CPU',
    'simplejpeg': 'tells damaged JPEGs that OpenCV takes for pictures',
    'triton': 'only for fused layers on a GPU',
}


def check() -> Iterator[Finding]:
    """Look at each library."""
    yield from map(imported, LIBRARIES)
    for name, use in _OPTIONAL.items():
        yield optional(name, use)
