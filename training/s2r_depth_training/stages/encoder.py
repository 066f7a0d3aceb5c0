"""Stage 0: E_s learns a code that a change of style leaves as it is (docs/network.md 4.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.stages.base import Stage, StageRule
from s2r_depth_training.stages.config import StageSettings
from s2r_depth_training.stages.translation import Painter, StyleEncoder, code_distance


class EncoderStage(Stage):
    """E_s learns with a style encoder and a painter, which are not kept."""

    def __init__(self, settings: StageSettings, rule: StageRule, network: S2RDepthNet) -> None:
        super().__init__(settings, rule, network)
        channels = settings.translation.style_channels
        self.style_encoder = StyleEncoder(network.width, channels)
        self.painter = Painter(network.width, channels)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return own and cross-style reconstruction and the distance of the two codes."""
        weights = self.settings.translation
        images = torch.cat([batch.image, batch.paired])
        codes, styles = self.network.struct_encoder(images), self.style_encoder(images)
        swapped = torch.cat(codes.chunk(2)[::-1])
        first, second = codes.float().chunk(2)
        own = self.painter(codes, styles).float()
        across = self.painter(swapped, styles).float()
        return {
            'own': weights.own * functional.l1_loss(own, images),
            'across': weights.across * functional.l1_loss(across, images),
            'code': weights.code * code_distance(first, second),
        }

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log how far a change of style moves the code of the running average."""
        first, second = (
            self.average.struct_encoder(x).float() for x in (batch.image, batch.paired)
        )
        self.log('val/code', code_distance(first, second), on_epoch=True, sync_dist=True)
