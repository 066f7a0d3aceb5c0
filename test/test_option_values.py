"""The types of option values: what they return, and what they say of another text."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from s2r_depth_ros.option_values import count, positive, size


def test_values() -> None:
    assert (count('1'), count('0', least=0), count('007')) == (1, 0, 7)
    assert positive('0.5', unit='metres') == 0.5
    assert size('96x128') == size('96X128') == (96, 128)


@pytest.mark.parametrize(
    ('kind', 'text', 'message'),
    [
        *(
            (count, text, 'is not a whole number, 1 or more')
            for text in ('0', '-3', '1.5', '', '²')
        ),
        (partial(count, least=0), '-1', 'is not a whole number, 0 or more'),
        *(
            (partial(positive, unit='seconds'), text, 'is not a positive number of seconds')
            for text in ('0', '-1', 'nan', 'inf', 'soon')
        ),
        *((size, text, 'is not HEIGHTxWIDTH') for text in ('96', '96x', 'x96', '9x9x9', '-9x9')),
        (size, '0x96', 'no side may be under 1 px'),
        (partial(size, least=32), '96x31', 'no side may be under 32 px'),
    ],
)
def test_another_text_is_refused(kind: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message) as refused:
        kind(text)
    assert f"'{text}'" in str(refused.value)
