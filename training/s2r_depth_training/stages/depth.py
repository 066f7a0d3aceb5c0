"""The stages in which DP learns from rendered depth (docs/network.md 4.4, 4.5)."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.inference.devices import cpu_has_bf16
from s2r_depth_ros.network.contrast import normalised_contrast
from s2r_depth_ros.network.s2r_depthnet import NetworkOutput, S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.stages.base import Stage, StageRule
from s2r_depth_training.stages.config import StageSettings
from s2r_depth_training.stages.initialise import attend_everywhere, initialise_depth
from s2r_depth_training.stages.losses import (
    attention_term,
    decode_depth,
    depth_loss,
    encode_depth,
    structure_loss,
)
from s2r_depth_training.stages.translation import code_distance

# What is logged of the validation frames: metrics under a scaling, and what marks it.
_METRICS, _SUFFIXES = ('abs_rel', 'delta1'), {'median': '', 'none': '_raw'}
VALIDATED = tuple(f'val/{key}{suffix}' for suffix in _SUFFIXES.values() for key in _METRICS)


@cache  # for every part and step
def _has_bf16(device: str) -> bool:
    return device != 'cpu' or cpu_has_bf16()


class DepthStage(Stage):
    """DP learns depth, alone or with the parts before it."""

    def __init__(self, settings: StageSettings, rule: StageRule, network: S2RDepthNet) -> None:
        if rule.fresh_depth:
            initialise_depth(network, settings.depth_init)
        if rule.formula and not rule.attention:
            attend_everywhere(network)  # as DP will know it
        super().__init__(settings, rule, network)
        self._look_at_attention()
        self.register_load_state_dict_post_hook(lambda *_: self._look_at_attention())

    def _look_at_attention(self) -> None:
        """Note whether DSA must be run: not where it gives every image a map of 1."""
        learns = 'dsa' in self.rule.trained
        self._attends = self.rule.attention and (learns or not self.network.dsa.is_constant())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the depth loss's terms and what the stage has of structure and attention loss."""
        config, max_depth = self.settings.loss, self.settings.max_depth
        if self.rule.sees_pairs(config):
            output, distance = self._predict_pair(batch)
        else:
            output, distance = self.predict(self.network, batch.image), None
        terms = depth_loss(output.depths, batch.depth, batch.weight, max_depth, config)
        if distance is not None:
            terms['code'] = config.code * distance
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

    def predict(self, network: S2RDepthNet, image: Tensor) -> NetworkOutput:
        """Run ``network`` as this stage does: without attention, it counts as 1 everywhere."""
        if self.rule.formula:
            return self._behind(network, normalised_contrast(image), image)
        code = self._run(network, 'struct_encoder', image)
        return self._behind(network, self._run(network, 'struct_decoder', code), image)

    def _predict_pair(self, batch: Batch) -> tuple[NetworkOutput, Tensor]:
        """Predict ``batch.image``, and tell how far its code is from that of ``batch.paired``."""
        images = torch.cat([batch.image, batch.paired])
        first, second = self.network.struct_encoder(images).chunk(2)
        structure = self._run(self.network, 'struct_decoder', first)
        output = self._behind(self.network, structure, batch.image)
        return output, code_distance(first.float(), second.float())

    def _behind(self, network: S2RDepthNet, structure: Tensor, image: Tensor) -> NetworkOutput:
        """Run what comes after the structure map."""
        attention = (
            self._run(network, 'dsa', image) if self._attends else torch.ones_like(structure)
        )
        return NetworkOutput(structure, attention, network.depth_net(structure * attention))

    def _run(self, network: S2RDepthNet, name: str, features: Tensor) -> Tensor:
        """Run one part; one that this stage leaves as it is may do with bfloat16 in training."""
        part = getattr(network, name)
        is_frozen = self.training and name not in self.rule.trained
        if not (is_frozen and self.settings.frozen_bf16 and _has_bf16(features.device.type)):
            return part(features)  # in the run's own precision
        with torch.autocast(features.device.type, torch.bfloat16):
            return part(features).to(features.dtype)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log metric errors of the running average on synthetic frames, raw and median-scaled."""
        output = self.predict(self.average, batch.image)
        max_depth = self.settings.max_depth
        metres = decode_depth(output.depths[-1], max_depth)
        # Sky is learnt as max_depth and is no depth to be judged by.
        truth = torch.where(batch.weight >= 1, batch.depth, 0)
        for one, true in zip(metres[:, 0].cpu().numpy(), truth[:, 0].cpu().numpy()):
            for alignment, suffix in _SUFFIXES.items():
                if (true > 0).any():
                    result = depth_metrics(one, true, cap=max_depth, alignment=alignment)
                    values = {f'val/{k}{suffix}': result[k] for k in _METRICS}
                    self.log_dict(values, on_epoch=True, sync_dist=True, batch_size=1)
