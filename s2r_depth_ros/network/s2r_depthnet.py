"""S2R-DepthNet (CVPR 2021, arXiv 2104.00877): STE, DSA and DP composed (docs/network.md 1.1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from s2r_depth_ros.network.attention import DepthSpecificAttention
from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.depth import DepthPrediction
from s2r_depth_ros.network.structure import StructureDecoder, StructureEncoder
from s2r_depth_ros.size_rule import check_size

WIDTHS = (1.0, 0.5, 0.25, 0.125)


class NetworkOutput(NamedTuple):
    """What one forward pass gives.

    structure, attention: float [N, 1, H, W] in [0, 1].
    depths: four float maps in [-1, 1], coarse to fine, [N, 1, H/8, W/8] to [N, 1, H, W].
    """

    structure: Tensor
    attention: Tensor
    depths: list[Tensor]


class S2RDepthNet(nn.Module):
    """The whole network: image -> structure map * attention map -> depth.

    ``width`` scales every hidden channel count: 1.0 is the authors' network, key for key. The
    depths are float32 also after ``.to(torch.bfloat16)`` and under autocast (see ``OutputConv``).
    Raises ValueError for a width that does not give whole channel counts.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.width = width
        self.struct_encoder = StructureEncoder(width)
        self.struct_decoder = StructureDecoder(width)
        self.dsa = DepthSpecificAttention(width)
        self.depth_net = DepthPrediction(width)

    def forward(self, image: Tensor) -> NetworkOutput:
        """Predict from ``image``, float [N, 3, H, W] RGB in [-1, 1].

        Raises SizeError unless H and W are multiples of 16 and >= 96 (docs/network.md 2.6).
        """
        check_size(image.shape[-2], image.shape[-1])
        structure = self.struct_decoder(self.struct_encoder(image))
        attention = self.dsa(image)
        return NetworkOutput(structure, attention, self.depth_net(structure * attention))

    def merge_twins(self, on: bool = True) -> None:
        """Set the mode ``UpProjection.merge_twins`` of all up-projections to ``on``."""
        for module in self.modules():
            if isinstance(module, UpProjection):
                module.merge_twins = on


# The four sub-networks by the names that checkpoints and the parity recipe use.
SUB_NETWORKS = ('struct_encoder', 'struct_decoder', 'dsa', 'depth_net')
