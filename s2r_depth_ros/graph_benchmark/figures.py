"""What a run of the graph gave, in figures: latencies, rates, drops, cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from s2r_depth_ros.graph_benchmark.session import GraphRun
from s2r_depth_ros.node import topics

# Keys of the figures of depth images and of clouds.
DEPTH, POINTS = (name.rsplit('/', 1)[-1] for name in (topics.DEPTH, topics.POINTS))


def camera_figures(run: GraphRun, index: int, rate_hz: float) -> dict[str, Any]:
    """Return latencies (ms), rates and drops of the frames that one camera played."""
    stamps, result = run.stamps[index], run.results[index]
    figures: dict[str, Any] = {'rate_hz': rate_hz, 'frames': len(stamps)}
    for name, key in ((topics.DEPTH, DEPTH), (topics.POINTS, POINTS)):
        figures[key] = _output_figures(stamps, result['arrivals'][name])
    inference = float(result['status'].get('inference p50 (ms)', 'nan'))
    figures['inference_median_ms'] = inference
    figures['overhead_median_ms'] = round(figures[POINTS]['median_ms'] - inference, 1)
    return figures


def costs(run: GraphRun) -> dict[str, float]:
    """Return what the nodes of a run took together, rounded."""
    return {
        'cpu_percent': round(run.cpu_percent),
        'rss_mib_settled': round(run.rss_mib_settled),
        'rss_mib_last': round(run.rss_mib_last),
    }


def _output_figures(stamps: list[int], received: list[tuple[int, int]]) -> dict[str, Any]:
    """Return the figures of one topic; ``received`` holds (stamp, arrival) in ns."""
    seconds = (stamps[-1] - stamps[0]) / 1e9
    latency = [(arrival - stamp) / 1e6 for stamp, arrival in received if stamp >= stamps[0]]
    times = np.array(latency or [np.nan])
    return {
        'received': len(latency),
        'not_received': len(stamps) - len(latency),
        'frames_per_s': round(max(len(latency) - 1, 0) / seconds, 1),
        'first_ms': round(float(times[0]), 1),
        **{
            f'{label}_ms': round(float(np.percentile(times, percent)), 1)
            for label, percent in (('median', 50), ('p95', 95), ('p99', 99))
        },
    }
