"""What a command reads beside its layer: the value of --x, or a document of JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fcinspect.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.layers.array import Array
    from fcinspect.layers.spec import Spec

NUMBERS = re.compile(r"[-+0-9.,;eE\s]*|(nan|inf)\b.*", re.IGNORECASE)
"""Text that is taken for numbers even where a file has that name."""
EXPECTED = (
    "expected numbers such as 1,2,3, rows separated by ';', a file, -, zeros, ones or basis:J"
)


def read_input(
    text: str, in_features: int, dtype: str, batch: tuple[int, ...] | None
) -> tuple[Array, tuple[str, ...]]:
    """Return x, (in) or (*batch, in), rounded to `dtype`, and what a reader should know of it.

    Raises UsageError for text that is no input and for a wrong number of features, InputError
    for a file that cannot be read.
    """
    from fcinspect.layers.array import Array

    if text in ("zeros", "ones") or text.startswith("basis:"):
        return Array.of(_named(text, in_features, batch or ()), dtype), ()
    values, stored_dtype = numbers_of(text)
    return rounded(_fitted(values, in_features, batch), dtype, "x", stored_dtype)


def rounded(
    values: npt.NDArray[np.float64], dtype: str, name: str, stored_dtype: str | None = None
) -> tuple[Array, tuple[str, ...]]:
    """Return the values in `dtype`, and what was rounded on the way, if anything was."""
    import numpy as np

    from fcinspect.layers.array import Array

    held = Array.of(values, dtype)
    lost = np.flatnonzero((held.values != values) & ~np.isnan(values))
    if not lost.size:
        return held, ()
    first = float(values.reshape(-1)[lost[0]])
    now = float(held.values.reshape(-1)[lost[0]])
    origin = f" from {stored_dtype}" if stored_dtype else ""
    return held, (f"{name} is rounded{origin} to {dtype}: {first!r} is held as {now:.17g}",)


def names_a_file(text: str) -> bool:
    """Whether the text of an option is "-" or a path rather than numbers."""
    from fcinspect.checkpoints.opening import ENDINGS
    from fcinspect.checkpoints.paths import is_file

    if text == "-" or text.lower().endswith(tuple(ENDINGS)):
        return True
    return NUMBERS.fullmatch(text) is None and is_file(text)


def widths_in(text: str) -> Spec:
    """Return what the words of a network say.

    Raises SpecError for what are none, UsageError where a file has that very name.
    """
    from fcinspect.checkpoints.paths import is_file
    from fcinspect.layers.spec import parse_spec

    spec = parse_spec(text)
    if is_file(text):
        raise UsageError(
            f"{text!r} names a layer and a file: write ./{text} for the file, and for the layer"
            " other separators or 'nn.Linear(4, 2)'"
        )
    return spec


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
    """Return the numbers of one row, separated by commas or by blanks."""
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

    if text.startswith("basis:"):
        number = text.removeprefix("basis:")
        if not (number.isascii() and number.isdigit()) or int(number) >= in_features:
            raise UsageError(
                f"{text!r}: expected basis:J with J from 0 to {in_features - 1},"
                f" the layer's in_features being {in_features}"
            )
        x = np.zeros((*batch, in_features))
        x[..., int(number)] = 1.0
        return x
    return np.full((*batch, in_features), 1.0 if text == "ones" else 0.0)


def _fitted(
    values: npt.NDArray[np.float64], in_features: int, batch: tuple[int, ...] | None
) -> npt.NDArray[np.float64]:
    """Return the values as (in) or (*batch, in), if that is what they are."""
    features = values.shape[-1] if values.ndim else None
    if features is None:
        raise UsageError(
            f"x is one number without dimensions: expected the layer's in_features, {in_features}"
        )
    if features != in_features:
        note = ""
        if in_features and values.ndim == 1 and features and features % in_features == 0:
            note = "; rows of a batch are separated by ';'"
        shape = "" if values.ndim == 1 else f" (shape {values.shape})"
        raise UsageError(
            f"x has {features} feature{'' if features == 1 else 's'}{shape},"
            f" the layer's in_features is {in_features}{note}"
        )
    if batch is None:
        return values
    if values.shape == (*batch, in_features):
        return values
    if values.ndim == 2 and values.shape[0] == math.prod(batch):
        return values.reshape(*batch, in_features)
    raise UsageError(f"x has shape {values.shape}, --batch asks for {(*batch, in_features)}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def json_document(file: str, what: str) -> tuple[Any, str]:
    """Return what JSON a file or, for "-", standard input holds, and its source in words.

    `what` is expected there. Raises InputError for what cannot be read.
    """
    from fcinspect.checkpoints.formats.json_array import parse

    text, source = json_text(file)
    return parse(text, source, what), source


def json_text(file: str) -> tuple[bytes | bytearray, str]:
    """Return the text of that document, unread, and its source in words; raises InputError."""
    from fcinspect.checkpoints.opening import check_readable
    from fcinspect.checkpoints.places import read_whole
    from fcinspect.checkpoints.storage import standard_input
    from fcinspect.masking import masked_name

    if file == "-":
        return standard_input(), "standard input"
    check_readable(file)
    return read_whole(file), repr(masked_name(file))
