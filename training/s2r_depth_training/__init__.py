"""Training of S2R-DepthNet on synthetic images: torch and Lightning, never ROS."""
