"""Synthetic RGB-D images: procedural and Gazebo scenes, a headless renderer, a photo model."""
