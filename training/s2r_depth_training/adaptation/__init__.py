"""A model learns from a robot's own recordings: the paper's semi-supervised setting as a tool."""
