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
- ``inference_loop``: takes frames all the way; ``worker`` is its thread.
- ``camera_stream``: what the loop needs of one camera: ``camera_topics``, its subscriptions and
  publishers (``qos``: their overrides, and who is not connected; ``latched``: what was published
  before; ``lost_messages``: what never came); ``pipeline``, from its messages to what the network
  sees, and to the messages that are published; ``camera_health``, what became of its frames,
  counted by ``frame_counts``.
- ``transforms``: how frames lie to each other, by a parameter or TF; ``gravity``: where down is, by
  those or by an Imu.
- ``frame_scale``: by what the depth of a frame is scaled, and ``scale_report``, what is told of it;
  ``frame_references`` keeps the messages of other sensors, ``reference_readers`` makes sources of
  scale of them; ``scale_calibration``: the service that sets depth_scale by one known distance.
- ``frame_cleaning``, ``frame_clouds``, ``frame_navigation``: what ``pipeline`` lets filters do to
  depth, its clouds, and what a robot plans with over the floor that ``frame_floor`` finds, in depth
  by ``fitted_floor``; ``kept``: tables that are made anew only when what they are for has changed.
- ``frame_level``: whether frames are turned upright for the network.
- ``messages``: those that are published, in memory that is used again; ``compressed_depth``: one as
  image_transport has it.
- ``diagnostics``: publishes what ``status`` makes of the facts.
- ``log``: what the node writes to its log.

Threads:

- The main thread waits for signals, and ends the others (``main``).
- One thread spins the executor, and the executor's four threads run all callbacks: transitions, one
  at a time; images, camera_info and references of scale, each topic's one at a time; parameters;
  diagnostics; one calibration of the scale, which waits for frames.
- One thread for each configuration infers and publishes (``inference_loop``). Cleanup does not wait
  for it: it ends once the frames under way are done, while the next configuration may begin.

Locks:

- ``DepthNode._transition_lock``: held by the transition that runs; another is refused.
- ``DepthNode._parameters_lock``: held while parameters are set, and while a configure takes them.
- ``InferenceLoop._publish_lock``: guards whether the loop is active, and since which activation;
  held while a frame is published, so that no message follows a deactivation.
- ``NewestWorker``: guards the images that wait.
- ``CameraInfoHistory``: guards the camera_info messages that were kept.
- ``FrameReferences``: guards the messages of other sensors that were kept.
- ``ScaleCalibration._waiting``: held while a calibration waits for frames; another is refused.
- ``LatchedSubscription``: guards the subscriptions of one topic.
- ``CameraStream._still_lock``: guards the image that arrives again for a new subscriber.
- ``NodeTransforms``: guards whether TF is listened to.
- ``ImuReader``: guards the directions that an Imu has told.
- ``FrameCounter``: guards the counts, which diagnostics read while frames are counted.

What has no lock is replaced as a whole and read once: the parameters' ``Values``, the node's loop
and its list of cameras, a camera's last result.
"""
