"""Depth from images without ROS, the hot path.

``estimator`` is what others use. It prepares images (``preprocessing``, ``transfer``), runs the
network on a device (``devices``, ``backends``), turns its maps into metres at the image's size
(``decoding``) and finishes the depth and its cloud (``finishing``, ``postprocess``); ``colorize``
makes pictures of the results.
"""
