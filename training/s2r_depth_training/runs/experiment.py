"""One experiment as data: read from layered YAML, checked, and saved with the run."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.network.metadata import SCENES
from s2r_depth_ros.network.s2r_depthnet import WIDTHS
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.layered_yaml import build, read_layers
from s2r_depth_training.stages.config import (
    LossConfig,
    OptimizerConfig,
    StageConfig,
    StageSettings,
    TranslationConfig,
)
from s2r_depth_training.stages.table import STAGES

DEPTH_INITS = ('normal', 'kaiming')
WEIGHT_FILES = ('start', 'struct_encoder', 'drn_d_22')
"""The keys that name files of weights that a run starts from."""


@dataclass
class ValidationConfig:
    """How a run is judged."""

    every: int = 500
    """Steps between validations, each followed by a checkpoint to resume from."""
    frames: int = 64
    """Synthetic frames of each kind."""
    monitor: str = 'val/abs_rel'
    """Logged value whose minimum makes the best checkpoint, unless a stage has its own."""
    real: str = ''
    """Manifest of real images to watch (logged, never trained on); to choose by it, monitor
    real/abs_rel."""

    def __post_init__(self) -> None:
        for key, count in (('every', self.every), ('frames', self.frames)):
            if count < 1:
                raise ConfigError(f'validation.{key} is {count}; give at least 1')


@dataclass
class Experiment:
    """All that defines a run. seed, data and steps decide every batch.

    Raises ConfigError for values that cannot be.
    """

    name: str = 'experiment'
    seed: int = 0
    """0 or more."""
    width: float = 0.25
    """Of the network, as a share of the paper's channels."""
    scene: str = 'universal'
    """What the model is for: ``indoor``, ``outdoor`` or ``universal``."""
    licence: str = 'MIT'
    """Of the model."""
    picked_on_real: str = ''
    """In words, which choices were made by errors on real images; the card says it."""
    start: str = ''
    """Model file whose weights the run starts from, of this width or half of it, which is then
    widened; '' = from nothing."""
    struct_encoder: str = ''
    """The authors' file of the structure encoder (struct_encoder_vkitti.pth), to start E_s from."""
    drn_d_22: str = ''
    """File of DRN-D-22 trained on ImageNet (drn_d_22-4bd2f8ea.pth), to start DSA's encoder from."""
    depth_init: str = 'normal'
    """How DP starts: ``normal`` N(0, 0.02), the authors', or ``kaiming``."""
    fold_skips: bool = False
    """Whether DP's skip weights are trained folded into the convolutions behind them, which speeds
    up what fine detail needs; the exported model has them unfolded."""
    frozen_bf16: bool = False
    """Whether a stage runs in bfloat16 what it does not train, except for validation; not on CPUs
    without bf16 units, where it would take half as long again."""
    ema: float = 0.998
    """Decay of the averaged weights that are validated and exported."""
    precision: str = '32-true'
    """As Lightning's Trainer takes it, and so are the next four."""
    accelerator: str = 'auto'
    devices: int = 1
    """BatchNorm is synchronised between GPUs."""
    num_nodes: int = 1
    strategy: str = 'auto'
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    translation: TranslationConfig = field(default_factory=TranslationConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    stages: list[StageConfig] = field(default_factory=lambda: [StageConfig()])
    """Trained one after the other."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r'[\w.-]+', self.name):
            raise ConfigError(
                f'name is {self.name!r}; files are named so: use letters, digits, dots, - and _'
            )
        if self.seed < 0:
            raise ConfigError(f'seed is {self.seed}; give 0 or more')
        _choose('width', self.width, WIDTHS)
        _choose('scene', self.scene, SCENES)
        _choose('depth_init', self.depth_init, DEPTH_INITS)
        for stage in self.stages:
            _choose('stages.name', stage.name, tuple(STAGES))
            if stage.steps % min(self.validation.every, stage.steps):
                raise ConfigError(
                    f'stages: {stage.steps} steps of {stage.name} are not a multiple of '
                    f'validation.every ({self.validation.every}), so their end would not be judged'
                )
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ConfigError('stages: a stage is named twice')

    def settings(self, stage: StageConfig) -> StageSettings:
        """Return what ``stage`` needs to know of the experiment."""
        return StageSettings(
            stage=stage,
            loss=self.loss,
            translation=self.translation,
            optimizer=self.optimizer,
            max_depth=self.data.max_depth,
            depth_init=self.depth_init,
            fold_skips=self.fold_skips,
            frozen_bf16=self.frozen_bf16,
            ema=self.ema,
        )


def _choose(key: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ConfigError(f'{key} is {value!r}; use one of {", ".join(map(str, choices))}')


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment; a key ``base`` names a YAML, beside it, that this one changes.

    Raises ConfigError naming the file and the first key that is unknown or of a wrong type.
    """
    try:
        return experiment_from(read_layers(Path(path), Experiment))
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def experiment_from(values: dict[str, Any]) -> Experiment:
    """Build an Experiment from nested dicts, as YAML or a checkpoint gives them."""
    return build(Experiment, values)


def save_experiment(experiment: Experiment, path: str | Path) -> None:
    """Write the whole experiment, no layers left, so that the run can be repeated from it."""
    write_atomically(path, yaml.safe_dump(asdict(experiment), sort_keys=False).encode())
