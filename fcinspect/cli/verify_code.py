"""fcinspect verify layer, implementation and optimizer: code that runs on this machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES
from fcinspect.cli.module import Code, arguments_of, say_that_code_runs
from fcinspect.cli.network import OptimizerOptions
from fcinspect.cli.options import (
    Batch,
    Bias,
    Dtype,
    argument,
    choice,
    dtype_option,
    option,
    switch,
    timeout_option,
    whole_number,
)
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import Fresh, Stored, StoredOrWords, source_of
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Accumulate, Checks, Device, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.bridge.hosted import Hosted
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.verification.check import Plan
    from fcinspect.verification.optimizer_subject import OptimizerSubject

WIDTHS = (64, 48)
"""in_features and out_features where none are given."""
OWN = "torch"
GUESSED = "auto"
OTHERS = re.compile(r"[nr]adam|adamax|sparseadam|adam8|ada(delta|factor|bound|belief)")
"""Names of rules that are not checked here, though they hold the name of one that is."""


def layer(
    stored: StoredOrWords,
    fresh: Fresh,
    x: Annotated[
        str | None,
        option(
            "--x X",
            "Input of the layer itself: numbers 1,2,3 (rows separated by ;), a file, - for stdin,"
            " zeros, ones or basis:J; default: random.",
        ),
    ] = None,
    batch: Batch = None,
    accumulate: Accumulate = None,
    device: Device = "cpu",
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check torch's nn.Linear on this machine.

    The checks cover inputs on which floating point is exact, random signs, gradients, and the
    layer's own numbers on your input.
    """
    stored, fresh = source_of(stored, fresh)
    found, given, notes = _layer(fresh if stored.file is None else stored, x, batch)
    asked = fresh.asked() if stored.file is None else vars(stored)
    asked = {**asked, "x": x, "batch": batch, "accumulate": accumulate, "device": device}

    from fcinspect.bridge.linear import require_device, threads, version
    from fcinspect.bridge.subject import torch_linear
    from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
    from fcinspect.verification.layer import plan_layer

    dtype = found.dtype
    require_device(device)
    arithmetic = parse_accumulate(accumulate, dtype) if accumulate else arithmetic_of(dtype)
    words = f"nn.Linear({found.in_features}, {found.out_features}) in {dtype} by {version()}"
    on = "" if device == "cpu" else f" on {device}"
    subject = torch_linear(words + on, dtype, device)
    other_threads = f"thread counts other than torch's own, {threads()}"
    left = (f"devices other than {device}", other_threads)
    plan = plan_layer(subject, found, given, arithmetic, left, (arithmetic.words, *notes))
    return carry_out(plan, checks, asked, output)


def _layer(
    source: Fresh | Stored, x: str | None, batch: tuple[int, ...] | None
) -> tuple[LinearLayer, Array, tuple[str, ...]]:
    """Return the layer, the input of its own check, and notes on both."""
    from fcinspect.cli.inputs import read_x

    shape = (3,) if batch is None else batch  # three rows are drawn where none are given
    if isinstance(source, Fresh):
        wanted = source.request()
        given, notes = read_x(x, wanted, batch, shape)

        from fcinspect.bridge.linear import create_layer

        found = create_layer(wanted)
    else:
        chosen = source.choose()
        given, read = read_x(x, chosen, batch, shape)
        found = chosen.read(None)
        found.require_one_dtype()
        notes = (f"its numbers are from {chosen.source}", *read, *chosen.remarks())
    if given is None:
        from fcinspect.arithmetic.affine import drawn_input

        given = drawn_input((*shape, found.in_features), found.dtype)
    return found, given, notes


@dataclass(frozen=True)
class ImplementationOptions:
    """Somebody's layer, how it is made, and how its sums are formed."""

    code: Code
    kind: Annotated[
        str | None,
        choice(
            "--kind KIND",
            "What the object is, if it cannot be inferred: module, factory (in_features,"
            " out_features, bias), or kernel (input, weight, bias).",
            ("module", "factory", "kernel"),
        ),
    ] = None
    in_features: Annotated[
        int | None, option("--in N", "in_features; default 64.", whole_number(1))
    ] = None
    out_features: Annotated[
        int | None, option("--out M", "out_features; default 48.", whole_number(1))
    ] = None
    bias: Bias = None
    dtype: Annotated[
        str | None,
        dtype_option(
            "float32, float64, bfloat16 or float16; default: a ready module's own, or float32."
        ),
    ] = None
    accumulate: Accumulate = None
    device: Device = "cpu"
    arg: Annotated[
        list[str] | None,
        option("--arg NAME=VALUE", "A further argument of the factory (repeatable)."),
    ] = None
    timeout: Annotated[float, timeout_option("each call of the code")] = 10.0

    def plan(self, subject: Hosted) -> Plan:
        """Return the checks; raises UsageError for widths that a ready module does not have."""
        from fcinspect.bridge.linear import version
        from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
        from fcinspect.verification.layer import plan_implementation

        found = subject.description
        n, out = _widths(subject, self.in_features, self.out_features)
        bias = found.bias if found.kind == "module" else self.bias is not False
        how = self.accumulate
        arithmetic = parse_accumulate(how, found.dtype) if how else arithmetic_of(found.dtype)
        what = {
            "kernel": f"a function on {subject.takes} numbers",
            "factory": "a factory of modules",
            "module": "a ready module",
        }[found.kind]
        shape = f"{n} inputs, {out} outputs{'' if bias else ', no bias'}"
        left = (f"devices other than {self.device}", f"widths far from {n} and {out}")
        notes = (f"{what}; {shape}; {version()}", arithmetic.words)
        return plan_implementation(subject, n, out, bias, found.dtype, arithmetic, left, notes)


def implementation(
    options: ImplementationOptions, checks: Checks = None, *, output: Annotated[Output, Writes()]
) -> ExitStatus:
    """Check your own linear layer, kernel or module.

    The checks cover its contract, inputs on which floating point is exact, the accumulator's
    digits, random signs, gradients, batches and initialization. This executes the code you name.
    """
    from fcinspect.bridge.hosted import Hosted
    from fcinspect.bridge.linear import require_device
    from fcinspect.bridge.loading import require_there
    from fcinspect.rounding.accumulation import parse_accumulate

    code, dtype, device = options.code, options.dtype, options.device
    arguments = arguments_of(options.arg or [])
    asked = {**vars(options), "bias": options.bias is not False, "arg": options.arg or None}
    require_device(device)
    if options.accumulate:
        parse_accumulate(options.accumulate, dtype or "float32")
    require_there(code)
    say_that_code_runs(code, output)
    with closing(Hosted(code, options.kind, dtype, device, arguments, options.timeout)) as subject:
        return carry_out(options.plan(subject), checks, asked, output)


def _widths(subject: Hosted, in_features: int | None, out_features: int | None) -> tuple[int, int]:
    found = subject.description
    if found.kind != "module":
        return in_features or WIDTHS[0], out_features or WIDTHS[1]
    widths = (found.in_features, found.out_features)
    given = (in_features, out_features)
    for flag, own, wanted in zip(("--in", "--out"), widths, given, strict=True):
        if own is not None and wanted is not None and own != wanted:
            raise UsageError(f"{flag} {wanted}: the ready module {subject.words} has {own}")
    n, out = (own if own is not None else wanted for own, wanted in zip(widths, given, strict=True))
    if n is None or out is None:
        raise UsageError(
            f"the ready module {subject.words} does not state its widths: give --in and --out"
        )
    return n, out


@dataclass(frozen=True)
class RuleOptions(OptimizerOptions):
    """The rule that the optimizer should follow, and its hyperparameters."""

    optimizer: Annotated[
        str,
        choice(
            "--like NAME",
            f"The rule it should follow: {', '.join(OPTIMIZER_NAMES)}; auto guesses it from the"
            " name of the class or of its base class; sgd for torch.",
            (GUESSED, *OPTIMIZER_NAMES),
            "rule",
        ),
    ] = GUESSED

    def of(self, code: str) -> tuple[RuleOptions, str | None]:
        """Return the rule that the code should follow, and how it was guessed if it was."""
        if self.optimizer != GUESSED:
            return self, None
        if code == OWN:
            return replace(self, optimizer="sgd"), None
        name, why = guessed_rule(code)
        return replace(self, optimizer=name), f"--like {name} is guessed from {why}"


def optimizer(
    code: Annotated[
        str,
        argument(
            "MODULE:OBJECT|torch",
            "package.module:Class or file.py:Class; this code is executed. torch stands for"
            " the class in torch.optim.",
        ),
    ],
    rule: RuleOptions,
    dtype: Dtype = "float32",
    fused: Annotated[bool, switch("--fused", "torch: use its fused kernel.")] = False,
    foreach: Annotated[
        bool, switch("--foreach", "torch: use its kernel for lists of tensors.")
    ] = False,
    timeout: Annotated[float, timeout_option("each call of the code")] = 10.0,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check an optimizer's steps against its rule.

    The checks cover exact probes, several steps under several options with a bound on each update,
    the caller's arrays and the state. Unless it is torch's own, this executes the code you name.
    """
    if (fused or foreach) and code != OWN:
        raise UsageError("--fused and --foreach select torch's own kernels: expected torch")
    if fused and foreach:
        raise UsageError("--fused and --foreach cannot be combined")
    if code != OWN:
        from fcinspect.bridge.loading import require_there

        require_there(code)
    rule, guess = rule.of(code)
    chosen = rule.chosen()
    asked = {
        "code": code, "dtype": dtype, "fused": fused, "foreach": foreach, "timeout": timeout,
        **rule.asked(),
    }  # fmt: skip
    if code != OWN:
        say_that_code_runs(code, output)

    from fcinspect.verification.optimizer import plan_optimizer

    note = f"compared with {chosen.call} and variations, in {dtype}"
    notes = tuple(filter(None, (note, guess)))
    with _subject(code, chosen.name, timeout, fused=fused, foreach=foreach) as subject:
        plan = plan_optimizer(subject, chosen, dtype, ("devices other than cpu",), notes)
        return carry_out(plan, checks, asked, output)


@contextmanager
def _subject(
    code: str, name: str, timeout: float, *, fused: bool, foreach: bool
) -> Iterator[OptimizerSubject]:
    from fcinspect.bridge.hosted import HostedOptimizer, torch_optimizer

    if code != OWN:
        with closing(HostedOptimizer(code, timeout)) as hosted:
            yield hosted
        return
    from fcinspect.bridge.linear import version

    own = torch_optimizer(name, fused=fused, foreach=foreach)
    own.words = f"{own.words}, of {version()}"
    yield own


def guessed_rule(code: str) -> tuple[str, str]:
    """Return the rule that a class is named after, and which name says so; raises UsageError."""
    name = code.rpartition(":")[2]
    found = {
        rule: why
        for why, words in (*_bases(code), (f"the name {name}", name))
        if (rule := rule_in(words)) is not None
    }
    rules = ", ".join(OPTIMIZER_NAMES)
    if not found:
        raise UsageError(
            f"the name of {code} does not say which rule it follows: expected --like with one of"
            f" {rules}"
        )
    if len(found) > 1:
        said = " and ".join(f"{why} says {rule}" for rule, why in found.items())
        raise UsageError(
            f"the rule of {code} is ambiguous: {said}; expected --like with one of {rules}"
        )
    return next(iter(found.items()))


def rule_in(name: str) -> str | None:
    """Return the rule that a name holds, None for none and for rules that are not checked."""
    plain = name.lower().replace("_", "")
    if OTHERS.search(plain):
        return None
    found = {rule for rule in OPTIMIZER_NAMES if rule in plain}
    if "adamw" in found:  # which holds adam, too
        found.remove("adam")
    return found.pop() if len(found) == 1 else None


def _bases(code: str) -> list[tuple[str, str]]:
    place, _, name = code.rpartition(":")
    path = Path(place if place.endswith(".py") else place.replace(".", "/") + ".py")
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # what cannot be read is refused when it is loaded
    return [
        (f"its base class {ast.unparse(base)}", ast.unparse(base).rpartition(".")[2])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == name
        for base in node.bases
    ]
