"""Images, videos and recordings of ROS from files, depth into files; needs no ROS."""
