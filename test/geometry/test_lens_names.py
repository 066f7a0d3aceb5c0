"""What a distortion_model and its coefficients mean, as drivers really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry import CalibrationError
from s2r_depth_ros.geometry.lens_names import EQUIDISTANT, PLUMB_BOB, RATIONAL, normalised

NONE = (PLUMB_BOB, (0.0,) * 5)
PINHOLE_NAMES = [
    '', 'none', 'None', 'plumb_bob', 'plumb_bob ', 'PLUMB_BOB', 'Plumb Bob', 'rational_polynomial',
    'rationalPolynomial', 'radtan', 'radial-tangential', 'Brown Conrady', 'BROWN_CONRADY',
    'Inverse Brown Conrady', 'modified_brown_conrady', 'perfect', 'pinhole', 'Perspective',
    'undefined', 'null', 'N/A', 'linear', 'distortion_none',
]  # fmt: skip
FISHEYE_NAMES = [
    'equidistant', 'Equidistant', 'fisheye', 'FISHEYE', 'kannala_brandt', 'Kannala Brandt4', 'equi',
]  # fmt: skip
UNKNOWN_NAMES = ['ftheta', 'omni', 'mei', 'fov', 'atan', 'double_sphere', 'thin_prism_fisheye', 'x']
numbers = st.floats(-2, 2).filter(lambda value: value != 0)


@st.composite
def written(draw: st.DrawFn, names: list[str]) -> str:
    """One of the names in any case, with any separators."""
    name = draw(st.sampled_from(names))
    name = draw(st.sampled_from([name, name.lower(), name.upper(), name.title()]))
    separator = draw(st.sampled_from(['_', ' ', '-', '']))
    around = draw(st.sampled_from(['', ' ', '\t']))
    return around + name.replace('_', separator).replace(' ', separator) + around


@given(written(PINHOLE_NAMES), st.integers(0, 20))
def test_zeros_of_any_pinhole_are_no_distortion(name: str, count: int) -> None:
    assert normalised(name, (0.0,) * count) == NONE


@given(written(FISHEYE_NAMES), st.integers(0, 20))
def test_a_fisheye_without_coefficients_is_still_no_pinhole(name: str, count: int) -> None:
    assert normalised(name, (0.0,) * count) == (EQUIDISTANT, (0.0,) * 4)


@given(
    written(['plumb_bob', 'rational_polynomial', 'Plumb Bob']),
    st.lists(numbers, min_size=1, max_size=14),
    st.integers(0, 6),
)
def test_the_number_of_coefficients_says_which_formula_it_is(
    name: str, values: list[float], zeros: int
) -> None:
    """Not their name: plumb_bob with 8 is rational, rational with 5 is plumb_bob."""
    d = [*values, *[0.0] * zeros]
    possible = [c for c in (4, 5, 8, 12, 14) if len(values) <= c <= max(len(d), 4)]
    if not possible or (len(values) == 3 and len(d) == 3):
        with pytest.raises(CalibrationError, match=f'has {len(d)} coefficients'):
            normalised(name, d)
        return
    lens, kept = normalised(name, d)
    assert (lens, len(kept)) == ((PLUMB_BOB, 5) if possible[0] <= 5 else (RATIONAL, possible[0]))
    assert list(kept[: len(values)]) == values
    assert not any(kept[len(values) :])


@given(written(FISHEYE_NAMES), st.lists(numbers, min_size=1, max_size=6), st.integers(0, 8))
def test_a_fisheye_has_four(name: str, values: list[float], zeros: int) -> None:
    d = [*values, *[0.0] * zeros]
    if len(values) > 4:
        with pytest.raises(CalibrationError, match='has 4: correct d'):
            normalised(name, d)
    else:
        assert normalised(name, d) == (EQUIDISTANT, (*values, *[0.0] * (4 - len(values))))


@given(
    written(['radtan', 'radial-tangential', 'brown_conrady']),
    st.lists(numbers, min_size=4, max_size=5),
)
def test_other_names_of_plumb_bob(name: str, values: list[float]) -> None:
    assert normalised(name, values) == normalised('plumb_bob', values)


@given(
    written(['', 'none', 'perfect', 'pinhole', 'inverse_brown_conrady', 'Modified Brown Conrady']),
    st.lists(numbers, min_size=1, max_size=14),
)
def test_coefficients_of_an_unknown_formula_are_refused(name: str, values: list[float]) -> None:
    """Inverse Brown-Conrady undistorts: as plumb_bob it would bend the image the wrong way."""
    with pytest.raises(CalibrationError, match=r"Name it \('plumb_bob' for most.*rectify: never"):
        normalised(name, values)


@given(written(UNKNOWN_NAMES), st.lists(st.just(0.0) | numbers, max_size=14))
def test_an_unknown_lens_is_refused_with_what_works(name: str, values: list[float]) -> None:
    """Even with zeros: an omnidirectional lens is no pinhole then either."""
    with pytest.raises(
        CalibrationError,
        match=r'is unknown; known are plumb_bob.*equidistant\. For any lens: .*rectify: never',
    ):
        normalised(name, values)


@pytest.mark.parametrize('name', ['plumb_bob', 'none', 'fisheye'])
def test_no_lens_has_hundreds_of_coefficients(name: str) -> None:
    assert normalised(name, [0.0] * 100)
    with pytest.raises(CalibrationError, match='has 101 coefficients, no lens has so many'):
        normalised(name, [0.0] * 101)
