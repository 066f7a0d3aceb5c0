"""What a demo run measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.recording import Recording


@dataclass(frozen=True)
class DemoSummary:
    """Counts and times of one run.

    Latency (ms): from the image's stamp to the arrival of its depth image, or cloud, in the
    recorder. ``dropped`` = played - processed: frames that the node skipped for a newer one, or
    that were lost on the way. ``rate`` is depth images per second; ``camera_rate`` the player's.
    """

    played: int
    processed: int
    dropped: int
    latency_median: float
    latency_p95: float
    cloud_latency_median: float
    cloud_latency_p95: float
    rate: float
    camera_rate: float

    def line(self) -> str:
        """Return the result in one line."""
        return (
            f'{self.played} frames played at {self.camera_rate:.1f} Hz, {self.processed} '
            f'processed, {self.dropped} dropped; latency from stamp to depth image: median '
            f'{self.latency_median:.0f} ms, p95 {self.latency_p95:.0f} ms; '
            f'{self.rate:.1f} depth images/s'
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, with the unit in the name."""
        units = {'latency': '_ms', 'rate': '_hz'}
        return {
            name + next((u for word, u in units.items() if word in name), ''): value
            for name, value in asdict(self).items()
        }


def summarise(recording: Recording, played_stamps: list[int]) -> DemoSummary:
    """Measure a finished run; ``played_stamps`` (ns) are those the player sent."""
    depth = recording.latencies(recording.name_of(topics.DEPTH))
    cloud = recording.latencies(recording.name_of(topics.POINTS))
    processed = sorted(set(depth) & set(played_stamps))
    return DemoSummary(
        played=len(played_stamps),
        processed=len(processed),
        dropped=len(played_stamps) - len(processed),
        latency_median=percentile_ms(depth, 50),
        latency_p95=percentile_ms(depth, 95),
        cloud_latency_median=percentile_ms(cloud, 50),
        cloud_latency_p95=percentile_ms(cloud, 95),
        rate=mean_rate([stamp + round(depth[stamp] * 1e9) for stamp in processed]),
        camera_rate=mean_rate(played_stamps),
    )


def percentile_ms(latencies: dict[int, float], percent: float) -> float:
    """Return a percentile in milliseconds, rounded to 0.1; 0 without values."""
    if not latencies:
        return 0.0
    return round(1e3 * float(np.percentile(list(latencies.values()), percent)), 1)


def mean_rate(times: list[int]) -> float:
    """Return events per second between the first and the last of ``times`` (ns)."""
    if len(times) < 2 or max(times) == min(times):
        return 0.0
    return round((len(times) - 1) / ((max(times) - min(times)) * 1e-9), 2)
