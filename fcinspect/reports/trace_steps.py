"""The steps of a trace: which of them a page shows, and what the linear ones compute, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Block, Line
from fcinspect.page.matrices import shapes_line
from fcinspect.shapes.steps import Step, same_for_all

if TYPE_CHECKING:
    from fcinspect.shapes.steps import ModuleTrace, Shape, Tensor

MOST_WINDOWS = 12
HANG = 4
"""Extra indent of the second line of a sentence that a narrow terminal breaks."""
FLATTENING = ("flatten", "Flatten", "view", "reshape")


@dataclass(frozen=True)
class Folding:
    """The steps requested for the page; JSON and CSV have every step anyway."""

    depth: int | None = None
    """Parts of a module's path; the steps below are one row. None folds nothing."""
    only: tuple[str, ...] = ()
    """Globs of module paths; the steps of other modules are left out. () leaves out nothing."""

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


def called(step: Step) -> str:
    """Return "fc1", or of a function where it is called and its name."""
    kind = f"{step.kind}{step.call}" if step.kind == "einsum" else step.kind
    name = step.path if step.is_module and step.path else f"{step.path} {kind}".strip()
    return text.safe(name)


def sentence(step: Step, wide: int) -> Line:
    """Return fc1   (4, 2048) · (128, 2048)ᵀ + (128) → (4, 128)."""
    entering, leaving = first_shape(step.inputs) or (), first_shape(step.outputs) or ()
    return shapes_line(
        f"{called(step):<{wide}}   ",
        (entering, step.weight, step.bias, leaving),
        sign=", " if step.kind == "einsum" else " · ",  # its words say what meets what
        turned=step.is_module or step.kind == "linear",
        hang=HANG,
    )


def size_lines(trace: ModuleTrace) -> list[Block]:
    """Return the arithmetic of convolutions, pools and flattening, each once."""
    found: dict[tuple[str, str, str], None] = {}
    for step in trace.steps:
        name = text.safe(step.path) if step.is_module and step.path else step.kind
        for window in same_for_all(step.windows):
            found[name, window.axis, window.words] = None
        if merged := _merged(step):
            found[name, "", merged] = None
    names, axes = (max((len(entry[place]) for entry in found), default=0) for place in (0, 1))
    lines: list[Block] = []
    for name, axis, words in found:
        along = f"{axis:<{axes}}   " if axes else ""
        lines.append(Line.of((f"{name:<{names}}   ", "strong"), along, words, indent=2, hang=HANG))
    if len(lines) > MOST_WINDOWS:
        rest = f"showing {MOST_WINDOWS} of {len(lines)}; --json has all"
        lines[MOST_WINDOWS:] = [Line.of(rest, indent=2)]
    return lines


def _merged(step: Step) -> str:
    """Return "32·8·8 = 2048" where dimensions are flattened into one."""
    entering, leaving = first_shape(step.inputs), first_shape(step.outputs)
    if step.kind not in FLATTENING or not entering or not leaving or len(leaving) >= len(entering):
        return ""
    lead = 0
    while lead < len(leaving) and entering[lead] == leaving[lead]:
        lead += 1
    tail = len(leaving) - lead - 1
    inner = entering[lead : len(entering) - tail]
    if lead == len(leaving) or prod(inner) != leaving[lead] or len(inner) < 2:
        return ""
    return f"{'·'.join(map(str, inner))} = {leaving[lead]}"


def first_shape(tensors: Sequence[Tensor]) -> Shape | None:
    """Return the shape of the first, where there is one."""
    return tensors[0].shape if tensors else None
