"""Stages in which STE or DSA alone learns a map that is known for every image, before DP exists.

Both maps are only where the later stages start from.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.network.contrast import normalised_contrast
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.losses import attention_term


class WarmUpStage(Stage):
    """One part learns one map; its loss has the name of the stage."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the error of the map that this stage trains."""
        return {self.settings.stage.name: self.error(self.network, batch)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log the error of the running average."""
        error = self.error(self.average, batch)
        self.log(f'val/{self.settings.stage.name}', error, on_epoch=True, sync_dist=True)

    def error(self, network: S2RDepthNet, batch: Batch) -> Tensor:
        """Return the error of the map of ``network``, a scalar."""
        raise NotImplementedError


class StructureStage(WarmUpStage):
    """STE draws the image with its contrast normalised locally."""

    def error(self, network: S2RDepthNet, batch: Batch) -> Tensor:
        """Return the mean absolute difference of the structure map."""
        structure = network.struct_decoder(network.struct_encoder(batch.image))
        return functional.l1_loss(structure.float(), normalised_contrast(batch.image))


class NearnessStage(WarmUpStage):
    """DSA tells near from far."""

    def error(self, network: S2RDepthNet, batch: Batch) -> Tensor:
        """Return the error of the attention map as nearness."""
        attention = network.dsa(batch.image)
        return attention_term(attention, batch.depth, batch.weight, self.settings.max_depth)
