"""The network that an experiment starts from."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.pretrained import load_drn_d_22, load_struct_encoder
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.widen import widened


def start_network(experiment: Experiment) -> S2RDepthNet:
    """Return fresh weights, or those of the model file ``experiment.start``, widened if need be.

    Parts that the experiment names files for are from those. torch's random state decides fresh
    weights. Raises ConfigError for a model of another width than the experiment's or half of it,
    CheckpointError for a file that is none.
    """
    network = S2RDepthNet(experiment.width)
    initialise(network, experiment.depth_init)
    if experiment.start:
        weights, metadata = load_model(experiment.start)
        if 2 * metadata.width == experiment.width:
            weights = widened(weights)
        elif metadata.width != experiment.width:
            raise ConfigError(
                f'start: {experiment.start} has width {metadata.width:g}, the experiment '
                f'{experiment.width:g}; it must be the same or half of it'
            )
        network.load_state_dict(weights.state_dict())
    if experiment.struct_encoder:
        load_struct_encoder(network, Path(experiment.struct_encoder))
    if experiment.drn_d_22:
        load_drn_d_22(network, Path(experiment.drn_d_22))
    return network
