"""Triton kernels of the fused layers: channels last, sums in float32, the same result every time.

One module for each field of ``s2r_depth_ros.network.engine.Engine``, with the functions that
``s2r_depth_ros.network.formulas`` has. Nothing here synchronises with the host, so all of it can be
recorded in a CUDA graph. Importing the modules needs Triton.
"""
