"""No correct layer is called wrong, however it was computed; and every element can be."""

from __future__ import annotations

import numpy as np
import pytest

from fcinspect.rounding.accumulation import DotArithmetic, arithmetic_of, parse_accumulate
from fcinspect.rounding.arrays import round_to
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.formats import FORMATS, format_named
from fcinspect.rounding.verdict import Verdict
from tests.verification.correct import KINDS, Layer, layer, moved
from tests.verification.library_ways import WAYS, Floats

CONFIGURATIONS = 20_800
CHUNK = 520
SAMPLED = range(0, CONFIGURATIONS, 53)
"""53 is prime to the cycles of formats and kinds."""


def arithmetic(made: Layer) -> DotArithmetic:
    """Return what is declared of a layer."""
    if made.accumulate is None:
        return arithmetic_of(made.dtype)
    return parse_accumulate(made.accumulate, made.dtype)


def judged(made: Layer, y: Floats | None = None) -> DotCheck:
    """Hold a layer's output, or another one, against the bound."""
    result = made.y if y is None else y
    return check_products(made.x, made.weight, made.bias, result, arithmetic(made))


def overflow_possible(made: Layer) -> bool:
    """Whether sums of magnitudes come within a factor 4 of what the sums' format can hold."""
    declared = arithmetic(made)
    held = declared.accumulate.largest
    if declared.partial_format is not None:
        held = min(held, declared.partial_format.largest)
    with np.errstate(all="ignore"):
        size = np.abs(made.x) @ np.abs(made.weight).T
        size = size + (0.0 if made.bias is None else np.abs(made.bias))
    return bool(size.max() >= held / 4)


def alarms(made: Layer) -> list[str]:
    """Return what is wrong with the verdict on a correct layer."""
    found = judged(made)
    if found.outside:
        return [f"{made.words}: {found.max_ratio} of the bound at {found.worst}"]
    if found.undecided and not overflow_possible(made):
        return [f"{made.words}: {found.undecided} undecided"]
    return []


def test_no_correct_layer_of_a_sample_is_called_wrong() -> None:
    """Undecided are only those that may overflow."""
    assert [alarm for index in SAMPLED for alarm in alarms(layer(index))] == []


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, CONFIGURATIONS, CHUNK))
def test_no_correct_layer_is_called_wrong(start: int) -> None:
    """Twenty thousand configurations."""
    indices = range(start, start + CHUNK)
    assert [alarm for index in indices for alarm in alarms(layer(index))] == []


def test_the_sample_holds_every_format_kind_and_way() -> None:
    """What the default run looks at is of all sorts."""
    sample = [layer(index) for index in SAMPLED]
    assert {made.dtype for made in sample} == set(FORMATS)
    assert {made.kind for made in sample} == set(KINDS)
    assert {made.way for made in sample} == set(WAYS)


def sabotaged(made: Layer, random: np.random.Generator) -> Floats | None:
    """Return the output with one number moved by 4 bounds; None where there is no such number."""
    found = judged(made)
    row, column = (int(random.integers(size)) for size in made.y.shape)
    output = format_named(made.dtype)
    number = moved(found, (row, column), random.choice([-1.0, 1.0]))
    if found.undecided or not abs(number) < output.largest:
        return None
    wrong = made.y.copy()
    wrong[row, column] = round_to(number, output)
    return wrong


def test_one_number_moved_by_four_bounds_is_found() -> None:
    """In every format, kind and way: the check can fail, at every element."""
    random = np.random.default_rng(4)
    tried = 0
    for made in map(layer, SAMPLED[::2]):
        wrong = sabotaged(made, random)
        if wrong is None:
            continue
        tried += 1
        found = judged(made, wrong)
        assert (found.verdict, found.outside) == (Verdict.OUTSIDE, 1), made.words
    assert tried > 0.8 * len(SAMPLED[::2])


def test_one_partial_sum_stored_in_fewer_bits() -> None:
    """A split into one part is stored as well."""
    third = np.array([[np.float32(1 / 3)]], dtype=np.float64)
    stored = round_to(third, format_named("bfloat16"))
    one = np.ones((1, 1))
    assert check_products(third, one, None, stored, "float32").verdict is Verdict.OUTSIDE
    declared = parse_accumulate("split:1:bfloat16", "float32")
    assert check_products(third, one, None, stored, declared).verdict is Verdict.WITHIN


def test_subnormal_operands_lose_more_bits_in_tf32() -> None:
    """Cut to tf32, a subnormal operand may be lost as a whole."""
    tiny = np.array([[2.0**-140]])
    declared = parse_accumulate("tf32:truncated", "float32")
    nothing, scale = np.zeros((1, 1)), np.array([[2.0**30]])
    assert check_products(tiny, scale, None, nothing, "float32").verdict is Verdict.OUTSIDE
    assert check_products(tiny, scale, None, nothing, declared).verdict is Verdict.WITHIN


def test_products_beyond_half_of_the_range_have_a_bound() -> None:
    """|y| + Σ|products| overflows in float64, the product does not."""
    x = np.array([[1.5 * 2.0**1000]])
    w = np.array([[2.0**23]])
    assert check_products(x, w, None, x * w, "float64").verdict is Verdict.WITHIN
    assert check_products(x, w, None, x * w * (1 - 2.0**-50), "float64").outside == 1
