"""Strict JSON, and the arrays written in it: nested lists, or our own documents of an array.

An array document is {"shape", "dtype", "values", "nonfinite"}: each number exact, null in the
place of what JSON has no number for, which "nonfinite" then lists. What a text takes when it is
parsed is counted before: an empty list takes fifty times its two characters, an object a hundred
times; numbers in rows take about ten times theirs.
"""

from __future__ import annotations

import contextlib
import json
import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.places import claim, unique_keys
from fcinspect.checkpoints.records import StoredTensor, in_memory
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.names import canonical
from fcinspect.rounding.formats import FORMATS, format_named

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_DIMENSIONS = 32
LARGEST_WHOLE = 2**53
"""The whole numbers up to it are numbers of float64."""
PLAIN_DTYPE = "float32"
"""What numbers without a dtype are read as, since nn.Linear would make that of them."""
COSTS = {"[": 100, "{": 360, '"': 40, ",": 24, "null": 150}
"""Bytes of a list, an object, half a text, a number, and a number that JSON has not."""
ALWAYS = 1 << 26
"""Bytes that every text may take."""
TIMES = 16
"""Times its own bytes that a longer text may take."""


class _NotANumber(str):
    """NaN, Infinity or -Infinity, which Python's reader takes and JSON has not."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class JsonArray:
    """The numbers of an array in JSON, before they are rounded to a format."""

    values: npt.NDArray[np.float64]
    dtype: str | None
    """What the document says, None where it says nothing."""
    inexact: tuple[str, float] | None
    """The place and value of a whole number that float64 does not hold, None if there is none."""


def parse(text: str | bytes | bytearray, source: str, what: str | None = None) -> Any:
    """Return the value that strict JSON names; raises InputError, also for a key given twice.

    Where it is known `what` is expected, an empty text is refused in these words.
    """
    if what is not None and (not text or text.isspace()):
        raise InputError(f"{source} is empty: expected {what} in JSON")
    _require_proportionate(text, source)
    try:
        if not isinstance(text, str):
            text = text.decode("utf-8-sig")
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=unique_keys(_twice),
            parse_constant=_NotANumber,
        )
    except RecursionError:
        raise InputError(f"{source} is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not JSON: byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{source} is not JSON: {error.msg} at {where}") from None
    except ValueError as error:
        reason = "an integer has thousands of digits" if "digits" in str(error) else error
        raise InputError(f"{source} cannot be read as JSON: {reason}") from None


@contextlib.contextmanager
def refusals_name(source: str) -> Iterator[None]:
    """Put the file before what is raised of its content, where it is not named already."""
    try:
        yield
    except InputError as error:
        if source in error.message:
            raise
        raise InputError(f"{source}: {error.message}", error.hint) from None


def _twice(key: str) -> InputError:
    return InputError(f"the JSON key {key!r} appears twice in one object")


def is_array_document(value: object) -> bool:
    """Whether a value is meant as a document of an array."""
    return isinstance(value, dict) and "shape" in value and "dtype" in value


def decode(value: object, place: str) -> JsonArray:
    """Return the array of nested lists or an array document; errors name the place in it."""
    import numpy as np

    if isinstance(value, Mapping):
        return _from_document(value, place)
    walk = _Walk(place)
    shape = walk.shape_of(value)
    values = np.array(walk.numbers).reshape(shape)
    if walk.nulls:
        raise InputError(f"{_at(place, walk.nulls[0])} is null: expected a number")
    return JsonArray(values, None, walk.inexact)


def as_tensor(value: object, name: str, plain: str = PLAIN_DTYPE) -> StoredTensor:
    """Return the stored tensor of an array in JSON; what was rounded is in its note."""
    import numpy as np

    from fcinspect.rounding.arrays import hold

    found = decode(value, name)
    dtype = found.dtype or plain
    held = hold(found.values, dtype)
    overflown = np.isinf(held) & np.isfinite(found.values)
    if overflown.any():
        index = _first(overflown)
        raise InputError(
            f"{_at(name, index)} is {float(found.values[index])!r}: the largest number of {dtype}"
            f" is {format_named(dtype).largest:.9g}"
        )
    return in_memory(name, held, dtype, _rounding_note(name, found, held, dtype))


def _rounding_note(name: str, found: JsonArray, held: Any, dtype: str) -> str | None:
    import numpy as np

    told = f"{name} is read as {dtype}" + ("" if found.dtype else ", because no dtype is given")
    lost = (held != found.values) & ~np.isnan(found.values)
    count = int(np.count_nonzero(lost))
    if count:
        index = _first(lost)
        many = "1 number is" if count == 1 else f"{count} of {held.size} numbers are"
        return (
            f"{told}: {many} rounded, {_at('', index)} from {float(found.values[index])!r}"
            f" to {float(held[index])!r}"
        )
    if found.inexact is not None:
        return f"{told}: {found.inexact[0]} is rounded to {found.inexact[1]!r}"
    return None


def _first(chosen: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first place that is true; a table of all has a row for each."""
    import numpy as np

    return tuple(map(int, np.unravel_index(int(np.argmax(chosen)), chosen.shape)))


def _from_document(document: Mapping[str, Any], place: str) -> JsonArray:
    import numpy as np

    shape, dtype = document.get("shape"), document.get("dtype")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise InputError(f"{place}.shape is not a list of integers >= 0")
    if len(shape) > MOST_DIMENSIONS:
        raise InputError(f"{place} has more than {MOST_DIMENSIONS} dimensions")
    too_wide = claim(shape)
    if too_wide is not None:
        raise InputError(f"{place} {too_wide}")
    known = canonical(dtype, FORMATS) if isinstance(dtype, str) else None
    if known is None:
        shown = repr(dtype) if isinstance(dtype, str) else kind_in_words(dtype)
        raise InputError(f"{place}.dtype is {shown}: expected one of {', '.join(FORMATS)}")
    if "values" not in document:
        raise InputError(
            f"{place} is a summary of shape {tuple(shape)} without the numbers",
            hint="use --full to write every number",
        )
    walk = _Walk(place)
    found = walk.shape_of(document["values"])
    if math.prod(shape) == 0 and not walk.numbers:
        found = tuple(shape)  # nested lists cannot tell (0, 4) from (0)
    if found != tuple(shape):
        raise InputError(f"{place} has shape {tuple(shape)}, but its values have shape {found}")
    values = np.array(walk.numbers).reshape(found)
    _put_nonfinite(values, document.get("nonfinite", []), set(walk.nulls), place)
    return JsonArray(values, known, walk.inexact)


def _put_nonfinite(
    values: npt.NDArray[np.float64], listed: object, nulls: set[tuple[int, ...]], place: str
) -> None:
    if not isinstance(listed, list):
        raise InputError(f"{place}.nonfinite is not a list")
    for number, entry in enumerate(listed):
        where = f"{place}.nonfinite[{number}]"
        given = entry.get("index") if isinstance(entry, dict) else None
        # True is 1, but no index
        whole = isinstance(given, list) and all(type(i) is int for i in given)
        index = tuple(given) if whole and given is not None else None
        if index is None or index not in nulls:
            raise InputError(f"{where} does not point to a null in values")
        if entry.get("value") not in ("nan", "inf", "-inf"):
            raise InputError(f"{where}.value is not nan, inf or -inf")
        values[index] = float(entry["value"])
        nulls.discard(index)
    if nulls:
        raise InputError(f"{_at(place, min(nulls))} is null and not listed in nonfinite")


class _Walk:
    """Collects the numbers of nested lists, row by row, and checks that no row is ragged."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.numbers = array("d")
        self.nulls: list[tuple[int, ...]] = []
        self.inexact: tuple[str, float] | None = None

    def shape_of(self, value: object, index: tuple[int, ...] = ()) -> tuple[int, ...]:
        if not isinstance(value, list):
            self.numbers.append(self._number(value, index))
            return ()
        if len(index) >= MOST_DIMENSIONS:
            raise InputError(f"{self.place} has more than {MOST_DIMENSIONS} dimensions")
        if _is_plain(value):
            self.numbers.extend(value)
            return (len(value),)
        shapes = [self.shape_of(item, (*index, i)) for i, item in enumerate(value)]
        for i, shape in enumerate(shapes):
            if shape != shapes[0]:
                here, first = _at(self.place, (*index, i)), _at(self.place, (*index, 0))
                raise InputError(
                    f"{here} has {_entries(shape)} and {first} has {_entries(shapes[0])}: rows must"
                    " have the same length"
                )
        return (len(value), *(shapes[0] if shapes else ()))

    def _number(self, value: object, index: tuple[int, ...]) -> float:
        where = _at(self.place, index)
        if value is None:
            self.nulls.append(index)
            return math.nan
        if isinstance(value, _NotANumber):
            raise InputError(
                f"{where} is {value}, which is not a JSON number: use an array document"
                ' {"shape", "dtype", "values", "nonfinite"}'
            )
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise InputError(f"{where} is {kind_in_words(value)}: expected a number")
        try:
            held = float(value)
        except OverflowError:
            held = math.inf
        if math.isinf(held):
            raise InputError(f"{where} is outside the range of float64")
        if isinstance(value, int) and held != value and self.inexact is None:
            self.inexact = (where, held)
        return held


def _is_plain(row: list[Any]) -> bool:
    """Whether a row holds finite fractions alone, or whole numbers alone that float64 holds."""
    kinds = set(map(type, row))
    if kinds == {int}:
        return bool(max(map(abs, row)) <= LARGEST_WHOLE)
    return kinds == {float} and all(map(math.isfinite, row))


def _at(place: str, index: tuple[int, ...]) -> str:
    return place + "".join(f"[{i}]" for i in index)


def _entries(shape: tuple[int, ...]) -> str:
    if not shape:
        return "no entries, as it is a number,"
    inner = f" of shape {shape[1:]}" if len(shape) > 1 else ""
    return f"{shape[0]} {'entry' if shape[0] == 1 else 'entries'}{inner}"


def kind_in_words(value: object) -> str:
    """Return what a value of JSON is; of a text, its beginning is quoted."""
    if isinstance(value, str):
        return f"the string {value if len(value) <= 20 else value[:17] + '...'!r}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int | float):
        return "a number"
    return "null" if value is None else "an object"


def _require_proportionate(text: str | bytes | bytearray, source: str) -> None:
    """Raise InputError for JSON that takes far more memory, and so time, than its length tells."""
    if isinstance(text, str):
        needed = sum(text.count(mark) * cost for mark, cost in COSTS.items())
    else:
        needed = sum(text.count(mark.encode()) * cost for mark, cost in COSTS.items())
    if needed > max(ALWAYS, TIMES * len(text)):
        raise InputError(
            f"{source} has too many short lists, objects or strings for its {len(text)} bytes:"
            f" parsing would take {needed // len(text)} times as much memory",
            hint="save large layers as .safetensors or .npz",
        )
    require_free(needed, f"reading {source}", refusal=InputError)
