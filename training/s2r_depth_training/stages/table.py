"""The table of stages: everything in which one differs from another.

``encoder`` (stage 0), ``decoder`` and ``attention`` are those of the paper (docs/network.md 4.3 to
4.5). ``structure`` and ``nearness`` warm up STE and DSA, ``depth`` trains DP alone behind them,
``ste`` is ``decoder`` with the encoder trained too, ``joint`` trains everything. ``formula`` is DP
alone behind the map that ``structure`` only approaches, ``formula_attention`` is DSA and DP behind
it: they tell what the learnt parts are worth (benchmarks/compare_stages.py).
"""

from __future__ import annotations

from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_training.errors import ExportError
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
    'formula': StageRule(DepthStage, ('depth_net',), seed_offset=4, fresh_depth=True, formula=True),
    'formula_attention': StageRule(
        DepthStage,
        ('dsa', 'depth_net'),
        seed_offset=6,
        fresh_depth=True,
        attention=True,
        formula=True,
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


def is_without_attention(stage: str) -> bool:
    """Return whether DP has learnt behind STE alone, as in the paper's network without DSA."""
    rule = STAGES.get(stage)
    return rule is not None and rule.fresh_depth and not (rule.attention or rule.formula)


def require_exportable(stage: str, name: str) -> None:
    """Raise ExportError, naming ``name``, unless DP knows the attention map after ``stage``."""
    if stage not in STAGES:
        raise ExportError(f'{name} is of another version of s2r_train: there is no stage {stage}')
    if not STAGES[stage].exportable:
        exportable = ', '.join(stage for stage, rule in STAGES.items() if rule.exportable)
        raise ExportError(
            f'{name} is of stage {stage}, whose DP has not learnt behind the attention map; export '
            f'one of the stages {exportable}'
        )
