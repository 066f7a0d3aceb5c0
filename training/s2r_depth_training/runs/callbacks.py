"""What happens beside the steps: random states, pictures, and real images to watch."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.scores import evaluate_frame, summarise_scores
from s2r_depth_ros.inference.colorize import colorize_depth, colorize_map
from s2r_depth_ros.inference.decoding import metric_depth
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_training.dataset.live_frames import LiveFrames
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.losses import decode_depth

_PICTURES = 6


class RandomStates(Callback):
    """Keeps the states of all random generators in checkpoints.

    Samples need none (their number decides them); this covers whatever else draws.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return the states as tensors and plain values, which load without running code."""
        state = np.random.get_state(legacy=False)
        key, position = state['state']['key'], state['state']['pos']
        return {
            'torch': torch.get_rng_state(),
            'cuda': torch.cuda.get_rng_state_all(),
            'numpy': [
                state['bit_generator'],
                key.tolist(),
                position,
                state['has_gauss'],
                state['gauss'],
            ],
            'python': random.getstate(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the states; those of GPUs only if there are as many as before."""
        torch.set_rng_state(state_dict['torch'])
        if len(state_dict['cuda']) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state_dict['cuda'])
        name, keys, *rest = state_dict['numpy']
        np.random.set_state((name, np.array(keys, np.uint32), *rest))
        version, values, gauss = state_dict['python']
        random.setstate((version, tuple(values), gauss))


class Rendering(Callback):
    """Logs how many frames were rendered so far, and ends the training if rendering fails."""

    def __init__(self, frames: LiveFrames) -> None:
        self._frames = frames

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Log the counts. Raises RenderingError if a rendering process has failed."""
        for kind, count in self._frames.rendered().items():
            pl_module.log(f'rendered/{kind}', float(count))


class Pictures(Callback):
    """Shows image, structure, attention, depth and truth of some validation frames."""

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write one picture to TensorBoard."""
        if not trainer.is_global_zero or not isinstance(trainer.logger, TensorBoardLogger):
            return
        loader = trainer.val_dataloaders
        if not isinstance(pl_module, DepthStage) or loader is None:
            return
        dataset = loader.dataset
        chosen = np.unique(np.linspace(0, len(dataset) - 1, _PICTURES).astype(int))
        rows = [_row(pl_module, dataset[int(i)]) for i in chosen]
        trainer.logger.experiment.add_image(
            'image_structure_attention_depth_truth',
            np.vstack(rows),
            trainer.global_step,
            dataformats='HWC',
        )


@torch.no_grad()
def _row(stage: DepthStage, sample: Batch) -> NDArray[np.uint8]:
    image = sample.image[None].to(stage.device)
    output = stage.predict(stage.average, image)
    depth = decode_depth(output.depths[-1], stage.settings.max_depth)
    maps = [m[0, 0].float().cpu().numpy() for m in (output.structure, output.attention, depth)]
    truth = np.where(sample.weight[0] >= 1, sample.depth[0], np.nan).astype(np.float32)
    near, far = (float(v) for v in np.nanpercentile(np.append(truth, [1.0, 10.0]), (2, 98)))
    rgb = ((sample.image.numpy().transpose(1, 2, 0) + 1) * 127.5).round().astype(np.uint8)
    pictures = (
        rgb,
        colorize_map(maps[0]),
        colorize_map(maps[1]),
        colorize_depth(maps[2], near, far),
        colorize_depth(truth, near, far),
    )
    return np.hstack(pictures)


def real_keys(kinds: Collection[str]) -> list[str]:
    """Return what RealImages logs for images of ``kinds``, sorted."""
    names = ('abs_rel', 'delta1', 'abs_rel_raw')
    return sorted(['real/abs_rel', *(f'real/{kind}/{name}' for kind in kinds for name in names)])


class RealImages(Callback):
    """Logs the errors on the images of ``validation.real``, which nothing is trained on.

    Logs real/abs_rel (the mean over kinds, median-scaled)
    and real/KIND/abs_rel, delta1 and abs_rel_raw.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._loaded = read_ground_truth(experiment.validation.real)

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Evaluate the running average."""
        if not isinstance(pl_module, DepthStage):
            return
        values = self._errors(pl_module)
        means = [v for k, v in values.items() if k.endswith('/abs_rel')]
        pl_module.log_dict({**values, 'real/abs_rel': float(np.mean(means))}, sync_dist=True)

    @torch.no_grad()
    def _errors(self, stage: DepthStage) -> dict[str, float]:
        data = self._experiment.data
        metadata = metadata_of(self._experiment, 'validation')
        prepare = Preprocessor(metadata, (data.height, data.width), stage.device, torch.float32)

        def predictor(rgb: NDArray[np.uint8], fx: float) -> NDArray[np.float32]:
            output = stage.predict(stage.average, prepare(rgb))
            scale = fx * data.width / rgb.shape[1] / data.focal_length
            size = (rgb.shape[0], rgb.shape[1])
            return metric_depth(output.depths[-1], size, data.max_depth * scale).cpu().numpy()

        records = [r for frame in self._loaded for r in evaluate_frame(frame, predictor, {})]
        values = {}
        for kind, alignments in summarise_scores(records).items():
            scaled, raw = alignments['median']['model'], alignments['none']['model']
            values[f'real/{kind}/abs_rel'] = scaled['abs_rel']['mean']
            values[f'real/{kind}/delta1'] = scaled['delta1']['mean']
            values[f'real/{kind}/abs_rel_raw'] = raw['abs_rel']['mean']
        return values
