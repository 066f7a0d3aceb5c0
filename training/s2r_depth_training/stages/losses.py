"""Training losses: the paper's, and what an experiment may choose (docs/network.md 4.6).

Every loss is a mean over images of a mean over pixels. So a batch that is split between processes
whose gradients are averaged has the gradients of the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from s2r_depth_training.stages.config import LossConfig

_NEAREST_LOG_DEPTH = 0.02  # m; keeps the logarithm of the network's lower end finite
_NEAREST_ATTENDED = 0.4  # m
_GRADIENT_STEPS = (1, 2, 4)


def encode_depth(depth: Tensor, max_depth: float) -> Tensor:
    """Map depth in m to the network's range: 0 -> -1, ``max_depth`` m -> 1."""
    return depth / max_depth * 2 - 1


def decode_depth(encoded: Tensor, max_depth: float) -> Tensor:
    """Map the network's range [-1, 1] to depth in m, float32."""
    return (encoded.float() + 1) / 2 * max_depth


def mean_of_each_image(values: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of every image, [N], of two [N, 1, H, W] tensors.

    An image whose weights are all zero gives 0.
    """
    total = weight.sum((1, 2, 3))
    return (values * weight).sum((1, 2, 3)) / total.clamp(min=1e-6)


def resize_as(target: Tensor, like: Tensor) -> Tensor:
    """Resize ``target`` [N, 1, H, W] to the size of ``like`` (docs/network.md 4.6)."""
    return functional.interpolate(target, like.shape[-2:], mode='bilinear', align_corners=True)


def pool_known(values: Tensor, known: Tensor, like: Tensor) -> Tensor:
    """Return the mean of the known values under each pixel of ``like``, 0 where none is known.

    values: [N, 1, H, W], finite. known: 0 or 1, of that size. The size of ``like`` divides it.
    """
    factor = values.shape[-1] // like.shape[-1]
    share = functional.avg_pool2d(known, factor)
    return functional.avg_pool2d(values * known, factor) / share.clamp(min=1e-6)


def structure_loss(structure: Tensor, depth: Tensor, beta: float) -> Tensor:
    """Return the structure map's sparsity loss, weaker where depth changes (docs/network.md 4.6).

    structure: [N, 1, H, W] in [0, 1]; depth: [N, 1, H, W] encoded to [-1, 1]; beta >= 0: how fast
    the weight exp(-beta |gradient|) falls. At the paper's 0.001 the weight is at least 0.996.
    """
    right = functional.pad(depth, (0, 1, 0, 0), mode='replicate').diff(dim=-1)
    below = functional.pad(depth, (0, 0, 0, 1), mode='replicate').diff(dim=-2)
    gradient = (right.abs() + below.abs()).mean(1, keepdim=True)
    return (structure * torch.exp(-beta * gradient)).abs().mean()


def attention_term(attention: Tensor, target: Tensor, weight: Tensor, max_depth: float) -> Tensor:
    """Return the error of the attention map [N, 1, H, W] as nearness, and of its gradients.

    Nearness falls from 1 at 0.4 m to 0 at ``max_depth`` with the logarithm of depth. The paper
    gives DSA no loss of its own, and 20 epochs; an attention map that starts so is of use to DP
    within a few thousand steps.
    """
    span = math.log(max_depth / _NEAREST_ATTENDED)
    nearness = 1 - (target / _NEAREST_ATTENDED).log() / span
    error = attention.float() - nearness.clamp(0.02, 0.98)
    return 3 * mean_of_each_image(error.abs(), weight).mean() + gradient_term(error, weight)


def depth_loss(
    depths: Sequence[Tensor], target: Tensor, weight: Tensor, max_depth: float, config: LossConfig
) -> dict[str, Tensor]:
    """Return the terms of the depth loss that ``config`` weighs above zero, summed over scales.

    depths: four maps in [-1, 1], coarse to fine. target: [N, 1, H, W], m in the canonical camera,
    > 0. weight: [N, 1, H, W] >= 0, 0 = unknown. Terms carry their weights: their sum is the loss.
    """
    terms: dict[str, Tensor] = {}
    for depth, scale in zip(depths, config.scales):
        for name, value in _terms(depth, target, weight, max_depth, config).items():
            terms[name] = terms.get(name, target.new_zeros(())) + scale * value
    return terms


def _terms(
    depth: Tensor, target: Tensor, weight: Tensor, max_depth: float, config: LossConfig
) -> dict[str, Tensor]:
    terms = {}
    if config.l1:
        terms['l1'] = config.l1 * l1_term(depth, target, weight, max_depth, config.inverse_depth)
    if config.log or config.scale_invariant or config.gradient:
        error, small = _log_error(depth, target, weight, max_depth)
        if config.log:
            terms['log'] = config.log * mean_of_each_image(error.abs(), small).mean()
        if config.scale_invariant:
            terms['scale_invariant'] = config.scale_invariant * scale_invariant_term(error, small)
        if config.gradient:
            terms['gradient'] = config.gradient * gradient_term(error, small)
    return terms


def l1_term(
    depth: Tensor, target: Tensor, weight: Tensor, max_depth: float, inverse_depth: float = 0.0
) -> Tensor:
    """Return the mean absolute error of encoded depth (docs/network.md 4.6).

    inverse_depth: power p of an extra weight (1 / depth)^p; 0 is the paper's plain mean, 1 makes
    the error relative, so that far walls do not outweigh what the robot may hit.

    Resized as in the paper where all that is mixed is known; elsewhere a coarse pixel's truth is
    the mean of the known pixels under it, and its weight their share, as of sparse depth.
    """
    encoded, known = encode_depth(target, max_depth), (weight > 0).float()
    whole = resize_as(known, depth) > 1 - 1e-4
    pooled = pool_known(encoded, known, depth)
    encoded = torch.where(whole, resize_as(encoded, depth), pooled)
    pooled_weight = functional.avg_pool2d(weight, target.shape[-1] // depth.shape[-1])
    weight = torch.where(whole, resize_as(weight, depth), pooled_weight)
    if inverse_depth:
        weight = weight * decode_depth(encoded, max_depth).clamp(min=0.1) ** -inverse_depth
    return mean_of_each_image((depth.float() - encoded).abs(), weight).mean()


def _log_error(
    depth: Tensor, target: Tensor, weight: Tensor, max_depth: float
) -> tuple[Tensor, Tensor]:
    """Return predicted minus true log depth at the scale of ``depth``, and its weight.

    A coarse pixel's truth is the mean log depth of the known pixels under it, and its weight the
    mean of their weights and of zeros for the others: little where little is known.
    """
    truth = pool_known(target.log(), (weight > 0).float(), depth)
    small = functional.avg_pool2d(weight, target.shape[-1] // depth.shape[-1])
    predicted = decode_depth(depth, max_depth).clamp(min=_NEAREST_LOG_DEPTH).log()
    return predicted - truth, small


def scale_invariant_term(error: Tensor, weight: Tensor) -> Tensor:
    """Return the mean deviation of log errors from their image's mean: 0 if only the scale is off.

    After Eigen et al. 2014, with absolute in place of squared deviations.
    """
    mean = mean_of_each_image(error, weight)[:, None, None, None]
    return mean_of_each_image((error - mean).abs(), weight).mean()


def gradient_term(error: Tensor, weight: Tensor) -> Tensor:
    """Return the mean change of log errors between pixels 1, 2 and 4 apart: edges in place."""
    total = error.new_zeros(())
    for step in _GRADIENT_STEPS:
        for axis in (-1, -2):
            length = error.shape[axis] - step
            ahead, here = error.narrow(axis, step, length), error.narrow(axis, 0, length)
            both = weight.narrow(axis, step, length) * weight.narrow(axis, 0, length)
            total = total + mean_of_each_image((ahead - here).abs(), both).mean()
    return total
