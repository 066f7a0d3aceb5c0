"""The training stages as LightningModules (spec 1.2 to 1.4)."""

from __future__ import annotations

import copy
import math
import types
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.depth import fold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, NetworkOutput, S2RDepthNet
from s2r_depth_training.dataset.data import Batch
from s2r_depth_training.runs.experiment import Experiment, OptimizerConfig, StageConfig
from s2r_depth_training.stages.initialise import initialise_depth
from s2r_depth_training.stages.losses import (
    attention_term,
    decode_depth,
    depth_loss,
    encode_depth,
    normalised_contrast,
    structure_loss,
)
from s2r_depth_training.stages.translation import Painter, StyleEncoder, code_distance


class DivergedError(UserError):
    """Loss or gradients are no longer finite."""


@dataclass(frozen=True)
class StageRule:
    """What a stage of the depth network trains; the rest is frozen, in evaluation mode.

    fresh_depth: DP starts again. attention: DP sees structure * attention, else the structure map
    alone. structure_loss: the sparsity loss is added. The stages of the paper are decoder and
    attention; depth is DP alone, behind an STE and a DSA that were warmed up; ste is decoder with
    the encoder trained too.
    """

    trained: tuple[str, ...]
    fresh_depth: bool
    attention: bool
    structure_loss: bool


DEPTH_STAGES = {
    'ste': StageRule(('struct_encoder', 'struct_decoder', 'depth_net'), True, False, True),
    'decoder': StageRule(('struct_decoder', 'depth_net'), True, False, True),
    'attention': StageRule(('dsa', 'depth_net'), True, True, False),
    'depth': StageRule(('depth_net',), False, True, False),
    'joint': StageRule(SUB_NETWORKS, False, True, True),
}


class Stage(lightning.LightningModule):
    """What all stages share: the network, its running average, optimizer, refusal of NaN.

    network: trained in place. average: exponential moving average of it, which is validated and
    exported. Raises DivergedError from a step whose loss or gradients are not finite.
    """

    def __init__(
        self, experiment: Experiment, stage: StageConfig, network: S2RDepthNet, trained: Iterable
    ) -> None:
        super().__init__()
        self.experiment, self.stage = experiment, stage
        self.network = network
        if experiment.fold_skips:
            fold_skip_weights(network.depth_net)
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.trained = tuple(trained)
        network.requires_grad_(False)
        for name in self.trained:
            getattr(network, name).requires_grad_(True)
        run_outputs_in_full_precision(network)
        merge_twins(network)
        self._lay_out()
        self.train()

    def _lay_out(self) -> None:
        """Lay out the weights channels last, which is faster, but for DSA's.

        torch 2.13.0 crashes on a CPU in the gradient of a channels-last 1x1 convolution of stride 2
        from 4 to 8 channels, DSA's first shortcut at width 0.125.
        """
        for name in SUB_NETWORKS:
            if name != 'dsa':
                getattr(self.network, name).to(memory_format=torch.channels_last)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of the loss, weights included."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Stage:
        """Set the mode of what is trained; frozen parts and the average stay in evaluation."""
        super().train(mode)
        self.average.eval()
        for name in SUB_NETWORKS:
            part = getattr(self.network, name)
            part.train(mode and name in self.trained)
            if self.stage.freeze_batch_norm:
                for module in part.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):
                        module.eval()
        return self

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch, logging its terms."""
        terms = self.losses(batch)
        loss = torch.stack(tuple(terms.values())).sum()
        if not torch.isfinite(loss):
            raise DivergedError(
                f'stage {self.stage.name}, step {self.global_step}: the loss is {loss.item()} '
                f'({", ".join(f"{k} {v.item():.3g}" for k, v in terms.items())}); samples '
                f'{batch.index.tolist()}. Lower the learning rate or look at these samples'
            )
        self.log_dict({f'train/{k}': v.detach() for k, v in {**terms, 'loss': loss}.items()})
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm of the gradients, refusing to go on when it is not finite."""
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        norm = nn.utils.clip_grad_norm_(parameters, self.experiment.optimizer.clip)
        if not torch.isfinite(norm):
            raise DivergedError(
                f'stage {self.stage.name}, step {self.global_step}: the norm of the gradients is '
                f'{norm.item()}; lower the learning rate or train in 32-true'
            )
        self.log('train/gradient_norm', norm)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Move the running average; it starts as a plain mean of the first steps."""
        decay = min(self.experiment.ema, 1 - 1 / (self.global_step / 4 + 2))
        update_average(self.average, self.network, decay)

    def configure_optimizers(self) -> dict[str, Any]:
        """Return Adam over what is trained, and its learning-rate schedule by step."""
        config = self.experiment.optimizer
        rate = self.stage.learning_rate or config.learning_rate
        optimizer = torch.optim.AdamW(
            [p for p in self.parameters() if p.requires_grad],
            rate,
            betas=(config.betas[0], config.betas[1]),
            weight_decay=config.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(step, self.stage.steps, config)
        )
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to export the checkpoint without its folder."""
        checkpoint['experiment'] = asdict(self.experiment)
        checkpoint['stage'] = self.stage.name


class DepthStage(Stage):
    """Stages 1, 2 and the joint one: the depth network learns from rendered depth."""

    def __init__(self, experiment: Experiment, stage: StageConfig, network: S2RDepthNet) -> None:
        self.rule = DEPTH_STAGES[stage.name]
        if self.rule.fresh_depth:
            initialise_depth(network, experiment.depth_init)
        super().__init__(experiment, stage, network, self.rule.trained)

    def predict(self, network: S2RDepthNet, image: Tensor) -> NetworkOutput:
        """Run ``network`` as this stage does: without attention, it counts as 1 everywhere."""
        code = self._run(network, 'struct_encoder', image)
        structure = self._run(network, 'struct_decoder', code)
        attention = (
            self._run(network, 'dsa', image) if self.rule.attention else torch.ones_like(structure)
        )
        return NetworkOutput(structure, attention, network.depth_net(structure * attention))

    def _run(self, network: S2RDepthNet, name: str, features: Tensor) -> Tensor:
        """Run one part; one that this stage leaves as it is may do with bfloat16 in training."""
        low = self.experiment.frozen_bf16 and self.training and name not in self.rule.trained
        if not low:
            return getattr(network, name)(features)
        with torch.autocast(features.device.type, torch.bfloat16):
            return getattr(network, name)(features).to(features.dtype)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the depth loss's terms and what the stage has of structure and attention loss."""
        config, max_depth = self.experiment.loss, self.experiment.data.max_depth
        output = self.predict(self.network, batch.image)
        terms = depth_loss(output.depths, batch.depth, batch.weight, max_depth, config)
        if self.rule.structure_loss and config.structure:
            encoded = encode_depth(batch.depth, max_depth)
            terms['structure'] = config.structure * structure_loss(
                output.structure.float(), encoded, config.beta
            )
        if 'dsa' in self.rule.trained and config.attention:
            terms['attention'] = config.attention * attention_term(
                output.attention, batch.depth, batch.weight, max_depth
            )
        return terms

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log metric errors of the running average on synthetic frames, raw and median-scaled."""
        output = self.predict(self.average, batch.image)
        max_depth = self.experiment.data.max_depth
        metres = decode_depth(output.depths[-1], max_depth)
        # Sky is learnt as max_depth and is no depth to be judged by.
        truth = torch.where(batch.weight >= 1, batch.depth, 0)
        for one, true in zip(metres[:, 0].cpu().numpy(), truth[:, 0].cpu().numpy()):
            for alignment, suffix in (('median', ''), ('none', '_raw')):
                if (true > 0).any():
                    result = depth_metrics(one, true, cap=max_depth, alignment=alignment)
                    values = {f'val/{k}{suffix}': result[k] for k in ('abs_rel', 'delta1')}
                    self.log_dict(values, on_epoch=True, sync_dist=True, batch_size=1)


class EncoderStage(Stage):
    """Stage 0: E_s learns a code that a change of style leaves as it is (spec 1.2)."""

    def __init__(self, experiment: Experiment, stage: StageConfig, network: S2RDepthNet) -> None:
        super().__init__(experiment, stage, network, ('struct_encoder',))
        channels = experiment.translation.style_channels
        self.style_encoder = StyleEncoder(experiment.width, channels)
        self.painter = Painter(experiment.width, channels)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return own and cross-style reconstruction and the distance of the two codes."""
        weights = self.experiment.translation
        images = torch.cat([batch.image, batch.paired])
        codes, styles = self.network.struct_encoder(images), self.style_encoder(images)
        swapped = torch.cat(codes.chunk(2)[::-1])
        first, second = codes.float().chunk(2)
        return {
            'own': weights.own * functional.l1_loss(self.painter(codes, styles).float(), images),
            'across': weights.across
            * functional.l1_loss(self.painter(swapped, styles).float(), images),
            'code': weights.code * code_distance(first, second),
        }

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log how far a change of style moves the code of the running average."""
        codes = (self.average.struct_encoder(x).float() for x in (batch.image, batch.paired))
        self.log('val/code', code_distance(*codes), on_epoch=True, sync_dist=True)


class WarmUpStage(Stage):
    """STE or DSA alone learns a map that is known for every image, before DP exists.

    Stage structure: STE draws the image with its contrast normalised locally. Stage nearness: DSA
    tells near from far. Both maps are only where the later stages start from.
    """

    def __init__(self, experiment: Experiment, stage: StageConfig, network: S2RDepthNet) -> None:
        trained = {'structure': ('struct_encoder', 'struct_decoder'), 'nearness': ('dsa',)}
        super().__init__(experiment, stage, network, trained[stage.name])

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the error of the map that this stage trains."""
        return {self.stage.name: self._error(self.network, batch)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log the error of the running average."""
        error = self._error(self.average, batch)
        self.log(f'val/{self.stage.name}', error, on_epoch=True, sync_dist=True)

    def _error(self, network: S2RDepthNet, batch: Batch) -> Tensor:
        if self.stage.name == 'nearness':
            attention = network.dsa(batch.image)
            max_depth = self.experiment.data.max_depth
            return attention_term(attention, batch.depth, batch.weight, max_depth)
        structure = network.struct_decoder(network.struct_encoder(batch.image))
        return functional.l1_loss(structure.float(), normalised_contrast(batch.image))


def make_stage(experiment: Experiment, stage: StageConfig, network: S2RDepthNet) -> Stage:
    """Return the module of ``stage``; ``network`` holds the weights it starts from."""
    kinds: dict[str, type[Stage]] = {
        'encoder': EncoderStage,
        'structure': WarmUpStage,
        'nearness': WarmUpStage,
    }
    return kinds.get(stage.name, DepthStage)(experiment, stage, network)  # type: ignore[call-arg]


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``network``, parameters and BatchNorm statistics alike."""
    for mean, value in zip(average.state_dict().values(), network.state_dict().values()):
        if mean.dtype.is_floating_point:
            mean.lerp_(value.to(mean.dtype), 1 - decay)
        else:
            mean.copy_(value)


def rate_factor(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of ``step`` as a share of the full one."""
    warm = min(1.0, (step + 1) / (config.warm_up + 1))
    if config.schedule == 'step':
        return warm * config.gamma ** (step // config.step_every)
    return warm * max(0.01, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))


def run_outputs_in_full_precision(network: S2RDepthNet) -> None:
    """Exempt DP's four output convolutions from mixed precision.

    In bfloat16 a depth near -1 moves in steps of 80 m / 512, which is what near depth consists of.
    """
    for name in ('output1', 'output2', 'output3', 'output4'):
        head = getattr(network.depth_net, name)
        head.forward = types.MethodType(_forward_in_full_precision, head)


def _forward_in_full_precision(head: nn.Module, features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        return head.model(features.to(head.model[1].weight.dtype))


def merge_twins(network: S2RDepthNet) -> None:
    """Let both 5x5 convolutions of every up-projection run as one; sums and weights stay.

    They read the same tensor, and with few channels one of twice the width is faster on a CPU.
    """
    for module in network.modules():
        if isinstance(module, UpProjection):
            module.forward = types.MethodType(_forward_twins_at_once, module)


def _forward_twins_at_once(up: UpProjection, features: Tensor, size: tuple[int, int]) -> Tensor:
    features = functional.interpolate(features, size, mode='bilinear', align_corners=True)
    weight = torch.cat([up.conv1.weight, up.conv2.weight])
    deep, short = functional.conv2d(features, weight, padding=2).chunk(2, 1)
    deep = up.bn1_2(up.conv1_2(functional.relu(up.bn1(deep))))
    return functional.relu(deep + up.bn2(short))
