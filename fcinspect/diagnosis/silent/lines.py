"""The reader's own lines that mend a silent fault of one step."""

from __future__ import annotations

import ast
import re

from fcinspect.diagnosis.editing import Edit, Source, as_operand, last_name
from fcinspect.diagnosis.silent.case import Case
from fcinspect.shapes.steps import Step

METHOD = re.compile(r"(?P<name>pred|y) = (?P=name)\.(?P<method>\w+\([\d, ]*\))")
"""What a known cause of a loss says of its first argument, or of its second."""


def squeezed(case: Case, step: Step, number: int, method: str) -> tuple[Edit, ...]:
    """Return the edit that gives an operand, by its number, a method: a - b, or f(a, b)."""
    place, source = step.called, case.scene.source(step.called)
    if source is None or place is None:
        return ()
    for node in source.nodes(place):
        operands: list[ast.expr] = []
        if isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Call):
            operands = [*node.args, *(keyword.value for keyword in node.keywords)]
        if number < len(operands) and not isinstance(operands[number], ast.Starred):
            operand = operands[number]
            written = as_operand(source.segment(operand), operand)
            return (source.replaced(operand, f"{written}.{method}"),)
    return ()


def softmax_over_last(case: Case, step: Step) -> tuple[Edit, ...]:
    """Return the edit that takes a softmax along the last dimension."""
    found = case.scene.call(step.made if step.is_module else step.called)
    if found is None:
        return ()
    source, call = found
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "dim"), None)
    if given is None:
        numbers = [argument for argument in call.args if _is_number(argument)]
        given = numbers[0] if numbers else None
    if given is not None:
        return (source.replaced(given, "-1"),)
    if call.args or call.keywords:
        last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
        return (source.inserted_after(last, ", dim=-1"),)
    return _only_argument(source, call)


def _only_argument(source: Source, call: ast.Call) -> tuple[Edit, ...]:
    """Return the edit of nn.Softmax(), which has no argument yet."""
    if "oftmax" not in last_name(call.func):
        return ()
    return (source.replaced(call, f"{source.segment(call.func)}(dim=-1)"),)


def _is_number(node: ast.expr) -> bool:
    try:
        return isinstance(ast.literal_eval(node), int)
    except (ValueError, TypeError, SyntaxError):
        return False
