"""What the fused layers compute, in plain torch: the stand-in that tests the kernels and their use.

One module for each field of ``s2r_depth_ros.network.engine.Engine``; the same functions with the
same arguments as in ``s2r_depth_ros.network.kernels``, on any device and in any layout, and in
float64 if the input is.
"""
