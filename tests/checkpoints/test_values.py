from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fcinspect.checkpoints.arrays import load_values, values_from_json
from fcinspect.errors import InputError

X = np.array([[0.1, 2.0, -3.0]], dtype=np.float32)


@pytest.mark.parametrize("ending", ["npz", "npy", "safetensors", "json"])
def test_an_array_is_read_from_every_kind_of_file(ending: str, tmp_path: Path) -> None:
    """The array named x or input is taken, exactly."""
    path = tmp_path / f"x.{ending}"
    match ending:
        case "npz":
            np.savez(path, input=X, other=np.ones(3))
        case "npy":
            np.save(path, X)
        case "safetensors":
            save_file({"x": X, "y": X + 1}, path)
        case "json":
            array = {"shape": [1, 3], "dtype": "float32", "values": X.tolist()}
            path.write_text(json.dumps({"x": array, "z": [1]}))
    values, dtype = load_values(str(path))
    assert (values.dtype.name, dtype) == ("float64", "float32")
    np.testing.assert_array_equal(values, X.astype(np.float64))


def test_the_output_of_one_layer_is_the_input_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document's output is preferred to its input."""

    def array(*values: float) -> dict[str, object]:
        return {"shape": [len(values)], "dtype": "float32", "values": values}

    document = {"schema": "fcinspect.explain/1", "data": {"input": array(1.0)}}
    for data, expected in (
        ({"input": array(1.0), "output": array(2.0, 3.0)}, [2, 3]),
        ({"input": array(1.0), "output": None}, [1]),
    ):
        document["data"] = data
        text = json.dumps(document).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), encoding="utf-8"))
        assert load_values("-")[0].tolist() == expected


def test_plain_lists_have_no_dtype(tmp_path: Path) -> None:
    """Numbers without a dtype are left as they stand."""
    (tmp_path / "x.json").write_text("[[1, 2], [3, 4.5]]")
    values, dtype = load_values(str(tmp_path / "x.json"))
    assert (values.tolist(), dtype) == ([[1, 2], [3, 4.5]], None)
    assert values_from_json([1, 0.1]).tolist() == [1, 0.1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": [1], "b": [2]}', "2 arrays: 'a', 'b'"),
        ("[[1], [2, 3]]", "the same length"),
        ("  ", "empty"),
        ('{"schema": "fcinspect.shapes/1", "data": {}}', "neither an output nor an input"),
    ],
)
def test_what_is_no_single_array_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """Several arrays, ragged rows and empty files are refused."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_values(str(tmp_path / "x.json"))


def test_missing_files_and_other_kinds_are_refused(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(InputError, match="no such file"):
        load_values(str(tmp_path / "x.json"))
    (tmp_path / "x.pt").write_bytes(b"\x80\x02.")
    with pytest.raises(InputError, match="is not an array"):
        load_values(str(tmp_path / "x.pt"))
