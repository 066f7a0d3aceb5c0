"""Parameters in groups and lists of them, as a dataclass declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip('rclpy')
from rclpy.parameter import Parameter

from s2r_depth_ros.node.parameters import ParameterError, Spec
from s2r_depth_ros.node.parameters.spec import build, group, group_names, parameter, specs


@dataclass(frozen=True)
class Inner:
    """A group."""

    enable: bool = parameter(False, 'whether')
    box: tuple[float, ...] = parameter((), 'corners', items=float, bounds=(-9.0, 9.0))

    def check(self) -> None:
        """Raise ParameterError for half a box."""
        if len(self.box) not in (0, 6):
            raise ParameterError('box must be six numbers')


@dataclass(frozen=True)
class Outer:
    """A record with a group between two parameters."""

    first: int = parameter(1, 'one', bounds=(0, 5))
    inner: Inner = group(Inner)
    names: tuple[str, ...] = parameter(('a',), 'some', choices=('a', 'b'), reload=True)


SPECS = {spec.name: spec for spec in specs(Outer)}


def test_groups_are_named_by_dots_and_keep_their_order() -> None:
    assert list(SPECS) == ['first', 'inner.enable', 'inner.box', 'names']
    assert group_names(Outer) == ['inner']
    assert SPECS['inner.box'] == Spec('inner.box', [], 'corners', bounds=(-9.0, 9.0), items=float)
    assert SPECS['names'].default == ['a']


def test_a_record_is_built_of_values_by_their_names() -> None:
    built = build(Outer, {'first': 2, 'inner.enable': True, 'inner.box': [1.0], 'names': ['b']})
    assert built == Outer(2, Inner(True, (1.0,)), ('b',))
    with pytest.raises(ParameterError, match='six numbers'):
        built.inner.check()
    assert build(Outer, {name: spec.default for name, spec in SPECS.items()}) == Outer()


@pytest.mark.parametrize(
    ('name', 'written', 'meant'),
    [
        ('inner.box', [1, 2.5, '3'], [1.0, 2.5, 3.0]),
        ('inner.box', None, []),
        ('inner.box', '[]', []),
        ('inner.box', 'six', 'six'),
        ('inner.box', ['one'], ['one']),
        ('names', ['b', 'a'], ['b', 'a']),
        ('names', None, []),
    ],
)
def test_lists_are_read_as_they_are_meant(name: str, written: Any, meant: Any) -> None:
    read = SPECS[name].meant(written)
    assert read == meant
    assert [type(item) for item in read] == [type(item) for item in meant]


def test_an_empty_list_has_the_type_of_its_items() -> None:
    assert SPECS['inner.box'].array_type == Parameter.Type.DOUBLE_ARRAY
    assert SPECS['names'].array_type == Parameter.Type.STRING_ARRAY
    assert SPECS['first'].array_type is None
    assert SPECS['names'].descriptor().dynamic_typing
    assert not SPECS['first'].descriptor().dynamic_typing
