"""Synthetic scenes and their pictures: the worlds that the training images are rendered from.

Rooms, each using only those before it: ``geometry`` (cameras, what a scene consists of, unit
meshes, free space), ``looks`` (materials, styles, daylight, the photo model), then ``renderer``
(OpenGL) and ``sources`` (rooms, streets, Gazebo worlds), which do not use each other, and
``views.py``, which chooses cameras with the renderer's help. All code here decides how frames look.
"""
