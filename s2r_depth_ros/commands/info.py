"""``info``: what a model file says about itself, and whether its weights fit its sha256."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.network.checkpoint import load_model, read_metadata, stored_sha256
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.tables import format_table

_UNITS = {'max_depth': ' m', 'focal_length': ' px', 'input_height': ' px', 'input_width': ' px'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model', metavar='MODEL', help=arguments.MODEL_HELP)


def run(args: argparse.Namespace) -> int:
    """Print the metadata, the scores and the check of the weights; return 1 on a mismatch."""
    path = find_model(args.model)
    metadata = read_metadata(path)
    facts = asdict(metadata)
    scores = facts.pop('scores')
    print(f'file          {path}')
    for key, value in facts.items():
        print(f'{key:13} {_text(value)}{_UNITS.get(key, "") if value is not None else ""}')
    print('scores' if scores else 'scores        none')
    for line in _score_lines(scores):
        print('  ' + line)
    actual = stored_sha256(path)
    if actual != metadata.sha256:
        print(f'sha256 check  MISMATCH: the weights are {actual}; fetch the file again')
        return 1
    load_model(path)
    print('sha256 check  ok')
    return 0


def _text(value: Any) -> str:
    if value is None:
        return 'unknown'
    if isinstance(value, dict):
        return json.dumps(value) if value else '-'
    if isinstance(value, tuple):
        return ' '.join(f'{v:g}' for v in value)
    return f'{value:g}' if isinstance(value, float) else str(value) or '-'


def _score_lines(scores: dict[str, Any]) -> list[str]:
    """Lay out scores: {data set: {metric: number}} as a table, anything else a line each."""
    rows = {key: value for key, value in scores.items() if isinstance(value, dict)}
    others = [f'{key}  {_text(value)}' for key, value in scores.items() if key not in rows]
    if not rows:
        return others
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    cells = [(key, *(_text(row.get(m, '')) for m in metrics)) for key, row in rows.items()]
    table = format_table(('', *metrics), cells, text_columns=1 + len(metrics))
    return [*table.splitlines(), *others]
