"""How a parameter is declared: a field of a dataclass, of ``Values`` or of a group in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.parameter import Parameter

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node.parameters.reading import read_value

T = TypeVar('T')

_GROUP = 'group'


class ParameterError(UserError):
    """Parameter values that cannot be used, one or several that contradict each other."""


@dataclass(frozen=True)
class Spec:
    """Declaration of one parameter; its type is its default's.

    name: with the groups that it is in, as ROS has it: ``scale.timeout``.
    default: as ROS has it, so a list where ``Values`` has a tuple. items: type of a list's items.
    bounds: smallest and largest value of a number. choices: the strings allowed.
    booleans: those of them that false and true mean, as YAML makes booleans of off and on.
    reload: fixed once the model is being loaded: rejected unless the node is unconfigured.
    read_only: fixed at start.
    """

    name: str
    default: bool | int | float | str | list[str] | list[float]
    description: str
    bounds: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    booleans: tuple[str, str] | None = None
    reload: bool = False
    read_only: bool = False
    items: type[str] | type[float] = str

    def read(self, value: Any) -> Any:
        """Return a value that ROS read, in this parameter's type.

        Raises ParameterError for one of another type.
        """
        result = self.meant(value)
        if type(result) is not type(self.default) and not isinstance(self.default, list):
            kind = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'text'}
            raise ParameterError(
                f'{self.name} must be {kind[type(self.default)]}, but YAML reads what was given '
                f'as {value!r} ({type(value).__name__})'
                + (': put text in quotes' if isinstance(self.default, str) else '')
            )
        return result

    def meant(self, value: Any) -> Any:
        """Return a value in this parameter's type where it is clear what is meant, else itself."""
        if isinstance(self.default, list) and value in self.choices:
            return [value]  # of several choices one may be written without brackets
        return read_value(value, self.default, booleans=self.booleans, items=self.items)

    @property
    def array_type(self) -> Parameter.Type | None:
        """What ROS is to take a list for, an empty one too; None for a parameter without a list."""
        if not isinstance(self.default, list):
            return None
        kind = Parameter.Type
        return kind.STRING_ARRAY if self.items is str else kind.DOUBLE_ARRAY

    def descriptor(self) -> ParameterDescriptor:
        """Return what ``ros2 param describe`` shows."""
        constraints = []
        if self.choices:
            constraints.append('one of ' + ', '.join(self.choices))
        if self.bounds and self.array_type:
            constraints.append('each from {:g} to {:g}'.format(*self.bounds))
        if self.reload:
            constraints.append('can be changed only while the node is unconfigured')
        result = ParameterDescriptor(
            description=self.description,
            additional_constraints='; '.join(constraints),
            read_only=self.read_only,
            # rclpy would declare an empty list as one of bytes; validate checks the type instead.
            dynamic_typing=isinstance(self.default, list),
        )
        if self.bounds and isinstance(self.default, float):
            low, high = map(float, self.bounds)
            result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif self.bounds and isinstance(self.default, int):
            low, high = map(int, self.bounds)
            result.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return result


def parameter(
    default: T,
    description: str,
    *,
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    booleans: tuple[str, str] | None = None,
    reload: bool = False,
    read_only: bool = False,
    items: type[str] | type[float] = str,
) -> T:
    """Return the dataclass field that declares a parameter; the arguments are those of ``Spec``.

    Typed as dataclasses.field is: as the default that the field has.
    """
    facts = {
        'description': description,
        'bounds': bounds,
        'choices': choices,
        'booleans': booleans,
        'reload': reload,
        'read_only': read_only,
        'items': items,
    }
    return cast(T, field(default=default, metadata=facts))


def group(kind: type[T]) -> T:
    """Return the dataclass field that holds a group: a frozen dataclass of ``parameter`` fields.

    ROS names them ``group.parameter``, by the name of the field. ``kind`` has a method ``check``,
    which raises ParameterError for values that contradict each other.
    """
    return cast(T, field(default_factory=kind, metadata={_GROUP: kind}))


def specs(kind: type, above: str = '') -> Iterator[Spec]:
    """Give the declarations of a dataclass of ``parameter`` and ``group`` fields, in order."""
    for entry in fields(kind):
        name = above + entry.name
        if _GROUP in entry.metadata:
            yield from specs(entry.metadata[_GROUP], f'{name}.')
        else:
            default = entry.default
            as_ros = list(default) if isinstance(default, tuple) else default
            yield Spec(name, cast(Any, as_ros), **entry.metadata)


def group_names(kind: type) -> list[str]:
    """Return the names of the fields of a dataclass that hold groups."""
    return [entry.name for entry in fields(kind) if _GROUP in entry.metadata]


def build(kind: type[T], values: Mapping[str, Any], above: str = '') -> T:
    """Return the dataclass with values by their names in ROS; lists become tuples."""
    content: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]  # a dataclass
        name = above + entry.name
        if _GROUP in entry.metadata:
            content[entry.name] = build(entry.metadata[_GROUP], values, f'{name}.')
        else:
            value = values[name]
            content[entry.name] = tuple(value) if isinstance(value, list) else value
    return kind(**content)
