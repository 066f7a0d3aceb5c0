"""Runs the depth node until it is interrupted."""

# What takes time is imported in the functions, so that signals are handled from the start.

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.node import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.executors import MultiThreadedExecutor

    from s2r_depth_ros.node.arguments import NodeArguments


def main(arguments: list[str]) -> int:
    """Run the node with ROS arguments; return 0 after SIGINT or SIGTERM, 2 for wrong arguments.

    arguments: without the program's name. Raises SystemExit for --help.
    """
    stopping.stop_at_once()
    from s2r_depth_ros.command_table import reported

    return reported(lambda: _main(arguments))


def _main(arguments: list[str]) -> None:
    problem = _prepared_environment()
    from s2r_depth_ros.node.arguments import read_arguments

    try:
        given = read_arguments(arguments)
        _start_ros(arguments)
        _run(given, problem)
    finally:
        _end_ros()


def _prepared_environment() -> str:
    """Leave to Fast DDS what it can use, and return what the node is to tell of the environment.

    Raises UserError if shared memory is full.
    """
    from s2r_depth_ros.ros_environment import discovery_fault
    from s2r_depth_ros.transport import avoid_full_memory, drop_ignored_profile

    found = drop_ignored_profile(os.environ), avoid_full_memory(os.environ)
    return '; '.join(map(str, filter(None, (*found, discovery_fault(os.environ)))))


def _start_ros(args: Sequence[str]) -> None:
    """Start rclpy. Raises UserError for arguments or an environment that it cannot use."""
    from s2r_depth_ros.ros_environment import check_environment

    check_environment(os.environ, log_files='--disable-external-lib-logs' not in args)
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from s2r_depth_ros.node.arguments import explained

    # rclpy's own handlers end the context while the node still uses it, so that a transition or a
    # frame under way fails; those of ``stopping`` let it finish first.
    try:
        rclpy.init(args=['node', *args], signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # the base of rclpy's errors about arguments, which are private
        raise UserError(explained(str(error))) from error
    except UnicodeError as error:
        # What Python could not read as UTF-8 it holds as halves of surrogate pairs.
        wrong = ' '.join(text for text in args if re.search('[\ud800-\udfff]', text))
        raise UserError(f'{brief(wrong)} is no text in UTF-8: write it in letters') from error


def _end_ros() -> None:
    if 'rclpy' in sys.modules:
        import rclpy

        rclpy.try_shutdown()


def _run(given: NodeArguments, problem: str) -> None:
    from rclpy.exceptions import ParameterException
    from rclpy.executors import MultiThreadedExecutor
    from rclpy.impl.implementation_singleton import rclpy_implementation

    from s2r_depth_ros.node.arguments import explained
    from s2r_depth_ros.node.depth_node import DepthNode

    stop = stopping.Stop()
    executor = MultiThreadedExecutor(num_threads=4)
    try:
        node = DepthNode(given, problem)
    except ParameterException as error:  # of a parameter that rclpy itself declares
        raise UserError(str(error)) from error
    except rclpy_implementation.RCLError as error:  # the middleware's, such as a wrong enclave
        raise UserError(f'the node cannot be started: {explained(str(error))}') from error
    executor.add_node(node)
    if node.parameters.values.autostart:
        node.autostart()
    else:
        node.get_logger().info('unconfigured: waiting for the transitions configure, activate')
    try:
        _spin(executor, stop, node.report_defect)
    finally:
        node.close()
        node.destroy_node()


def _spin(
    executor: MultiThreadedExecutor,
    stop: stopping.Stop,
    report: Callable[[BaseException], None],
) -> None:
    """Spin until a signal; on another thread, as only the main one runs Python's handlers.

    report: called with what a callback raised.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, 'spin') as thread:
        try:
            spinning = thread.submit(spin_on, executor, report)
            stop.wait_for(spinning.done)
            if spinning.done():
                spinning.result()
        finally:
            stopping.end_soon()
            executor.shutdown()


def spin_on(executor: MultiThreadedExecutor, report: Callable[[BaseException], None]) -> None:
    """Spin until the executor is shut down, though callbacks fail.

    rclpy's ``spin`` ends by what a callback raised, and with it the node: one of rclpy's own, too,
    that meets a message with a negative time or a parameter of no type. It ends by InvalidHandle
    (its issues 1142 and 1206) where a topic goes just as it is to be waited for.

    report: called with what a callback raised. Raises what the waiting itself ended with.
    """
    from rclpy.exceptions import InvalidHandle

    while True:
        try:
            return executor.spin()
        except InvalidHandle:
            continue
        except Exception as error:
            if not _of_callback(error):
                raise
            report(error)


def _of_callback(error: BaseException) -> bool:
    """Return whether a callback raised it, and not the executor as it waited or took a message.

    It would fail so again, or leave what it took for never to be called again.
    """
    import traceback

    return any(frame.name == '_execute' for frame in traceback.extract_tb(error.__traceback__))
