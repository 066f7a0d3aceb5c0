"""Runs the depth node until it is interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import MultiThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from s2r_depth_ros.errors import UserError

_SIGNAL_PERIOD = 0.2  # s, after which a signal is seen at the latest


def main(args: Sequence[str] | None = None) -> int:
    """Run the node with ROS arguments; return 0 after SIGINT or SIGTERM, 2 for wrong arguments.

    args: without the program's name; the process's own if None.
    """
    # rclpy's own handlers end the context while the node still uses it, so that a transition or a
    # frame under way fails; these let it finish first.
    _handle_signals(signal.default_int_handler)
    try:
        _start_ros(args)
        _run()
    except KeyboardInterrupt:
        pass
    except (UserError, ParameterException) as error:
        print('error: ' + ' '.join(str(error).split()), file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


def _start_ros(args: Sequence[str] | None) -> None:
    """Start rclpy. Raises UserError for arguments that it cannot read."""
    try:
        rclpy.init(
            args=None if args is None else ['node', *args],
            signal_handler_options=SignalHandlerOptions.NO,
        )
    except RuntimeError as error:  # the base of rclpy's errors about arguments, which are private
        raise UserError(f'{error}; correct what follows --ros-args') from error


def _run() -> None:
    # Takes seconds (torch); imported here so that signals are handled from the start.
    from s2r_depth_ros.node.depth_node import DepthNode

    executor = MultiThreadedExecutor(num_threads=4)
    node = DepthNode()
    executor.add_node(node)
    if node.parameters.values.autostart:
        node.autostart()
    else:
        node.get_logger().info('unconfigured: waiting for the transitions configure, activate')
    try:
        _spin(executor)
    finally:
        node.close()
        node.destroy_node()


def _spin(executor: MultiThreadedExecutor) -> None:
    """Spin until a signal; on another thread, as only the main one runs Python's handlers."""
    with ThreadPoolExecutor(1, 'spin') as thread:
        try:
            spinning = thread.submit(executor.spin)
            # The kernel may hand a signal to another thread, which does not end a wait here.
            while not wait([spinning], _SIGNAL_PERIOD).done:
                pass
            spinning.result()
        finally:
            _handle_signals(signal.SIG_IGN)
            executor.shutdown()


def _handle_signals(handler: signal.Handlers | Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


if __name__ == '__main__':
    sys.exit(main())
