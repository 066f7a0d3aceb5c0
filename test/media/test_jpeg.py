"""Whatever lies about the bytes of a JPEG: its picture, or a refusal; never a picture half grey."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_ros.media import jpeg, strict_jpeg
from s2r_depth_ros.media.codecs import CodecError, decode

END = b'\xff\xd9'
# JPEGs of every kind that drivers and files have. 4:4:4, 4:2:2, 4:2:0; restart marks; progressive.
_SAMPLINGS = (0x111111, 0x211111, 0x221111)


def _scene(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture with shading and noise down to its last corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 60 + 60 * rows / height + 80 * columns / width
    noise = np.random.default_rng(seed).normal(0, 9, (height, width, 3))
    return (shade[..., None] * [1.0, 0.8, 0.6] + noise).clip(0, 255).astype(np.uint8)


def _jpeg(
    image: NDArray[np.uint8], quality: int = 85, sampling: int = 0x221111, restart: int = 0,
    progressive: int = 0,
) -> bytes:  # fmt: skip
    settings = [
        cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling,
        cv2.IMWRITE_JPEG_RST_INTERVAL, restart, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive,
    ]  # fmt: skip
    return cv2.imencode('.jpg', image, settings)[1].tobytes()


_JPEGS = st.builds(
    _jpeg,
    st.builds(_scene, st.integers(1, 70), st.integers(1, 70), st.integers(0, 9)),
    quality=st.sampled_from([10, 50, 85, 100]),
    sampling=st.sampled_from(_SAMPLINGS),
    restart=st.sampled_from([0, 1, 5]),
    progressive=st.integers(0, 1),
)
_PADDING = st.one_of(
    st.builds(bytes, st.integers(0, 60000)),
    st.builds(lambda n: b'\xff' * n, st.integers(0, 9000)),
    st.binary(max_size=300),
    st.just(_jpeg(_scene(40, 30, 5))),
)


@given(_JPEGS, _PADDING)
def test_what_follows_the_end_mark_is_not_the_picture(whole: bytes, after: bytes) -> None:
    expected = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR)
    assert expected is not None
    assert np.array_equal(decode(whole + after), expected)


@given(_JPEGS, st.integers(0, 9000), st.sampled_from([b'\x00', b'\xff']))
def test_a_missing_end_mark(whole: bytes, count: int, padding: bytes) -> None:
    """Its rows are all there; hardware fills the rest of its buffer."""
    assert np.array_equal(decode(whole[:-2] + padding * count), decode(whole))


@given(
    st.sampled_from(_SAMPLINGS), st.sampled_from([0, 1, 5]), st.integers(0, 1),
    st.floats(0.0, 0.97),
    st.sampled_from([b'', END, bytes(300), bytes(300) + END, bytes(5000) + END, b'\xff' * 99]),
)  # fmt: skip
def test_missing_rows(
    sampling: int, restart: int, progressive: int, share: float, after: bytes
) -> None:
    """Also where a transport put an end mark behind what it had, or padding."""
    scene = _scene(96, 128)
    whole = _jpeg(scene, 85, sampling, restart, progressive)
    cut = whole[: max(3, int(share * len(whole)))] + after
    try:
        image = decode(cut)
    except CodecError:
        return
    # Of a progressive picture all scans began: only fine detail may be missing, no row.
    assert progressive
    assert np.abs(image.mean((1, 2)) - scene.mean((1, 2))).max() < 2


@pytest.mark.parametrize('grey', [0, 120, 128, 130])
@pytest.mark.parametrize('progressive', [0, 1])
@pytest.mark.parametrize('after', [b'', b'\x00' * 77])
@pytest.mark.parametrize('end', [b'', END])
def test_a_picture_that_is_grey_by_itself(
    grey: int, progressive: int, after: bytes, end: bytes
) -> None:
    """As what a decoder puts in place of missing rows."""
    image = np.full((300, 400, 3), grey, np.uint8)
    whole = _jpeg(image, progressive=progressive)
    assert np.abs(decode(whole[:-2] + end + after).astype(int) - grey).max() <= 1


def test_codes_of_a_flat_picture_may_be_zeros() -> None:
    """With Huffman tables of its own; they are not to be taken for padding."""
    # Of a size whose codes fill the last byte, without ones behind them.
    image = np.full((248, 40), 40, np.uint8)
    whole = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1].tobytes()
    assert whole.endswith(bytes(16) + END)
    assert np.abs(decode(whole).astype(int) - image).max() <= 1


def test_end_marks_of_thumbnails() -> None:
    """In an EXIF segment; with the picture behind it cut, the thumbnail's does not count."""
    whole, thumbnail = _jpeg(_scene(64, 80)), _jpeg(_scene(16, 20))
    segment = b'\xff\xe1' + (len(thumbnail) + 8).to_bytes(2, 'big') + b'Exif\0\0' + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    assert np.array_equal(decode(with_thumbnail + bytes(9)), decode(whole))
    with pytest.raises(CodecError, match='cut short'):
        decode(with_thumbnail[: -len(whole) // 2])


def test_the_next_picture_is_not_the_end_of_this_one() -> None:
    whole = _jpeg(_scene(64, 80))
    with pytest.raises(CodecError, match='cut short'):
        decode(whole[: len(whole) // 2] + whole)
    assert np.array_equal(decode(whole[:-2] + whole), decode(whole))


@pytest.mark.parametrize('padding', [b'\xff', b'\x00', b'\xff\x00', b'\xff\xd0', b'\xff\xd8'])
@pytest.mark.parametrize('end', [b'', END])
def test_much_padding_costs_little(padding: bytes, end: bytes) -> None:
    """Of megabytes, as hardware hands its whole buffer over; time is linear in them."""
    whole = _jpeg(_scene(40, 50))
    begin = time.process_time()
    with contextlib.suppress(CodecError):
        decode(whole[:-2] + end + padding * 2_000_000)
    assert time.process_time() - begin < 5


def test_marks_are_found_much_faster_than_pixels() -> None:
    """Of a camera's picture of full size with all its details."""
    whole = _jpeg(_scene(1080, 1920), 95)
    encoded = np.frombuffer(whole, np.uint8)

    def seconds(work: Callable[[], object]) -> float:
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    marks = min(seconds(lambda: jpeg.rare_kind(whole)) for _ in range(9))
    pixels = min(seconds(lambda: cv2.imdecode(encoded, cv2.IMREAD_COLOR)) for _ in range(3))
    assert marks < pixels / 10


@pytest.mark.parametrize('fill', [1, 2, 50])
def test_marks_may_begin_with_more_than_one_ff(fill: int) -> None:
    whole = _jpeg(_scene(40, 50))
    for mark in (b'\xff\xdb', b'\xff\xc0', b'\xff\xc4', b'\xff\xda', END):
        filled = whole.replace(mark, b'\xff' * fill + mark)
        assert np.array_equal(decode(filled), decode(whole))


def _with_frame(kind: int, bits: int) -> bytes:
    """Return a JPEG whose frame header says that it is of another kind."""
    whole = _jpeg(_scene(40, 50))
    at = whole.index(b'\xff\xc0')
    return (
        whole[: at + 1] + bytes([kind]) + whole[at + 2 : at + 4] + bytes([bits]) + whole[at + 5 :]
    )


@pytest.mark.parametrize('bits', [8, 12, 16])
@pytest.mark.parametrize('kind', [0xC3, 0xC7, 0xCB, 0xF7])
def test_lossless_jpegs_are_called_so(kind: int, bits: int) -> None:
    with pytest.raises(CodecError, match='the JPEG is lossless: only JPEGs of 8 bits'):
        decode(_with_frame(kind, bits))


@pytest.mark.parametrize('kind', [0xC1, 0xC2])
def test_jpegs_of_12_bits_are_called_so(kind: int) -> None:
    with pytest.raises(CodecError, match='the JPEG is of 12 bits: only JPEGs of 8 bits'):
        decode(_with_frame(kind, 12))


@given(st.binary(max_size=400))
def test_foreign_bytes_behind_a_start_mark(content: bytes) -> None:
    with pytest.raises(CodecError):
        decode(b'\xff\xd8\xff' + content)


@given(st.data())
def test_damage_is_refused_or_decoded(data: st.DataObject) -> None:
    """Nothing but CodecError, whichever bytes a network changed."""
    content = bytearray(_jpeg(_scene(48, 48), progressive=data.draw(st.integers(0, 1))))
    for at in data.draw(st.lists(st.integers(2, len(content) - 1), min_size=1, max_size=9)):
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CodecError):
        assert decode(bytes(content)).size


def test_a_scan_header_that_is_too_short_brings_nothing() -> None:
    whole = _jpeg(_scene(40, 50))
    at = whole.index(b'\xff\xda') + 4
    with pytest.raises(CodecError, match='cut short or damaged'):
        decode(whole[:at] + b'\xff' + whole[at + 1 :])


@pytest.mark.parametrize('changed', [False, True])
def test_of_several_scans_all_must_be_decoded_to_their_end(
    changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each component in a scan of its own; OpenCV writes none, so its decoder is made up."""
    monkeypatch.setattr(strict_jpeg, 'simplejpeg', None)
    components = b''.join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    frame = b'\xff\xc0\x00\x11\x08\x00\x08\x00\x08\x03' + components
    scans = [b'\xff\xda\x00\x08\x01' + bytes([number, 0, 0, 63, 0, 7]) for number in (1, 2, 3)]
    content = b'\xff\xd8' + frame + b''.join(scans) + END
    decoded: list[bytes] = []

    def decoder(data: bytes) -> NDArray[np.uint8]:
        decoded.append(data)
        return np.full((8, 8, 3), len(decoded) if changed else 0, np.uint8)

    assert (jpeg.decode_jpeg(content, decoder) is None) == changed
    assert len(decoded) == 2
    assert decoded[0] == content
    assert decoded[1].endswith(END)


def _overwritten(whole: bytes, begin: int, random: np.random.Generator) -> bytes:
    """Return data of which up to 32 bytes in a row, behind ``begin``, are others."""
    content = bytearray(whole)
    count = int(random.integers(1, 33))
    at = int(random.integers(begin, len(whole) - 20 - count))
    for i in range(at, at + count):
        content[i] ^= int(random.integers(1, 256))
    return bytes(content)


def _is_refused(content: bytes) -> bool:
    try:
        decode(content)
    except CodecError:
        return True
    return False


_needs_simplejpeg = pytest.mark.skipif(strict_jpeg.simplejpeg is None, reason='needs simplejpeg')


@pytest.mark.parametrize(
    ('installed', 'least', 'most'),
    [(False, 0.0, 0.2), pytest.param(True, 0.25, 0.7, marks=_needs_simplejpeg)],
)
def test_overwritten_bytes_of_a_jpeg_are_seen_where_codes_come_out_of_step(
    installed: bool, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no checksum: what decodes to as many blocks is taken for a picture."""
    if not installed:
        monkeypatch.setattr(strict_jpeg, 'simplejpeg', None)
    random = np.random.default_rng(0)
    whole = _jpeg(_scene(240, 320))
    begin = whole.index(b'\xff\xda') + 14
    refused = np.mean([_is_refused(_overwritten(whole, begin, random)) for _ in range(100)])
    assert least < refused < most


@_needs_simplejpeg
@given(_JPEGS)
def test_whoever_decodes_it_the_picture_is_the_same(whole: bytes) -> None:
    expected = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR)
    found = strict_jpeg.decode_strictly(whole, ends_itself=True, scans=1)
    assert expected is not None
    assert found is not None
    assert np.array_equal(found, expected)
    assert np.array_equal(decode(whole), expected)


@_needs_simplejpeg
def test_grey_stays_grey() -> None:
    grey = _scene(40, 50)[..., 0]
    whole = cv2.imencode('.jpg', grey)[1].tobytes()
    found = strict_jpeg.decode_strictly(whole, ends_itself=True, scans=1)
    expected = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert expected is not None
    assert found is not None
    assert found.shape == (40, 50)
    assert np.array_equal(found, expected)
    assert np.array_equal(found, decode(whole))


@pytest.mark.parametrize('mark', [b'\xff\xd3', END])
@pytest.mark.parametrize(
    ('spare', 'whole'),
    [(1, True), (9, True), pytest.param(200, False, marks=_needs_simplejpeg)],
)
def test_a_few_spare_bytes_before_a_mark_are_what_some_webcams_write(
    mark: bytes, spare: int, whole: bool
) -> None:
    """Those of Logitech do, before each restart mark, in every picture."""
    good = _jpeg(_scene(96, 128), restart=5)
    at = good.rindex(mark)
    padded = good[:at] + b'\x55' * spare + good[at:]
    if whole:
        assert np.array_equal(decode(padded), decode(good))
    else:
        assert _is_refused(padded)


@pytest.mark.parametrize('spare', [1, 57, 608])
@pytest.mark.parametrize('mark', [b'\xff\xdb', b'\xff\xc0', b'\xff\xc4', b'\xff\xda'])
def test_spare_bytes_before_the_coded_data_damage_no_picture(mark: bytes, spare: int) -> None:
    """Cameras by Logitech and others write such, before their tables and comments."""
    good = _jpeg(_scene(96, 128))
    at = good.index(mark)
    assert np.array_equal(decode(good[:at] + b'\x01' * spare + good[at:]), decode(good))


@pytest.mark.parametrize('factors', [0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x24, 0x31, 0x41, 0x42])
def test_any_sampling_is_a_picture_or_refused(factors: int) -> None:
    """Some are not known to simplejpeg by name, which it tells by errors of other types."""
    whole = bytearray(_jpeg(_scene(64, 80), sampling=0x111111))
    whole[whole.index(b'\xff\xc0') + 11] = factors
    with contextlib.suppress(CodecError):
        assert decode(bytes(whole)).shape == (64, 80, 3)


def test_overwritten_bytes_of_a_png_are_refused() -> None:
    random = np.random.default_rng(0)
    whole = cv2.imencode('.png', _scene(60, 80))[1].tobytes()
    begin = whole.index(b'IDAT')
    assert all(_is_refused(_overwritten(whole, begin, random)) for _ in range(100))
