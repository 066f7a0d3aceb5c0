"""``doctor``: whether an installation is complete and works, with the remedy where it does not."""

from __future__ import annotations

import argparse
from collections import Counter

from s2r_depth_ros.doctor.checks import CHECKS, findings
from s2r_depth_ros.doctor.finding import FAILED, NOTE, Finding

_INDENT = ' ' * 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        'checks', nargs='*', metavar='CHECK', type=_check,
        help=f'only these (default: all): {", ".join(CHECKS)}',
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print what each check finds, as it finds it; return 1 if the node cannot do so."""
    counts: Counter[str] = Counter()
    for check in args.checks or CHECKS:
        found = findings(check)
        print('\n'.join(map(_row, found)), flush=True)
        counts.update(finding.state for finding in found)
    print(_conclusion(counts))
    return 1 if counts[FAILED] else 0


def _check(text: str) -> str:
    if text not in CHECKS:
        raise argparse.ArgumentTypeError(f'there is no check {text!r}, only {", ".join(CHECKS)}')
    return text


# No library makes this table: it must be printed where none is installed.
def _row(finding: Finding) -> str:
    row = f'{finding.state:{len(_INDENT)}}{finding.what:18} {finding.text}'
    return f'{row}\n{_INDENT}-> {finding.remedy}' if finding.remedy else row


def _conclusion(counts: Counter[str]) -> str:
    if counts[FAILED]:
        return f'\n{counts[FAILED]} FAILED: the node cannot run, or not well, until that is mended'
    notes = f', with {counts[NOTE]} notes on what is not here' if counts[NOTE] else ''
    return f'\nall is well{notes}'
