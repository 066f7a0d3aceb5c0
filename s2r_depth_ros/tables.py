"""Tables of text cells: aligned columns for a terminal, Markdown for documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import DataRow, TableFormat, tabulate

_MARKDOWN_ROW = DataRow('| ', ' | ', ' |')
_MARKDOWN = TableFormat(
    lineabove=None,
    linebelowheader=lambda widths, _: '| ' + ' | '.join('---' for _ in widths) + ' |',
    linebetweenrows=None,
    linebelow=None,
    headerrow=_MARKDOWN_ROW,
    datarow=_MARKDOWN_ROW,
    padding=0,
    with_header_hide=None,
)


def format_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1
) -> str:
    """Return a table for a terminal, its columns two spaces apart.

    text_columns: how many columns, from the first on, are aligned to the left; the others hold
    numbers and are aligned to the right. Rows may be shorter than ``head``.
    """
    # tabulate 0.9, that of Ubuntu 24.04, fails where a column is aligned that no row has.
    full = [[*row, *[''] * (len(head) - len(row))] for row in rows]
    alignment = ('left',) * text_columns + ('right',) * (len(head) - text_columns)
    return tabulate(
        full,
        head,
        tablefmt='plain',
        disable_numparse=True,
        colalign=alignment if full else None,
    )


def format_latex_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a LaTeX tabular, the first column to the left, the others, numbers, to the right."""
    alignment = ('left', *('right',) * (len(head) - 1))
    return tabulate(rows, head, tablefmt='latex', disable_numparse=True, colalign=alignment)


def format_markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose cells are not padded, so that a change touches one line."""
    return tabulate(
        rows, head, tablefmt=_MARKDOWN, disable_numparse=True, stralign=None, numalign=None
    )
