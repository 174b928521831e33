"""Code about optimizers in the reader's own names: their optimizer, model and options."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.optimizer_options import OPTIONS
from fcinspect.diagnosis.syntax import first_statement

MODEL = re.compile(r"((?!torch\b|nn\b)[A-Za-z_][\w.]*)\.(?:named_)?(?:parameters|state_dict)\b")
USUAL = re.compile(
    r"(?P<target>optimizer = )?torch\.optim\.\w+\(model\.parameters\(\), (?P<rest>.+)\)"
)
PARAMETERS = {"names-given", "parameters-not-called", "model-given", "no-parameters-given"}
"""Causes that lie in the first argument alone: the other ones stay as they are."""


def own_names(causes: tuple[Cause, ...], reported: Reported) -> tuple[Cause, ...]:
    """Return the causes with their code in the names of the reader's own line.

    `AdamW(net.parameters, lr=3e-4)` gives `AdamW(net.parameters(), lr=3e-4)`.
    """
    frame = reported.own_frame
    if frame is None:
        return causes
    own = frame.marked or frame.code
    return tuple(_named(cause, own, frame.code) for cause in causes)


def _named(cause: Cause, own: str, line: str) -> Cause:
    models = set(MODEL.findall(own))
    if cause.code is None or len(models) != 1:
        return cause
    model = models.pop()
    usual = USUAL.fullmatch(cause.code)
    made = _made(own)
    if usual is None or made is None:
        return replace(
            cause, code=cause.code.replace("model.parameters()", f"{model}.parameters()")
        )
    rest = usual["rest"]
    options = [
        ast.get_source_segment(own.strip(), option) or ast.unparse(option)
        for option in (*made.args[1:], *made.keywords)
    ]
    if cause.name in PARAMETERS:
        rest = ", ".join(options)
    elif len(made.args) == 1:
        changed = {option.partition("=")[0] for option in rest.split(", ")}
        kept = [option for option in options if option.partition("=")[0] not in changed]
        rest = ", ".join((rest, *kept))
    written = ", ".join(part for part in (f"{model}.parameters()", rest) if part)
    bound = re.match(r"\s*([\w.]+ = )", line)
    target = bound[1] if bound else usual["target"] or ""
    return replace(cause, code=f"{target}{ast.unparse(made.func)}({written})")


def _made(own: str) -> ast.Call | None:
    """Return the call that makes an optimizer in a line."""
    try:
        statement = first_statement(own.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = (
        [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement else []
    )
    made = (call for call in calls if ast.unparse(call.func).rpartition(".")[2] in OPTIONS)
    return next(made, None)
