from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.checkpoints.formats.json_array import as_tensor, parse
from fcinspect.checkpoints.formats.json_file import checkpoint_of
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.reports.written import array

WEIGHT = [[0.5, -1.0], [2.0, 0.25], [1, 0]]


def document(value: Any) -> dict[str, Any]:
    """Return the document of an array of float64 numbers."""
    return {"shape": list(np.shape(value)), "dtype": "float64", "values": value}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"weight": WEIGHT, "bias": [1, 2, 3]}, [""]),
        ({"weight": WEIGHT, "bias": None}, [""]),
        ({"W": WEIGHT, "b": [1, 2, 3]}, [""]),
        ({"w": WEIGHT, "b": None, "name": "mine"}, [""]),
        ({"fc1": {"W": WEIGHT, "b": [1, 2, 3]}, "fc2.weight": [[1, 2, 3]]}, ["fc1", "fc2"]),
        ({"layers": [{"W": WEIGHT, "b": [1, 2, 3]}, {"weight": [[1, 2, 3]]}]}, ["fc1", "fc2"]),
        (WEIGHT, [""]),
        ({"fc1.weight": WEIGHT, "fc1.bias": [1, 2, 3], "fc2.weight": [[1, 2, 3]]}, ["fc1", "fc2"]),
        ({"a": {"b": {"weight": WEIGHT}}, "epoch": 3}, ["a.b"]),
        ({"layers": [{"weight": WEIGHT}, {"weight": [[1, 2, 3]]}]}, ["fc1", "fc2"]),
        ({"layers": [{"name": "head", "weight": WEIGHT}]}, ["head"]),
        ({"network": {"layers": [{"weight": document(WEIGHT)}]}}, ["fc1"]),
        ({"schema": "fcinspect.create/1", "data": {"layer": {"weight": WEIGHT}}}, [""]),
        (
            {"schema": "fcinspect.x/1", "data": {"network": {"layers": [{"weight": WEIGHT}]}}},
            ["fc1"],
        ),
    ],
)
def test_layers_are_found_in_every_kind_of_document(content: Any, names: list[str]) -> None:
    """Plain layers, state dicts, networks and our own output are read alike."""
    found = checkpoint_of(content, "x")
    assert [layer.name for layer in found.layers] == names
    np.testing.assert_array_equal(found.layers[0].read().weight.values, np.array(WEIGHT))


def test_activations_are_kept() -> None:
    """What follows a layer in a network file is in its record."""
    layers = [{"weight": WEIGHT, "activation": "relu"}, {"weight": [[1, 2, 3]]}]
    found = checkpoint_of({"layers": layers}, "x")
    assert [layer.activation for layer in found.layers] == ["relu", None]


BAD: list[tuple[Any, str | None]] = [
    ({"weight": [[1, 2], [3]]}, r"weight\[1\] has 1 entry and weight\[0\] has 2 entries"),
    ({"weight": [[1, 2], 3]}, r"weight\[1\] has no entries"),
    ({"weight": [[1, "2"]]}, r"weight\[0\]\[1\] is the string '2'"),
    ({"weight": [[1, None]]}, r"weight\[0\]\[1\] is null"),
    ({"weight": [[1, True]]}, r"weight\[0\]\[1\] is true"),
    ({"weight": [[1, {}]]}, r"weight\[0\]\[1\] is an object"),
    ({"weight": [[1, 10**400]]}, r"weight\[0\]\[1\] is outside the range of float64"),
    ({"weight": [[1, 1e300]]}, r"weight\[0\]\[1\] is 1e\+300: the largest number of float32"),
    ({"weight": "abc"}, "weight is the string 'abc'"),
    ({"bias": [1]}, None),
    ({"layers": [{"bias": [1]}]}, r"layers\[0\] of x has no weight"),
    ({"layers": [{"weight": [[1, 2], [3]]}]}, r"layers\[0\].weight\[1\] has 1 entry"),
    ({"layers": [3]}, r"layers\[0\] of x has no weight"),
    ({"layers": [{"weight": WEIGHT, "name": 3}]}, "name is not a string"),
    ({"layers": [{"weight": WEIGHT, "name": "a"}] * 2}, "second layer named 'a'"),
    ({"layers": [{"weight": WEIGHT, "activation": 3}]}, "activation"),
    ({"a.weight": WEIGHT, "a": {"weight": WEIGHT}}, "'a.weight' appears twice in the document"),
    ({"epoch": 3}, "holds no layer"),
    (3, "holds no layer"),
    ({"schema": "fcinspect.shapes/1", "data": {"layers": []}}, "holds no layer"),
    ({"weight": {"shape": [2, 2], "dtype": "float32"}}, "summary"),
    ({"weight": {"shape": [2, 2], "dtype": "int8", "values": []}}, "dtype is 'int8'"),
    (
        {"weight": {"shape": [2, 2], "dtype": "float32", "values": [[1, 2]]}},
        r"has shape \(2, 2\), but its values have shape \(1, 2\)",
    ),
    ({"weight": {"shape": [-1], "dtype": "float32", "values": []}}, "shape is not"),
    (
        {"weight": {"shape": [1, 1], "dtype": "float32", "values": [[None]]}},
        r"weight\[0\]\[0\] is null and not listed",
    ),
    (
        {
            "weight": {
                "shape": [1, 1],
                "dtype": "float32",
                "values": [[1]],
                "nonfinite": [{"index": [0, 0], "value": "nan"}],
            }
        },
        "does not point to a null",
    ),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_what_is_wrong_is_named_with_its_place(content: Any, words: str | None) -> None:
    """A refusal names the entry, such as weight[1][0], in one line."""
    if words is None:
        assert checkpoint_of(content, "x").layers == ()
        return
    with pytest.raises(InputError, match=words) as caught:
        checkpoint_of(content, "x")
    assert "\n" not in caught.value.message


def test_a_summary_says_how_to_get_the_numbers() -> None:
    """The hint names the option that writes every number."""
    summary = array(Array.of(np.ones((40, 40)), "float32"))
    with pytest.raises(InputError) as caught:
        as_tensor(summary, "weight")
    assert "--full" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "'a' appears twice"),
        ("[" * 100_000, "nested too deeply"),
        ("{nothing}", "line 1, column 2"),
        (b"\xff\xfe", "not UTF-8"),
        ("9" * 5000, "thousands of digits"),
        ("", "not JSON"),
    ],
)
def test_what_is_not_strict_json_is_refused(text: str | bytes, words: str) -> None:
    """Duplicate keys, deep nesting and endless digits are refused, not crashes."""
    with pytest.raises(InputError, match=words):
        parse(text, "x")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_pythons_own_spelling_of_nan_is_refused_at_its_place(word: str) -> None:
    """NaN and Infinity are not JSON; the refusal says where they stand."""
    content = parse(f'{{"weight": [[1, {word}]]}}', "x")
    with pytest.raises(
        InputError, match=rf"weight\[0\]\[1\] is {word}, which is not a JSON number"
    ):
        checkpoint_of(content, "x")


def test_a_number_that_was_rounded_is_told() -> None:
    """Rounding to float32 is never silent, and exact numbers are not warned of."""
    (layer,) = checkpoint_of({"weight": [[0.5, 0.1]], "bias": [2**53 + 1]}, "x").layers
    assert layer.dtype == "float32"
    assert "1 number is rounded, [0][1] from 0.1 to 0.10000000149011612" in layer.warnings[0]
    assert "bias[0] is rounded" in layer.warnings[1]
    (exact,) = checkpoint_of({"weight": [[0.5, 0.25]]}, "x").layers
    assert exact.warnings == ()


@given(
    st.sampled_from(["float64", "float32", "bfloat16", "float16"]),
    st.lists(st.lists(st.floats(), min_size=3, max_size=3), max_size=4),
)
def test_an_array_document_is_read_back_exactly(dtype: str, values: list[list[float]]) -> None:
    """Writing and reading are inverse, non-finite and negative zero included."""
    written = Array.of(np.array(values).reshape(len(values), 3), dtype)
    text = json.dumps(array(written, full=True), allow_nan=False)
    found = as_tensor(parse(text, "x"), "w")
    assert (found.dtype, found.shape, found.note) == (dtype, written.shape, None)
    np.testing.assert_array_equal(found.read(None), written.values)
    assert list(map(math.copysign, [1] * written.size, found.read(None).flat)) == [
        math.copysign(1, v) if not math.isnan(v) else 1 for v in written.values.flat
    ]


def test_an_empty_array_keeps_its_shape() -> None:
    """Nested lists cannot tell (0, 4) from (0): the document's shape decides."""
    for shape in ((0, 4), (3, 0), (0,)):
        found = as_tensor(array(Array.of(np.ones(shape), "float32")), "w")
        assert found.shape == shape


@pytest.mark.parametrize("shape", ["plain", "nested", "layers"])
def test_w_and_b_are_weight_and_bias(shape: str) -> None:
    """Formulas' names are read as torch's, and a refusal quotes the name that stands there."""
    entry: dict[str, Any] = {"W": WEIGHT, "b": [1, 2, 3]}
    wrapped = {"plain": entry, "nested": {"fc1": entry}, "layers": {"layers": [entry]}}[shape]
    (layer,) = checkpoint_of(wrapped, "x").layers
    assert layer.bias is not None
    assert layer.bias.name.endswith("bias")
    np.testing.assert_array_equal(layer.read().bias.values, [1, 2, 3])  # type: ignore[union-attr]
    entry["b"] = [1, "2", 3]
    with pytest.raises(InputError, match=r"b\[1\] is the string '2'"):
        checkpoint_of(wrapped, "x")


def test_b_alone_is_no_bias() -> None:
    """A long name beside the short one is the layer's; what is left is said."""
    found = checkpoint_of({"weight": WEIGHT, "b": [1, 2, 3], "W": WEIGHT}, "x")
    assert (len(found.layers), found.layers[0].bias) == (1, None)
    assert {skip.name for skip in found.skipped} == {"W", "b"}
