"""What all training stages share, as a LightningModule: one step from the batch to the average."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from s2r_depth_ros.network.depth import fold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.errors import DivergedError
from s2r_depth_training.stages.config import LossConfig, OptimizerConfig, StageSettings

# A norm of gradients above this is no direction to go. Usual ones are below 100.
ABSURD_NORM = 1e6
_MOST_ABSURD = 10  # steps in a row that are left out for it, before it is called divergence


@dataclass(frozen=True)
class StageRule:
    """What sets a stage apart from the others: its row of the table of stages."""

    make: Callable[[StageSettings, StageRule, S2RDepthNet], Stage]
    """Its class."""
    trained: tuple[str, ...]
    """The sub-networks that it trains; the rest is frozen, in evaluation mode."""
    seed_offset: int
    """Makes its samples differ from those of all other stages."""
    monitor: str = ''
    """Logged value whose minimum makes its best checkpoint; '': the experiment's choice."""
    pairs: bool = False
    """Whether it always needs each view in another style, too."""
    exportable: bool = False
    """Whether DP then knows structure * attention, as it runs in the node."""
    fresh_depth: bool = False
    """Whether DP starts again."""
    attention: bool = False
    """Whether DP sees structure * attention, else the structure map alone."""
    structure_loss: bool = False
    """Whether the sparsity loss is added."""
    formula: bool = False
    """Whether DP sees normalised_contrast in place of the learnt structure map."""

    def sees_pairs(self, loss: LossConfig) -> bool:
        """Return whether a stage learns from each view in two styles, given its losses."""
        return self.pairs or (
            bool(loss.code) and {'struct_encoder', 'depth_net'} <= {*self.trained}
        )


class Stage(lightning.LightningModule):
    """What all stages share: the network, its running average, optimizer, refusal of NaN.

    network: trained in place. average: exponential moving average of it, which is validated and
    exported. Raises DivergedError from a step whose loss or gradients are not finite.
    """

    def __init__(self, settings: StageSettings, rule: StageRule, network: S2RDepthNet) -> None:
        super().__init__()
        self.settings, self.rule, self.network = settings, rule, network
        if settings.fold_skips:
            fold_skip_weights(network.depth_net)
        self.average = copy.deepcopy(network).requires_grad_(False)
        network.requires_grad_(False)
        for name in rule.trained:
            getattr(network, name).requires_grad_(True)
        network.merge_twins()
        self._absurd = 0
        self._lay_out()
        self.train()

    def _lay_out(self) -> None:
        """Lay out the weights channels last, which is faster, except DSA's.

        torch 2.13.0 crashes on a CPU in the gradient of a channels-last 1x1 convolution of stride 2
        from 4 to 8 channels, DSA's first shortcut at width 0.125.
        """
        for name in SUB_NETWORKS:
            if name != 'dsa':
                getattr(self.network, name).to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> Stage:
        """Set the mode of what is trained; frozen parts and the average stay in evaluation."""
        super().train(mode)
        self.average.eval()
        for name in SUB_NETWORKS:
            part = getattr(self.network, name)
            part.train(mode and name in self.rule.trained)
            if self.settings.stage.freeze_batch_norm:
                for module in part.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):
                        module.eval()
        return self

    # ---- One step, in the order in which Lightning calls.

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch, logging its terms; Lightning then goes backward."""
        terms = self.losses(batch)
        loss = torch.stack(tuple(terms.values())).sum()
        if not torch.isfinite(loss):
            raise DivergedError(
                f'stage {self.settings.stage.name}, step {self.global_step}: the loss is '
                f'{loss.item()} ({", ".join(f"{k} {v.item():.3g}" for k, v in terms.items())}); '
                f'samples {batch.number.tolist()}. Lower the learning rate or look at these samples'
            )
        self.log_dict({f'train/{k}': v.detach() for k, v in {**terms, 'loss': loss}.items()})
        return loss

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of the loss, weights included."""
        raise NotImplementedError

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm of the gradients, refusing to go on when it is not finite."""
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        norm = clip_gradients(parameters, self.settings.optimizer.clip)
        self._absurd = self._absurd + 1 if norm > ABSURD_NORM else 0
        if not torch.isfinite(norm) or self._absurd > _MOST_ABSURD:
            raise DivergedError(
                f'stage {self.settings.stage.name}, step {self.global_step}: the norm of the '
                f'gradients is {norm.item()}; lower the learning rate or train in 32-true'
            )
        self.log('train/gradient_norm', norm)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return Adam over what is trained, and its learning-rate schedule by step."""
        config, stage = self.settings.optimizer, self.settings.stage
        optimizer = self.make_optimizer(lr=stage.learning_rate or config.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(step, stage.steps, config)
        )
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Move the running average; it starts as a plain mean of the first steps."""
        update_average(self.average, self.network, self.decay(self.global_step))

    # ---- What a step without Lightning does in the same way.

    def make_optimizer(self, **options: Any) -> torch.optim.AdamW:
        """Return Adam over what is trained; ``options`` are torch's further ones."""
        config = self.settings.optimizer
        return torch.optim.AdamW(
            [p for p in self.parameters() if p.requires_grad],
            betas=(config.betas[0], config.betas[1]),
            weight_decay=config.weight_decay,
            **options,
        )

    def decay(self, steps: int) -> float:
        """Return the decay of the running average at step ``steps``, at first a plain mean's."""
        return min(self.settings.ema, 1 - 1 / (steps / 4 + 2))


@torch.no_grad()
def clip_gradients(parameters: Sequence[Tensor], most: float) -> Tensor:
    """Scale the gradients so that their norm is at most ``most``; return the norm from before.

    Where the norm is absurd the gradients become zero, so that the step is as good as left out:
    behind an image of one colour (a white wall, overexposed) each instance norm divides by nearly
    nothing. NaN stays NaN.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    # So that zero times infinity is zero, and the norm still tells.
    torch._foreach_clamp_max_(gradients, 10 * ABSURD_NORM)
    torch._foreach_clamp_min_(gradients, -10 * ABSURD_NORM)
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    factor = torch.where(norm > ABSURD_NORM, 0.0, (most / (norm + 1e-6)).clamp(max=1.0))
    torch._foreach_mul_(gradients, factor)
    return norm


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``network``, parameters and BatchNorm statistics alike."""
    means, values = averaged_tensors(average), averaged_tensors(network)
    torch._foreach_lerp_(means, values, 1 - decay)  # some 200 tensors in few calls


def averaged_tensors(network: nn.Module) -> list[Tensor]:
    """Return what a running average is taken of, each once: DP's one PReLU has 18 names.

    Counts of batches are left out; nothing in evaluation depends on them.
    """
    values = {v.data_ptr(): v for v in network.state_dict().values() if v.is_floating_point()}
    return list(values.values())


def rate_factor(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of ``step`` as a share of the full one."""
    warm = min(1.0, (step + 1) / (config.warm_up + 1))
    if config.schedule == 'step':
        return warm * config.gamma ** (step // config.step_every)
    return warm * max(0.01, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))
