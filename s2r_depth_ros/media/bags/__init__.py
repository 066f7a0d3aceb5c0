"""Recordings of ROS, read without ROS: ``open_bag`` opens rosbag2 (MCAP, SQLite) and ROS 1 bags.

- ``bag``: a recording as one type; its topics and messages, whatever files it is made of.
- ``bag_files``: which files those are, unpacked where they are compressed.
- ``mcap``, ``sqlite``, ``ros1``: one kind of file each, as the ``Storage`` of ``storage``.
- ``messages``: messages of sensor_msgs out of their bytes; ``lidar``: points of them.
- ``transforms``: how frames lie to each other, by the recorded TF.

The rosbags library reads what a message holds and the bags of ROS 1. Its readers of rosbag2 refuse
a whole recording for one channel that they do not know, and for a missing end; these do not.
"""
