"""Depth from one camera with S2R-DepthNet: network, inference, geometry and a ROS 2 node."""

__version__ = '0.1.0'
