"""Tables of what scale_sources.py measured: its own, and that of docs/navigation.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s2r_depth_ros.tables import format_markdown_table


def table(results: dict[str, dict[str, Any]], models: Mapping[str, str]) -> str:
    """Return one Markdown table a kind of scene; models: kind -> the model that was scaled."""
    parts = []
    for kind, sources in results.items():
        lines: list[tuple[str, ...]] = []
        for name, s in sources.items():
            count = f'{s["frames"]} of {s["of"]} ({s["scenes"]})'
            if 'source' not in s:
                lines.append((name, count, '', '', '', '', ''))
                continue
            abs_rel = [cell(s[how]['abs_rel']) for how in ('none', 'source', 'median')]
            ratio = f'{s["ratio_to_median"]:.2f}'
            deltas = ', '.join(
                f'{s[how]["delta1"]["mean"]:.2f}' for how in ('none', 'source', 'median')
            )
            lines.append((name, count, *abs_rel, ratio, deltas))
        head = (
            'source', 'frames (scenes)', 'abs_rel none', 'abs_rel source', 'abs_rel median',
            'source / median', 'delta1 none, source, median',
        )  # fmt: skip
        parts += [f'### {kind}, {models[kind]}\n', format_markdown_table(head, lines), '']
    return '\n'.join(parts)


NEEDS = {
    'lidar, 16 rings': ('`lidar`, 16 rings', '`reference/points`, transform'),
    'scan': ('`lidar`, a scan at 0.3 m', '`reference/scan`, transform'),
    'range, nearest in 15 degrees': ('`range`, ultrasound', '`reference/range`, transform'),
    'range, median of 25 degrees': ('`range`, infrared', 'as that'),
    'camera height, gravity known': (
        '`camera_height`',
        'transform from `base_frame`, or `scale.camera_height` and gravity',
    ),
    'camera height, taken as level': (
        '`camera_height`, gravity unknown',
        '`scale.camera_height`',
    ),
}


def navigation_table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of docs/navigation.md: abs_rel without and with a source, and its ratio."""
    lines = [
        (*about, *(_brief(results[kind][name]) for kind in ('indoor', 'driving')))
        for name, about in NEEDS.items()
    ]
    of = 'without, with, to median'
    return format_markdown_table(('`scale.source`', 'needs', f'rooms: {of}', f'roads: {of}'), lines)


def _brief(of_source: dict[str, Any]) -> str:
    if 'source' not in of_source:
        return 'no scale'
    none, source = (of_source[how]['abs_rel']['mean'] for how in ('none', 'source'))
    some = '' if of_source['frames'] == of_source['of'] else f' ({of_source["frames"]} images)'
    return f'{none:.3f}, {source:.3f}, {of_source["ratio_to_median"]:.2f}{some}'


def cell(value: Mapping[str, float]) -> str:
    """Return a mean with its interval."""
    return f'{value["mean"]:.3f} ({value["low"]:.3f} to {value["high"]:.3f})'
