"""Runs the depth node until it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor

from s2r_depth_ros.errors import UserError


def main(args: Sequence[str] | None = None) -> int:
    """Run the node with ROS arguments; return 0 after SIGINT or SIGTERM, 2 for bad parameters.

    args: without the program's name; the process's own if None.
    """
    rclpy.init(args=None if args is None else ['node', *args])
    try:
        _run()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


def _run() -> None:
    # Takes seconds (torch); imported here so that signals are handled from the start.
    from s2r_depth_ros.node.depth_node import DepthNode

    if not rclpy.ok():
        return
    executor = MultiThreadedExecutor(num_threads=4)
    node = DepthNode()
    try:
        executor.add_node(node)
        if node.parameters.values.autostart:
            node.autostart()
        else:
            node.get_logger().info('unconfigured: waiting for the transitions configure, activate')
        executor.spin()
    finally:
        executor.shutdown()
        node.close()
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())
