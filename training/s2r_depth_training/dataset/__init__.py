"""Training sets: their format, and the way from a frame to a sample."""
