"""The node's parameters: one declaration of each, their checks, and those of a running node."""

from __future__ import annotations

from s2r_depth_ros.node.parameters.node_parameters import QOS, NodeParameters, unknown_names
from s2r_depth_ros.node.parameters.spec import ParameterError, Spec
from s2r_depth_ros.node.parameters.validation import validate
from s2r_depth_ros.node.parameters.values import PARAMETERS, Values, value_of, with_changes

__all__ = [
    'PARAMETERS',
    'QOS',
    'NodeParameters',
    'ParameterError',
    'Spec',
    'Values',
    'unknown_names',
    'validate',
    'value_of',
    'with_changes',
]
