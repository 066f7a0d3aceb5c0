"""Every parameter of the node, declared once as a field of ``Values`` or of a group in it.

The table PARAMETERS is made from those fields: ROS declares the parameters from it, and the tables
in the documentation are written from it. A parameter is added here and in config/depth.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from s2r_depth_ros.network_choices import BACKEND_NAMES, DEFAULT_MODEL, PRECISIONS
from s2r_depth_ros.node.parameters.cloud import CloudParameters
from s2r_depth_ros.node.parameters.filters import (
    ConfidenceParameters,
    EdgeFilterParameters,
    SkyFilterParameters,
    TemporalFilterParameters,
)
from s2r_depth_ros.node.parameters.navigation import GroundParameters, ScanParameters
from s2r_depth_ros.node.parameters.scale import ScaleParameters
from s2r_depth_ros.node.parameters.spec import build, group, parameter, specs
from s2r_depth_ros.size_rule import LARGEST_SIDE


@dataclass(frozen=True)
class Values:
    """One consistent set of parameter values; each field declares the parameter of its name."""

    model: str = parameter(
        DEFAULT_MODEL, 'name of a model in models/, or the path of a .safetensors file', reload=True
    )
    device: str = parameter(
        'auto',
        'where the network runs: auto (a GPU if there is one), cpu, cuda, cuda:N',
        reload=True,
    )
    precision: str = parameter(
        'fp32',
        'arithmetic of the network; fp16 is for GPUs, bf16 for GPUs and for CPUs with bf16 units',
        choices=tuple(PRECISIONS),
        reload=True,
    )
    backend: str = parameter(
        'auto',
        'what runs the network; auto: the fastest that is installed (openvino on a CPU, else '
        'torch), said in the log; eager is the slow reference; tap (numba), openvino and '
        'onnxruntime are to be installed separately',
        choices=BACKEND_NAMES,
        reload=True,
    )
    input_height: int = parameter(
        0,
        "height of the network's input in pixels, a multiple of 16 from 96 upwards; 0: the model's",
        bounds=(0, LARGEST_SIDE),
        reload=True,
    )
    input_width: int = parameter(
        0,
        "width of the network's input in pixels, a multiple of 16 from 96 upwards; 0: the model's",
        bounds=(0, LARGEST_SIDE),
        reload=True,
    )
    cameras: tuple[str, ...] = parameter(
        (),
        'names of several cameras, inferred together; each has all topics of its own beneath its '
        'name; empty: a single camera without a name',
        reload=True,
    )
    image_transport: str = parameter(
        'raw',
        'subscribe to image (raw) or image/compressed (compressed)',
        choices=('raw', 'compressed'),
        reload=True,
    )
    rectify: str = parameter(
        'auto',
        'auto: undistort images with the distortion of camera_info; never: images are rectified '
        'already, as image_rect of image_proc',
        choices=('auto', 'never'),
        booleans=('never', 'auto'),
    )
    camera_info_timeout: float = parameter(
        0.05,
        'seconds a frame waits for the camera_info of its stamp before the newest one for images '
        'of its size is taken',
        bounds=(0.0, 10.0),
    )
    transforms: tuple[str, ...] = parameter(
        (),
        'fixed transforms between frames, which come before TF, as texts '
        "'parent child x y z roll pitch yaw' (metres, radians) or "
        "'parent child x y z qx qy qz qw'",
    )
    base_frame: str = parameter(
        'base_footprint', 'frame of the robot on the floor, whose z axis points up'
    )
    gravity: str = parameter(
        'tf',
        'what tells where down is: tf: z of base_frame; imu: the topic imu; none',
        choices=('tf', 'imu', 'none'),
        reload=True,
    )
    level: str = parameter(
        'auto',
        'auto: images of a camera that is turned about its axis are turned upright for the '
        'network, where gravity is known; never: as they are',
        choices=('auto', 'never'),
        booleans=('never', 'auto'),
    )
    max_image_pixels: int = parameter(
        25_000_000,
        'pixels of an image at most: one that states more is dropped before it is decoded',
        bounds=(1, 1_000_000_000),
    )
    depth_scale: float = parameter(
        1.0,
        'fixed factor on all depths, such as one found against a tape measure or a lidar',
        bounds=(0.001, 1000.0),
    )
    depth_scales: tuple[float, ...] = parameter(
        (),
        'of several cameras: for each of cameras a factor besides depth_scale, as calibrate_scale '
        'finds it; empty: 1 for all',
        bounds=(0.001, 1000.0),
        items=float,
    )
    scale: ScaleParameters = group(ScaleParameters)
    min_depth: float = parameter(0.0, 'metres; nearer depths are invalid', bounds=(0.0, 1000.0))
    max_depth: float = parameter(
        0.0,
        'metres; farther depths are invalid; 0: all that the model can express',
        bounds=(0.0, 1000.0),
    )
    out_of_range: str = parameter(
        'invalid',
        'what the depth image has beyond min_depth and max_depth: invalid depths, or infinite ones '
        '(REP-117, 32FC1): -inf for too near and +inf for too far; clouds have neither',
        choices=('invalid', 'infinite'),
    )
    edge_filter: EdgeFilterParameters = group(EdgeFilterParameters)
    temporal_filter: TemporalFilterParameters = group(TemporalFilterParameters)
    confidence: ConfidenceParameters = group(ConfidenceParameters)
    sky_filter: SkyFilterParameters = group(SkyFilterParameters)
    cloud: CloudParameters = group(CloudParameters)
    ground: GroundParameters = group(GroundParameters)
    scan: ScanParameters = group(ScanParameters)
    depth_encoding: str = parameter(
        '32FC1', 'depth image in metres (32FC1) or millimetres (16UC1)', choices=('32FC1', '16UC1')
    )
    color_near: float = parameter(
        0.0,
        'metres shown as the nearest colour of ~/depth_color; 0: chosen anew for each frame',
        bounds=(0.0, 1000.0),
    )
    color_far: float = parameter(
        0.0,
        'metres shown as the farthest colour of ~/depth_color; 0: chosen anew for each frame',
        bounds=(0.0, 1000.0),
    )
    publish_always: bool = parameter(
        False,
        'make every output of every frame, also those without a subscriber; not confidence, and '
        'not what is for navigation',
    )
    diagnostics_period: float = parameter(
        1.0, 'seconds between two messages on /diagnostics', bounds=(0.1, 60.0)
    )
    autostart: bool = parameter(
        False,
        'configure and activate the node at start instead of waiting for the transitions',
        read_only=True,
    )

    def of_camera(self, name: str) -> Values:
        """Return the values for one camera, whose depth_scale is all of its factor.

        name: one of ``cameras``, '' for a single one.
        """
        own = dict(zip(self.cameras, self.depth_scales)).get(name, 1.0)
        if own == 1:  # of every frame, mostly: nothing is made anew
            return self
        return replace(self, depth_scale=self.depth_scale * own)


PARAMETERS = tuple(specs(Values))


def value_of(values: Values, name: str) -> Any:
    """Return the value of a parameter by its name in ROS, such as ``scale.timeout``."""
    return reduce(getattr, name.split('.'), values)


def with_changes(values: Values, changes: Mapping[str, Any]) -> Values:
    """Return ``values`` with some of them, by their names in ROS, replaced."""
    before = {spec.name: value_of(values, spec.name) for spec in PARAMETERS}
    return build(Values, {**before, **changes})
