"""The parameters of a running node: declared, checked before they change, and read as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from s2r_depth_ros.node.parameters.spec import ParameterError, Spec, build
from s2r_depth_ros.node.parameters.validation import validate
from s2r_depth_ros.node.parameters.values import PARAMETERS, Values, value_of
from s2r_depth_ros.parameter_files import closest

QOS = 'qos_overrides.'
"""What the names of the parameters that override a topic's QoS begin with."""


def unknown_names(given: Iterable[str]) -> list[str]:
    """Return a warning for each name among ``given`` that is no parameter of the node.

    Overrides of a QoS are not looked at: they are known once the topics are.
    """
    # The last two are rclpy's own.
    known = [*(spec.name for spec in PARAMETERS), 'use_sim_time', 'start_type_description_service']
    return [
        f'the parameter {name} is given, but the node has none of that name'
        + (closest(name, known) or f': it has {", ".join(known)}')
        for name in given
        if name not in known and not name.startswith(QOS)
    ]


def _in_type(changes: list[Parameter]) -> list[Parameter]:
    """Return the changes in the types that the parameters have, where it is clear what is meant."""
    specs = {spec.name: spec for spec in PARAMETERS}
    result = []
    for change in changes:
        spec = specs.get(change.name)
        if spec is None:
            result.append(change)
            continue
        result.append(_parameter(spec, spec.meant(change.value)))
    return result


def _parameter(spec: Spec, value: Any) -> Parameter:
    # rclpy takes an empty list for one of bytes.
    return Parameter(spec.name, spec.array_type if value == [] else None, value)


class NodeParameters:
    """The declared parameters of one node.

    mixed: values given at start that rclpy gets wrong (``NodeArguments.mixed``).
    is_model_chosen: returns whether a model is loaded or being loaded, which fixes the parameters
    marked ``reload``.
    on_change: called with the new values after each accepted change.
    Raises ParameterError if the values given at start cannot be used.
    """

    def __init__(
        self,
        node: Node,
        mixed: Mapping[str, Any],
        is_model_chosen: Callable[[], bool],
        on_change: Callable[[Values], None],
    ) -> None:
        self._node = node
        self._is_model_chosen = is_model_chosen
        self._on_change = on_change
        given = {spec.name: self._given(spec) for spec in PARAMETERS} | dict(mixed)
        values = {spec.name: spec.read(given[spec.name]) for spec in PARAMETERS}
        self.values = build(Values, values)
        validate(self.values)
        for spec in PARAMETERS:
            node.declare_parameter(
                spec.name, values[spec.name], spec.descriptor(), ignore_override=True
            )
        node.add_pre_set_parameters_callback(_in_type)
        # Of a known type though it is empty, so that `ros2 param dump` writes it as a list.
        node.set_parameters([_parameter(s, values[s.name]) for s in PARAMETERS if s.array_type])
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _given(self, spec: Spec) -> Any:
        """Return what was given for a parameter, of whatever type, or its default."""
        anything = ParameterDescriptor(dynamic_typing=True)
        value = self._node.declare_parameter(spec.name, spec.default, anything).value
        self._node.undeclare_parameter(spec.name)
        return value

    def _with(self, changes: Iterable[Parameter]) -> Values:
        """Return the present values with some of them replaced."""
        values = {spec.name: self._node.get_parameter(spec.name).value for spec in PARAMETERS}
        values.update({p.name: p.value for p in changes if p.name in values})
        return build(Values, values)

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            values = self._with(changes)
            validate(values)
            self._check_reload(values)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _check_reload(self, values: Values) -> None:
        if not self._is_model_chosen():
            return
        for spec in PARAMETERS:
            before = value_of(self.values, spec.name)
            if spec.reload and value_of(values, spec.name) != before:
                raise ParameterError(
                    f'{spec.name} is read-only while the node is configured (it is {before!r}): '
                    'deactivate and clean up the node, set it, then configure and activate again'
                )

    def _apply(self, _changes: list[Parameter]) -> None:
        values = self._with(())
        # QoS overrides are declared later and come by here too.
        if values != self.values:
            self.values = values
            self._on_change(values)
