"""One training step without Lightning: on a CUDA device all of it is one graph.

Drawing the samples, forward, losses, backward, clipping, the optimizer and the running average: the
host only says which learning rate and which decay, and asks for numbers now and then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.errors import DivergedError
from s2r_depth_training.stages.base import ABSURD_NORM, Stage, averaged_tensors, clip_gradients

# cuDNN chooses its algorithms and Triton compiles in the first steps; they must not be recorded.
_WARM_UP_STEPS = 3


class TrainingStep:
    """Trains ``stage`` by a batch that ``draw`` gives, on the device that the stage is on.

    draw: takes the number of the step; on a CUDA device it is called only to be recorded.
    generator: the one that ``draw`` uses on a CUDA device. Computes in bfloat16 on a CUDA device,
    in the stage's precision elsewhere. On a CUDA device every step has a stream of its own, so that
    several that are run in turns share the device. Raises DivergedError from ``terms``.
    """

    def __init__(
        self,
        stage: Stage,
        draw: Callable[[int], Batch],
        generator: torch.Generator | None = None,
    ) -> None:
        self.stage, self.number = stage, 0
        self._draw, self._generator = draw, generator
        self._device = next(stage.parameters()).device
        self._cuda = self._device.type == 'cuda'
        # Its learning rate is set before every step.
        self.optimizer = stage.make_optimizer(
            lr=torch.zeros((), device=self._device) if self._cuda else 0.0,
            fused=self._cuda,  # on a CPU only newer versions of torch have it
            capturable=self._cuda,
        )
        self._share = torch.zeros((), device=self._device)
        self._averaged = averaged_tensors(stage.average), averaged_tensors(stage.network)
        self._sums: dict[str, Tensor] = {}
        self._counted = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._stream = torch.cuda.Stream(self._device) if self._cuda else None
        if self._stream:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def run(self, rate: float) -> None:
        """Take one step at the learning rate ``rate``; on a CUDA device it is only asked for."""
        if self._cuda and self._graph is None:
            self._record()
        decay = self.stage.decay(self.number + 1)
        with self._scope():
            self._share.fill_(1 - decay)
            for group in self.optimizer.param_groups:
                if self._cuda:
                    group['lr'].fill_(rate)
                else:
                    group['lr'] = rate
            if self._graph is None:
                self.take()
            else:
                self._graph.replay()
        self.number += 1
        self._counted += 1

    def wait(self) -> None:
        """Wait until the device has taken all steps so far."""
        if self._stream:
            self._stream.synchronize()

    def terms(self) -> dict[str, float]:
        """Return the mean of every term of the loss since the last call; waits for the device.

        Also ``loss`` and ``gradient_norm``. Raises DivergedError if one of them is not finite.
        """
        count, self._counted = max(1, self._counted), 0
        with self._scope():
            means = {name: value.item() / count for name, value in self._sums.items()}
            for value in self._sums.values():
                value.zero_()
        finite = all(map(math.isfinite, means.values()))
        # Steps of an absurd norm were left out; this mean means a tenth of all.
        if not finite or means.get('gradient_norm', 0.0) > ABSURD_NORM:
            shown = ', '.join(f'{name} {value:.3g}' for name, value in means.items())
            raise DivergedError(
                f'stage {self.stage.settings.stage.name}, step {self.number}: {shown}; lower the '
                'learning rate'
            )
        return means

    def take(self) -> None:
        """Do the whole step, from drawing to the average; what a graph is a recording of."""
        batch = self._draw(self.number)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._cuda):
            terms = self.stage.losses(batch)
        loss = torch.stack([term.float() for term in terms.values()]).sum()
        loss.backward()
        parameters = [p for group in self.optimizer.param_groups for p in group['params']]
        norm = clip_gradients(parameters, self.stage.settings.optimizer.clip)
        self.optimizer.step()
        self._move_average()
        # No higher, or a single absurd norm would outweigh thousands of usual ones.
        counted = norm.clamp(max=10 * ABSURD_NORM)
        self._count({**terms, 'loss': loss, 'gradient_norm': counted})

    @torch.no_grad()
    def _move_average(self) -> None:
        """Move the running average by a share that is on the device; see update_average."""
        means, values = self._averaged
        differences = torch._foreach_sub(values, means)
        torch._foreach_mul_(differences, self._share)
        torch._foreach_add_(means, differences)

    @torch.no_grad()
    def _count(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            if name not in self._sums:
                self._sums[name] = torch.zeros((), device=self._device)
            self._sums[name] += value.detach()

    def _scope(self) -> AbstractContextManager[Any]:
        return torch.cuda.stream(self._stream) if self._stream else nullcontext()

    def _record(self) -> None:
        """Record the step as a CUDA graph; what the steps before it changed is put back."""
        before = self.state()
        with self._scope():
            for _ in range(_WARM_UP_STEPS):
                self.take()
            self.optimizer.zero_grad(set_to_none=True)
        self.wait()
        graph = torch.cuda.CUDAGraph()
        if self._generator is not None:
            graph.register_generator_state(self._generator)
        with torch.cuda.graph(graph, stream=self._stream):
            self.take()
        self._graph = graph
        self.restore(before)
        with self._scope():
            for value in self._sums.values():
                value.zero_()

    # ---- Its state: what a branch returns to, and what a file keeps.

    def state(self) -> dict[str, Any]:
        """Return a copy of all that the step changes: weights, averages, optimizer, number."""
        with self._scope():
            state = {
                'number': self.number,
                'stage': {k: v.clone() for k, v in self.stage.state_dict().items()},
                'optimizer': {
                    key: {k: v.clone() for k, v in row.items()}
                    for key, row in self.optimizer.state_dict()['state'].items()
                },
            }
        self.wait()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Return to ``state``, in the memory that a recorded graph knows."""
        self.number = state['number']
        parameters = [p for group in self.optimizer.param_groups for p in group['params']]
        with self._scope():
            self.stage.load_state_dict(state['stage'])
            for index, parameter in enumerate(parameters):
                self._restore_moments(parameter, state['optimizer'].get(index))
        self.wait()

    def _restore_moments(self, parameter: Tensor, saved: dict[str, Tensor] | None) -> None:
        own = self.optimizer.state[parameter]
        if saved is None:  # no step was taken yet: Adam's moments are zero
            saved = {key: torch.zeros_like(value) for key, value in own.items()}
        for key, value in saved.items():
            if key in own:
                own[key].copy_(value)
            else:
                own[key] = value.to(parameter.device, copy=True)
