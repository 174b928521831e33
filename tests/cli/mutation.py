"""Command lines and files that are almost right, for what no command may do: fail as a defect.

`python -m tests.cli.mutation SECONDS [SEED]` searches for long; tests take a short, fixed part.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcinspect.cli import run
from fcinspect.cli.system import ExitStatus

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.json"))

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 17, 1.5, -0.0, 1e308, -1e308, 1e-320, 2**53, 2**64, 10**400,
    float("nan"), float("inf"), "", " ", "x", "0", "1", "0.15", "1e999", "nan", "sgd", "relu",
    "adam", "nonsense", "float32", "float99", "fc1", "fc1.weight", "\u202e", "\x1b[31m", "x" * 3000,
    "1" * 5000, [], {}, [[]], [[[]]], [0], [1, 2, 3], [[1, 2], [3]], [[1.0, 2.0], [3.0, 4.0]],
    {"shape": [], "dtype": "float32", "values": 1.0}, {"shape": [0], "values": []},
    {"shape": [0, 17], "dtype": "float32", "values": []},
    {"shape": [2, 0], "dtype": "float32", "values": [[], []]},
    {"shape": [-1, 2], "dtype": "float32", "values": []},
    {"shape": [2], "dtype": "float64", "values": [None, 1], "nonfinite": [{"index": [0]}]},
]  # fmt: skip
TEXTS = [
    "", " ", "0", "1", "2", "-1", "1.5", "2.5", "1e308", "1e-320", "nan", "inf", "1_000", "x", "1,",
    ",", "1,2", "2.5,0.9", "1,1", "0,0", "0.9,0.999,1", ",".join("1" * 67), ";", "1;2", "1,2;3,4",
    "1,2,3;4,5,6", "zeros", "ones", "basis:0", "basis:99", "basis:-1", "ones:2", "true", "fc1",
    "fc1.weight[0,0]", "fc9.weight[0]", "fc1.bias[99]", "9" * 30, "🙂", "\x1b[31m", "--", "-",
    "list", "*", "[", "rz:0", "rz:4", "split:0:float32", "tf32", "ftz", "split:2:float32,ftz",
]  # fmt: skip
OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "SGD", "nonsense"]
LOSSES = ["mse", "l1", "half_sum_squares", "cross_entropy", "bce", "bce_with_logits", "nonsense"]
ACTIVATIONS = ["relu", "sigmoid", "tanh", "leaky_relu", "gelu", "identity", "softmax", "nonsense"]
DTYPES = ["float32", "float64", "bfloat16", "float16", "int8", "half", "nonsense"]
REALS = ["0", "0.1", "1", "-1", "2.5", "1e308", "1e-320", "nan", "inf"]
BATCHES = [
    "1",
    "2",
    "2,3",
    "0",
    "0,2",
    "2,0",
    ",".join("1" * 67),
    ",".join("1" * 20),
    "-1",
    "9" * 9,
]
WIDTHS = ["3-4-2", "1-1", "2-2-2", "3,2", "8-8-8", "0-3", "3-0", "3", "", "3--2", "1-2-3-4-5-6-7"]
INPUTS = [
    "1,2,3",
    "1,2",
    "1",
    "zeros",
    "ones",
    "basis:1",
    "1,2,3;4,5,6",
    "nan,inf,1",
    "1e38,1e38,1",
]
CHECKS = ["list", "*", "nonsense", "contract", "", ",", "[", "gradients"]
PRECISIONS = ["0", "4", "17", "18", "-1", "x"]
COMMON: dict[str, list[str]] = {
    "--precision": PRECISIONS,
    "--format": ["text", "json", "csv", "md", "latex", "dot", "nonsense"],
    "--json": [], "--full": [], "--plot": [], "--show-code": [], "--quiet": [],
}  # fmt: skip
RULE: dict[str, list[str]] = {
    **dict.fromkeys(
        ("--lr", "--momentum", "--dampening", "--weight-decay", "--eps", "--alpha", "--lr-decay",
         "--initial-accumulator-value"), REALS,
    ),
    "--betas": ["0.9,0.999", "2.5,0.9", "1,1", "0,0", "-1,0", "nan,0", "0.9", "0.9,", "1,2,3"],
    "--nesterov": [], "--maximize": [], "--centered": [], "--amsgrad": [],
}  # fmt: skip
NETWORK = {
    "--loss": LOSSES, "--activation": ACTIVATIONS, "--output-activation": ACTIVATIONS,
    "--x": INPUTS, "--seed": ["0", "1", "-1", str(2**53)],
}  # fmt: skip
CHECKED = {"--checks": CHECKS, "--dtype": DTYPES}


@dataclass(frozen=True)
class Command:
    """A command, what it reads, and the options that it knows."""

    words: tuple[str, ...]
    documents: tuple[Any, ...]
    """Files that are right; none for a command of words alone."""
    subjects: tuple[str, ...]
    """What may stand in place of a file."""
    options: dict[str, list[str]]


def commands() -> list[Command]:
    """Return the commands that are tried."""
    layer = json.loads(_output("create", "--in", "3", "--out", "2", "--json"))
    network = json.loads(_output("approximate", "x**2", "--on", "0,1", "--error", "0.1", "--json"))
    computed = json.loads(_output("explain", "--in", "3", "--out", "2", "--json", "--full"))
    widths, sizes = tuple(WIDTHS), ["1", "2", "3", "17", "0", "-1", "x"]
    accumulate = {
        "--accumulate": ["float32", "rz:4", "tf32", "split:2:float32", "ftz", "x", "rz:0"]
    }
    return [
        Command(("step",), (layer, network, plain_network()), widths, {
            **COMMON, **RULE, **NETWORK, "--optimizer": OPTIMIZERS, "--target": INPUTS,
            "--batch": BATCHES, "--no-bias": [], "--dtype": DTYPES, "--steps": ["1", "2", "0"],
            "--parameter": ["fc1.weight[0,0]", "fc1.bias[0]", "fc9.weight[0]", "fc1.weight[9,9]"],
        }),
        Command(("draw",), (layer, network, plain_network()), widths, {
            **COMMON, **NETWORK, "--units": sizes, "--no-bias": [],
        }),
        Command(("verify", "step"), tuple(steps()), (), {
            **COMMON, **RULE, **CHECKED, "--optimizer": OPTIMIZERS, "--step": sizes,
            "--loss": LOSSES, "--activation": ACTIVATIONS, "--output-activation": ACTIVATIONS,
        }),
        Command(("verify", "output"), (computed, plain_output()), (), {
            **COMMON, **CHECKED, **accumulate, "--layout": ["out,in", "in,out", "x"],
        }),
        Command(("verify", "example"), tuple(map(_read, EXAMPLES)), (), {
            **COMMON, "--checks": CHECKS,
        }),
        Command(("verify", "layer"), (layer,), (), {
            **COMMON, **CHECKED, **accumulate, "--in": sizes, "--out": sizes, "--batch": BATCHES,
            "--x": INPUTS, "--init": ["default", "zeros", "orthogonal", "x"], "--no-bias": [],
        }),
        Command(("explain",), (layer, network, computed), (), {
            **COMMON, "--x": INPUTS, "--batch": BATCHES, "--element": ["0", "1,1", "9", "-1", "x"],
            "--top": sizes, "--in": sizes, "--out": sizes, "--dtype": DTYPES,
        }),
        Command(("verify", "optimizer"), (), ("torch",), {
            **COMMON, **RULE, **CHECKED, "--like": OPTIMIZERS, "--fused": [], "--foreach": [],
        }),
        Command(("shapes",), (), widths, {
            **COMMON, "--batch": BATCHES, "--activation": ACTIVATIONS,
        }),
        Command(("worksheet",), (), widths, {
            **COMMON, "--sheet": ["forward", "gradient", "step", "all", "x"], "--answers": [],
            "--seed": ["0", "7", "-1"], "--code": ["JQ6G-GBVA", "JQ6G"], "--no-bias": [],
            "--class": ["2", "0"],
        }),
        Command(("worksheet", "--grade"), tuple(sheets()), (), {**COMMON, "--no-solution": []}),
    ]  # fmt: skip


def steps() -> Iterator[Any]:
    """Yield recorded steps, of `step` and by hand."""
    for more in (
        (),
        ("--optimizer", "adam", "--batch", "2", "--steps", "2"),
        ("--optimizer", "sgd", "--momentum", "0.9", "--nesterov", "--steps", "3"),
        ("--optimizer", "rmsprop", "--centered", "--momentum", "0.5"),
        ("--optimizer", "adagrad", "--loss", "cross_entropy", "--batch", "3"),
    ):
        yield json.loads(_output("step", "3-2-2", *more, "--json", "--full"))
    weight = [[1.0, 2.0], [3.0, 4.0]]
    yield {
        "optimizer": "sgd", "options": {"lr": 0.1},
        "fc1.weight.before": weight, "fc1.weight.grad": weight,
        "fc1.weight.after": [[0.9, 1.8], [2.7, 3.6]],
    }  # fmt: skip


def sheets() -> Iterator[Any]:
    """Yield filled worksheets."""
    for sheet in ("forward", "gradient", "step"):
        yield json.loads(_output("worksheet", "2-2-1", "--sheet", sheet, "--answers", "--json"))
        yield json.loads(_output("worksheet", "2-2-1", "--sheet", sheet, "--json"))


def plain_network() -> Any:
    """Return a file of layers that is written by hand."""
    return {
        "layers": [
            {"weight": [[1, 2], [3, 4]], "bias": [0, 1], "activation": "relu"},
            {"weight": [[1, 2]], "bias": None, "activation": "identity"},
        ]
    }


def plain_output() -> Any:
    """Return a computed output that is written by hand."""
    return {"x": [1, 2], "W": [[1, 2], [3, 4]], "b": [0, 1], "y": [5, 12]}


def mutated(document: Any, chance: random.Random) -> Any:
    """Return a document with one to three places changed."""
    changed = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(changed, 12))
        if not places:
            return chance.choice(ODD)
        holder, key = chance.choice(places)
        _change(holder, key, chance, [h[k] for h, k in places])
    return changed


def _change(holder: Any, key: Any, chance: random.Random, values: list[Any]) -> None:
    """Change what stands under a key."""
    way = chance.randrange(8)
    value = holder[key]
    if way == 0 and isinstance(holder, dict):
        del holder[key]
    elif way == 1 and isinstance(value, list):
        holder[key] = value[: len(value) // 2]
    elif way == 2 and isinstance(value, list):
        holder[key] = value + value
    elif way == 3:
        holder[key] = [value]
    elif way == 4:
        holder[key] = copy.deepcopy(chance.choice(values))
    elif way == 5 and isinstance(holder, dict):
        other = chance.choice(list(holder)) + chance.choice(("", "x", "."))
        holder[other] = holder.pop(key)
    elif way == 6 and isinstance(value, int | float):
        holder[key] = value * chance.choice((-1, 0, 1e10, 1e300, 1.0000001, 10**30))
    else:
        holder[key] = copy.deepcopy(chance.choice(ODD))


def _places(value: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Yield every (holder, key) in a document."""
    if depth == 0:
        return
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        if key == 0 or not isinstance(value, list):
            yield value, key  # of a list the first: most are of numbers
        if isinstance(value[key], dict | list):
            yield from _places(value[key], depth - 1)


def options(command: Command, chance: random.Random) -> list[str]:
    """Return some options of a command, with values that fit and values that do not."""
    words: list[str] = []
    for name in chance.sample(list(command.options), k=chance.choice((0, 0, 1, 1, 2, 3, 5))):
        values = command.options[name]
        words.append(name)
        if values:
            words.append(chance.choice(TEXTS if chance.random() < 0.2 else values))
    return words


@dataclass(frozen=True)
class Call:
    """A command line and what it reads from standard input."""

    words: tuple[str, ...]
    stdin: str | None


def calls(seed: int) -> Iterator[Call]:
    """Yield command lines without end, the same for the same seed."""
    chance = random.Random(seed)
    known = commands()
    while True:
        command = chance.choice(known)
        reads = bool(command.documents) and (not command.subjects or chance.random() < 0.5)
        given = options(command, chance)
        if reads:
            document = mutated(chance.choice(command.documents), chance)
            try:
                stdin = json.dumps(document)
            except ValueError:
                continue
            yield Call((*command.words, "-", *given), stdin)
        else:
            subject = chance.choice(command.subjects) if command.subjects else None
            if subject is not None and chance.random() < 0.05:
                subject = chance.choice(TEXTS)
            yield Call((*command.words, *([] if subject is None else [subject]), *given), None)


def fault(call: Call) -> str | None:
    """Return what is wrong with the end of a call, None where it is right."""
    status, out, err = called(call)
    if status in (ExitStatus.DONE, ExitStatus.FAILED):
        return None if not err else f"{status}: {err[:300]}"
    if status not in (ExitStatus.USAGE, ExitStatus.INPUT):
        return f"{status}: {err[:600]}"
    if out and "--help" not in call.words:
        return f"{status} with {out[:100]!r}"
    err = "".join(line for line in err.splitlines(True) if ": executing the code" not in line)
    if err.count("\n") != 1 or not err.startswith(("fcinspect: ", '{"error"')):
        return f"{status}: {err[:300]!r} is not one line"
    return None


def called(call: Call) -> tuple[int, str, str]:
    """Return the status of a call, its output and its errors."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO((call.stdin or "").encode()), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = int(run(list(call.words)))
    finally:
        sys.stdin = before
    return status, out.getvalue(), err.getvalue()


def _output(*words: str) -> str:
    status, out, err = called(Call(words, None))
    assert status == 0, err
    return out


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main(seconds: float, seed: int) -> None:
    """Try calls for so long, and print each kind of fault once."""
    end, tried, kinds = time.monotonic() + seconds, 0, dict[str, int]()
    for call in calls(seed):
        if time.monotonic() > end:
            break
        began = time.monotonic()
        wrong = fault(call)
        tried += 1
        took = time.monotonic() - began
        if took > 5:
            wrong = f"took {took:.1f} s" if wrong is None else wrong
        if wrong is not None:
            kind = wrong[:110]
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] == 1:
                print(
                    f"{wrong}\n    {call.words}\n    {call.stdin and call.stdin[:1500]}", flush=True
                )
    print(f"{tried} calls, {sum(kinds.values())} faults")


if __name__ == "__main__":
    main(float(sys.argv[1]), int((sys.argv[2:] or ["0"])[0]))
