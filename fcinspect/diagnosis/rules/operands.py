"""What the reader's own line computes with, rewritten; products of what is no two matrices."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from math import prod

from fcinspect.diagnosis.catalogue.parsing import lists
from fcinspect.diagnosis.facts import NAME, Facts, first_statement
from fcinspect.diagnosis.records import Decision, Pick, Shape, pick, shape_of


def operands(facts: Facts) -> tuple[str, ...]:
    """Return what the reader's own line computes with: `torch.mm(a, b)` and `a @ b` give a, b.

    Of `torch.mm(a, b) + c` that is the product's, too.
    """
    value = getattr(first_statement(facts.near.code), "value", None)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub):
        products = [both for side in (value.left, value.right) if (both := _multiplied(side))]
        if len(products) == 1:
            return ast.unparse(products[0][0]), ast.unparse(products[0][1])
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


def own_product(facts: Facts) -> OwnProduct | None:
    """Return the only product in the reader's own line, or None where that is not plain.

    Where Python underlines a part of the line, it is the one in there.
    """
    statement = first_statement(facts.near.code)
    within = first_statement(facts.near.marked) or statement
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


def converted(facts: Facts, suffix: str, position: int = 0) -> str:
    """Return the line that converts one operand, e.g. with the suffix ".float()".

    A name is bound anew, to be written before the reader's line; of an expression, the reader's
    own line is given as it should be.
    """
    given = operands(facts)
    operand = given[position] if position < len(given) else "x"
    if NAME.match(operand):
        return f"{operand} = {operand}{suffix}"
    nested = re.fullmatch(r"self\.\w+\((\w+)\)", operand)
    if nested is not None and "modules/linear.py" in _files(facts):
        return f"{nested[1]} = {nested[1]}{suffix}"  # the line's layer failed, within its function
    if not re.match(r"[A-Za-z_(]", operand):
        return f"x = x{suffix}"
    code = facts.near.code.strip()
    if code.count(operand) == 1 and not operand.startswith(("*", "lambda")):
        plain = re.match(r"[\w.]+(?:\(.*\)|\[.*\])$", operand)
        return code.replace(operand, f"{operand if plain else f'({operand})'}{suffix}")
    return f"x = x{suffix}"


def _files(facts: Facts) -> str:
    return "\n".join(frame.file.replace("\\", "/") for frame in facts.frames[-4:])


def called(facts: Facts) -> str:
    """Return the layer or model in the reader's own call: `self.fc1`; "model" where unknown.

    Functions such as torch.mm and F.linear are no layers.
    """
    call = facts.call
    if call is None or not NAME.match(call.function):
        return "model"
    first, _, last = call.function.rpartition(".")
    if first.split(".")[0] in {"torch", "F", "nn", "np", "numpy", "functional", "loss"}:
        return "model"
    if first and first not in {"self", "cls", "model", "net"} and not first.startswith("self."):
        return "model"
    functions = lists("attributes")["functions"]
    return call.function if last[:1].islower() and last not in functions else "model"


def product(rows: int, width: int, wanted: int, out: int, facts: Facts) -> Decision | None:
    """mat1 and mat2 shapes cannot be multiplied, in a product of the reader's own."""
    own = own_product(facts)
    inside = facts.passed_through("torch/nn/modules/") or facts.passed_through("functional.py")
    if width == wanted or own is None or inside:
        return None
    happened = f"{own.left} is {rows:,}×{width:,}, and {own.right} is {wanted:,}×{out:,}."
    causes: list[str] = []
    if re.search(r"mel_basis|mel_fb|\bspec", own.left + own.right) and (width - 1) % 64 == 0:
        causes.append("spectrum-over-time-lost")
    elif out == width and width > 1:
        causes.append("weight-transposed/product")
    if rows == wanted and not causes and wanted > 1:
        causes.append("input-transposed/product")
    return Decision(
        *causes,
        "inner-sizes-differ/product",
        happened=happened,
        left=own.left,
        right=own.right,
        transform=2 * (width - 1),
        turned_right=own.line(right="{}.T"),
        turned_left=own.line(left="{}.T"),
    )


def vector(rows: int, width: int, size: int, facts: Facts) -> Decision:
    """size mismatch, got input (5), mat (5x3), vec (4)"""
    own = own_product(facts) or OwnProduct("y = ", "matrix", "x")
    cause = "weight-transposed" if rows == size else "vector-length"
    return Decision(cause, line=own.line(left="{}.T"))


def batched(wanted: Shape, got: Shape, facts: Facts) -> Decision:
    """torch.bmm: the two matrices of each row of the batch."""
    own = own_product(facts) or OwnProduct("y = ", "a", "b")
    causes = []
    if wanted[0] != got[0]:
        # only a single matrix is broadcast
        causes.append("batches-differ/one" if 1 in (wanted[0], got[0]) else "batches-differ")
    if wanted[1] != got[1]:
        causes.append("inner-sizes-differ")
    return Decision(
        *causes,
        left=wanted[0],
        columns=wanted[1],
        right=got[0],
        rows=got[1],
        got=list(got),
        line=own.line(),
        turned=own.line(right="{}.transpose(-2, -1)"),
    )


def bias(target: Shape, held: Shape, facts: Facts) -> Decision | None:
    """A bias that is not as long as the layer has outputs."""
    linear = "linear" in facts.text or "addmm" in facts.text or len(facts.frames) == 0
    if len(target) != 2 or len(held) != 1 or not linear:
        return None
    return Decision("bias-length", rows=target[0], columns=target[1], length=held[0])


def not_aligned(left: Shape, right: Shape, width: int, rows: int, facts: Facts) -> Decision:
    """shapes (3,4) and (5,2) not aligned: 4 (dim 1) != 5 (dim 0)"""
    own = own_product(facts) or OwnProduct("y = ", "x", "W")
    causes = []
    if len(right) == 2 and right[1] == width:
        causes.append("weight-transposed")
    if len(left) == 2 and left[0] == rows:
        causes.append("input-transposed")
    causes.append("vector-length" if len(right) == 1 else "inner-sizes-differ")
    made = f"W = rng.normal(size=({width}, {right[-1]}))  # (in, out)" if len(right) == 2 else None
    return Decision(
        *causes,
        left=_written(left),
        right=_written(right),
        turned_left=own.line(left="{}.T"),
        turned_right=own.line(right="{}.T"),
        made=made,
    )


def _written(shape: Shape) -> str:
    """Return a shape as numpy writes it: (3,4), (5,), ()."""
    return str(shape).replace(" ", "")


def core(function: str, wanted: int, got: int, signature: str, facts: Facts) -> Decision:
    """matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature …"""
    if function not in ("", "matmul"):
        happened = f"numpy's {function}: the first operand has size {wanted}, the second {got}."
        told = f"; its signature is {signature}" if signature else ""
        return Decision("inner-sizes-differ/function", happened=happened, told=told)
    own = own_product(facts) or OwnProduct("y = ", "x", "W")
    return Decision(
        *("weight-transposed/matmul", "inner-sizes-differ/matmul"),
        turned=own.line(right="{}.T"),
        left=own.left,
        right=own.right,
    )


def broadcast(shapes: str) -> Decision | None:
    """operands could not be broadcast together with shapes (3,4) (5,)"""
    found = [shape_of(text) for text in shapes.replace(")", ") ").split()]
    if len(found) < 2:
        return None
    left, right = found[:2]
    long, short = (left, right) if len(left) >= len(right) else (right, left)
    causes: list[str | Pick] = []
    if len(short) == 1 and len(long) > 1:
        if long[-2] == short[0]:
            causes.append("vector-along-rows")
        causes.append(pick("bias-length", columns=long[-1]))
    elif len(left) == len(right) == 2 and left == right[::-1]:
        causes.append("operand-transposed")
    else:
        causes.append(_sizes_differ(left, right))
    return Decision(
        *causes,
        shapes=" and ".join(map(_written, found)),
        long=_written(long),
        length=short[0] if short else 0,
        left=_written(left),
        right=_written(right),
    )


def _sizes_differ(left: Shape, right: Shape) -> Pick:
    """Return the cause of two arrays whose sizes differ, counted from the last dimension."""
    pairs = zip(left[::-1], right[::-1], strict=False)
    differing = next(((a, b) for a, b in pairs if a != b and 1 not in (a, b)), None)
    meets = f": {differing[0]} differs from {differing[1]}, and neither is 1" if differing else ""
    first = len(left) == len(right) and left[1:] == right[1:]
    return pick("sizes-differ/batch" if first else "sizes-differ", meets=meets)


def reshaped(size: int, shape: str) -> Decision:
    """cannot reshape array of size 12 into shape (5,2)"""
    wanted = shape_of(shape.replace("newaxis", "-1"))
    cause = "view-of-another-size" if -1 in wanted else "view-of-another-size/whole"
    shown = ", ".join(map(str, wanted))
    return Decision(cause, size=size, shape=shown, fixed=prod(n for n in wanted if n >= 0))
