"""The logged value by which the best checkpoint is chosen, checked before hours of work."""

from __future__ import annotations

from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.callbacks import real_keys
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages.depth import VALIDATED
from s2r_depth_training.stages.table import STAGES


def check_monitor(experiment: Experiment) -> None:
    """Check that the stages without a monitor of their own log ``validation.monitor``.

    Raises ConfigError if they do not, ManifestError for a manifest of real images that cannot be
    read.
    """
    config = experiment.validation
    real = real_keys({f.kind for f in read_ground_truth(config.real)}) if config.real else ()
    logged = (*VALIDATED, 'train/loss', *real)
    if all(STAGES[stage.name].monitor for stage in experiment.stages) or config.monitor in logged:
        return
    if config.monitor.startswith('real/') and not config.real:
        raise ConfigError(
            f'validation.monitor is {config.monitor}, but there are no real images; give their '
            'manifest, as validation.real or with --real'
        )
    raise ConfigError(f'validation.monitor is {config.monitor!r}; use one of {", ".join(logged)}')
