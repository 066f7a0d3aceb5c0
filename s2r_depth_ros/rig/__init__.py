"""What drives and watches a graph from outside, for the demo and the graph benchmark.

What a camera shows:

- ``clip``: a playable input as one type; ``open_clip`` opens whatever a path is, by ``file_clips``
  (sequence, image folder, video) or ``bag_clip`` (recording of ROS), and ``clip_clock`` times it.
- ``bag_camera``: which camera of a recording, by their names and by its images
  (``bag_images``); ``bag_metres``: what of it tells how far things are.

Processes that take part in the graph, each with a ``main``:

- ``camera_player``: plays a clip by a ``camera_node``.
- ``recorder``: writes what a ``receiver`` receives into a bag by the ``bag_writer``.
- ``ros_process``: how such a process starts and ends; ``events``: what it tells on stdout.

Around them:

- ``child`` and ``process_group``: processes started, listened to, and always ended.
- ``environment``: their environment variables.
- ``channels``: topics by their full names; ``lifecycle`` and ``services``: the node's transitions
  and other requests.

What came of it:

- ``recording``: a finished recording; ``clouds`` and ``serialized``: what is in a message.
"""
