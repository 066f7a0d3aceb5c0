"""The ROS 2 node: images and camera_info in; depth, clouds, maps and diagnostics out.

The interface, which is all that other rooms may import:

- ``topics``: the table of the node's topics.
- ``parameters``: the table of its parameters (``values``, how each is declared: ``spec``), their
  checks (``validation``), what YAML makes of them (``reading``), those of a running node.
- ``conversions``, ``camera_info``: between ROS messages and arrays.
- ``main``: runs the node with its ``arguments`` until a signal (``stopping``); for ``cli`` alone.

All else is internal. To read it, begin with ``inference_loop``, the way of a frame:

- ``depth_node``: the lifecycle, which makes and destroys all that follows.
- ``model_loading``: the estimator that the parameters ask for.
- ``inference_loop``: takes frames all the way; ``worker`` is the thread of each camera.
- ``camera_stream``: what the loop needs of one camera: ``camera_topics``, its subscriptions and
  publishers (``qos``: their overrides, and who is not connected; ``latched``: what was published
  before; ``lost_messages``: what never came); ``pipeline``, from its messages to what the network
  sees, and from what that gives to the messages that are published (``frame``: what is known of a
  frame on the way; ``frame_messages``: makes them); ``camera_health``, what became of its frames,
  counted by ``frame_counts``.
- ``transforms``: how frames lie to each other, by a parameter or TF; ``gravity``: where down is, by
  those or by an Imu.
- ``frame_scale``: by what the depth of a frame is scaled, and ``scale_report``, what is told of it;
  ``frame_references`` keeps the messages of other sensors, ``reference_readers`` makes sources of
  scale of them; ``scale_calibration``: the service that sets depth_scale by one known distance.
- ``frame_cleaning``, ``frame_clouds``, ``frame_navigation``: what filters do to depth, its clouds,
  and what a robot plans with over the floor that ``frame_floor`` finds, in depth by
  ``fitted_floor``; ``kept``: tables that are made anew only when what they are for has changed.
- ``frame_level``: whether frames are turned upright for the network.
- ``messages``: those that are published, in memory that is used again; ``compressed_depth``: one as
  image_transport has it.
- ``diagnostics``: publishes what ``status`` makes of the facts.
- ``log``: what the node writes to its log.

Threads and locks: docs/architecture.md.
"""
