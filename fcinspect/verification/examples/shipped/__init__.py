"""The worked examples that come with fcinspect, published elsewhere, and one to start from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pkgutil import get_data
from typing import Any

from fcinspect.errors import InputError, did_you_mean
from fcinspect.verification.examples.document import read_example
from fcinspect.verification.examples.record import WorkedExample

NAMES = (
    "article_linear_4_2", "cs231n_linear_3_4", "keras_dense_2_2", "mazur_2_2_2",
    "single_neuron_gradient",
)  # fmt: skip


@dataclass(frozen=True)
class ShippedExample:
    """A worked example of the package."""

    name: str
    document: Any

    @property
    def source(self) -> str:
        """Where its numbers come from, in words, for messages."""
        return f"the example {self.name}"

    @property
    def example(self) -> WorkedExample:
        """The record of the document."""
        return read_example(self.document, self.source)

    @property
    def widths(self) -> tuple[int, ...]:
        """in_features, then every layer's out_features."""
        shapes = [layer.shape for layer in self.example.layers]
        return (shapes[0][1], *(outputs for outputs, _ in shapes))

    @property
    def printed_numbers(self) -> int:
        """How many numbers are printed."""
        return sum(1 for array in self.example.printed for _ in array.numbers())


@cache
def shipped() -> tuple[ShippedExample, ...]:
    """Return the examples in the order of their names."""
    return tuple(ShippedExample(name, json.loads(_text(f"{name}.json"))) for name in NAMES)


def shipped_named(part: str) -> ShippedExample:
    """Return the example of that name or part of a name; raises InputError for none or several."""
    wanted = part.casefold()
    found = [name for name in NAMES if name == wanted]
    found = found or [name for name in NAMES if wanted and wanted in name]
    if len(found) == 1:
        return shipped()[NAMES.index(found[0])]
    if found:
        names = ", ".join(found)
        raise InputError(f"{part!r} matches several examples: {names}; give a longer name")
    words = chain(*(name.split("_") for name in NAMES))
    raise InputError(
        f"{part!r} is neither a file nor part of an example's name: expected a .json file, - or one"
        f" of {', '.join(NAMES)}",
        did_you_mean(wanted, [word for word in words if len(word) > 1]),
    )


def template_text() -> str:
    """Return the file to start from: it holds every kind of key, and its numbers are right."""
    return _text("template.json")


def _text(name: str) -> str:
    """Return a file beside this one, wherever the package is installed."""
    content = get_data(__name__, name)
    assert content is not None
    return content.decode()
