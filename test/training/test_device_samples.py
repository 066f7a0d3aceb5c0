from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up_shards import HEIGHT, WIDTH, make_set, make_shard
from torch import Tensor
from torch.nn import functional

from s2r_depth_training.dataset.canonical import canonical_depth
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.device_frames import DeviceFrames, load_device_frames
from s2r_depth_training.dataset.device_samples import (
    DeviceSamples,
    Windows,
    nearest,
    resample,
)
from s2r_depth_training.dataset.format import TRAIN, write_manifest
from s2r_depth_training.dataset.sampling import is_typical
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError, DataError

CPU = torch.device('cpu')
PLAIN = DataConfig(crop=0, photometric=False, restyled=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(image: Tensor) -> np.ndarray:
    """Return [3, H, W] in [-1, 1] as the uint8 [H, W, 3] that it was made of."""
    return ((image.permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()


# ---- frames


def test_frames_on_the_device_are_those_of_the_store(manifests, store):
    loaded = load_device_frames(manifests, DataConfig(), CPU)
    assert [frames.kind for frames in loaded] == store.kinds == ['indoor', 'street']
    for frames in loaded:
        count = store.count(frames.kind)
        assert frames.typical.tolist() == list(range(count))
        assert frames.size == (HEIGHT, WIDTH)
        for i in range(count):
            frame = store.frame(frames.kind, i)
            other = frame.rgb if frame.restyled is None else frame.restyled
            assert np.array_equal(frames.rgb[i].numpy(), frame.rgb)
            assert np.array_equal(frames.restyled[i].numpy(), other)
            assert np.array_equal(frames.depth[i].numpy(), frame.depth)
            assert frames.fx[i] == frame.fx
            assert frames.zero_is_sky == frame.zero_is_sky == (frames.kind == 'street')


def test_frames_of_several_shards_and_sets_keep_their_order(tmp_path, manifests):
    """Copied by several threads, of sets that are listed twice here."""
    for number, split in enumerate(('a', 'b', 'c')):
        make_shard(tmp_path / f'{split}.npz', 3 + number, [10 + number], 40 + number)
    path = write_manifest(tmp_path, {
        'kind': 'indoor', 'shards': [{'file': f'{s}.npz', 'split': TRAIN} for s in 'abc'],
    })  # fmt: skip
    paths = [path, manifests[0]]
    (frames,) = load_device_frames(paths, DataConfig(), CPU)
    store = FrameStore(paths, TRAIN)
    assert len(frames.rgb) == store.count('indoor') == 3 + 4 + 5 + 6
    for i in range(len(frames.rgb)):
        assert np.array_equal(frames.rgb[i].numpy(), store.frame('indoor', i).rgb)


def test_only_typical_frames_are_drawn_from(manifests, store):
    medians = [
        float(np.median(store.frame('indoor', i).depth)) * 100 / 90
        for i in range(store.count('indoor'))
    ]
    middle = float(np.median(medians))
    config = replace(PLAIN, mix={'indoor': 1.0}, typical={'indoor': [0.1, middle, 20.0]})
    (frames,) = load_device_frames(manifests, config, CPU)
    expected = [i for i in range(len(medians)) if is_typical(store.frame('indoor', i), config)]
    assert 0 < len(expected) < len(medians)
    assert frames.typical.tolist() == expected
    batch = DeviceSamples([frames], config, generator()).draw(64)
    allowed = {store.frame('indoor', i).rgb.tobytes() for i in expected}
    allowed |= {store.frame('indoor', i).rgb[:, ::-1].tobytes() for i in expected}
    drawn = {pixels(image).tobytes() for image in batch.image}
    assert drawn <= allowed
    assert len(drawn) > len(expected)  # all are drawn, some of them mirrored


def test_frames_that_cannot_be_drawn_from_are_refused(manifests, tmp_path):
    with pytest.raises(DataError, match=r"mix names \['attic'\]"):
        load_device_frames(manifests, DataConfig(mix={'attic': 1.0}), CPU)
    nothing = DataConfig(typical={'indoor': [500.0, 600.0, 2.0]})
    with pytest.raises(DataError, match='no frame of kind indoor is within'):
        load_device_frames(manifests, nothing, CPU)
    make_shard(tmp_path / 'train.npz', 2, [5], 0)
    with np.load(tmp_path / 'train.npz') as shard:
        small = {k: v[:, ::2, ::2] if v.ndim > 2 else v for k, v in shard.items()}
    np.savez(tmp_path / 'train.npz', **small)
    sets = [*manifests, make_set(tmp_path, 'indoor', ['train'])]
    with pytest.raises(DataError, match=r'kind indoor have sizes .*48, 64.*96, 128'):
        load_device_frames(sets, DataConfig(), CPU)


# ---- samples


def test_without_crop_and_changes_a_frame_comes_through(manifests, store):
    """Exactly, or mirrored; its depth and weight are those of the canonical camera."""
    config = replace(PLAIN, focal_length=180.0)
    loaded = load_device_frames(manifests, config, CPU)
    # Some depths are unknown, or sky.
    for frames in loaded:
        frames.depth[:, :5, 7:40] = 0
        frames.depth[:, 20, 3] = 0.01
    batch = DeviceSamples(loaded, config, generator()).draw(16)
    assert batch.image.dtype == batch.depth.dtype == batch.weight.dtype == torch.float32
    assert batch.number.shape == (16,)
    assert torch.equal(batch.image, batch.paired)
    mirrored = 0
    for image, depth, weight in zip(batch.image, batch.depth, batch.weight):
        (found,) = [
            (frames, i, flip)
            for frames in loaded
            for i in range(len(frames.rgb))
            for flip in (False, True)
            if np.array_equal(pixels(image), np.flip(frames.rgb[i].numpy(), 1) if flip
                              else frames.rgb[i].numpy())
        ]  # fmt: skip
        frames, i, flip = found
        stored = frames.depth[i].numpy()
        true = canonical_depth(
            stored[:, ::-1] if flip else stored, float(frames.fx[i]), frames.zero_is_sky, config
        )
        np.testing.assert_allclose(depth[0], true[0], rtol=1e-6)
        np.testing.assert_array_equal(weight[0], true[1])
        mirrored += flip
    assert 3 <= mirrored <= 13


def test_crops_are_seen_as_by_a_longer_lens(manifests, monkeypatch):
    """What a lens shows larger, the canonical one would see from nearer: depth grows for it."""
    config = replace(PLAIN, crop=1.0, mix={'indoor': 1.0}, max_depth=1000.0)
    (frames,) = load_device_frames(manifests, config, CPU)
    frames.depth.fill_(4.0)
    samples = DeviceSamples([frames], config, generator())
    widths: list[Tensor] = []
    draw_windows = samples._windows

    def watched(frames: DeviceFrames, count: int) -> Windows:
        windows = draw_windows(frames, count)
        widths.append(windows.width)
        return windows

    monkeypatch.setattr(samples, '_windows', watched)
    depth = samples.draw(32).depth
    metres = 4 * config.focal_length / 90 * widths[0] / WIDTH
    torch.testing.assert_close(depth.mean((1, 2, 3)), metres)
    assert metres.std() > 0.1


def places(count: int, height: int, width: int) -> DeviceFrames:
    """Frames whose red is the column, whose green and depth are the row, and a negative of them."""
    y, x = np.mgrid[:height, :width]
    rgb = torch.from_numpy(np.stack([x, y, 0 * x], -1).astype(np.uint8)).repeat(count, 1, 1, 1)
    depth = torch.from_numpy((y + 1).astype(np.float16)).repeat(count, 1, 1)
    fx = torch.full((count,), float(width))
    return DeviceFrames('indoor', False, rgb, 255 - rgb, depth, fx, torch.arange(count))


@given(st.integers(0, 2**32), st.sampled_from([(96, 128), (150, 180), (96, 240), (144, 192)]))
@settings(max_examples=30)
def test_image_pair_and_depth_come_from_one_window(seed, size):
    config = DataConfig(
        crop=0.8, photometric=False, max_depth=1e6, min_depth=1e-3, widest={'indoor': 2.0}
    )
    frames = places(3, *size)
    batch = DeviceSamples([frames], config, generator(seed), pairs=True).draw(6)
    torch.testing.assert_close(batch.image, -batch.paired, rtol=0, atol=1e-5)
    # Swapped styles are told by blue, which is 0 in the one and 255 in the other.
    swapped = (batch.image[:, 2:] > 0).float()
    shown = torch.where(swapped > 0, batch.paired, batch.image)
    column, row = ((shown[:, :2] + 1) * 127.5).split(1, 1)
    # Every window has its own factor of depth; its width shows in the columns it spans.
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    # Pixels of the frame for one here.
    pitch = (column[..., 104] - column[..., 24]).abs().mean((1, 2)).view(-1, 1, 1, 1) / 80
    scale = config.focal_length / size[1] * pitch
    seen_row = batch.depth / scale - 1
    # The nearest pixel is half a pixel off at most; the rest is rounding of pitch and float16.
    assert ((seen_row - row)[inside].abs() < 0.55 + 0.01 * row[inside]).all()
    assert column.min() >= -1e-3
    assert column.max() <= size[1] - 1 + 1e-3
    assert row.max() <= size[0] - 1 + 1e-3


@given(st.integers(0, 2**32), st.floats(0.3, 1.0), st.floats(0.9, 3.0))
@example(0, 1.0, 1.0)
@settings(max_examples=40)
def test_windows_lie_inside(seed, smallest, widest):
    config = DataConfig(crop=1.0, crop_scale=smallest, widest={'indoor': widest})
    frames = places(1, 144, 192)
    windows = DeviceSamples([frames], config, generator(seed))._windows(frames, 50)
    for start, length, side in (
        (windows.top, windows.height, 144), (windows.left, windows.width, 192),
    ):  # fmt: skip
        assert (start >= 0).all()
        assert (start + length <= side + 1e-3).all()
        assert (length > 0).all()
    aspect = windows.width / windows.height / (4 / 3)
    assert 0.849 <= aspect.min() <= aspect.max() <= max(widest, 0.85) + 1e-3
    # One of the sides is as large as the drawn share lets it be.
    share = torch.maximum(windows.width / 192, windows.height / 144)
    assert smallest - 1e-3 <= share.min() <= share.max() <= 1 + 1e-3


def test_the_share_of_crops_and_mirrored_images_is_as_configured():
    frames = places(1, 96, 128)
    config = DataConfig(crop=0.3)
    windows = DeviceSamples([frames], config, generator())._windows(frames, 4000)
    assert (windows.width < 128).float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert windows.mirrored.float().mean().item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ('mix', 'count', 'expected'),
    [
        ({}, 8, [4, 4]),
        ({}, 3, [2, 1]),
        ({'indoor': 3.0, 'street': 1.0}, 8, [6, 2]),
        ({'indoor': 0.65, 'street': 0.35}, 64, [42, 22]),
        ({'street': 1.0}, 5, [5]),
    ],
)
def test_counts_follow_the_mix(manifests, mix, count, expected):
    config = replace(PLAIN, mix=mix)
    loaded = load_device_frames(manifests, config, CPU)
    assert DeviceSamples(loaded, config, generator())._counts(count) == expected
    batch = DeviceSamples(loaded, config, generator()).draw(count)
    assert len(batch.image) == len(batch.number) == count
    drawn = {frames.kind: frames.rgb.numpy() for frames in loaded}
    for kind, part in zip(drawn, batch.image.split(expected)):
        for image in part:
            shown = (pixels(image), pixels(image)[:, ::-1])
            assert any(np.array_equal(one, stored) for stored in drawn[kind] for one in shown)


@given(st.integers(1, 300), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_counts_add_up_and_are_one_off_at_most(count, indoor, street):
    frames = [replace(places(1, 96, 128), kind=kind) for kind in ('indoor', 'street')]
    config = DataConfig(mix={'indoor': indoor, 'street': street})
    counts = DeviceSamples(frames, config, generator())._counts(count)
    assert sum(counts) == count
    assert counts[0] == pytest.approx(count * indoor / (indoor + street), abs=0.51)


def test_the_seed_of_the_generator_decides_the_samples(manifests):
    config = DataConfig(mix={'indoor': 1.0})
    loaded = load_device_frames(manifests, config, CPU)
    first, again, other = (
        DeviceSamples(loaded, config, generator(seed), pairs=True) for seed in (3, 3, 4)
    )
    batches = [first.draw(4), first.draw(4)]
    for batch in batches:
        for field, repeated in zip(batch, again.draw(4)):
            assert torch.equal(field, repeated)
    assert not torch.equal(batches[0].depth, batches[1].depth)
    assert not torch.equal(batches[0].image, other.draw(4).image)


def test_samples_are_what_the_network_takes(manifests):
    config = DataConfig(height=96, width=112)
    loaded = load_device_frames(manifests, config, CPU)
    batch = DeviceSamples(loaded, config, generator()).draw(12)
    assert batch.image.shape == (12, 3, 96, 112)
    assert batch.depth.shape == batch.weight.shape == (12, 1, 96, 112)
    assert -1 <= batch.image.min() <= batch.image.max() <= 1
    assert config.min_depth <= batch.depth.min() <= batch.depth.max() <= config.max_depth


def test_pairs_and_paintings_that_cannot_be_are_refused(manifests):
    loaded = load_device_frames(manifests, DataConfig(), CPU)
    with pytest.raises(DataError, match='two styles'):
        DeviceSamples(loaded, DataConfig(), generator(), pairs=True)  # streets have one style
    with pytest.raises(ConfigError, match='paintings'):
        DeviceSamples(loaded, DataConfig(paintings='here'), generator())


# ---- resampling


def whole(count: int, height: int, width: int, mirrored: bool = False) -> Windows:
    zero, flipped = torch.zeros(count), torch.full((count,), mirrored)
    return Windows(zero, zero, zero + height, zero + width, flipped)


@given(
    st.integers(20, 90), st.integers(20, 90), st.integers(8, 90), st.integers(8, 90),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60)
def test_whole_windows_are_resampled_as_torch_does(height, width, rows, columns, mirrored, seed):
    """Shrinking averages as its antialiased bilinear filter does, enlarging is its linear one."""
    image = torch.rand(2, 3, height, width, generator=generator(seed))
    result = resample(image, whole(2, height, width, mirrored), (rows, columns))
    expected = functional.interpolate(
        image, (rows, columns), mode='bilinear', align_corners=False, antialias=True
    )
    expected = expected.flip(-1) if mirrored else expected
    torch.testing.assert_close(result, expected, atol=2e-5, rtol=0)


def test_enlarging_is_what_opencv_does():
    image = torch.rand(1, 3, 30, 40, generator=generator())
    result = resample(image, whole(1, 30, 40), (96, 128))[0].permute(1, 2, 0).numpy()
    expected = cv2.resize(
        np.ascontiguousarray(image[0].permute(1, 2, 0)), (128, 96), interpolation=cv2.INTER_LINEAR
    )
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_every_image_has_its_own_window():
    """Cut at whole pixels and kept in size, windows are slices."""
    image = torch.rand(3, 2, 40, 50, generator=generator())
    windows = Windows(
        torch.tensor([0.0, 5.0, 8.0]), torch.tensor([0.0, 3.0, 18.0]), torch.full((3,), 32.0),
        torch.full((3,), 32.0), torch.tensor([False, True, False]),
    )  # fmt: skip
    result = resample(image, windows, (32, 32))
    cut = [image[0, :, :32, :32], image[1, :, 5:37, 3:35].flip(-1), image[2, :, 8:40, 18:50]]
    torch.testing.assert_close(result, torch.stack(cut), atol=1e-6, rtol=0)
    depth = nearest(image[:, 0], windows, (32, 32))
    assert torch.equal(depth[:, 0], torch.stack(cut)[:, 0])


@given(st.floats(0, 10), st.floats(0, 10), st.floats(5, 30), st.floats(5, 40), st.booleans())
@settings(max_examples=40)
def test_depth_is_not_mixed(top, left, height, width, mirrored):
    image = torch.where(torch.arange(50) < 20, 1.0, 9.0).expand(1, 40, 50)
    down, right, tall, wide = (torch.tensor([value]) for value in (top, left, height, width))
    windows = Windows(down, right, tall, wide, torch.tensor([mirrored]))
    shown = nearest(image, windows, (24, 32))
    assert shown.shape == (1, 1, 24, 32)
    assert set(shown.unique().tolist()) <= {1.0, 9.0}
    # And lies where the colours lie: an edge is half a pixel of the larger grid off at most.
    colour = resample(image[:, None], windows, (24, 32))
    assert ((colour > 5) == (shown > 5)).float().mean() > 1 - 2 / 32


def test_a_set_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r'none\.json cannot be read: No such'):
        load_device_frames([tmp_path / 'none.json'], DataConfig(), CPU)
