"""What commands share that run somebody's code: its name, how it is made, and what enters it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.options import (
    LARGEST_COUNT,
    argument,
    batch_shape,
    option,
    switch,
    timeout_option,
)
from fcinspect.cli.output import Output
from fcinspect.cli.system import say
from fcinspect.errors import FcinspectError, InputError, UsageError, did_you_mean
from fcinspect.names import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fcinspect.bridge.tracing import Tracing
    from fcinspect.diagnosis.mending import Retry
    from fcinspect.diagnosis.observations import Observations
    from fcinspect.diagnosis.records import Diagnosis
    from fcinspect.diagnosis.silent.judging import SilentReport
    from fcinspect.shapes.steps import ModuleTrace, Tensor

DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "complex64", "complex128",
)  # fmt: skip
INPUT = re.compile(r"(?:(?P<name>[^\W\d]\w*(?:\.\w+)*)=)?(?P<shape>[^:=]*)(?::(?P<dtype>[^:=]*))?")
CODE_HELP = "package.module:Object or file.py:Object; this code is executed."
Code = Annotated[str, argument("MODULE:OBJECT", CODE_HELP)]
FORM = "expected sizes such as 4,3,32,32, NAME=4,7 or 4,7:int64"


@dataclass(frozen=True)
class ModuleOptions:
    """How a module is made and called."""

    inputs: Annotated[
        list[str] | None,
        option(
            "--input SHAPE",
            "Shape of an input, batch first: 4,3,32,32, or NAME=4,7, or NAME.KEY=4,7 for an"
            " entry of a dict, or 4,7:int64 (repeatable).",
        ),
    ] = None
    batch: Annotated[
        Any,
        option(
            "--batch B",
            "Leading dimensions of every --input; without --input, they precede the in_features"
            " of the first layer.",
            batch_shape,
        ),
    ] = None
    arg: Annotated[
        list[str] | None,
        option(
            "--arg NAME=VALUE",
            "An argument of the class or function, such as hidden=128 (repeatable).",
        ),
    ] = None
    train: Annotated[
        bool, switch("--train", "Run in training mode instead of evaluation mode.")
    ] = False
    timeout: Annotated[float, timeout_option("loading the code, and for each run")] = 60.0

    @contextmanager
    def opened(self, code: str) -> Iterator[Tracing]:
        """Lend the module in a process of its own."""
        from fcinspect.bridge.loading import require_there
        from fcinspect.bridge.tracing import Tracing

        require_there(code)
        with closing(Tracing(code, arguments_of(self.arg or []), self.timeout)) as tracing:
            yield tracing

    def traced(self, tracing: Tracing) -> ModuleTrace:
        """Return the trace of one run; raises UsageError for an invalid shape."""
        inputs = [parse_input(text) for text in self.inputs or ()]
        return tracing.trace(inputs, self.batch, self.train)

    def diagnosed(self, tracing: Tracing, trace: ModuleTrace) -> Diagnosis | None:
        """Return the diagnosis of a failed run, every change of the source tried."""
        from fcinspect.diagnosis.mending import diagnose_trace

        return diagnose_trace(trace, self._retry(tracing))

    def searched(
        self, tracing: Tracing, trace: ModuleTrace, weights: str | None, optimizer: str | None
    ) -> SilentReport:
        """Return the silent faults of a module that ran, every change of the source tried."""
        from fcinspect.diagnosis.silent.judging import judge

        def again(run: ModuleTrace, texts: Mapping[str, str]) -> Observations | None:
            with suppress(FcinspectError):
                return tracing.observe(run, self.train, texts=texts)
            return None

        seen = tracing.observe(trace, self.train, optimizer, weights)
        return judge(trace, seen, self._retry(tracing), again)

    def _retry(self, tracing: Tracing) -> Retry:
        def retry(texts: Mapping[str, str], inputs: Sequence[Tensor]) -> ModuleTrace | None:
            with suppress(FcinspectError):
                return tracing.trace_edited(texts, inputs, self.train)
            return None

        return retry


def parse_input(text: str) -> Tensor:
    """Return the shape of "x=4,7:int64", dtype "" if not given; raises UsageError."""
    from fcinspect.shapes.steps import Tensor

    found = INPUT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--input {text!r}: {FORM}")
    shape = found["shape"].strip()
    sizes = [part.strip() for part in re.split(r"[,x×]", shape.strip("()[] ").removesuffix(","))]
    if shape == "()":
        sizes = []  # a single number
    if not all(size.isascii() and size.isdigit() for size in sizes):
        raise UsageError(f"--input {text!r}: {FORM}")
    if any(len(size.lstrip("0")) > len(str(LARGEST_COUNT)) for size in sizes):
        raise UsageError(f"--input {text!r} is too large: expected at most {LARGEST_COUNT}")
    dtype = None if found["dtype"] is None else canonical(found["dtype"], DTYPES)
    if found["dtype"] is not None and dtype is None:
        raise UsageError(
            f"--input {text!r}: invalid dtype {found['dtype']!r}: expected one of"
            f" {', '.join(DTYPES)}",
            hint=did_you_mean(found["dtype"], DTYPES),
        )
    return Tensor(tuple(map(int, sizes)), dtype or "", found["name"] or "")


def arguments_of(given: list[str]) -> dict[str, Any]:
    """Return the arguments of NAME=VALUE, values read as JSON, else as text."""
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--arg {text!r} is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


def say_that_code_runs(code: str, output: Output) -> None:
    """Say on stderr that somebody's code is about to be executed."""
    if not output.quiet:
        say(f"fcinspect: executing the code of {code.rpartition(':')[0] or code}")


def refuse_unmade(found: ModuleTrace) -> None:
    """Raise InputError for code that raised, by no known mistake, before there was a module."""
    from fcinspect.bridge.loading import loading_hint

    failure = found.failure
    if failure is not None and failure.stage != "forward":
        what = "imported" if failure.stage == "import" else "created"
        where = "" if failure.place is None else f" ({failure.place.file}:{failure.place.line})"
        said = " ".join(failure.message.split())[:300]
        raise InputError(
            f"{found.source} cannot be {what}: {failure.error}: {said}{where}",
            hint=loading_hint(found.source, failure.message),
        )
