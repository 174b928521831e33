"""Print the guide's table of found faults: python -m tests.benchmarks.detection [WIDTHS].

Every planted fault of tests/corpus at every width, in float32 and bfloat16: who finds it. Then
correct layers: who rejects them.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.bridge.linear import dtype_of
from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
from fcinspect.rounding.dot import check_products
from fcinspect.rounding.verdict import Verdict
from tests.corpus import KINDS, Fault, Kind, of_kind
from tests.corpus.judged import find
from tests.corpus.peers import CHECKED_ROWS, Peers, compared, judged
from tests.verification.correct import Layer, layer

WIDTHS = (16, 64, 256, 1024, 4096)
DTYPES = ("float32", "bfloat16")
CORRECT = 1000
"""Configurations of correct layers that are drawn; those of DTYPES are judged."""
TOOLS = ("fcinspect", "cause named", "assert_close", "allclose", "gradcheck")


@dataclass(frozen=True)
class Row:
    """How many of how many cases each tool rejects."""

    title: str
    cases: int
    rejected: Counter[str]
    applies: frozenset[str]
    """The tools that can be applied at all."""

    def markdown(self) -> str:
        """Return the row of the table."""
        cells = [
            f"{self.rejected[tool]} of {self.cases}" if tool in self.applies else "–"
            for tool in TOOLS
        ]
        return f"| {self.title} | {' | '.join(cells)} |"


def cases(fault: Fault, widths: tuple[int, ...]) -> Iterator[tuple[int, str]]:
    """Yield the widths and dtypes in which a fault is planted."""
    for dtype in fault.dtypes:
        # an optimizer's parameters have no width
        for width in widths[:1] if fault.kind == "optimizer" else widths:
            if width <= fault.most:
                yield width, dtype


def of_faults(kind: Kind, widths: tuple[int, ...]) -> tuple[Row, list[str]]:
    """Return the row of one kind of fault, and what fcinspect does not find or name."""
    rejected: Counter[str] = Counter()
    applies: set[str] = {"fcinspect", "cause named"}
    wanting, count = [], 0
    faults = [fault for fault in of_kind(kind) if fault.observable]
    for fault in faults:
        for width, dtype in cases(fault, widths):
            found, peers = find(fault, width, dtype), judged(fault, width, dtype)
            count += 1
            rejected["fcinspect"] += found.seen
            rejected["cause named"] += found.seen and found.named
            for tool, says in vars(peers).items():
                rejected[tool] += bool(says)
                if says is not None:
                    applies.add(tool)
            if not (found.seen and found.named):
                wanting.append(("unnamed " if found.seen else "not found ") + found.words)
    return Row(f"{kind} ({len(faults)})", count, rejected, frozenset(applies)), wanting


def of_correct(dtype: str) -> Row:
    """Return the row of correct layers."""
    rejected: Counter[str] = Counter()
    count = 0
    for index in range(CORRECT):
        made = layer(index)
        if made.dtype != dtype:
            continue
        count += 1
        how = made.accumulate
        arithmetic = parse_accumulate(how, dtype) if how else arithmetic_of(dtype)
        found = check_products(made.x, made.weight, made.bias, made.y, arithmetic)
        rejected["fcinspect"] += found.verdict is Verdict.OUTSIDE
        for tool, says in vars(of_peers(made)).items():
            rejected[tool] += bool(says)
    tools = frozenset(TOOLS) - {"cause named"}
    return Row(f"correct {dtype} layers, rejected", count, rejected, tools)


def of_peers(made: Layer) -> Peers:
    """Return what torch's comparisons say of a correct layer, against torch's own F.linear."""
    kind = dtype_of(made.dtype)
    x, weight, y = (torch.from_numpy(a).to(kind) for a in (made.x, made.weight, made.y))
    bias = None if made.bias is None else torch.from_numpy(made.bias).to(kind)

    def differentiated() -> bool:
        drawn = nn.Linear(min(x.shape[1], 64), min(len(weight), 8), dtype=kind)
        rows = torch.randn(CHECKED_ROWS, drawn.in_features, dtype=kind).requires_grad_()
        return torch.autograd.gradcheck(drawn, (rows,))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compared(lambda: [(y, F.linear(x, weight, bias))], differentiated)


def main() -> None:
    """Print the table, and on stderr what fcinspect lacks."""
    given = sys.argv[1].split(",") if len(sys.argv) > 1 else []
    widths = tuple(map(int, given)) or WIDTHS
    torch.manual_seed(0)
    say(f"| planted fault | {' | '.join(TOOLS)} |")
    say("|:---|" + "---:|" * len(TOOLS))
    wanting: list[str] = []
    for kind in KINDS:
        row, lacking = of_faults(kind, widths)
        wanting += lacking
        say(row.markdown())
    for dtype in DTYPES:
        say(of_correct(dtype).markdown())
    for words in wanting:
        sys.stderr.write(f"{words}\n")


def say(line: str) -> None:
    """Write a line of the table as soon as it is known."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
