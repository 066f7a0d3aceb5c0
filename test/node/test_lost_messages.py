"""How many messages were lost, by their numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.node.lost_messages import LostMessages


def _lost(numbers: list[int | None]) -> int:
    lost = LostMessages()
    for number in numbers:
        lost.see(number)
    return lost.take()


@given(st.integers(1, 10**9), st.lists(st.integers(0, 50), max_size=50))
def test_gaps_of_one_publisher_are_counted(first: int, gaps: list[int]) -> None:
    """All but one that no later message confirms; whoever subscribes late lost nothing before."""
    numbers = [first]
    for gap in gaps:
        numbers.append(numbers[-1] + gap + 1)
    assert _lost([*numbers, numbers[-1] + 1]) == sum(gaps)
    lost = LostMessages()
    for number in numbers:
        lost.see(number)
    assert lost.take() == sum(gaps[:-1])
    lost.see(numbers[-1] + 1)
    assert lost.take() == sum(gaps[-1:])
    assert lost.take() == 0


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=2, unique=True), st.integers(1, 20))
def test_two_publishers_that_take_turns_lose_nothing(starts: list[int], turns: int) -> None:
    numbers: list[int | None] = [start + turn for turn in range(turns) for start in starts]
    assert _lost(numbers) == 0


def test_a_publisher_that_begins_anew_is_counted_again() -> None:
    assert _lost([7, 8, 1, 2, 3, 6, 7]) == 2
    assert _lost([7, 8, 20, 1, 2, 3]) == 0


def test_without_numbers_nothing_is_known() -> None:
    assert _lost([None, None, None]) == 0
