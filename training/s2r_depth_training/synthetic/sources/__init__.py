"""Where scenes come from: procedural rooms and streets, and Gazebo worlds."""
