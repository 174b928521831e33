from __future__ import annotations

import pytest

from fcinspect.errors import Misbehaved, UsageError
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, Planned, carried_out, holds


def good(name: str) -> Planned:
    """Return a planned check that holds."""
    return Planned(name, lambda: holds(name, True, "it is so", "it is not"))


def plan(*checks: Planned) -> Plan:
    """Return a plan of these checks."""
    return Plan("layer", "a layer", checks, not_exercised=("threads",))


def test_all_checks_are_made_in_order() -> None:
    """One planned check may give several."""
    several = Planned("b/many", lambda: [holds(f"b/{i}", True, "it is so", None) for i in range(2)])
    report = carried_out(plan(good("a/one"), several, good("c/last")))
    assert [check.name for check in report.checks] == ["a/one", "b/0", "b/1", "c/last"]
    assert report.verdict is Verdict.WITHIN


def test_the_worst_verdict_is_the_report_s() -> None:
    """Outside before undecided before within; a cause is told only where something is wrong."""
    undecided = Check("a/x", Verdict.UNDECIDED, "overflow")
    wrong = holds("a/y", False, "it is not so", "the bias is missing")
    made = [Planned("a/x", lambda: undecided), good("a/z")]
    assert carried_out(plan(*made)).verdict is Verdict.UNDECIDED
    report = carried_out(plan(*made, Planned("a/y", lambda: wrong)))
    assert report.verdict is Verdict.OUTSIDE
    assert [check.cause for check in report.checks] == [None, None, "the bias is missing"]


def test_nothing_checked_is_no_success() -> None:
    """An empty plan is undecided."""
    assert carried_out(plan()).verdict is Verdict.UNDECIDED


def test_what_misbehaves_is_a_finding_and_the_rest_goes_on() -> None:
    """A subject that raises fails the check at hand, not the report."""

    def hangs() -> Check:
        raise Misbehaved("did not return within 10 s")

    report = carried_out(plan(Planned("a/first", hangs), good("a/second")))
    first, second = report.checks
    assert (first.verdict, first.cause) == (Verdict.OUTSIDE, "did not return within 10 s")
    assert second.verdict is Verdict.WITHIN


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (["exact"], ["exact/zeros", "exact/dense integers"]),
        (["exact/zeros"], ["exact/zeros"]),
        (["*/dense*", "contract"], ["contract/1-D", "exact/dense integers"]),
        ([], ["contract/1-D", "exact/zeros", "exact/dense integers"]),
    ],
)
def test_checks_are_chosen_by_group_name_or_pattern(patterns: list[str], kept: list[str]) -> None:
    """What is not chosen is said to be not exercised."""
    whole = plan(good("contract/1-D"), good("exact/zeros"), good("exact/dense integers"))
    report = carried_out(whole.chosen(patterns))
    assert [check.name for check in report.checks] == kept
    left_out = {planned.name for planned in whole.checks} - set(kept)
    assert {line.split(":")[0] for line in report.not_exercised} == {"threads", *left_out}


def test_a_pattern_that_chooses_nothing_is_refused() -> None:
    """A misspelt name must not end in a success."""
    with pytest.raises(UsageError, match=r"'exakt' matches no check: expected exact"):
        plan(good("exact/zeros")).chosen(["exakt"])


def test_the_checks_are_told_to_who_tracks_them() -> None:
    """Progress sees every planned check before it is made."""
    seen: list[Planned] = []

    def track(checks: object) -> list[Planned]:
        assert isinstance(checks, tuple)
        seen.extend(checks)
        return list(checks)

    carried_out(plan(good("a/one"), good("a/two")), track)
    assert [planned.name for planned in seen] == ["a/one", "a/two"]


def test_the_cause_that_most_checks_name_is_the_likely_one() -> None:
    """Of several that are named as often, the first; none where none is named."""
    made = [
        Planned(f"a/{i}", lambda cause=cause: holds("a/x", False, "", cause))  # type: ignore[misc]
        for i, cause in enumerate(["first", "second", "second", None])
    ]
    assert carried_out(plan(*made)).likely_cause == "second"
    assert carried_out(plan(*made[:2])).likely_cause == "first"
    assert carried_out(plan(good("a/b"))).likely_cause is None
