"""Loads the model that the parameters name."""

from __future__ import annotations

from rclpy.impl.rcutils_logger import RcutilsLogger

from s2r_depth_ros.inference.estimator import DepthEstimator, model_metadata
from s2r_depth_ros.node.parameters import Values

# The size (height, width) of the images that the model is warmed up with.
_USUAL_SIZE = (480, 640)


def load_estimator(values: Values, logger: RcutilsLogger) -> DepthEstimator:
    """Load and warm up the model that the parameters name, and log what runs.

    Raises as DepthEstimator does.
    """
    estimator = DepthEstimator(
        values.model,
        device=values.device,
        precision=values.precision,
        input_size=_input_size(values),
        backend=values.backend,
    )
    estimator.warm_up(*_USUAL_SIZE, batch=max(1, len(values.cameras)))
    metadata = estimator.metadata
    logger.info(f'{estimator.summary()}; depths are metres along the optical axis')
    if metadata.placeholder:
        logger.warning(f'model {metadata.name} is a placeholder: {metadata.placeholder}')
    return estimator


def _input_size(values: Values) -> tuple[int, int] | None:
    """Return the input size (height, width) asked for, None for the model's own."""
    height, width = values.input_height, values.input_width
    if not height and not width:
        return None
    metadata = model_metadata(values.model)
    return height or metadata.input_height, width or metadata.input_width
