"""Expressions in x: read by an allow-list of syntax, never run, with their derivatives."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from operator import add, mul, sub, truediv
from typing import Any

import sympy

from fcinspect.approximation.evaluation import Enclosure, Scout
from fcinspect.errors import InputError, SpecError, did_you_mean

X = sympy.Symbol("x", real=True)
FUNCTIONS: dict[str, Any] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan,
    "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    "exp": sympy.exp, "log": sympy.log, "ln": sympy.log, "sqrt": sympy.sqrt,
    "abs": sympy.Abs, "erf": sympy.erf,
}  # fmt: skip
CONSTANTS: dict[str, Any] = {"pi": sympy.pi, "π": sympy.pi, "e": sympy.E}
KNOWN = (*FUNCTIONS, *CONSTANTS, "x")
LONGEST = 500
"""Characters of an expression."""
DEEPEST = 60
"""Levels of brackets and operators."""
LARGEST_EXPONENT = 1000
MOST_DIGITS = 2000
"""Of a number that constants make."""
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv,
}  # fmt: skip

SAME = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/"})
"""Signs that mean what one character of Python does, so that places stay the same."""
PRODUCT = "write every product with *, as in 2*x"
SLIPS = (
    (re.compile(r"([⁰¹²³⁴-⁹])"), "write a power as x**2"),
    (re.compile(r"√"), "write sqrt(x) for a root"),
    (re.compile(r"\|"), "write abs(x) for |x|"),
    (re.compile(r"\b(sin|cos|tan|exp|log|ln|sqrt|abs|tanh|erf)\s+\w"),
     "write a function with parentheses, as in sin(x)"),
    (re.compile(r"(?<![\w.])[\d.]+\s*[A-Za-zπ(]|([xπ)]|pi)\s+\w|[)]\s*\w"), PRODUCT),
)  # fmt: skip
"""What is written in a way that is not read, and what to write instead."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function of x and its derivatives."""

    text: str
    """As given, without blanks at its ends."""
    expression: Any
    """By sympy."""

    @cached_property
    def first(self) -> Any:
        """f′, by sympy."""
        return sympy.diff(self.expression, X)

    @cached_property
    def second(self) -> Any:
        """f″, by sympy; where f has kinks without their Dirac terms."""
        return _derivative(self.first)

    @cached_property
    def value_enclosure(self) -> Enclosure:
        """f on intervals."""
        return Enclosure(X, self.expression)

    @cached_property
    def slope_enclosure(self) -> Enclosure:
        """f′ on intervals; a kink takes all slopes between its two."""
        return Enclosure(X, self.first)

    @cached_property
    def curvature_enclosure(self) -> Enclosure:
        """f″ on intervals without kinks."""
        return Enclosure(X, self.second, kinks=(self.expression,))

    @cached_property
    def scout(self) -> Scout:
        """f, f′ and f″ in float64, for guesses."""
        return Scout(X, self.expression, self.first, self.second)

    @cached_property
    def _third(self) -> Enclosure:
        return Enclosure(X, _derivative(self.second), kinks=(self.expression,))

    def curvature_on(
        self, low: Fraction, high: Fraction, *, closely: bool = False
    ) -> tuple[float, float] | None:
        """Return bounds of f″ on [low, high], None where there are none.

        Where the plain enclosure holds 0, or `closely`, also by the mean value
        f″(m) + f‴·(x − m), which is much the narrower on a short interval.
        """
        plain = self.curvature_enclosure.on(low, high)
        if plain is None or low == high or not (closely or plain[0] <= 0 <= plain[1]):
            return plain
        middle = (low + high) / 2
        at, slopes = self.curvature_enclosure.on(middle, middle), self._third.on(low, high)
        if at is None or slopes is None:
            return plain
        reach = math.nextafter(max(map(abs, slopes)) * float(high - low) * 0.5000001, math.inf)
        return max(plain[0], at[0] - reach), min(plain[1], at[1] + reach)

    def value(self, x: Fraction) -> Fraction:
        """Return f(x) to DIGITS digits; raises InputError where it is not a real number."""
        return _finite(self.value_enclosure.at(x), self.text, x)

    def slope(self, x: Fraction) -> Fraction:
        """Return f′(x), likewise."""
        return _finite(self.slope_enclosure.at(x), f"the slope of {self.text}", x)


def _derivative(expression: Any) -> Any:
    """Return the derivative, where there are kinks without their Dirac terms."""
    return sympy.diff(expression, X).replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))


def _finite(value: Fraction | None, what: str, x: Fraction) -> Fraction:
    if value is None:
        raise InputError(f"{what} is not a finite real number at x = {float(x):.6g}")
    return value


def parse(text: str) -> Function:
    """Return the function that is written; raises SpecError naming the place of what is not."""
    written = text.strip()
    if not written or len(written) > LONGEST:
        raise SpecError(
            f"expected an expression in x of at most {LONGEST} characters"
            + (f": this one has {len(written)}" if written else "")
        )
    expression = written.translate(SAME)
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = f" at position {error.offset}" if isinstance(error, SyntaxError) else ""
        hints = (hint for pattern, hint in SLIPS if pattern.search(expression))
        hint = next(hints, "expected one such as sin(2*pi*x)")
        raise SpecError(f"{written!r} is not an expression in x{place}: {hint}") from None
    found = _read(tree, expression, 0)
    if found.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        raise SpecError(f"{written!r} is not a real number anywhere")
    return Function(written, found)


def _read(node: ast.expr, text: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise SpecError(f"the expression is nested more than {DEEPEST} levels deep")
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(ast.get_source_segment(text, node) or "", node, text)
        case ast.Name(id=name):
            if name == "x":
                return X
            if name in CONSTANTS:
                return CONSTANTS[name]
            if name not in FUNCTIONS:
                raise _unknown(name, node, text)
            raise SpecError(
                f"{name!r} at position {_place(node, text)} is a function: write its argument,"
                f" {name}(x)"
            )
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            inner = _read(operand, text, depth + 1)
            return -inner if isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_read(left, text, depth + 1), _read(right, text, depth + 1), node, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            sides = (_read(side, text, depth + 1) for side in (left, right))
            return _bounded(OPERATORS[type(op)](*sides), node, text)
        case ast.BinOp(op=ast.BitXor()):
            raise _misread(node, text, "write x**2 for a power")
        case ast.Call(
            func=ast.Name(id="x" | "pi" | "π" | "e") | ast.Constant() | ast.BinOp() | ast.Call()
        ):
            raise _misread(node, text, PRODUCT)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            if name not in FUNCTIONS:
                raise _unknown(name, node, text)
            return FUNCTIONS[name](_read(argument, text, depth + 1))
    found = (ast.get_source_segment(text, node) or "")[:40]
    raise SpecError(
        f"{found!r} at position {_place(node, text)} is not allowed in an expression: expected"
        f" numbers, x, + - * / **, pi, e and {', '.join(FUNCTIONS)}"
    )


def _number(written: str, node: ast.expr, text: str) -> Any:
    try:
        value = Fraction(written if "_" not in written else "")
    except ValueError:
        raise SpecError(
            f"{written[:40]!r} at position {_place(node, text)} is not a decimal number"
        ) from None
    return _bounded(sympy.Rational(value.numerator, value.denominator), node, text)


def _power(base: Any, exponent: Any, node: ast.expr, text: str) -> Any:
    if exponent.is_number and abs(exponent.evalf(20)) > LARGEST_EXPONENT:
        raise SpecError(f"the exponent at position {_place(node, text)} exceeds {LARGEST_EXPONENT}")
    if base.is_Rational and exponent.is_Rational:
        digits = len(str(max(abs(base.p), base.q))) * abs(float(exponent))
        if digits > MOST_DIGITS:
            raise _too_long(node, text)
    return _bounded(base**exponent, node, text)


def _bounded(value: Any, node: ast.expr, text: str) -> Any:
    if value.is_Rational and max(abs(value.p), value.q) > 10**MOST_DIGITS:
        raise _too_long(node, text)
    return value


def _too_long(node: ast.expr, text: str) -> SpecError:
    return SpecError(
        f"the number at position {_place(node, text)} has more than {MOST_DIGITS} digits"
    )


def _place(node: ast.expr, text: str) -> int:
    """Return the position of the first character; Python counts bytes before it."""
    return len(text.encode()[: node.col_offset].decode()) + 1


def _misread(node: ast.expr, text: str, hint: str) -> SpecError:
    found = (ast.get_source_segment(text, node) or "")[:40]
    return SpecError(f"{found!r} at position {_place(node, text)} is not valid here: {hint}")


def _unknown(name: str, node: ast.expr, text: str) -> SpecError:
    return SpecError(
        f"unknown name {name!r} at position {_place(node, text)}: expected x, pi, e or one of"
        f" {', '.join(FUNCTIONS)}",
        did_you_mean(name, KNOWN),
    )
