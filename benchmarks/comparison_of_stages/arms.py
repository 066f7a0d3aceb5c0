"""The ways to train that are compared, and what each starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.errors import UserError
from s2r_depth_training.runs.experiment import Experiment, load_experiment

CONFIG = Path(__file__).parents[2] / 'training/configs/comparison.yaml'


class ComparisonError(UserError):
    """What was asked for needs something that is not there, or was done already."""


@dataclass(frozen=True)
class Arm:
    """One way to train.

    stage: name of the stage that DP learns in. start: the result that it starts from, of a stage 0
    or of another arm; '' for a fresh network. fork: arm that it leaves after FORK of the images.
    rate: the constant learning rate, times that of the configuration. code: weight of the loss on
    equal codes. worlds: the names of the Gazebo worlds that a quarter of its frames are from. wide:
    whether its rooms are those that cameras of wide poses see.
    """

    about: str
    stage: str
    start: str = ''
    fork: str = ''
    rate: float = 1.0
    code: float = 0.0
    worlds: tuple[str, ...] = ()
    wide: bool = False


ARMS = {
    'a': Arm('map by formula, no attention', 'formula'),
    'b': Arm('map by formula, attention learnt with a fresh DP', 'formula_attention'),
    'c': Arm('stage 0, E_s frozen, D_s and DP learn', 'decoder', start='encoder'),
    'd': Arm('c, then STE frozen, attention and a fresh DP', 'attention', start='c'),
    'e': Arm('everything jointly from nothing', 'joint', rate=0.75),
    'f': Arm('d, then jointly, codes kept equal', 'joint', fork='d', rate=0.35, code=0.5),
    'g': Arm('c, but stage 0 without own reconstruction', 'decoder', start='encoder_across'),
    'h': Arm('c, but E_s as it was drawn: what stage 0 is worth', 'decoder'),
    'i': Arm(
        'a, a quarter of the frames from two worlds',
        'formula',
        worlds=('hospital', 'small_house'),
    ),
    'j': Arm('a, cameras of wide poses', 'formula', wide=True),
}
PLAIN = [name for name, arm in ARMS.items() if not arm.worlds and not arm.wide]
"""The arms that learn from nothing but rooms with cameras of usual poses."""
WORLD_SHARE = 0.25
# Stage 0 by name: the weight of the reconstruction in the image's own style.
STAGE_0 = {'encoder': 1.0, 'encoder_across': 0.0}


def needs(name: str) -> str:
    """Return the name of the result that an arm or a stage 0 starts from, or ''."""
    arm = ARMS.get(name)
    if arm is None:
        return ''
    return f'{arm.fork}_fork' if arm.fork else arm.start


def shared_experiment() -> Experiment:
    """Return what all arms have in common."""
    return load_experiment(CONFIG)
