"""The errors of the training that its user can mend; ``s2r_train`` prints them as one line.

    UserError
     |- ConfigError      the experiment's YAML is wrong
     |- DataError        a training set or a recording is missing or malformed
     |- StyleError       the folder of paintings has none
     |- RenderingError   rendering failed, or the folder holds frames of another recipe
     |- DivergedError    the loss or the gradients are no longer finite
     |- PaceError        the time is too short to train
     |- ExportError      the checkpoint cannot become a model
     `- ResultsError     the results cannot become a card

The synthetic scenes have their own, which a render worker hands on as RenderingError.
"""

from __future__ import annotations

from s2r_depth_ros.errors import UserError


class ConfigError(UserError):
    """The experiment's YAML is wrong; the text names the key."""


class DataError(UserError):
    """A training set or a recording is missing, malformed, or does not fit the experiment."""


class StyleError(UserError):
    """There are no paintings to take styles from."""


class RenderingError(UserError):
    """Rendering failed, or the folder holds frames that were rendered otherwise."""


class DivergedError(UserError):
    """The loss or the gradients are no longer finite."""


class PaceError(UserError):
    """The time is too short for a single step."""


class ExportError(UserError):
    """The checkpoint cannot become a model."""


class ResultsError(UserError):
    """The results of an evaluation cannot become a card of this model."""
