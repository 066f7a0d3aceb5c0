"""Which topic of a recording is the colour camera, and which camera_info belongs to it: by name."""

from __future__ import annotations

import re
from collections.abc import Collection

# Words of a topic name that say "no camera image" wherever they stand: pictures made of images.
_DERIVED = {
    'semantic', 'semantics', 'segmentation', 'segmented', 'seg', 'instance', 'instances',
    'panoptic', 'label', 'labels', 'labelled', 'labeled', 'mask', 'masks', 'confidence', 'normal',
    'normals', 'flow', 'costmap', 'heatmap', 'attention', 'structure',
}  # fmt: skip
# And those that say so of a sensor, unless a part of the name behind them is a colour camera's.
_OTHER_SENSORS = {
    'depth', 'disparity', 'range', 'infra', 'infrared', 'ir', 'thermal', 'thermo', 'lwir', 'nir',
    'flir', 'event', 'events', 'dvs', 'radar', 'lidar', 'ultrasound',
}  # fmt: skip
_COLOUR = {'rgb', 'color', 'colour'}
# Below the image's own topic: the transports of image_transport.
_TRANSPORTS = ('compressed', 'ffmpeg', 'theora', 'zstd', 'packet')
# Where camera_info lies in the namespace of an image or one above it; the second is librealsense's.
_INFO_NAMES = ('camera_info', 'info/camera_info')


def is_colour_camera(topic: str) -> bool:
    """Return whether a name does not say that the topic is depth, infrared, labels or the like."""
    verdict = True
    for part in topic.split('/'):
        words = set(_words(part))
        if words & _DERIVED:
            return False
        if words & _OTHER_SENSORS:
            verdict = False
        elif words & _COLOUR and len(words) == 1:
            verdict = True
    return verdict


def is_depth_camera(topic: str) -> bool:
    """Return whether a name says that the topic is depth, and not what was made of it."""
    words = [set(_words(part)) for part in topic.split('/')]
    derived = any(part & _DERIVED for part in words)
    return any('depth' in part for part in words) and not derived and not is_colour_camera(topic)


def is_called_colour(topic: str) -> bool:
    """Return whether a name says that the topic is a colour camera."""
    return any(set(_words(part)) & _COLOUR for part in topic.split('/'))


def is_called_rectified(topic: str) -> bool:
    """Return whether a name says that the images are rectified, as image_proc names them."""
    return any(set(_words(part)) & {'rect', 'rectified'} for part in topic.split('/'))


def info_topics(image: str, images: Collection[str]) -> list[str]:
    """Return the names that the camera_info of ``image`` may have, the likeliest first.

    As image_transport has it, it lies beside the image: /camera_info of /image_raw and of /camera.
    Else it lies in a namespace above, unless it lies beside another one of ``images``.
    """
    beside = _beside(image)
    taken = {name for other in images if _plain(other) != _plain(image) for name in _beside(other)}
    above = [f'{namespace}/{name}' for namespace in _namespaces(image)[2:] for name in _INFO_NAMES]
    return beside + [name for name in above if name not in taken and name not in beside]


def _beside(image: str) -> list[str]:
    """Return the names of a camera_info in an image's own namespace, or below the image itself."""
    own, parent = _namespaces(image)[:2]
    names = [f'{own}/camera_info', *(f'{parent}/{name}' for name in _INFO_NAMES)]
    # librealsense: .../image/data beside .../info/camera_info
    if image.endswith('/image/data'):
        names.append(image.removesuffix('image/data') + _INFO_NAMES[1])
    # The sibling first: that is what drivers do.
    return [names[1], names[0], *names[2:]]


def _namespaces(image: str) -> list[str]:
    """Return the image's topic without its transport, and all namespaces above, the root last."""
    parts = _plain(image).split('/')
    names = ['/'.join(parts[:count]) for count in range(len(parts), 0, -1)]
    return names if len(names) > 1 else [*names, '']


def _plain(image: str) -> str:
    """Return a topic's name without its transport."""
    base, _, last = image.rpartition('/')
    return base if base.strip('/') and last.lower() in _TRANSPORTS else image


def _words(part: str) -> list[str]:
    """Return the words of a part of a name, in lower case: DepthCam_2 are depth and cam."""
    spaced = re.sub('([a-z])([A-Z])', r'\1 \2', part)
    words = re.findall('[a-z]+', spaced.lower())
    # infra1 and infra2, and names run together such as depthcam.
    starts = ('depth', 'infra', 'disparity', 'segment', 'semantic', 'thermal')
    full = {
        'depth': 'depth',
        'infra': 'infra',
        'disparity': 'disparity',
        'thermal': 'thermal',
        'segment': 'segmentation',
        'semantic': 'semantic',
    }
    return [next((full[s] for s in starts if word.startswith(s)), word) for word in words]
