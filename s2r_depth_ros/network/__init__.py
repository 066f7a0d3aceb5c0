"""S2R-DepthNet as torch modules, and its checkpoints. Needs torch only."""

from s2r_depth_ros.dependencies import check_torch

# Here, before a module of this room asks an old torch for what it does not have yet.
check_torch()
