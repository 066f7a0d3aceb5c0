"""From a scene and a camera to an image and its depth, with OpenGL."""
