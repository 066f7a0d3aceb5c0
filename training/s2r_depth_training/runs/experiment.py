"""One experiment as data: read from layered YAML, checked, and saved with the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.network.s2r_depthnet import WIDTHS
from s2r_depth_ros.network.size_rule import check_size

STAGE_NAMES = (
    'encoder',
    'structure',
    'nearness',
    'ste',
    'decoder',
    'depth',
    'attention',
    'joint',
)


class ConfigError(UserError):
    """The experiment's YAML is wrong; the text names the key."""


@dataclass
class DataConfig:
    """What is learnt from, and the canonical camera that depth is learnt in.

    manifests: manifest.json of the training sets. mix: kind of scene -> share of a batch, the
    manifests' kinds in equal shares if empty. focal_length: px at the network's input; depth is
    scaled to what a camera with this fx would see. max_depth, min_depth: m. sky_weight: weight of
    sky, learnt as max_depth, in the loss; 0 leaves it out. crop: share of images that are cropped,
    to at least crop_scale of their side. widest: kind of scene -> how many times wider than the
    network's input a crop may be, 1.18 if not named; it is squeezed, as an image of a wide camera.
    typical: kind of scene -> [least and largest median depth, m in the canonical camera; largest
    95th percentile over the median]; frames outside are not drawn, so that a small network spends
    its steps on what it will see. restyled: share of images shown in another style. photometric:
    change colours, noise, sharpness. paintings: folder whose images lend their style to that, in
    place of other frames. batch: images a process and step. workers: loading processes. renderers:
    processes that go on rendering, by the recipes of the manifests, while the training draws from
    all that is there; which frames it draws then depends on their pace.
    """

    manifests: list[str] = field(default_factory=list)
    mix: dict[str, float] = field(default_factory=dict)
    height: int = 96
    width: int = 128
    focal_length: float = 100.0
    max_depth: float = 80.0
    min_depth: float = 0.1
    sky_weight: float = 0.2
    crop: float = 0.6
    crop_scale: float = 0.55
    widest: dict[str, float] = field(default_factory=dict)
    typical: dict[str, list[float]] = field(default_factory=dict)
    restyled: float = 0.5
    photometric: bool = True
    paintings: str = ''
    batch: int = 16
    workers: int = 0
    renderers: int = 0


@dataclass
class LossConfig:
    """Weights of the loss terms (see losses.py). The defaults are the paper's (spec 1.3).

    scales: weights of the four depth maps, coarse to fine. structure: the paper's lambda.
    attention: weight of the attention map's error as nearness, which starts DSA in few steps.
    """

    l1: float = 1.0
    inverse_depth: float = 0.0
    log: float = 0.0
    scale_invariant: float = 0.0
    gradient: float = 0.0
    scales: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0, 1.0])
    structure: float = 1.0
    beta: float = 0.001
    attention: float = 0.0


@dataclass
class TranslationConfig:
    """Weights of stage 0's losses: reconstruction, across styles, and equal codes."""

    own: float = 1.0
    across: float = 1.0
    code: float = 0.5
    style_channels: int = 8


@dataclass
class OptimizerConfig:
    """Adam with decoupled weight decay; the learning rate warms up, then follows ``schedule``.

    schedule: ``cosine`` down to 1 % at the last step, or ``step``: times gamma every step_every
    steps (the authors': 0.5 every ten epochs). clip: largest norm of the gradients.
    """

    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    warm_up: int = 0
    schedule: str = 'cosine'
    step_every: int = 1000
    gamma: float = 0.5
    clip: float = 2.0


@dataclass
class StageConfig:
    """One training stage. name: one of STAGE_NAMES; learning_rate None = the optimizer's.

    freeze_batch_norm: keep BatchNorm statistics as they are, for fine-tuning in small batches.
    """

    name: str = 'joint'
    steps: int = 1000
    learning_rate: float | None = None
    freeze_batch_norm: bool = False


@dataclass
class ValidationConfig:
    """How a run is judged. monitor: logged value whose minimum makes the best checkpoint.

    every: steps between validations, each followed by a checkpoint to resume from. frames:
    synthetic frames of each kind. real: manifest of real images to watch (logged, never trained
    on); to choose by it, monitor real/abs_rel.
    """

    every: int = 500
    frames: int = 64
    monitor: str = 'val/abs_rel'
    real: str = ''


@dataclass
class Experiment:
    """All that defines a run. seed, data and steps decide every batch.

    start: model file whose weights the run starts from, of this width or half of it, which is then
    widened; '' = from nothing.
    depth_init: ``normal`` N(0, 0.02), the authors', or ``kaiming``. fold_skips: train DP's skip
    weights folded into the convolutions behind them, which speeds up what fine detail needs; the
    exported model has them unfolded. frozen_bf16: a stage runs in bfloat16 what it does not train,
    but for validation; faster on CPUs that have it. ema: decay of the averaged weights that are
    validated and exported. precision, accelerator, devices, num_nodes, strategy: as Lightning's
    Trainer takes them. BatchNorm is synchronised between GPUs. picked_on_real: in words, which
    choices were made by errors on real images; the card says it.
    """

    name: str = 'experiment'
    seed: int = 0
    width: float = 0.25
    scene: str = 'universal'
    licence: str = 'MIT'
    picked_on_real: str = ''
    start: str = ''
    depth_init: str = 'normal'
    fold_skips: bool = False
    frozen_bf16: bool = False
    ema: float = 0.998
    precision: str = '32-true'
    accelerator: str = 'auto'
    devices: int = 1
    num_nodes: int = 1
    strategy: str = 'auto'
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    translation: TranslationConfig = field(default_factory=TranslationConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    stages: list[StageConfig] = field(default_factory=lambda: [StageConfig()])

    def __post_init__(self) -> None:
        check_size(self.data.height, self.data.width)
        _choose('width', self.width, WIDTHS)
        _choose('depth_init', self.depth_init, ('normal', 'kaiming'))
        _choose('optimizer.schedule', self.optimizer.schedule, ('cosine', 'step'))
        for kind, limits in self.data.typical.items():
            if len(limits) != 3 or limits[0] >= limits[1] or limits[2] <= 1:
                raise ConfigError(
                    f'data.typical: {kind} is {limits}; give [least median, largest median, '
                    'largest ratio > 1]'
                )
        for stage in self.stages:
            _choose('stages.name', stage.name, STAGE_NAMES)
            if stage.steps % min(self.validation.every, stage.steps):
                raise ConfigError(
                    f'stages: {stage.steps} steps of {stage.name} are not a multiple of '
                    f'validation.every ({self.validation.every}), so their end would not be judged'
                )
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ConfigError('stages: a stage is named twice')
        if len(self.loss.scales) != 4:
            raise ConfigError('loss.scales: four weights, coarse to fine')


def _choose(key: str, value: object, choices: tuple) -> None:
    if value not in choices:
        raise ConfigError(f'{key} is {value!r}; use one of {", ".join(map(str, choices))}')


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment; a key ``base`` names a YAML, beside it, that this one changes.

    Raises ConfigError naming the file and the first key that is unknown or of a wrong type.
    """
    try:
        return experiment_from(_layers(Path(path)))
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def experiment_from(values: dict[str, Any]) -> Experiment:
    """Build an Experiment from nested dicts, as YAML or a checkpoint gives them."""
    return _build(Experiment, values, '')


def save_experiment(experiment: Experiment, path: str | Path) -> None:
    """Write the whole experiment, no layers left, so that the run can be repeated from it."""
    Path(path).write_text(yaml.safe_dump(asdict(experiment), sort_keys=False))


def _layers(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f'cannot be read: {error}') from error
    if not isinstance(values, dict):
        raise ConfigError('holds no keys')
    base = values.pop('base', None)
    return values if base is None else _merge(Experiment, _layers(path.parent / base), values)


def _merge(kind: type, below: dict, above: dict) -> dict:
    """Lay ``above`` over ``below``, key by key; a mapping such as data.mix is one value."""
    hints, merged = get_type_hints(kind), dict(below)
    for key, value in above.items():
        inner, both = hints.get(key), isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(inner, merged[key], value) if both and is_dataclass(inner) else value
    return merged


def _build(kind: type, values: Any, where: str) -> Any:
    """Turn plain values into the dataclass ``kind``, checking keys and types on the way."""
    if not isinstance(values, dict):
        raise ConfigError(f'{where or "the file"} must hold keys, it is {values!r}')
    hints = get_type_hints(kind)
    for key in values:
        if key not in {f.name for f in fields(kind)}:
            raise ConfigError(f'unknown key {where}{key}')
    return kind(**{key: _convert(hints[key], v, f'{where}{key}') for key, v in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where + '.')
    if get_origin(hint) is list and isinstance(value, list):
        return [_convert(get_args(hint)[0], v, f'{where}[{i}]') for i, v in enumerate(value)]
    allowed = get_args(hint) if get_origin(hint) not in (list, dict, None) else (hint,)
    if float in allowed and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-4 as text
        except ValueError:
            pass
    plain = tuple(get_origin(t) or t for t in allowed)
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        raise ConfigError(f'{where} is {value!r}, of type {type(value).__name__}')
    return value
