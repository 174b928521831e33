"""fcinspect diagnose: from an error message, or a module, to the line to write."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fcinspect.cli.module import ModuleOptions, refuse_unmade
from fcinspect.cli.options import argument, option
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import InputError, UsageError

RAISED = re.compile(r"\w*(?:Error|Exception|Warning|Interrupt|Exit|StopIteration)")
"""A type of error: "KeyError:x" is a message, where "net:x" is an object of a module."""
LONGEST_LOG = 2**30
"""Bytes; what goes on longer, or never ends, is refused."""


def diagnose(
    subject: Annotated[
        str,
        argument(
            "TEXT|-|MODULE:OBJECT",
            "An error message; - for a traceback on standard input; or a module, which is"
            " executed.",
        ),
    ],
    options: ModuleOptions,
    weights: Annotated[
        str | None, option("--weights FILE", "A state dict for the module to load.")
    ] = None,
    optimizer: Annotated[
        str | None,
        option(
            "--optimizer NAME",
            "Name of the module's optimizer in the same code; default: those found beside it.",
        ),
    ] = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Find the cause of an error, and the line that fixes it.

    The error involves linear layers, and is given as text or raised by a module that is run. Text
    is only read, and so are the files that a traceback names. MODULE:OBJECT is executed, and again
    with each proposed change, in memory; if it runs without an error, it is searched for faults
    that raise no error. Exit status 1: a fault was found.
    """
    asked: dict[str, Any] = {"subject": subject[:1000]}
    if is_code(subject):
        asked |= {**vars(options), "weights": weights, "optimizer": optimizer}
        return _of_module(subject, options, weights, optimizer, asked, output)
    given = any((options.inputs, options.arg, options.train))
    given |= any(value is not None for value in (options.batch, weights, optimizer))
    _refuse_code(subject, given)
    if given:
        raise UsageError(
            f"{subject[:60]!r} is not MODULE:OBJECT: --input and similar options need a module",
            hint="expected package.module:Object or file.py:Object",
        )
    return _of_text(subject, asked, output)


def is_code(subject: str) -> bool:
    """Whether it is file.py:Object or package.module:Object rather than a message."""
    place, _, name = subject.rpartition(":")
    if "\n" in subject or not all(part.isidentifier() for part in name.split(".")):
        return False
    if place.endswith(".py"):
        return True
    parts = place.split(".")
    return all(part.isidentifier() for part in parts) and not RAISED.fullmatch(parts[-1])


def _refuse_code(subject: str, given: bool) -> None:
    """Raise InputError for model.py or mypkg.model.Net, which lacks the :OBJECT."""
    if subject == "-" or re.search(r"\s", subject):
        return
    from fcinspect.bridge.loading import no_object
    from fcinspect.bridge.targets import reads_as_code
    from fcinspect.checkpoints.paths import is_file

    log = not subject.endswith(".py") and is_file(subject)
    if not log and (given or reads_as_code(subject)):
        raise no_object(subject)


def _of_text(subject: str, asked: dict[str, Any], output: Output) -> ExitStatus:
    from fcinspect.diagnosis.recognising import Unrecognised
    from fcinspect.python.diagnose import of_text
    from fcinspect.reports.diagnose import view_of_diagnosis

    text, warnings = _read(subject)
    if not text.strip():
        raise UsageError("there is no text to diagnose", hint="paste the error, or pipe it to -")
    found = of_text(text)
    if isinstance(found, Unrecognised):
        shapes = f"; shapes in it: {', '.join(found.shapes)}" if found.shapes else ""
        raise UsageError(
            f"not recognized: {found.line[:200]!r}{shapes}",
            hint="fcinspect diagnose MODULE:OBJECT --input … looks at the module itself",
        )
    return output.write(view_of_diagnosis(found, asked, (*warnings, *found.notes)))


def _read(subject: str) -> tuple[str, tuple[str, ...]]:
    from fcinspect.checkpoints.paths import is_file

    if subject != "-":
        if " " not in subject and is_file(subject):
            raise UsageError(
                f"{subject!r} is a file: pass its text on standard input",
                hint=f"fcinspect diagnose - < {subject}",
            )
        return subject, ()
    from fcinspect.checkpoints.storage import chunks_of_standard_input
    from fcinspect.diagnosis.reading import MOST_TEXT

    kept, size = b"", 0
    for chunk in chunks_of_standard_input("the text of an error"):
        size += len(chunk)
        kept = (kept + chunk)[-MOST_TEXT:]
        if size > LONGEST_LOG:
            raise InputError(
                f"standard input did not end within {LONGEST_LOG >> 30} GiB: expected the text of"
                " an error",
                hint="tail -c 4M LOG | fcinspect diagnose - reads the end of a long log",
            )
    cut: tuple[str, ...] = ()
    if size > len(kept):
        cut = (f"only the last {len(kept):,} of {size:,} bytes were read",)
    return kept.decode("utf-8", "replace"), cut


def _of_module(
    code: str,
    options: ModuleOptions,
    weights: str | None,
    optimizer: str | None,
    asked: dict[str, Any],
    output: Output,
) -> ExitStatus:
    from fcinspect.reports.diagnose import view_of_diagnosis, view_of_silent

    with options.opened(code) as tracing:
        found = options.traced(tracing)
        if found.failure is not None:
            diagnosis = options.diagnosed(tracing, found)
            if diagnosis is not None:
                return output.write(view_of_diagnosis(diagnosis, asked))
            refuse_unmade(found)
            said = " ".join(found.failure.message.split())[:300]
            raise UsageError(
                f"not recognized: {found.failure.error}: {said}",
                hint="fcinspect trace shows the steps up to the error",
            )
        report = options.searched(tracing, found, weights, optimizer)
    return output.write(view_of_silent(report, asked))
