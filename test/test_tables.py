from __future__ import annotations

from s2r_depth_ros.tables import format_markdown_table, format_table


def test_text_to_the_left_and_numbers_to_the_right() -> None:
    rows = [('a', 'torch', '1.00'), ('b', 'tap fp32', '12.0'), ('c', 'only')]
    assert format_table(('', 'case', 'ms'), rows, text_columns=2).splitlines() == [
        '    case        ms',
        'a   torch     1.00',
        'b   tap fp32  12.0',
        'c   only',
    ]


def test_cells_stay_as_they_are_written() -> None:
    assert format_table(('name', 'x'), [('1e3', '0.10')]).split() == ['name', 'x', '1e3', '0.10']


def test_a_table_without_rows_has_a_head() -> None:
    assert format_table(('name', 'ms'), []).split() == ['name', 'ms']
    assert format_markdown_table(('a', 'b'), []) == '| a | b |\n| --- | --- |'


def test_rows_may_all_be_shorter_than_the_head() -> None:
    assert format_table(('name', 'ms'), [('a',), ()]).split() == ['name', 'ms', 'a']


def test_markdown_cells_are_not_padded() -> None:
    rows = iter([('`long name`', '1.0'), ('b', '')])
    assert format_markdown_table(('', 'default'), rows).splitlines() == [
        '|  | default |',
        '| --- | --- |',
        '| `long name` | 1.0 |',
        '| b |  |',
    ]
