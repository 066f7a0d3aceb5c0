"""Which topic is the camera and where its camera_info lies, by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.media.bags.topic_names import info_topics, is_colour_camera

NAME = st.from_regex('[a-z][a-z0-9_]{0,8}', fullmatch=True)
NAMESPACE = st.lists(NAME, max_size=3).map(lambda parts: ''.join(f'/{part}' for part in parts))
OTHER_IMAGES = [
    'semantic_segmentation', 'semantic', 'semantic_labels', 'instance', 'labels', 'mask', 'depth',
    'Depth_0', 'depth_registered', 'disparity', 'ir', 'left_ir', 'infra1', 'infra2', 'Infrared_1',
    'thermal', 'confidence',
]  # fmt: skip
IMAGE = st.sampled_from(['image_raw', 'image', 'image_rect', 'image_color', 'image_mono', 'camera'])


@pytest.mark.parametrize(
    ('image', 'info'),
    [
        ('/image_raw', '/camera_info'),
        ('/camera', '/camera_info'),
        ('/image', '/camera_info'),
        ('/image_raw/compressed', '/camera_info'),
        ('/cam/image_raw', '/cam/camera_info'),
        ('/cam/image_color/compressed', '/cam/camera_info'),
        ('/a/b/rgb/image_rect_color', '/a/b/rgb/camera_info'),
        ('/device_0/sensor_1/Color_0/image/data', '/device_0/sensor_1/Color_0/info/camera_info'),
        ('/drone_1/front/Scene', '/drone_1/front/Scene/camera_info'),
    ],
)
def test_camera_info_lies_beside_its_image(image: str, info: str) -> None:
    assert info in info_topics(image, [image])[:4]


@given(namespace=NAMESPACE, image=IMAGE, transport=st.sampled_from(['', '/compressed']))
def test_the_sibling_comes_first_in_any_namespace(
    namespace: str, image: str, transport: str
) -> None:
    name = f'{namespace}/{image}{transport}'
    assert info_topics(name, [name])[0] == f'{namespace}/camera_info'


@given(namespace=NAMESPACE, name=NAME, image=IMAGE)
def test_the_camera_info_of_another_camera_above_is_not_taken(
    namespace: str, name: str, image: str
) -> None:
    inner, outer = f'{namespace}/{name}/{image}', f'{namespace}/{image}'
    above = f'{namespace}/camera_info'
    if above == f'{namespace}/{name}':
        return
    assert above in info_topics(inner, [inner])
    assert above not in info_topics(inner, [inner, outer])


@pytest.mark.parametrize(
    'topic',
    ['/image_raw', '/camera/color/image_raw', '/depth_cam/rgb/image_raw', '/mirror/image',
     '/first_camera/image', '/oak/rgb/image_raw', '/normandy/image_raw', '/device_0/Color_0/image'],
)  # fmt: skip
def test_colour_cameras(topic: str) -> None:
    assert is_colour_camera(topic)


@given(
    namespace=NAMESPACE.filter(lambda name: is_colour_camera(f'{name}/image')),
    word=st.sampled_from(OTHER_IMAGES),
    end=st.sampled_from(['', '/image_raw', '/image_rect/compressed', '/image_color']),
)
def test_other_images_are_no_colour_cameras(namespace: str, word: str, end: str) -> None:
    assert not is_colour_camera(f'{namespace}/{word}{end}')


def test_a_coloured_segmentation_is_no_camera() -> None:
    assert not is_colour_camera('/semantic_segmentation/color/image')
    assert not is_colour_camera('/depth/depth_color')
