"""A layer whose numbers stand on the command line: --weight "1,2;3,4" --bias 0,1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.cli.options import option
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, Layout, StoredLinear, StoredTensor

SOURCE = "--weight"
BARE = {"--bias": "yes", "--no-bias": "no"}
"""What the flags stand for where no numbers follow."""


def parse_bias(text: str | bool) -> str | bool:
    """Return True for --bias alone, False for --no-bias, else the text of the numbers."""
    if isinstance(text, bool):
        return text
    return {"yes": True, "no": False}.get(text, text)


WeightOption = Annotated[
    str | None,
    option(
        "--weight",
        "W",
        'Your own layer: the rows of its weight, "1,2;3,4", or a file of an array.',
    ),
]
BiasOption = Annotated[
    Any,
    typer.Option(
        "--bias",
        "--no-bias",
        parser=parse_bias,
        metavar="B",
        help="The bias of --weight, 0,1 or a file. Without --weight no value follows: with a bias"
        " (default) or --no-bias.",
    ),
]


def with_values(arguments: Sequence[str]) -> list[str]:
    """Return a command line on which each --bias and --no-bias has its value behind a "=".

    What follows --bias is its value where --weight is given or where it is a list of numbers; so
    -1,2 is not taken for an option, and --bias goes on to be a flag for a new layer.
    """
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    owned = any(word.partition("=")[0] == "--weight" for word in words[:end])
    found: list[str] = []
    while words[:1] and len(found) < len(arguments):
        word = words.pop(0)
        if word == "--":
            return [*found, word, *words]
        if word in BARE:
            takes = word == "--bias" and bool(words) and _is_value(words[0], owned=owned)
            word = f"{word}={words.pop(0) if takes else BARE[word]}"
        found.append(word)
    return found


def _is_value(word: str, *, owned: bool) -> bool:
    if _is_numbers(word):
        return owned or "," in word or ";" in word
    return owned and not word.startswith("-")


def _is_numbers(word: str) -> bool:
    try:
        return bool([float(part) for part in word.replace(";", ",").split(",")])
    except ValueError:
        return False


def flag_of(bias: str | bool | None) -> bool | None:
    """Return what --bias says of a layer that torch makes; raises UsageError for numbers."""
    if isinstance(bias, str):
        raise UsageError(
            f'--bias {bias!r} has no weight beside it: expected --weight "1,2;3,4" as well, or'
            " --bias alone for a new layer"
        )
    return bias


def refuse_bias(bias: str | bool | None, instead: str) -> None:
    """Raise UsageError where --bias or --no-bias is given together with `instead`."""
    if bias is not None:
        flag = "--no-bias" if bias is False else "--bias"
        raise UsageError(f"{flag} makes new layers: it cannot go with {instead}")


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
            raise UsageError("--bias gives no numbers beside --weight: expected --bias 0,1")
        weight = _tensor("weight", self.weight, self.dtype, 2)
        bias = None
        if isinstance(self.bias, str):
            bias = _tensor("bias", self.bias, self.dtype, 1)
            outputs = weight.shape[0 if self.layout == "out,in" else 1]
            if bias.shape != (outputs,):
                raise UsageError(
                    f"--bias has {bias.shape[0]} numbers, --weight has {outputs} rows: expected one"
                    " number for each output"
                )
        notes = [tensor.note for tensor in (weight, bias) if tensor is not None and tensor.note]
        return StoredLinear("", weight, bias, self.layout, SOURCE, warnings=tuple(notes))

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        return {
            "weight": self.weight, "bias": self.bias, "dtype": self.dtype, "layout": self.layout,
        }  # fmt: skip


def _tensor(name: str, text: str, dtype: str, dimensions: int) -> StoredTensor:
    """Return an array as it was typed, or of a file; one row of a weight needs no ";"."""
    from fcinspect.checkpoints.records import in_memory
    from fcinspect.cli.inputs import names_a_file, numbers_of, rounded

    values, stored_dtype = numbers_of(text)
    if dimensions == 2 and values.ndim == 1 and not names_a_file(text):
        values = values.reshape(1, -1)
    if values.ndim != dimensions:
        rows = "rows of numbers such as 1,2;3,4" if dimensions == 2 else "one row such as 0,1"
        raise UsageError(f"--{name} has shape {values.shape}: expected {rows}")
    if not values.size:
        raise UsageError(f"--{name} has shape {values.shape}: it holds no number")
    held, notes = rounded(values, dtype, name, stored_dtype)
    return in_memory(name, held.values, dtype, notes[0] if notes else None)
