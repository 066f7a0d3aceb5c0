"""What /diagnostics says of the node and its cameras: a function of facts, without a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_health import CameraFacts
from s2r_depth_ros.node.frame_counts import FrameCounts
from s2r_depth_ros.node.parameters import Values

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
# STALE outranks no ERROR but any WARN.
_RANK = {OK: 0, WARN: 1, STALE: 2, ERROR: 3}

# Seconds without an image after which an active node calls a camera stale; for one that is slower
# how many of its periods, and how long at most.
_STALE_AFTER, _STALE_PERIODS, _STALE_AT_LAST = 2.0, 3.0, 30.0
# Frames in a row with one stamp that no subscriber's coming and going explains.
_REPEATED = 20
# Images lost on the way that are worth a warning: how many at least, and which share of all.
_LOST_AT_LEAST, _LOST_SHARE = 5, 0.5


@dataclass(frozen=True)
class NodeFacts:
    """What diagnostics are made of.

    name: the node's full name. state: ``active``, ``inactive`` or ``unconfigured``.
    configure_error: why the last configure failed, '' if it did not. estimator: the loaded model,
    None while unconfigured. cameras: of a configured node. problem: what is wrong with the process.
    """

    name: str
    state: str
    configure_error: str
    estimator: DepthEstimator | None
    parameters: Values
    cameras: Sequence[CameraFacts]
    problem: str = ''


class Problem(NamedTuple):
    """Something that is wrong: its level in DiagnosticStatus, and a text with the remedy."""

    level: bytes
    text: str


class _Row(NamedTuple):
    """One status before it is a message: what of the node it is about, and its content."""

    subject: str
    problems: list[Problem]
    values: dict[str, str]


def statuses(facts: NodeFacts) -> list[DiagnosticStatus]:
    """Return the node's status, which is also that of a single camera, then each camera's."""
    return [
        status_message(
            name=f'{facts.name}: {row.subject}',
            hardware_id=str(facts.estimator.device) if facts.estimator else '',
            problems=row.problems,
            otherwise=facts.state,
            values=row.values,
        )
        for row in _rows(facts)
    ]


def status_message(
    name: str,
    hardware_id: str,
    problems: Sequence[Problem],
    otherwise: str,
    values: Mapping[str, str],
) -> DiagnosticStatus:
    """Return the status message: the worst of ``problems`` sets the level.

    otherwise: the message when nothing is wrong.
    """
    ordered = sorted(problems, key=lambda problem: -_RANK[problem.level])
    return DiagnosticStatus(
        name=name,
        hardware_id=hardware_id,
        level=ordered[0].level if ordered else OK,
        message='; '.join(problem.text for problem in ordered) or otherwise,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def _rows(facts: NodeFacts) -> list[_Row]:
    node = _Row('depth', _node_problems(facts), _node_values(facts))
    rows = [node]
    for camera in facts.cameras:
        problems, values = _camera_problems(camera, facts.parameters), _camera_values(camera)
        if camera.name:
            own = f'{facts.parameters.of_camera(camera.name).depth_scale:g}'
            values = {'state': facts.state, 'depth_scale': own, **values}
            rows.append(_Row(f'camera {camera.name}', problems, values))
        else:
            node.problems.extend(problems)
            node.values.update(values)
        if facts.parameters.scale.names:
            rows.append(_scale_row(camera, facts.state))
    return rows


def _scale_row(camera: CameraFacts, state: str) -> _Row:
    """Return what is told of the scale of a camera's newest frame."""
    subject = f'camera {camera.name}: scale' if camera.name else 'scale'
    report = camera.last.scale if camera.counts is not None and camera.last else None
    if report is None:
        return _Row(subject, [], {'state': state})
    problems = [] if report.level == OK else [Problem(report.level, report.message)]
    return _Row(subject, problems, {'state': state, **report.values(), 'sources': report.text})


def _node_problems(facts: NodeFacts) -> list[Problem]:
    """Return what is wrong with the node itself."""
    problems = [Problem(WARN, facts.problem)] if facts.problem else []
    if facts.configure_error:
        problems.append(Problem(ERROR, f'cannot configure: {facts.configure_error}'))
    elif facts.state == 'unconfigured' and not facts.parameters.autostart:
        text = (
            f'unconfigured, so nothing is published: `ros2 lifecycle set {facts.name} configure`, '
            'then activate; or start it with autostart:=true'
        )
        problems.append(Problem(WARN, text))
    if facts.estimator and facts.estimator.metadata.placeholder:
        reason = facts.estimator.metadata.placeholder
        problems.append(Problem(WARN, f'placeholder model: {reason}'))
    return problems


def _node_values(facts: NodeFacts) -> dict[str, str]:
    """Return what the node and its model are."""
    estimator = facts.estimator
    values = {'state': facts.state}
    if estimator is None:
        return values
    values |= {
        'model': estimator.metadata.name,
        'model sha256': estimator.metadata.sha256,
        'device': str(estimator.device),
        'precision': estimator.precision,
        'backend': estimator.backend,
        'network input (height x width)': '{}x{}'.format(*estimator.input_size),
        'inferences tried again': str(estimator.tried_again),
    }
    if estimator.device.type == 'cuda':
        used = torch.cuda.memory_reserved(estimator.device)
        values['GPU'] = torch.cuda.get_device_name(estimator.device)
        values['GPU memory of this process (MiB)'] = f'{used / 2**20:.0f}'
    values['depth_scale'] = f'{facts.parameters.depth_scale:g}'
    return values


def _camera_problems(camera: CameraFacts, parameters: Values) -> list[Problem]:
    """Return what is wrong with the camera of an active node; nothing is if it is not active."""
    counts = camera.counts
    if counts is None:
        return []
    problems = []
    patience = max(_STALE_AFTER, min(_STALE_PERIODS * counts.image_period, _STALE_AT_LAST))
    waited = counts.since_image > max(
        patience if camera.publishers else _STALE_AFTER, parameters.diagnostics_period
    )
    if waited and not (camera.still and camera.publishers):
        text = f'no image on {camera.image_topic} for {counts.since_image:.0f} s'
        if advice := _why_no_image(camera):
            text += f': {advice}'
        problems.append(Problem(STALE, text))
    problems += [Problem(WARN, text) for text in camera.graph_problems]
    problems += _losses(camera, counts)
    problems += _failures(camera, counts)
    if camera.last and camera.last.camera_problem:
        problems.append(Problem(WARN, camera.last.camera_problem))
    if camera.info_silence > patience > counts.since_image:
        text = (
            f'no camera_info on {camera.info_topic} for {camera.info_silence:.0f} s, though images '
            'come: the last one is used; look at the camera driver'
        )
        problems.append(Problem(WARN, text))
    if camera.last and camera.last.level.problem:
        problems.append(Problem(WARN, camera.last.level.problem))
    if camera.last and camera.last.navigation_problem:
        problems.append(Problem(WARN, camera.last.navigation_problem))
    if camera.foreign_info:
        problems.append(Problem(WARN, camera.foreign_info))
    if text := _about_stamps(camera, counts):
        problems.append(Problem(WARN, text))
    return problems


def _losses(camera: CameraFacts, counts: FrameCounts) -> list[Problem]:
    """Return whether most images are lost before they arrive; few are where a frame takes long."""
    lost = counts.recent['lost']
    sent = lost + counts.recent['received']
    if lost < _LOST_AT_LEAST or lost < _LOST_SHARE * sent:
        return []
    text = (
        f'{lost} of the last {sent} images on {camera.image_topic} were lost on the way: start the '
        'camera with the transport profile (config/fastdds.xml), and give /dev/shm more room; else '
        'the machine is too busy, or the network too slow'
    )
    return [Problem(WARN, text)]


def _failures(camera: CameraFacts, counts: FrameCounts) -> list[Problem]:
    """Return what keeps frames from being published, or kept some since the counts before."""
    failed, skipped = counts.recent['errors'], counts.recent['skipped']
    if camera.error and (failed or not skipped):  # skipped: nobody asks for more
        return [Problem(ERROR, camera.error)]
    if not failed:
        return []
    ended = failed + counts.recent['published']
    return [Problem(WARN, f'{failed} of the last {ended} frames failed: {camera.last_error}')]


def _about_stamps(camera: CameraFacts, counts: FrameCounts) -> str:
    """Return what is wrong with the stamps and what to do about it, '' if nothing is."""
    stamp = camera.last.header.stamp if camera.last else None
    if stamp is not None and stamp.sec == stamp.nanosec == 0:
        return (
            'images have no stamp (it is 0): have the camera driver set it; TF and Nav2 find no '
            'transform without'
        )
    if camera.repeated >= _REPEATED:
        return (
            'images come again and again with one stamp: the camera driver is stuck, or writes no '
            'new stamps; start it again'
        )
    offset = counts.stamp_offset
    if offset is None:
        return ''
    if offset < 0:
        return (
            f"stamps are {-offset:.1f} s ahead of the node's clock: synchronise the clocks; if "
            'use_sim_time is set, have /clock published (`ros2 bag play --clock`), or leave it out'
        )
    return (
        f"stamps are {offset:.1f} s behind the node's clock: for a bag, play it with --clock and "
        'set use_sim_time; else synchronise the clocks'
    )


def _why_no_image(camera: CameraFacts) -> str:
    """Return what to look at when no image comes, '' if that is told by ``graph_problems``."""
    topic = camera.image_topic
    if camera.elsewhere:
        transport = 'raw' if topic.endswith(topics.COMPRESSED) else 'compressed'
        return (
            f'nobody publishes there, but somebody does on {camera.elsewhere}: set the parameter '
            f'image_transport to {transport} (clean the node up first)'
        )
    if not camera.publishers:
        name = topics.of_camera(topics.IMAGE, camera.name)
        beside = f' (without {topics.COMPRESSED})' if topic.endswith(topics.COMPRESSED) else ''
        return f'nobody publishes there; start the camera, or remap {name} to its topic{beside}'
    if any(text.startswith(f'{topic}: ') for text in camera.graph_problems):
        return ''
    return f'{camera.publishers} publisher(s) there; check the camera (`ros2 topic hz {topic}`)'


def _camera_values(camera: CameraFacts) -> dict[str, str]:
    """Return the counts of a camera and what its last frame was made with."""
    last = camera.last
    scale = last.focal_scale if last else None
    return {
        **(_count_values(camera.counts) if camera.counts else {}),
        # Of frames that failed since then nothing is known.
        'camera_info': (last.camera_problem or 'ok') if last and not camera.error else 'n/a',
        'focal length correction': 'n/a' if scale is None else f'{scale:.4f}',
        'levelled': last.level.text if last else 'n/a',
        'images in the last batch': str(last.batch if last else 0),
    }


def _count_values(counts: FrameCounts) -> dict[str, str]:
    """Return the counts of an active camera; times in milliseconds."""
    values = {
        'images in (Hz)': f'{counts.rate_in:.1f}',
        'frames out (Hz)': f'{counts.rate_out:.1f}',
        'age of the newest image (s)': f'{counts.since_image:.1f}',
    }
    for key, label in (
        ('lost', 'images lost on the way'),
        ('received', 'images received'),
        ('published', 'frames published'),
        ('dropped', 'images dropped for a newer one'),
        ('skipped', 'images skipped without a subscriber'),
        ('errors', 'frames with an error'),
    ):
        values[label] = str(counts.totals[key])
    for label, seconds in (
        ('latency from stamp to publish', counts.latency),
        ('inference', counts.inference),
    ):
        for percentile in (50, 95):
            key = f'{label} p{percentile} (ms)'
            values[key] = f'{np.percentile(seconds, percentile) * 1e3:.1f}' if seconds else 'n/a'
    return values
