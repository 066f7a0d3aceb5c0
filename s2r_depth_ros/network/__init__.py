"""S2R-DepthNet as torch modules, and its checkpoints. Needs torch only."""
