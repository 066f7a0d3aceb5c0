"""The table of stages: everything in which one differs from another.

``encoder`` (stage 0), ``decoder`` and ``attention`` are those of the paper (docs/network.md 4.3 to
4.5). ``structure`` and ``nearness`` warm up STE and DSA, ``depth`` trains DP alone behind them,
``ste`` is ``decoder`` with the encoder trained too, ``joint`` trains everything.
"""

from __future__ import annotations

from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_training.stages.base import Stage, StageRule
from s2r_depth_training.stages.config import StageSettings
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.encoder import EncoderStage
from s2r_depth_training.stages.warm_up import NearnessStage, StructureStage

# The seed offsets lie below this, so that experiments of other seeds share no samples either.
_OFFSETS = 16

# No two seed offsets are alike. 9, 8 and 5 are what the shipped models were trained with.
STAGES: dict[str, StageRule] = {
    'encoder': StageRule(
        EncoderStage, ('struct_encoder',), seed_offset=0, monitor='val/code', pairs=True
    ),
    'structure': StageRule(
        StructureStage,
        ('struct_encoder', 'struct_decoder'),
        seed_offset=9,
        monitor='val/structure',
    ),
    'nearness': StageRule(NearnessStage, ('dsa',), seed_offset=8, monitor='val/nearness'),
    'ste': StageRule(
        DepthStage,
        ('struct_encoder', 'struct_decoder', 'depth_net'),
        seed_offset=3,
        fresh_depth=True,
        structure_loss=True,
    ),
    'decoder': StageRule(
        DepthStage,
        ('struct_decoder', 'depth_net'),
        seed_offset=7,
        fresh_depth=True,
        structure_loss=True,
    ),
    'depth': StageRule(DepthStage, ('depth_net',), seed_offset=5, attention=True, exportable=True),
    'attention': StageRule(
        DepthStage,
        ('dsa', 'depth_net'),
        seed_offset=1,
        fresh_depth=True,
        attention=True,
        exportable=True,
    ),
    'joint': StageRule(
        DepthStage,
        SUB_NETWORKS,
        seed_offset=2,
        attention=True,
        structure_loss=True,
        exportable=True,
    ),
}


def make_stage(settings: StageSettings, network: S2RDepthNet) -> Stage:
    """Return the module of the stage; ``network`` holds the weights it starts from."""
    rule = STAGES[settings.stage.name]
    return rule.make(settings, rule, network)


def sample_seed(experiment_seed: int, stage: str) -> int:
    """Return the seed of a stage's samples: another for every stage and experiment seed."""
    return experiment_seed * _OFFSETS + STAGES[stage].seed_offset
