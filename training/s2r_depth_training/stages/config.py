"""What an experiment says about its stages, and what one stage is told of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

from s2r_depth_training.errors import ConfigError

SCHEDULES = ('cosine', 'step')


@dataclass
class LossConfig:
    """Weights of the loss terms, by default the paper's (losses.py, docs/network.md 4.6)."""

    l1: float = 1.0
    """Of the absolute error of encoded depth."""
    inverse_depth: float = 0.0
    """Power p of an extra weight (1 / depth)^p in it."""
    log: float = 0.0
    """Of the absolute error of log depth."""
    scale_invariant: float = 0.0
    """Of the deviation of log errors from their image's mean."""
    gradient: float = 0.0
    """Of the change of log errors between near pixels."""
    scales: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0, 1.0])
    """Weights of the four depth maps, coarse to fine."""
    structure: float = 1.0
    """The paper's lambda: of the sparsity of the structure map."""
    beta: float = 0.001
    """How fast that falls where depth changes."""
    attention: float = 0.0
    """Of the attention map's error as nearness, which starts DSA in few steps."""
    code: float = 0.0
    """Of the distance of the codes of one view in two styles, in stages that train the encoder and
    DP, so that the depth loss does not bend the code to the renderer's looks."""

    def __post_init__(self) -> None:
        if len(self.scales) != 4:
            raise ConfigError('loss.scales: four weights, coarse to fine')


@dataclass
class TranslationConfig:
    """Stage 0: the weights of its losses, and its style code."""

    own: float = 1.0
    """Of the reconstruction of an image in its own style."""
    across: float = 1.0
    """Of the reconstruction from the code of the other style's image."""
    code: float = 0.5
    """Of the distance of the two codes."""
    style_channels: int = 8
    """Length of the style code."""


@dataclass
class OptimizerConfig:
    """Adam with decoupled weight decay; the learning rate warms up, then follows ``schedule``."""

    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    warm_up: int = 0
    """Steps."""
    schedule: str = 'cosine'
    """``cosine`` down to 1 % at the last step, or ``step``: times gamma every step_every steps
    (the authors': 0.5 every ten epochs)."""
    step_every: int = 1000
    gamma: float = 0.5
    clip: float = 2.0
    """Largest norm of the gradients."""

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ConfigError(
                f'optimizer.schedule is {self.schedule!r}; use one of {", ".join(SCHEDULES)}'
            )
        if len(self.betas) != 2:
            raise ConfigError(f'optimizer.betas is {self.betas}; give two numbers')
        if self.step_every < 1:
            raise ConfigError(f'optimizer.step_every is {self.step_every}; give at least 1')


@dataclass
class StageConfig:
    """One training stage."""

    name: str = 'joint'
    """A stage of the table (stages/table.py)."""
    steps: int = 1000
    learning_rate: float | None = None
    """None: the optimizer's."""
    freeze_batch_norm: bool = False
    """Whether BatchNorm statistics stay as they are, for fine-tuning in small batches."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f'stages: {self.name} has {self.steps} steps; give at least 1')


@dataclass(frozen=True)
class StageSettings:
    """What a stage needs to know of its experiment."""

    stage: StageConfig
    loss: LossConfig
    translation: TranslationConfig
    optimizer: OptimizerConfig
    max_depth: float
    """m, what the network's output 1 means."""
    depth_init: str
    """How a fresh DP starts: ``normal`` or ``kaiming``."""
    fold_skips: bool
    """Whether DP's skip weights are folded into the convolutions behind them."""
    frozen_bf16: bool
    """Whether parts that are not trained run in bfloat16, except for validation."""
    ema: float
    """Decay of the averaged weights, per step."""
