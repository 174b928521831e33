"""The certificate against a dense search that knows nothing of how it was made.

The function is read by Python itself and evaluated by mpmath; the network is its stored numbers,
as rationals.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

from fcinspect.approximation.building import FORMATS, Built, build
from fcinspect.approximation.expression import parse
from fcinspect.approximation.interval import parse_interval

FUNCTIONS = [
    "sin(2*pi*x) 0,1 1e-2", "cos(9*x) -1,1 1e-2", "exp(5*x) 0,1 0.1", "exp(-x) 0,10 1e-3",
    "1/(1+25*x**2) -1,1 1e-3", "sqrt(x) 0,1 1e-3", "x**(1/3) 0,1 1e-2", "x**(3/2) 0,2 1e-3",
    "abs(x-1/3) -1,1 1e-6", "abs(sin(3*x)) 0,3 1e-2", "sqrt(abs(x)) -1,1 1e-2",
    "abs(x**3-x) -2,2 1e-2", "tanh(10*x) -1,1 1e-2", "erf(x) -3,3 1e-3", "atan(5*x) -2,2 1e-2",
    "log(x) 0.01,3 1e-2", "tan(x) -1,1 1e-3", "x**2 -3,3 2e-2", "x**3 -1,1 1e-3",
    "x**9 -1,1 1e-2", "2*x-1 0,5 1e-5", "x*exp(-x**2) -4,4 1e-3", "sin(x)/(2+cos(x)) 0,2*pi 1e-2",
    "sin(x**2) 0,4 1e-2", "exp(sin(x)) 0,7 1e-2", "1/x 0.1,10 1e-2", "sqrt(1-x**2) -1,1 1e-2",
    "asin(x) -1,1 1e-2", "acos(x) -1,1 1e-2", "cosh(x) -3,3 0.1", "sinh(x) -3,3 0.1",
    "log(1+x**2) -5,5 1e-2", "x/(1+abs(x)) -5,5 1e-3", "exp(-abs(x)) -3,3 1e-3",
    "1/(1+exp(-8*x)) -2,2 1e-3", "x*tanh(x) -3,3 1e-2", "log(1+exp(x)) -6,6 1e-2",
    "sin(1/x) 0.1,1 1e-2", "x**4-2*x**2 -2,2 1e-2", "(x-1)*(x-2)*(x-3) 0,4 1e-2",
    "sqrt(x**2+1/100) -1,1 1e-3", "exp(-1/(x+1)) 0,5 1e-4", "cos(x)**2 0,6 1e-2",
    "sin(x)*sin(10*x) 0,3 1e-2", "x-sin(x) -0.1,0.1 1e-6", "x**(1/10) 0,1 1e-2",
    "100*x**2 0,1 0.1", "1e-4*sin(x) 0,6 1e-7", "exp(x) 5,6 1e-1", "tan(x)/x 0.1,1 1e-3",
    "2**x -2,2 1e-3", "erf(3*x)+x -2,2 1e-2", "x*abs(x) -1,1 1e-3", "sqrt(sin(x)+2) 0,9 1e-3",
    "x*log(x) 0.001,2 1e-3", "x**x 0.1,2 1e-3", "sin(30*x) 0,1 0.1", "abs(abs(x)-1) -3,3 1e-4",
    "atan(1/x) 0.1,5 1e-3", "x**2 1000,1001 1.1e-2", "abs(cos(x))*exp(-x/5) 0,12 1e-2",
    "sin(x)+sin(3*x)/3+sin(5*x)/5 -pi,pi 1e-2",
]  # fmt: skip
NAMES = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log",
         "sqrt", "erf")  # fmt: skip
POINTS = 12
"""Of every segment at first."""


def read(text: str, room: Any, number: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return the function that Python reads, with the names of `room` (mpmath or numpy)."""
    tree = ast.parse(text, mode="eval")

    class Exact(ast.NodeTransformer):
        """Make numbers such as 0.1 exact ones of the room."""

        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            written = ast.get_source_segment(text, node)
            called = ast.Call(ast.Name("number", ast.Load()), [ast.Constant(written)], [])
            return ast.copy_location(called, node)

    code = compile(ast.fix_missing_locations(Exact().visit(tree)), "test", "eval")
    names = {name: getattr(room, name) for name in NAMES if hasattr(room, name)}
    names |= {"number": number, "abs": abs, "pi": room.pi}
    return lambda x: eval(code, names | {"x": x})


def by_numpy(text: str) -> Callable[[Any], Any]:
    """Return the function in float64."""
    old = {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan")}

    class Room:
        """numpy, with the names of mathematics."""

    for name in NAMES:
        if name != "erf":
            setattr(Room, name, staticmethod(getattr(np, old.get(name, name))))
    Room.erf = staticmethod(np.vectorize(math.erf))  # type: ignore[attr-defined]
    Room.pi = math.pi  # type: ignore[attr-defined]
    return read(text, Room, float)


def made(line: str) -> tuple[str, Built, Fraction]:
    """Return the function's text, its network, and E."""
    text, on, error = line.split(" ")
    tolerance = Fraction(error)
    return text, build(parse(text), parse_interval(on), tolerance, FORMATS), tolerance


def vertices(built: Built) -> list[tuple[Fraction, Fraction]]:
    """Return (x, y) at the ends and wherever the stored network bends, left to right, exactly."""
    network = built.stored.network("test")
    hidden, output = (layer.linear for layer in network.layers)
    assert hidden.bias is not None
    assert output.bias is not None
    signs, offsets, weights = (
        [Fraction(v) for v in array.values.ravel().tolist()]
        for array in (hidden.weight, hidden.bias, output.weight)
    )
    ends = {built.stored.knots[0], built.stored.knots[-1]}
    bends = {-b / w for w, b in zip(signs, offsets, strict=True)}
    places = sorted(ends | {x for x in bends if min(ends) < x < max(ends)})
    start = Fraction(output.bias.values.item())
    units = list(zip(signs, offsets, weights, strict=True))
    return [(x, start + sum(v * max(w * x + b, Fraction(0)) for w, b, v in units)) for x in places]


def farthest(text: str, corners: list[tuple[Fraction, Fraction]]) -> mpmath.mpf:
    """Return the largest |f − y| that a search finds: all over, and closely where it is largest."""
    f = read(text, mpmath, mpmath.mpf)
    with mpmath.workdps(30):
        exact = [tuple(mpmath.mpf(v.numerator) / v.denominator for v in each) for each in corners]
        found = []
        for (a, v), (b, w) in pairwise(exact):

            def off(t: Any, a: Any = a, b: Any = b, v: Any = v, w: Any = w) -> Any:
                return abs(mpmath.re(f(a + (b - a) * t)) - v - (w - v) * t)

            seen = [off(mpmath.mpf(k) / POINTS) for k in range(POINTS + 1)]
            k = max(range(POINTS + 1), key=seen.__getitem__)
            found.append((seen[k], k, off))
        found.sort(key=lambda each: each[0], reverse=True)
        return max(_closely(off, k) for _, k, off in found[:4])


def _closely(off: Callable[[Any], Any], k: int) -> Any:
    low, high = mpmath.mpf(max(k - 1, 0)) / POINTS, mpmath.mpf(min(k + 1, POINTS)) / POINTS
    largest = mpmath.mpf(0)
    for _ in range(6):
        places = [low + (high - low) * n / 6 for n in range(7)]
        seen = [off(t) for t in places]
        n = max(range(7), key=seen.__getitem__)
        largest = max(largest, seen[n])
        low, high = places[max(n - 1, 0)], places[min(n + 1, 6)]
    return largest


SHARES = np.linspace(0, 1, 66)[1:-1]


def plain_greedy(f: Callable[[Any], Any], low: float, high: float, error: float) -> int:
    """Return the width of greedy knots by bisection in float64, each segment on its own."""

    def fits(a: float, b: float) -> bool:
        first, last = f(np.array([a, b]))
        off = np.abs(f(a + (b - a) * SHARES) - first - (last - first) * SHARES)
        return bool(off.max() <= error)

    width, left, step = 0, low, high - low
    while left < high:
        good, bad = left, min(left + step, high)
        while bad < high and fits(left, bad):
            good, bad = bad, min(left + 2 * (bad - left), high)
        while good == left and not fits(left, bad):
            good, bad = left, left + (bad - left) / 4
            if fits(left, bad):
                good, bad = bad, left + 4 * (bad - left)
        good = bad if fits(left, bad) else good
        for _ in range(0 if good == bad else 20):
            middle = (good + bad) / 2
            good, bad = (middle, bad) if fits(left, middle) else (good, middle)
        width, step, left = width + 1, good - left, good
    return width


@pytest.mark.parametrize("line", FUNCTIONS)
@pytest.mark.sampled(2)
def test_the_certificate_holds(line: str) -> None:
    """No point is farther off than certified, E is nearly used up, and the width is greedy's."""
    text, built, tolerance = made(line)
    corners = vertices(built)
    certified = built.error.total
    assert certified <= tolerance
    most = farthest(text, corners)
    assert most <= float(certified)
    if built.width > 4:
        assert most > 0.97 * float(tolerance)
    low, high = float(corners[0][0]), float(corners[-1][0])
    f = by_numpy(text)
    with np.errstate(all="ignore"):
        width = plain_greedy(lambda x: f(x) + 0 * x, low, high, float(tolerance))
    assert built.width <= max(1.02 * width, width)


def test_there_are_functions_enough() -> None:
    """Of all kinds that can be written."""
    assert len(FUNCTIONS) == len(set(FUNCTIONS)) >= 60
    assert {name for name in NAMES if any(f"{name}(" in line for line in FUNCTIONS)} == set(NAMES)


def test_the_search_can_fail() -> None:
    """One weight that is a hundredth too large takes the network farther off than certified."""
    text, built, _ = made("sin(2*pi*x) 0,1 1e-2")
    weights = built.stored.right.weights
    moved = replace(built.stored.right, weights=(weights[0] * 1.01, *weights[1:]))
    broken = replace(built, stored=replace(built.stored, right=moved))
    assert farthest(text, vertices(broken)) > float(built.error.total)
