"""What a run of the demo is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.share import share_directory


@dataclass(frozen=True)
class DemoOptions:
    """The options of the command.

    input: image folder, video, bag or folder with sequence.json. out: folder for the results.
    model: name or file. device: auto, cpu, cuda or cuda:N. rate: frames per second, None plays at
    the clip's own times. frames: how many at most. fx: focal length in pixels of the clip's
    images, None takes the clip's own. topic: of a recording's images, None finds the camera.
    """

    input: Path
    out: Path
    model: str
    device: str
    rate: float | None
    frames: int
    fx: float | None
    topic: str | None = None


def default_input() -> Path:
    """Return the real sequence beside the checkout where there is one, else the shipped clip."""
    root = share_directory()
    beside = sorted(root.parent.glob('shared/data/eval_real/sequence/*/sequence.json'))
    return beside[0].parent if beside else root / 'config' / 'demo_clip'
