from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import (
    set_frame_times,
    set_matroska_duration,
    set_rotation,
    with_exif,
    with_orientation,
    write_video,
)
from numpy.typing import NDArray

from s2r_depth_ros.media import codecs
from s2r_depth_ros.media.exif import orientation
from s2r_depth_ros.media.names import natural_key
from s2r_depth_ros.media.sources import (
    SourceError,
    count_frames,
    find_files,
    passed_over,
    read_frames,
    read_image,
)
from s2r_depth_ros.media.videos import read_video


def test_folder_in_natural_order(tmp_path: Path) -> None:
    names = ['frame10.png', 'frame2.PNG', 'a.jpg', '7.png', 'frame2b.png', 'clip.mp4']
    for name in [*names, 'notes.txt', '.hidden.png', 'noextension']:
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    found = [path.name for path in find_files(tmp_path)]
    assert found == ['7.png', 'a.jpg', 'clip.mp4', 'frame2.PNG', 'frame2b.png', 'frame10.png']


def test_one_file(tmp_path: Path) -> None:
    file = tmp_path / 'x.png'
    file.touch()
    assert find_files(file) == [file]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'gone\.png: no such file'):
        find_files(tmp_path / 'gone.png')
    with pytest.raises(SourceError, match=r'the folder has no image or video files \(\.png'):
        find_files(tmp_path)
    (tmp_path / 'x.txt').touch()
    with pytest.raises(SourceError, match=r'x\.txt: not a known kind'):
        find_files(tmp_path / 'x.txt')


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.ppm'])
def test_colours_are_rgb(tmp_path: Path, photo: NDArray[np.uint8], suffix: str) -> None:
    file = tmp_path / f'x{suffix}'
    cv2.imwrite(str(file), photo[:, :, ::-1])
    [(stem, rgb)] = read_frames(file)
    assert stem == 'x'
    np.testing.assert_array_equal(rgb, photo)
    assert count_frames(file) == 1


def test_grey_deep_and_transparent_images(tmp_path: Path, photo: NDArray[np.uint8]) -> None:
    grey = photo[:, :, 0]
    cv2.imwrite(str(tmp_path / 'grey.png'), grey)
    cv2.imwrite(str(tmp_path / 'deep.png'), grey.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / 'alpha.png'), np.dstack([photo[:, :, ::-1], grey]))
    three = np.dstack([grey] * 3)
    np.testing.assert_array_equal(read_image(tmp_path / 'grey.png'), three)
    np.testing.assert_array_equal(read_image(tmp_path / 'deep.png'), three)
    np.testing.assert_array_equal(read_image(tmp_path / 'alpha.png'), photo)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('share', [0.3, 0.6, 0.99])
def test_truncated_images(
    tmp_path: Path, photo: NDArray[np.uint8], suffix: str, share: float
) -> None:
    whole = cv2.imencode(suffix, photo)[1].tobytes()
    file = tmp_path / f'cut{suffix}'
    file.write_bytes(whole)
    assert read_image(file).shape == photo.shape
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SourceError, match=rf'cut{suffix}: the (JPEG|PNG) is cut short'):
        read_image(file)


def test_thumbnail_does_not_hide_a_cut(tmp_path: Path, photo: NDArray[np.uint8]) -> None:
    whole, thumbnail = (cv2.imencode('.jpg', x)[1].tobytes() for x in (photo, photo[::4, ::4]))
    segment = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    file = tmp_path / 'x.jpg'
    file.write_bytes(with_thumbnail)
    assert read_image(file).shape == photo.shape
    file.write_bytes(with_thumbnail[: -len(whole) // 3])
    with pytest.raises(SourceError, match='cut short'):
        read_image(file)


TURNED = {  # EXIF 2.32, table 6: what is to be done to the stored picture
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1), 8: lambda a: np.rot90(a),
}  # fmt: skip


@pytest.mark.parametrize('written_as', ['<H', '>H', '<I', '>I'])
@pytest.mark.parametrize('number', TURNED)
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_exif_orientation(
    tmp_path: Path, photo: NDArray[np.uint8], suffix: str, number: int, written_as: str
) -> None:
    """A picture file is turned upright, also PNG and WebP, which not every OpenCV looks into."""
    settings = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == '.webp' else []
    stored = cv2.imencode(suffix, photo[:, :, ::-1], settings)[1].tobytes()
    bgr = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    (tmp_path / f'x{suffix}').write_bytes(with_orientation(stored, number, *written_as))
    upright = TURNED[number](bgr[:, :, ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / f'x{suffix}'), upright)


@pytest.mark.parametrize('number', TURNED)
def test_orientation_of_tiff(tmp_path: Path, photo: NDArray[np.uint8], number: int) -> None:
    pil = pytest.importorskip('PIL.Image', reason='writes the tag')
    pil.fromarray(photo).save(tmp_path / 'x.tif', tiffinfo={274: number})
    np.testing.assert_array_equal(read_image(tmp_path / 'x.tif'), TURNED[number](photo))


@given(st.binary(max_size=80), st.sampled_from([b'II*\0\x08\0\0\0', b'MM\0*\0\0\0\x08', b'']))
def test_broken_exif_changes_nothing(block: bytes, head: bytes) -> None:
    photo = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    stored = cv2.imencode('.png', photo)[1].tobytes()
    image = codecs.decode(with_exif(stored, head + block), upright=True)
    assert sorted(image.ravel()) == sorted(photo.ravel())


@pytest.mark.parametrize('used', [8, 10, 12, 16])
def test_deep_pictures_are_as_bright_as_they_are(
    tmp_path: Path, photo: NDArray[np.uint8], used: int
) -> None:
    stretched = (photo.astype(float) - photo.min()) * 255 / (photo.max() - photo.min())
    deep = np.rint(stretched * (2**used - 1) / 255).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'x.png'), deep[:, :, ::-1])
    assert np.abs(read_image(tmp_path / 'x.png') - stretched).max() <= 1


def test_pictures_of_measurements(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'x.tiff'), np.ones((40, 40), np.float32))
    with pytest.raises(SourceError, match=r'x\.tiff: a picture of numbers of the type float32'):
        read_image(tmp_path / 'x.tiff')


@given(content=st.binary(max_size=60), head=st.sampled_from([b'', b'\xff\xd8', b'\x89PNG\r\n']))
def test_foreign_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / 'foreign.png'
    file.write_bytes(head + content)
    told = 'cut short|not an image|it is (empty|a |an |comp)|begins with zeros'
    with pytest.raises(SourceError, match=rf'foreign\.png: .*({told})'):
        read_image(file)


def test_missing_image(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'x\.png: no such file'):
        read_image(tmp_path / 'x.png')


def test_video(tmp_path: Path) -> None:
    file = tmp_path / 'clip.avi'
    write_video(file, [np.full((48, 64, 3), (0, 0, level), np.uint8) for level in (40, 120, 200)])
    frames = list(read_frames(file))
    assert [stem for stem, _ in frames] == ['clip_000000', 'clip_000001', 'clip_000002']
    assert [rgb.shape for _, rgb in frames] == [(48, 64, 3)] * 3
    assert [round(rgb[:, :, 0].mean(), -1) for _, rgb in frames] == [40, 120, 200]
    assert max(rgb[:, :, 2].mean() for _, rgb in frames) < 5
    assert count_frames(file) == 3


def test_broken_video(tmp_path: Path) -> None:
    file = tmp_path / 'clip.mp4'
    file.write_bytes(b'not a video' * 100)
    assert count_frames(file) == 0
    with pytest.raises(SourceError, match=r'clip\.mp4: not a video that OpenCV can decode'):
        list(read_frames(file))


@given(st.lists(st.text(st.characters(exclude_characters='/\0', codec='utf-8'), max_size=12)))
def test_any_names_have_a_natural_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)
    again = ordered[::-1]
    again.sort(key=natural_key)
    assert ordered == again


@given(st.lists(st.integers(0, 10**20), unique=True), st.text('ab²_٣ ', max_size=5))
def test_numbers_in_names_are_in_their_order(numbers: list[int], prefix: str) -> None:
    names = sorted((f'{prefix}{number}.png' for number in numbers), key=natural_key)
    assert names == [f'{prefix}{number}.png' for number in sorted(numbers)]


def test_other_digits_are_no_numbers(tmp_path: Path) -> None:
    for name in ('area 12 m² (2).png', 'a²2.png', '٣.png', 'x².png'):
        (tmp_path / name).touch()
    assert len(find_files(tmp_path)) == 4


def test_files_of_other_kinds_are_told(tmp_path: Path) -> None:
    assert passed_over(tmp_path) is None
    for name in ('a.png', 'IMG_1.HEIC', 'b.heic', 'raw.CR2', 'Makefile', '.hidden.heic'):
        (tmp_path / name).touch()
    (tmp_path / 'folder.heic').mkdir()
    told = passed_over(tmp_path)
    assert told is not None
    assert told.endswith('passed over files of other kinds: 2 .heic, 1 .cr2, 1 without suffix')


@pytest.mark.parametrize(
    'below', ['mav0/cam0/data', 'image_02/data', 'rgb', '2011_09_26/drive_1/image_02/data']
)
def test_a_folder_of_folders_of_images_is_a_hint(tmp_path: Path, below: str) -> None:
    (tmp_path / below).mkdir(parents=True)
    (tmp_path / 'calib.txt').touch()
    for name in ('1.png', '2.png'):
        (tmp_path / below / name).touch()
    with pytest.raises(SourceError, match=rf'try: {tmp_path / below} \(2\)'):
        find_files(tmp_path)


def test_links_to_nothing_and_pipes_are_named(tmp_path: Path) -> None:
    (tmp_path / 'gone.png').symlink_to(tmp_path / 'nothing')
    os.mkfifo(tmp_path / 'pipe.png')
    for file in find_files(tmp_path):
        with pytest.raises(SourceError, match=rf'{file.name}.*(link to nothing|a pipe)'):
            list(read_frames(file))


@pytest.mark.parametrize('share', [0.3, 0.6, 0.9])
def test_a_video_that_ends_early_is_told_behind_its_frames(tmp_path: Path, share: float) -> None:
    file = tmp_path / 'clip.avi'
    random = np.random.default_rng(2)
    write_video(file, [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(50)])
    whole = file.read_bytes()
    assert len(list(read_frames(file))) == 50
    file.write_bytes(whole[: int(share * len(whole))])
    frames = read_frames(file)
    good = [next(frames)[0] for _ in range(int(0.5 * share * 50))]
    assert good[-1] == f'clip_{len(good) - 1:06d}'
    with pytest.raises(SourceError, match=r'clip\.avi: the video ends early, after'):
        list(frames)


def test_sound_that_is_longer_than_the_pictures_is_no_cut(tmp_path: Path) -> None:
    file = tmp_path / 'clip.mkv'
    random = np.random.default_rng(2)
    write_video(file, [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)])
    set_matroska_duration(file, 9.0)
    assert count_frames(file) == 90
    assert len(list(read_frames(file))) == 30
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match='the video ends early, after'):
        list(read_frames(file))


@pytest.mark.parametrize('turn', [0, 90, 180, 270])
def test_a_video_of_a_phone_is_upright(tmp_path: Path, turn: int) -> None:
    file = tmp_path / 'phone.mp4'
    sensor = np.zeros((48, 64, 3), np.uint8)
    sensor[:24, :32] = 255  # white, above at the left
    write_video(file, [sensor] * 3)
    set_rotation(file, turn)
    _, shown = next(read_frames(file))
    expected = np.rot90(sensor, -turn // 90)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 20


@given(gaps=st.lists(st.integers(1, 40), min_size=1, max_size=9))
def test_a_video_keeps_the_times_of_its_frames(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int]
) -> None:
    file = tmp_path_factory.getbasetemp() / 'varies.mp4'
    times = [sum(gaps[:index]) / 10 for index in range(len(gaps) + 1)]
    write_video(file, [np.full((48, 64, 3), 20 * i, np.uint8) for i in range(len(times))])
    set_frame_times(file, [*gaps, 1])
    assert [frame.time for frame in read_video(file)] == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_a_picture_without_exif_is_upright(suffix: str) -> None:
    content = cv2.imencode(suffix, np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    assert orientation(content) == 1


def test_segments_may_begin_with_more_than_one_ff_and_end_early(photo: NDArray[np.uint8]) -> None:
    stored = cv2.imencode('.jpg', photo)[1].tobytes()
    turned = with_orientation(stored, 6, *'>H')
    assert orientation(turned.replace(b'\xff\xe1', b'\xff\xff\xff\xe1', 1)) == 6
    assert orientation(stored[: stored.index(b'\xff\xdb')]) == 1


def test_a_hint_names_some_of_many_folders(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f'camera{number}').mkdir()
        (tmp_path / f'camera{number}' / '1.png').touch()
    with pytest.raises(SourceError) as error:
        find_files(tmp_path)
    assert [f'camera{number} (1)' in str(error.value) for number in range(9)] == [True] * 4 + [
        False
    ] * 5


def test_a_matroska_file_that_does_not_say_its_size_may_be_cut(tmp_path: Path) -> None:
    """As of a recorder that was stopped: only count and times can tell."""
    file = tmp_path / 'clip.mkv'
    random = np.random.default_rng(2)
    write_video(file, [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)])
    content = bytearray(file.read_bytes())
    size = content.index(b'\x18\x53\x80\x67') + 4
    content[size : size + 8] = b'\x01' + 7 * b'\xff'
    file.write_bytes(content)
    assert len(list(read_frames(file))) == 30
    set_matroska_duration(file, 9.0)
    with pytest.raises(SourceError, match='the video ends early, after'):
        list(read_frames(file))
