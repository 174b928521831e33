"""What every verification is made of: planned checks, their findings, and the report of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from fcinspect.errors import Misbehaved, UsageError, did_you_mean
from fcinspect.rounding.verdict import Verdict, overall

Kind = Literal["layer", "implementation", "optimizer", "output", "step", "example"]


@dataclass(frozen=True)
class Worst:
    """The element that comes nearest to its bound, or leaves it furthest."""

    index: tuple[int, ...]
    computed: float
    reference: float
    """What the closed form gives there."""
    low: float | None = None
    """The smallest number that rounding can explain there, where it is known"""
    high: float | None = None
    bound: float | None = None
    """The largest error that rounding can explain on that side, where it is known"""


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and what was found."""

    name: str
    """Unique in its report, group first: "exact/dense integers". Of the operations of a step, what
    was computed: "fc1.weight.grad"."""
    verdict: Verdict
    detail: str
    """What was checked or found, in one line; of operations, the closed form."""
    max_ratio: float | None = None
    """Largest error/bound; above 1 is outside. None where no numbers are compared."""
    worst: Worst | None = None
    cause: str | None = None
    """The likely cause of what is outside or undecided, if the pattern of errors names one."""
    elements: int = 0
    """How many numbers were compared."""
    outside: int = 0
    undecided: int = 0
    answered: bool = True
    """False where the subject raised, hung or died instead of answering; the cause says it."""
    where: str | None = None
    """For which of several probes it was found, as the cause says at its end."""

    @property
    def bare_cause(self) -> str | None:
        """The cause without the probe at which it was found."""
        return self.cause and self.cause.removesuffix(f", with {self.where}")

    @property
    def word(self) -> str:
        """The verdict in a word; if no number is compared with a bound, whether it holds."""
        if not self.answered:
            return "raised" if (self.cause or "").startswith("raised") else "no answer"
        if self.max_ratio is not None or self.verdict is Verdict.UNDECIDED:
            return str(self.verdict)
        return "holds" if self.verdict is Verdict.WITHIN else "fails"

    @property
    def sentence(self) -> str:
        """What is found of an operation, with its numbers."""
        if self.verdict is Verdict.UNDECIDED:
            count = f"{self.undecided} of {self.elements}"
            return f"{count} are not finite or out of range: no bound exists"
        worst = self.worst
        if worst is None:
            return "there is nothing to compare"
        place = f"[{','.join(map(str, worst.index))}]" if worst.index else ""
        expected = f"the formula gives {worst.reference!r} ± {worst.bound:.3g}"
        numbers = f"{self.name}{place} is {worst.computed!r}, {expected}"
        if self.verdict is Verdict.WITHIN:
            return numbers
        count = f"{self.outside} of {self.elements} elements are outside; "
        return count + numbers + (f"; {self.cause}" if self.cause else "")

    @property
    def group(self) -> str:
        """The kind of check, by which --checks chooses."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Planned:
    """A check before it is made."""

    name: str
    """Group first: "exact/dense integers"."""
    run: Callable[[], Check | Iterable[Check]]
    """Makes the check, or several; may raise Misbehaved."""


@dataclass(frozen=True)
class Plan:
    """The checks that a subject will be put through, in order."""

    kind: Kind
    subject: str
    """What is verified, in words."""
    checks: tuple[Planned, ...]
    not_exercised: tuple[str, ...] = ()
    """What no check looks at, and why, a phrase each."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the subject was taken."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of the checks, in order."""
        return tuple(dict.fromkeys(planned.name.partition("/")[0] for planned in self.checks))

    def chosen(self, patterns: Sequence[str]) -> Plan:
        """Return the plan with only the checks that a group, a name or a pattern chooses.

        What is left out is listed as not exercised. Raises UsageError for a pattern that chooses
        nothing.
        """
        if not patterns:
            return self
        names = [planned.name for planned in self.checks]
        chosen: set[str] = set()
        for pattern in patterns:
            found = [name for name in names if _chooses(pattern, name)]
            if not found:
                raise UsageError(
                    f"--checks {pattern!r} matches no check: expected"
                    f" {', '.join(self.groups)}, or a name from --checks list",
                    hint=did_you_mean(pattern, (*self.groups, *names)),
                )
            chosen.update(found)
        kept = tuple(planned for planned in self.checks if planned.name in chosen)
        left_out = (f"{name}: not selected by --checks" for name in names if name not in chosen)
        return replace(self, checks=kept, not_exercised=(*self.not_exercised, *left_out))


@dataclass(frozen=True)
class VerificationReport:
    """What was found."""

    kind: Kind
    subject: str
    checks: tuple[Check, ...]
    not_exercised: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks; undecided when nothing was checked."""
        verdicts = [check.verdict for check in self.checks]
        return overall(verdicts) if verdicts else Verdict.UNDECIDED

    @property
    def likely_cause(self) -> str | None:
        """The cause that most checks name; of several, the one that is named first."""
        causes = Counter(check.bare_cause for check in self.checks if check.cause is not None)
        likely = max(causes, key=causes.__getitem__, default=None)
        if likely is None or causes[likely] > 1:
            return likely
        return next(check.cause for check in self.checks if check.bare_cause == likely)


Track = Callable[[Sequence[Planned]], Iterable[Planned]]
"""Yields the planned checks, and shows how far they have come."""


def carried_out(plan: Plan, track: Track = iter) -> VerificationReport:
    """Make the planned checks, one after the other."""
    found = [check for planned in track(plan.checks) for check in _made(planned)]
    return VerificationReport(plan.kind, plan.subject, tuple(found), plan.not_exercised, plan.notes)


def _made(planned: Planned) -> Iterator[Check]:
    try:
        made = planned.run()
        yield from [made] if isinstance(made, Check) else made
    except Misbehaved as fault:
        said = str(fault) if fault.where is None else f"{fault}, with {fault.where}"
        name, where = planned.name, fault.where
        yield Check(name, Verdict.OUTSIDE, said, cause=said, answered=False, where=where)


def _chooses(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*")


def holds(name: str, holds: bool, detail: str, cause: str | None = None) -> Check:
    """Return the check of something that holds or fails; `cause` is given if it fails."""
    verdict = Verdict.WITHIN if holds else Verdict.OUTSIDE
    return Check(name, verdict, detail, cause=None if holds else cause)
