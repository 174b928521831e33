"""The pages of `approximate`: one hidden layer for any function, or sawtooth layers for x²."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import (
    VERDICT_ROLES,
    Column,
    Heading,
    Line,
    Page,
    PageBuilder,
    Table,
    showing,
)

if TYPE_CHECKING:
    from fcinspect.approximation.building import Approximation, ErrorParts, Floor
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.network import GridCheck
    from fcinspect.rounding.formats import NumberFormat

CERTIFIED = ("certified", "good")
THEOREM = (
    "One hidden layer with enough ReLUs approximates any continuous function on [A, B] to within"
    " any E > 0 (universal approximation: Leshno et al. 1993)."
)
MADE = "This network is built, not trained: each segment is as long as E allows."
PARTS = (
    "interpolation: f versus its chords, certified on each segment; parameters: rounding of the"
    " network's numbers; arithmetic: rounding of its sums."
)
TEETH = (
    "Each additional tooth doubles the segments and divides the error by four (Yarotsky 2017):"
    " three ReLUs per layer, plus one that carries the sum."
)
LONGEST_FORMULA = 300
"""Most characters of f″ that are shown."""
SHOWN = (4, 4)
"""How many of the first and of the last units are shown."""
MOST_LAYERS = 3
"""Sawtooth layers whose numbers are shown; those before the last repeat the second."""
ELSEWHERE = "all in --format csv or --json"


def hidden_layer_page(found: Approximation, checks: Sequence[GridCheck], precision: int) -> Page:
    """Return the page of a network with one hidden layer."""
    built = PageBuilder()
    built.add(*_title(found))
    built.group(*_function(found))
    built.group(_widths(found))
    words = ("|f − chord|", f"in {found.number_format.name}")
    table = _error_table(found.built.error, found.tolerance, found.number_format, words)
    built.group(table, Line.of((PARTS, "faint")))
    built.add(*_check_lines(checks, found.number_format), *_floors(found))
    built.group(*_units(found, precision))
    if len(found.comparisons) > 1:
        built.group(_comparison(found))
    return built.page()


def _title(found: Approximation) -> list[Heading | Line]:
    dtype = found.number_format.name
    parameters = sum(layer.linear.parameters for layer in found.network.layers)
    size = text.byte_count(parameters * found.number_format.itemsize)
    chain = " → ".join(map(text.count, found.network.widths))
    title = f"{text.safe(found.network.layers[0].linear.source)}, within {short(found.tolerance)}"
    bound = _upper_text(found.built.error.total)
    return [
        Heading(title, 1),
        Line.of(
            ("y", "output"), " = ", ("W2", "weight"), "·relu(", ("W1", "weight"), "·",
            ("x", "input"), " + ", ("b1", "bias"), ") + ", ("b2", "bias"),
            f"      {chain}, {dtype}, {text.plural(parameters, 'parameter')}, {size}",
        ),
        Line.of(
            CERTIFIED,
            f": |y − f(x)| ≤ {bound} for every {dtype} x in {text.safe(found.interval.words)}",
        ),
    ]  # fmt: skip


def _function(found: Approximation) -> list[Line]:
    second = str(found.function.second)
    if len(second) > LONGEST_FORMULA:
        second = f"{second[:LONGEST_FORMULA]} … {len(second) - LONGEST_FORMULA} more characters"
    return [
        Line.of("f(x)  = ", text.safe(found.function.text), hang=8),
        Line.of("f″(x) = ", text.safe(second), hang=8),
        Line.of((THEOREM, "faint")),
        Line.of((MADE, "faint")),
    ]


def _widths(found: Approximation) -> Table:
    first, built = found.compared, found.built
    listed = [(text.count(built.width), "this network, one per segment")]
    if built.width != built.ideal_width:
        dtype = found.number_format.name
        listed.append((text.count(built.ideal_width), f"enough if {dtype} did not round"))
    if first.uniform is None:
        listed.append(("–", "no count for equal segments: f has a kink, or no bound on f″"))
    else:
        formula = "N = ⌈(B − A)·√(M / 8E)⌉, M = sup |f″|"
        listed.append((text.count(first.uniform), f"equal segments: {formula}"))
    pieces = text.plural(first.pieces, "linear piece")
    least = f"minimum, however it is built: E needs {pieces}"
    listed.append((text.count(first.fewest_units), least))
    return _of_relus(listed)


def _of_relus(listed: Iterable[tuple[str, str]]) -> Table:
    """Return how many hidden units do what; the first line stands out."""
    columns = (Column("hidden ReLUs"), Column("", right=False))
    return Table(columns, tuple(listed), strong=frozenset({0}))


def _units(found: Approximation, precision: int) -> list[Line | Table]:
    stored = found.built.stored
    count, (first, last) = len(stored.units), SHOWN
    folded = count > first + last
    places = [*range(first), *range(count - last, count)] if folded else range(count)
    chosen = [stored.units[k] for k in places]
    knots = text.numbers([float(knot) for _, knot, _ in chosen], precision)
    biases = text.numbers([float(-sign * knot) for sign, knot, _ in chosen], precision)
    weights = text.numbers([weight for _, _, weight in chosen], precision)
    body = [
        (str(k), str(sign), bias, weight, f"x {'>' if sign > 0 else '<'} {knot}")
        for k, (sign, _, _), bias, weight, knot in zip(
            places, chosen, biases, weights, knots, strict=True
        )
    ]
    if folded:
        body.insert(first, ("⋮",) * 5)
    columns = (
        Column("unit", "faint"), Column("W1", "weight"), Column("b1", "bias"),
        Column("W2", "weight"), Column("active where", "input", right=False),
    )  # fmt: skip
    anchor = text.number(float(stored.knots[stored.anchor]), precision)
    bias = text.number(stored.bias, precision)
    return [
        Line.of(
            ("W1", "weight"), ", ", ("b1", "bias"), ", ", ("W2", "weight"),
            ": one row per hidden unit, which bends y at its knot; ", ("b2", "bias"),
            f" = {bias}, the value of y at x = {anchor}",
        ),
        Table(columns, tuple(body)),
        *showing(first + last, count, f"units; {ELSEWHERE} --full"),
    ]  # fmt: skip


def _floors(found: Approximation) -> list[Line]:
    lines = []
    for floor in found.built.given_up:
        dtype = floor.number_format.name
        said = floor.words if floor.reason else _least(floor)
        if floor.taken:
            taken = text.plural(floor.taken, "unit")
            said = f"{dtype} needs {taken}, because its rounding uses part of E (--dtype {dtype})"
        instead = (f"{found.number_format.name} instead of {dtype}", "strong")
        lines.append(Line.of(instead, f": {said}", hang=2))
    more = ": more units make the chords shorter but the sums longer"
    return [*lines, Line.of(_least(found.built.floor) + more, hang=2)]


def _least(floor: Floor) -> str:
    return f"{floor.words}, with {text.plural(floor.width, 'unit')}"


def _comparison(found: Approximation) -> Table:
    compared = found.comparisons
    body = []
    for row in compared:
        uniform = "–" if row.uniform is None else text.count(row.uniform)
        ends = (text.count(row.greedy), uniform, text.count(row.fewest_units))
        body.append((short(row.tolerance), *ends))
    title = "Hidden ReLUs by error, ignoring rounding"
    columns = tuple(map(Column, ("E", "greedy", "equal segments", "minimum")))
    strong = frozenset({compared.index(found.compared)})
    return Table(columns, tuple(body), title, strong=strong)


def depth_page(
    made: Sawtooth, tolerance: Fraction | None, checks: Sequence[GridCheck], precision: int
) -> Page:
    """Return the page of a network of sawtooth layers."""
    built = PageBuilder()
    terms = text.plural(made.layers, "term")
    built.add(*_sawtooth_title(made))
    built.group(
        Line.of("g(x) = 2·relu(x) − 4·relu(x − 1/2) + 2·relu(x − 1), a tooth: up to 1 and down"),
        Line.of(f"f(x) = x − g(x)/4 − g(g(x))/4² − …, {terms} in g", hang=7),
        Line.of((TEETH, "faint")),
    )
    shallow = made.shallow
    deep = f"{text.plural(made.layers, 'hidden layer')} of sawteeth: 4·{made.layers} − 1"
    listed = [
        (text.count(made.units), deep),
        (text.count(shallow.greedy), f"one hidden layer with chords: 2^{made.layers} segments"),
        (text.count(shallow.fewest_units), "minimum for one hidden layer, however it is built"),
    ]
    built.group(_of_relus(listed))
    words = (f"= 2^-{2 * made.layers + 2}", "all exact")
    built.group(_error_table(made.error, tolerance, made.number_format, words))
    built.add(*_check_lines(checks, made.number_format))
    for block in _layers(made, precision):
        built.group(*block)
    return built.page()


def _sawtooth_title(made: Sawtooth) -> list[Heading | Line]:
    dtype = made.number_format.name
    parameters = sum(layer.linear.parameters for layer in made.network.layers)
    chain = " → ".join(map(str, made.network.widths))
    return [
        Heading(f"x² on [0, 1] by {text.plural(made.layers, 'sawtooth layer')}", 1),
        Line.of(f"{chain}, {dtype}, {text.plural(parameters, 'parameter')}"),
        Line.of(
            CERTIFIED,
            f": |y − x²| ≤ {_upper_text(made.error.total)} for every {dtype} x in [0, 1]; without"
            f" rounding, exactly 2^-{2 * made.layers + 2} =",
            f" {text.exact_decimal(made.error.interpolation)} at worst",
        ),
    ]


def _layers(made: Sawtooth, precision: int) -> list[list[Line | Table]]:
    from fcinspect.reports.show import parameters_table

    layers = [layer.linear for layer in made.network.layers]
    shown: list[list[Line | Table]] = []
    for layer in layers if len(layers) <= MOST_LAYERS else [*layers[:2], layers[-1]]:
        name = (f"layer {layer.name}", "strong")
        title = Line.of(name, ": ", ("W", "weight"), " and ", ("b", "bias"))
        shown.append([title, replace(parameters_table(layer, precision), part=None)])
    return [*shown, [*showing(MOST_LAYERS, len(layers), f"layers; {ELSEWHERE}")]]


def _error_table(
    error: ErrorParts,
    tolerance: Fraction | None,
    number_format: NumberFormat,
    words: tuple[str, str],
) -> Table:
    """Return the parts of the error and their sum, the first two with words on their origin."""
    told = [
        ("interpolation", error.interpolation, words[0]),
        ("parameters", error.parameters, words[1]),
        ("arithmetic", error.arithmetic, f"u = 2^-{number_format.precision}"),
        ("certified", error.total, "" if tolerance is None else f"≤ E = {short(tolerance)}"),
    ]
    whole = tolerance or error.total
    body = tuple(
        (part, _upper_text(value), _share(value / whole), words) for part, value, words in told
    )
    of = "of E" if tolerance is not None else "share"
    columns = (Column("error", right=False), Column("at most"), Column(of), Column("", right=False))
    return Table(columns, body, rule_before=frozenset({3}), strong=frozenset({3}))


def _check_lines(checks: Sequence[GridCheck], number_format: NumberFormat) -> list[Line]:
    lines = []
    for check in checks:
        lost = f", {text.plural(check.nonfinite, 'output')} not finite" if check.nonfinite else ""
        said = (
            f": at {text.count(check.points)} points {check.computed_by} in {number_format.name} is"
            f" off by at most {float(check.largest):.4g}, at x ="
            f" {text.shortest(check.place, number_format)}{lost}"
        )
        verdict = (check.verdict.value, VERDICT_ROLES[check.verdict])
        lines.append(Line.of(verdict, said, hang=2))
    return lines


def short(value: Fraction) -> str:
    """Write an error as a user would: 0.001, 1e-06."""
    return f"{float(value):.6g}"


def _upper_text(value: Fraction) -> str:
    """Write a bound to four digits, rounded up, so that the bound shown still holds."""
    from decimal import ROUND_CEILING, Context, Decimal

    if value == 0:
        return "0"
    quotient = Context(prec=40, rounding=ROUND_CEILING).divide(
        Decimal(value.numerator), Decimal(value.denominator)
    )
    return f"{float(Context(prec=4, rounding=ROUND_CEILING).plus(quotient)):.4g}"


def _share(ratio: Fraction) -> str:
    percent = 100 * float(ratio)
    return "< 0.01 %" if 0 < percent < 0.01 else f"{percent:.2f} %" if percent else "0 %"
