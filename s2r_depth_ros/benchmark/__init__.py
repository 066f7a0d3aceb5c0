"""How fast the network and the estimator are here, without ROS."""
