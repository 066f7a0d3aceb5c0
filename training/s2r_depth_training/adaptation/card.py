"""What an adaptation was worth, in plain numbers: the card of the new model."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_training.adaptation.adapt import Adapted, card_of
from s2r_depth_training.adaptation.judging import Errors, scale_doubt
from s2r_depth_training.adaptation.lessons import is_one_plane_of_beams


def write_adapted_card(adapted: Adapted) -> Path:
    """Write NAME.md beside the model; return its path."""
    path = card_of(adapted.path)
    write_atomically(path, card_text(adapted).encode())
    return path


def card_text(adapted: Adapted) -> str:
    """Return the card: what was learnt from, the errors before and after, and what follows."""
    metadata, lessons = read_metadata(adapted.path), adapted.lessons
    before = metadata.provenance['before']
    rows = [
        ('this recording', adapted.before.recording, adapted.after.recording),
        ('rendered scenes', adapted.before.rendered, adapted.after.rendered),
    ]
    lines = [
        f'# {metadata.name}',
        '',
        f'{before["name"]} ({before["sha256"][:12]}), adapted to {", ".join(lessons.names)}: '
        f'{len(lessons.learning)} frames with depth by {lessons.truth}, {adapted.after.step} '
        'steps.',
        '',
        'Judged on blocks of time that nothing was learnt from, and on rendered scenes that no '
        'model has seen. abs_rel is the mean error over the true depth; "scaled" with the scale of '
        'every frame set right.',
        '',
        '| judged on | frames | abs_rel before, after | scaled before, after | '
        'delta1 before, after |',
        '|---|---|---|---|---|',
        *(_row(name, *errors) for name, *errors in rows),
        '',
        *_verdict(adapted),
        '',
        f'Licence: {metadata.licence}; the recording is yours. sha256 of the weights: '
        f'`{metadata.sha256}`.',
    ]
    return '\n'.join(lines) + '\n'


def _row(name: str, before: Errors, after: Errors) -> str:
    return (
        f'| {name} | {after.frames} | {before.abs_rel:.3f}, {after.abs_rel:.3f} | '
        f'{before.abs_rel_scaled:.3f}, {after.abs_rel_scaled:.3f} | '
        f'{before.delta1:.3f}, {after.delta1:.3f} |'
    )


def _verdict(adapted: Adapted) -> list[str]:
    before, after = adapted.before, adapted.after
    if after.step == before.step:
        lines = [
            'Nothing was gained: every step judged was worse on this recording or had forgotten '
            'too much, so this file is a copy of the model as it was. Record more of what the '
            'robot sees, or with a better sensor.'
        ]
    else:
        lines = [
            f'Depth as the robot gets it was off by {before.recording.abs_rel:.0%}, and is off by '
            f'{after.recording.abs_rel:.0%} here.'
        ]
        if after.share < 1:
            lines.append(
                f'Of what was learnt {after.share:.0%} was kept: with more it forgot too much of '
                'other places.'
            )
        forgot = after.rendered.abs_rel_scaled / before.rendered.abs_rel_scaled - 1
        if forgot > 0:
            lines.append(
                f'Elsewhere it is {forgot:.1%} worse: on rendered scenes, scaled. Keep the model '
                'before for other places.'
            )
    if doubt := scale_doubt(before.recording):
        lines.append(doubt)
    if is_one_plane_of_beams(adapted.lessons.learning):
        lines.append(
            'Depth was known in one plane of beams only: what is above and below it was learnt '
            'from rendered scenes alone.'
        )
    return lines
