"""The numbers that a command takes beside a file of layers: --x, --weight and --bias, JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.cli.options import option
from fcinspect.cli.sources import Fresh, Stored
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.checkpoints.records import Checkpoint, Layout, StoredLinear, StoredTensor
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearRequest

NUMBERS = re.compile(r"[-+0-9.,;eE\s]*|(nan|inf)\b.*", re.IGNORECASE)
"""Text that is taken for numbers even where a file has that name."""
EXPECTED = (
    "expected numbers such as 1,2,3, rows separated by ';', a file, -, zeros, ones or basis:J"
)
SOURCE = "--weight"


def parse_bias(text: str | bool) -> str | bool:
    """Return True for --bias alone, False for --no-bias, else the text of the numbers."""
    return text if isinstance(text, bool) else {"yes": True, "no": False}.get(text, text)


WeightOption = Annotated[
    str | None,
    option("--weight W", 'Weight of your own layer: its rows, "1,2;3,4", or a file with an array.'),
]
BiasOption = Annotated[
    Any,
    typer.Option(
        "--bias",
        "--no-bias",
        parser=parse_bias,
        metavar="B",
        help="With --weight: its bias, 0,1 or a file. Without --weight, no value: --bias (default)"
        " or --no-bias.",
    ),
]


def flag_of(bias: str | bool | None) -> bool | None:
    """Return what --bias says of a layer that torch makes; raises UsageError for numbers."""
    if isinstance(bias, str):
        raise UsageError(
            f'--bias {bias!r} has no --weight: expected --weight "1,2;3,4" as well, or'
            " --bias alone for a new layer"
        )
    return bias


def refuse_bias(bias: str | bool | None, instead: str) -> None:
    """Raise UsageError where --bias or --no-bias is given together with `instead`."""
    if bias is not None:
        flag = "--no-bias" if bias is False else "--bias"
        raise UsageError(f"{flag} is for new layers: it cannot be combined with {instead}")


@dataclass(frozen=True)
class OwnLayer:
    """The layer as it was typed."""

    weight: str
    bias: str | bool | None
    dtype: str
    layout: Layout = "out,in"

    def open(self) -> Checkpoint:
        """Return the layer as what a file would hold; raises UsageError for what is none."""
        from fcinspect.checkpoints.records import Checkpoint

        return Checkpoint(SOURCE, (self.choose(),))

    def choose(self) -> StoredLinear:
        """Return the layer."""
        from fcinspect.checkpoints.records import StoredLinear

        if self.bias is True:
            raise UsageError("--bias needs numbers with --weight: expected --bias 0,1")
        weight = _tensor("weight", self.weight, self.dtype, 2)
        bias = None
        if isinstance(self.bias, str):
            bias = _tensor("bias", self.bias, self.dtype, 1)
            outputs = weight.shape[0 if self.layout == "out,in" else 1]
            if bias.shape != (outputs,):
                raise UsageError(
                    f"--bias has {bias.shape[0]} numbers, --weight has {outputs} outputs: expected"
                    " one number per output"
                )
        notes = [tensor.note for tensor in (weight, bias) if tensor is not None and tensor.note]
        return StoredLinear("", weight, bias, self.layout, SOURCE, warnings=tuple(notes))


def own_layer(weight: str, bias: str | bool | None, dtype: str, stored: Stored) -> OwnLayer:
    """Return the layer of --weight; raises UsageError where a file gives one, too."""
    if stored.file is not None:
        raise UsageError(f"--weight and {stored.file!r} both define a layer: use only one of them")
    return OwnLayer(weight, bias, dtype, "in,out" if stored.layout == "in,out" else "out,in")


@dataclass(frozen=True)
class FreshOrOwn(Fresh):
    """A layer that torch makes, or one whose numbers are typed."""

    bias: BiasOption = None
    weight: WeightOption = None

    def own(self, stored: Stored) -> OwnLayer | None:
        """Return the layer of --weight, or None; raises UsageError beside another source."""
        if self.weight is None:
            flag_of(self.bias)
            return None
        own = own_layer(self.weight, self.bias, self.dtype, stored)
        replace(self, weight=None, bias=None, dtype="float32").refuse_any("--weight")
        return own


def _tensor(name: str, text: str, dtype: str, dimensions: int) -> StoredTensor:
    """Return an array as it was typed, or of a file; one row of a weight needs no ";"."""
    from fcinspect.checkpoints.records import in_memory

    values, stored_dtype = numbers_of(text)
    if dimensions == 2 and values.ndim == 1 and not names_a_file(text):
        values = values.reshape(1, -1)
    if values.ndim != dimensions:
        rows = "rows of numbers such as 1,2;3,4" if dimensions == 2 else "one row such as 0,1"
        raise UsageError(f"--{name} has shape {values.shape}: expected {rows}")
    if not values.size:
        raise UsageError(f"--{name} has shape {values.shape}: it is empty")
    held, notes = rounded(values, dtype, name, stored_dtype)
    return in_memory(name, held.values, dtype, notes[0] if notes else None)


def read_x(
    text: str | None,
    layer: LinearRequest | StoredLinear,
    batch: tuple[int, ...] | None,
    drawn: tuple[int, ...] = (),
) -> tuple[Array | None, tuple[str, ...]]:
    """Return x or None, and notes; raises UsageError where batch or `drawn` rows do not fit."""
    from fcinspect.layers.memory import require_free_for_rows

    rows = math.prod(drawn if batch is None else batch)
    require_free_for_rows(rows, layer.in_features, layer.out_features)
    return (None, ()) if text is None else read_input(text, layer.in_features, layer.dtype, batch)


def read_input(
    text: str, in_features: int, dtype: str, batch: tuple[int, ...] | None
) -> tuple[Array, tuple[str, ...]]:
    """Return x, (in) or (*batch, in), in `dtype`, and notes; raises UsageError or InputError."""
    from fcinspect.layers.array import Array

    if text in ("zeros", "ones") or text.startswith("basis:"):
        return Array.of(_named(text, in_features, batch or ()), dtype), ()
    values, stored_dtype = numbers_of(text)
    return rounded(_fitted(values, in_features, batch), dtype, "x", stored_dtype)


def rounded(
    values: npt.NDArray[np.float64], dtype: str, name: str, stored_dtype: str | None = None
) -> tuple[Array, tuple[str, ...]]:
    """Return the values in `dtype`, and a note where anything was rounded."""
    import numpy as np

    from fcinspect.layers.array import Array

    held = Array.of(values, dtype)
    lost = np.flatnonzero((held.values != values) & ~np.isnan(values))
    if not lost.size:
        return held, ()
    first = float(values.reshape(-1)[lost[0]])
    now = float(held.values.reshape(-1)[lost[0]])
    origin = f" from {stored_dtype}" if stored_dtype else ""
    return held, (f"{name} is rounded{origin} to {dtype}: {first!r} becomes {now:.17g}",)


def names_a_file(text: str) -> bool:
    """Whether the text of an option is "-" or a path rather than numbers."""
    from fcinspect.checkpoints.opening import ENDINGS
    from fcinspect.checkpoints.paths import is_file

    if text == "-" or text.lower().endswith(tuple(ENDINGS)):
        return True
    return NUMBERS.fullmatch(text) is None and is_file(text)


def names_a_checkpoint(text: str) -> bool:
    """Whether a text names a file, a URI or a folder rather than widths such as 3-5-4-2."""
    from fcinspect.checkpoints.paths import is_folder
    from fcinspect.masking import is_uri

    return (
        names_a_file(text) or is_uri(text) or (text.strip("0123456789-,") != "" and is_folder(text))
    )


def numbers_of(text: str) -> tuple[npt.NDArray[np.float64], str | None]:
    """Return the numbers that are written out or stand in a file, and the dtype of the file."""
    import numpy as np

    from fcinspect.checkpoints.arrays import load_values, values_from_json

    if text.lstrip().startswith("["):
        return values_from_json(text), None
    if names_a_file(text):
        return load_values(text)
    rows = [_row(row, text) for row in text.split(";")]
    if len({len(row) for row in rows}) > 1:
        lengths = ", ".join(str(len(row)) for row in rows)
        raise UsageError(f"the rows of {_short(text)} have different lengths: {lengths}")
    return np.array(rows if len(rows) > 1 else rows[0], dtype=np.float64), None


def _row(row: str, whole: str) -> list[float]:
    words = [word.strip() for word in row.split(",")] if "," in row else row.split()
    for position, word in enumerate(words, start=1):
        if not word:
            raise UsageError(f"a number is missing at position {position} of {_short(whole)}")
    return [_number(word, whole) for word in words]


def _number(word: str, whole: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = None
    if value is None or "_" in word or not word.isascii():
        raise UsageError(f"{word!r} in {_short(whole)} is not a number or a file: {EXPECTED}")
    if math.isinf(value) and "inf" not in word.lower():
        raise UsageError(f"{word} in {_short(whole)} is beyond float64's range: {EXPECTED}")
    return value


def _named(text: str, in_features: int, batch: Sequence[int]) -> npt.NDArray[np.float64]:
    import numpy as np

    x = np.full((*batch, in_features), 1.0 if text == "ones" else 0.0)
    if text.startswith("basis:"):
        number = text.removeprefix("basis:")
        if not (number.isascii() and number.isdigit()) or int(number) >= in_features:
            raise UsageError(
                f"{text!r}: expected basis:J with J from 0 to {in_features - 1}"
                f" (the layer's in_features is {in_features})"
            )
        x[..., int(number)] = 1.0
    return x


def _fitted(
    values: npt.NDArray[np.float64], in_features: int, batch: tuple[int, ...] | None
) -> npt.NDArray[np.float64]:
    if not values.ndim:
        raise UsageError(
            f"x is a single number, without dimensions: the layer's in_features is {in_features}"
        )
    features = values.shape[-1]
    if features != in_features:
        note = ""
        if in_features and values.ndim == 1 and features and features % in_features == 0:
            note = "; separate the rows of a batch by ';'"
        shape = "" if values.ndim == 1 else f" (shape {values.shape})"
        raise UsageError(
            f"x has {features} feature{'' if features == 1 else 's'}{shape},"
            f" but the layer's in_features is {in_features}{note}"
        )
    if batch is None or values.shape == (*batch, in_features):
        return values
    if values.ndim == 2 and values.shape[0] == math.prod(batch):
        return values.reshape(*batch, in_features)
    raise UsageError(f"x has shape {values.shape}, but --batch asks for {(*batch, in_features)}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def json_text(file: str) -> tuple[bytes | bytearray, str]:
    """Return the text of a file or, for "-", of standard input, and its source in words."""
    from fcinspect.checkpoints.opening import check_readable
    from fcinspect.checkpoints.places import read_whole
    from fcinspect.checkpoints.storage import STDIN, standard_input
    from fcinspect.masking import masked_name

    if file == "-":
        return standard_input(), STDIN
    check_readable(file)
    return read_whole(file), repr(masked_name(file))
