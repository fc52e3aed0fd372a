"""Every benchmark runs at a tiny size, and none of them prints a figure when its contenders disagree."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import run as runner
from benchmarks.harness import Contender, Disagreement, Figure, Job, Timing, agree, difference, race, ratio
from sim.errors import ConfigError

TINY = 0.001
RACES = [name for name in runner.BENCHES if name not in ("commands", "sweeps")]
"""Benchmarks whose contenders run in this process."""
Find = Callable[[str], ModuleType]


def spoiled(contender: Contender, entry: str) -> Contender:
    """The contender with one number of its answer off by one."""

    def prepare() -> Job:
        job = contender.prepare()

        def answer() -> dict[str, Any]:
            said = dict(job.answer())
            wrong = np.array(said[entry])
            wrong.flat[-1] = not wrong.flat[-1] if wrong.dtype == bool else wrong.flat[-1] + 1
            return said | {entry: wrong}

        return Job(job.work, answer)

    return replace(contender, prepare=prepare)


@pytest.mark.parametrize("name", RACES)
def test_prints_its_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([name], scale=TINY) == 0
    printed = capsys.readouterr().out
    assert f"[{name}]" in printed
    assert "agreed:" in printed
    assert "machine score" in printed


@pytest.mark.parametrize("name", RACES)
def test_a_single_wrong_number_is_a_disagreement(name: str, bench: Find) -> None:
    first, second, *_ = bench(name).contenders(TINY)
    job = first.prepare()
    job.work()
    for entry in job.answer():
        with pytest.raises(Disagreement, match=rf"{first.name} and {second.name} disagree: {entry}\["):
            agree([first, spoiled(second, entry)])


@pytest.mark.parametrize("name", RACES)
def test_a_disagreement_is_printed_instead_of_figures(
    name: str, bench: Find, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = bench(name)

    def wrong(contenders: list[Contender]) -> list[Timing]:
        entry = next(iter(difference_free(contenders[0])))
        return race([*contenders[:-1], spoiled(contenders[-1], entry)])

    monkeypatch.setattr(module, "race", wrong)
    assert runner.main([name], scale=TINY) == runner.FAILED
    printed = capsys.readouterr().out
    assert f"{name}: no figures" in printed
    assert "agreed:" not in printed


def difference_free(contender: Contender) -> dict[str, Any]:
    job = contender.prepare()
    job.work()
    return dict(job.answer())


def test_json_carries_figures_targets_and_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["swaps"], json=True, scale=TINY) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["failures"] == {}
    assert document["machine"]["triad_gb_s"] > 0
    [report] = document["benchmarks"]
    assert report["name"] == "swaps"
    assert {"label", "value", "unit", "target", "met", "detail"} <= report["figures"][0].keys()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='unknown benchmark "swap"; did you mean "swaps"'):
        runner.main(["swap"])


def test_commands_report_a_process_that_fails(bench: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    module = bench("commands")
    monkeypatch.setattr(module, "COMMAND", (module.sys.executable, "-c", "import sys; sys.exit('no such thing')"))
    with pytest.raises(Disagreement, match="ended with 1: no such thing"):
        module.run(TINY)


def test_commands_report_a_run_that_leaves_no_report(bench: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    module = bench("commands")
    monkeypatch.setattr(module, "COMMAND", (module.sys.executable, "-c", "pass"))
    with pytest.raises(Disagreement, match=r"left no manifest\.json, runs\.parquet, report\.html"):
        module.quickstart("quickstart", (), 1)


def test_answers_differ_by_name_shape_and_value_but_not_by_nan() -> None:
    same = {"a": np.array([1.0, np.nan]), "b": 3}
    assert difference(same, {"a": np.array([1.0, np.nan]), "b": 3}) is None
    assert difference(same, {"a": same["a"]}) == "one answers ['a', 'b'], the other ['a']"
    assert difference(same, same | {"a": np.ones(3)}) == "a has shapes (2,) and (3,)"
    assert difference(same, same | {"b": 4}) == "b[0] is np.int64(3) and np.int64(4)"
    assert difference(same, same | {"a": np.array([np.nan, np.nan])}) == "a[0] is np.float64(1.0) and np.float64(nan)"


def test_figures_know_their_targets_and_ratios_compare_speeds() -> None:
    assert Figure("x", 2.0, "", 1.0).met
    assert not Figure("x", 2.0, "", 1.0, at_most=True).met
    assert Figure("x", 2.0, "").met is None
    fast, slow = Timing("fast", 100.0, (1.0, 2.0, 3.0)), Timing("slow", 10.0, (1.0, 1.0, 5.0))
    assert (fast.best, fast.median, slow.median) == (100.0, 50.0, 10.0)
    assert ratio("r", fast, slow).value == 5.0


def test_contenders_take_turns() -> None:
    order: list[str] = []

    def contender(name: str, repetitions: int) -> Contender:
        return Contender(name, lambda: Job(lambda: order.append(name), dict), 1.0, repetitions)

    race([contender("a", 3), contender("b", 2)])
    assert order == ["a", "b", "a", "b", "a", "b", "a"]
