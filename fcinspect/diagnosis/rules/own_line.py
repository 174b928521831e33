"""The reader's own line that met the error, rewritten as a diagnosis would have it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from fcinspect.diagnosis.catalogue.parsing import lists
from fcinspect.diagnosis.reported import NAME, Reported, first_statement


def operands(reported: Reported) -> tuple[str, ...]:
    """Return what the reader's own line computes with: `torch.mm(a, b)` and `a @ b` give a, b."""
    frame = reported.own_frame
    if frame is None:
        return ()
    value = getattr(first_statement(frame.code), "value", None)
    if isinstance(value, ast.Call):
        return tuple(ast.unparse(argument) for argument in value.args)
    if isinstance(value, ast.BinOp):
        return ast.unparse(value.left), ast.unparse(value.right)
    return ()


@dataclass(frozen=True)
class OwnProduct:
    """The product of two tensors in the reader's own line: q @ k, torch.bmm(q, k), q.matmul(k)."""

    start: str
    """"scores = " where the line binds the product itself, else ""."""
    left: str
    right: str

    def line(self, left: str = "{}", right: str = "{}") -> str:
        """Return the line with operands in another form, e.g. right="{}.T"."""
        return f"{self.start}{_put(self.left, left)} @ {_put(self.right, right)}"


def _put(operand: str, form: str) -> str:
    plain = form == "{}" or re.fullmatch(r"[\w.]+(?:\([^()]*\)|\[[^\[\]]*\])?", operand)
    return form.format(operand if plain else f"({operand})")


def own_product(reported: Reported) -> OwnProduct | None:
    """Return the only product in the reader's own line, or None where that is not plain.

    Where Python underlines a part of the line, it is the one in there.
    """
    frame = reported.own_frame
    if frame is None:
        return None
    statement = first_statement(frame.code)
    within = first_statement(frame.marked) or statement
    if within is None:
        return None
    found = [both for node in ast.walk(within) if (both := _multiplied(node)) is not None]
    if len(found) != 1:
        return None
    left, right = map(ast.unparse, found[0])
    start = ""
    if isinstance(statement, ast.Assign) and _multiplied(statement.value) is not None:
        start = "".join(f"{ast.unparse(target)} = " for target in statement.targets)
    return OwnProduct(start, left, right)


def _multiplied(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Return the two that a node of the source code multiplies, if it is a product of matrices."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr not in {"matmul", "mm", "bmm", "mv", "dot"} or node.keywords:
        return None
    if len(node.args) == 2:
        return node.args[0], node.args[1]
    return (node.func.value, node.args[0]) if len(node.args) == 1 else None


def converted(reported: Reported, suffix: str, position: int = 0) -> str:
    """Return the line that converts one operand, e.g. with the suffix ".float()".

    A name is bound anew, to be written before the reader's line; of an expression, the reader's
    own line is given as it should be.
    """
    given = operands(reported)
    operand = given[position] if position < len(given) else "x"
    if NAME.match(operand):
        return f"{operand} = {operand}{suffix}"
    if not re.match(r"[A-Za-z_(]", operand):
        return f"x = x{suffix}"
    code = reported.own_frame.code.strip() if reported.own_frame else ""
    if code.count(operand) == 1 and not operand.startswith(("*", "lambda")):
        plain = re.match(r"[\w.]+(?:\(.*\)|\[.*\])$", operand)
        return code.replace(operand, f"{operand if plain else f'({operand})'}{suffix}")
    return f"x = x{suffix}"


def called(reported: Reported) -> str:
    """Return the layer or model in the reader's own call: `self.fc1`; "model" where unknown.

    Functions such as torch.mm and F.linear are no layers.
    """
    call = reported.call
    if call is None or not NAME.match(call.function):
        return "model"
    first, _, last = call.function.rpartition(".")
    if first.split(".")[0] in {"torch", "F", "nn", "np", "numpy", "functional", "loss"}:
        return "model"
    if first and first not in {"self", "cls", "model", "net"} and not first.startswith("self."):
        return "model"
    functions = lists("attributes")["functions"]
    return call.function if last[:1].islower() and last not in functions else "model"
