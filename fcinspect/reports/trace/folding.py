"""Which steps of a trace its page shows: those of some modules, and deep ones folded into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby

from fcinspect.shapes.steps import Step


@dataclass(frozen=True)
class Folding:
    """What is asked of the page; JSON and CSV have every step all the same."""

    depth: int | None = None
    """Parts of a module's path; the steps below are one row. None folds nothing."""
    only: tuple[str, ...] = ()
    """Globs of module paths; the steps of other modules are left out. None leaves out nothing."""

    def chosen(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Return the steps of the modules that are asked for."""
        if not self.only:
            return tuple(steps)
        return tuple(s for s in steps if any(fnmatchcase(s.path, glob) for glob in self.only))

    def rows(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Return a step for each row: a run of steps below the depth is one."""
        if self.depth is None:
            return tuple(steps)
        found: list[Step] = []
        for path, run in groupby(steps, self._folded_into):
            part = tuple(run)
            found += part if path is None or len(part) == 1 else (_as_one(path, part),)
        return tuple(found)

    def note(self, chosen: int, of: int, rows: int) -> str:
        """Say what is not shown, "" where all is."""
        said = []
        if chosen < of:
            said.append(f"showing {chosen:,} of {of:,} steps: --only {' '.join(self.only)}")
        if rows < chosen:
            said.append(f"{chosen:,} steps in {rows:,} rows: --depth {self.depth}")
        return "; ".join([*said, "JSON and CSV have every step"]) if said else ""

    def _folded_into(self, step: Step) -> str | None:
        """Return the module that a step is folded into, None for one that is shown itself."""
        parts = step.path.split(".") if step.path else []
        assert self.depth is not None
        below = len(parts) > self.depth if step.is_module else len(parts) >= self.depth > 0
        return ".".join(parts[: self.depth]) if below and parts else None


def _as_one(path: str, steps: tuple[Step, ...]) -> Step:
    """Return the steps within a module as one, from what enters to what leaves."""
    return replace(
        steps[0],
        path=path,
        kind=f"({len(steps):,} steps)",
        call="",
        note="",
        is_module=True,
        outputs=steps[-1].outputs,
        parameters=tuple(p for step in steps for p in step.parameters),
        macs=sum(step.macs for step in steps),
        linear=False,
        weight=None,
        bias=None,
        called=None,
        made=None,
    )
