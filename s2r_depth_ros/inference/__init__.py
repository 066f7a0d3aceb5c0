"""Depth from images without ROS: the estimator, and how its results are coloured and written."""
