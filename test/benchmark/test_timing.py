from __future__ import annotations

from functools import partial

from s2r_depth_ros.benchmark.timing import measure_in_turns


def test_cases_take_turns_and_every_run_counts() -> None:
    calls: list[str] = []
    synchronised: list[None] = []
    timed = {name: partial(calls.append, name) for name in 'ab'}
    times = measure_in_turns(timed, 7, lambda: synchronised.append(None))
    assert ''.join(calls) == 'aaaaaabbbbbb' * 2
    assert {name: values.shape for name, values in times.items()} == {'a': (10, 2), 'b': (10, 2)}
    assert len(synchronised) == 40
    assert all((values >= 0).all() for values in times.values())
