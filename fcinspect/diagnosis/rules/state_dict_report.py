"""What load_state_dict complains about: missing and unexpected keys, and shapes that differ."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fcinspect.diagnosis.catalogue.loosening import loosened
from fcinspect.diagnosis.records import Pick, Shape, shape_of

SECTION = re.compile(
    r"(Missing|Unexpected) key\(s\) in state_dict: (.*?)"
    r"(?=Missing key\(s\)|Unexpected key\(s\)|size mismatch for|While copying|While swapping|\Z)",
    re.DOTALL,
)
QUOTED = re.compile(r'"([^"]*)"')
SHAPE = r"(?:torch\.Size\()?\[[\d,\s]*\]\)?"
MISMATCH = re.compile(
    r"(?:size mismatch for (?P<key>\S+?(?: [\w.]+?){0,2}): ?)?copying a param (?:with shape|of)"
    rf" (?P<saved>{SHAPE}) from (?:the )?checkpoint[,;.]?\s*"
    rf"(?:the shape in (?:the )?current model is(?: a)?|(?P<reversed>where the shape is))"
    rf" (?P<wanted>{SHAPE})",
    re.IGNORECASE,
)
FOUND_SHAPE = re.compile(
    rf"- (?P<key>[\w.]+): found shape (?P<saved>{SHAPE}) in the checkpoint and"
    rf" (?P<wanted>{SHAPE}) in the model instantiated"
)
TABLE_ROW = re.compile(
    rf"(?P<key>[\w.]+) *\| *MISMATCH *\|.{{0,80}}?ckpt: (?P<saved>{SHAPE}) vs model: ?"
    rf"(?P<wanted>{SHAPE})"
)
OLD_MISMATCH = re.compile(
    r"While copying the parameter named \"?(?P<key>[^\s\"]+?)\"?,\s*whose dimensions in the model"
    rf" are (?P<wanted>{SHAPE}) and whose dimensions in the checkpoint are (?P<saved>{SHAPE})",
    re.IGNORECASE,
)
OLD_UNEXPECTED = re.compile(r"unexpected key \"?([\w.]+)\"? in state_dict")
OLD_MISSING = re.compile(r"missing keys in state_dict: \"?\{([^}]*)")
MODEL = re.compile(r"loading state_dict for (\w+)")
PATTERNS = (
    *(SECTION, MODEL, OLD_UNEXPECTED, OLD_MISSING),
    *(MISMATCH, OLD_MISMATCH, FOUND_SHAPE, TABLE_ROW),
)
MOST_SHOWN = 4

Explained = tuple[int, Pick]
"""How many of the keys complained about a cause explains, and the cause."""

LOAD = "model.load_state_dict(state)"


@dataclass(frozen=True)
class Mismatch:
    """A key whose shape in the checkpoint is not that in the model."""

    key: str
    saved: Shape
    """The shape in the checkpoint."""
    wanted: Shape
    """The shape in the model."""


@dataclass(frozen=True)
class LoadingReport:
    """All that one load_state_dict complained about."""

    model: str
    """The class of the model; "the model" where the message does not name it."""
    missing: tuple[str, ...]
    """Keys of the model that the state dict lacks."""
    unexpected: tuple[str, ...]
    """Keys of the state dict that the model lacks."""
    mismatches: tuple[Mismatch, ...]

    @property
    def total(self) -> int:
        """How many keys are complained about."""
        return len(self.missing) + len(self.unexpected) + len(self.mismatches)

    @property
    def words(self) -> str:
        """The report in one sentence."""
        parts: tuple[tuple[tuple[object, ...], str], ...] = (
            (self.missing, "of the model missing from the state dict"),
            (self.unexpected, "of the state dict unknown to the model"),
            (self.mismatches, "with a different shape"),
        )
        told = listed(f"{count(keys, 'key')} {words}" for keys, words in parts if keys)
        return f"The state dict does not fit {self.model}: {told}."


def read_report(text: str) -> LoadingReport:
    """Return what the message of load_state_dict says, however it is spelt."""
    flat = " ".join(text.split())
    found = _report(flat, PATTERNS)
    return found if found.total else _report(flat, tuple(loosened(p.pattern) for p in PATTERNS))


def _mismatch(found: re.Match[str]) -> Mismatch:
    """Return two shapes of one key; torch before 1.0 wrote them in each other's place."""
    saved, wanted = shape_of(found["saved"]), shape_of(found["wanted"])
    if found.groupdict().get("reversed"):
        saved, wanted = wanted, saved
    return Mismatch("".join((found["key"] or "").split()), saved, wanted)


def _report(text: str, patterns: tuple[re.Pattern[str], ...]) -> LoadingReport:
    section_of, model_of, old_unexpected, old_missing, *mismatches_of = patterns
    found: dict[str, dict[str, None]] = {"Missing": {}, "Unexpected": {}}
    for section in section_of.finditer(text):
        keys = ("".join(key.split()) for key in QUOTED.findall(section[2]))
        part = found["Missing" if section[1][0] in "Mm" else "Unexpected"]
        part.update(dict.fromkeys(key for key in keys if key))
    found["Unexpected"].update(dict.fromkeys(old_unexpected.findall(text)))
    for old in old_missing.findall(text):
        found["Missing"].update(dict.fromkeys(re.findall(r"'([^']+)'", old)))
    # several processes say the same
    shapes = dict.fromkeys(
        _mismatch(m) for pattern in mismatches_of for m in pattern.finditer(text)
    )
    model = model_of.search(text)
    return LoadingReport(
        model[1] if model else "the model",
        tuple(found["Missing"]),
        tuple(found["Unexpected"]),
        tuple(shape for shape in shapes if shape.saved != shape.wanted),
    )


def count(things: Iterable[object], noun: str) -> str:
    """Return "1 key" or "4 keys"."""
    number = len(tuple(things))
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(parts: Iterable[str]) -> str:
    """Return "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def some(keys: Iterable[str]) -> str:
    """Return the first keys, and how many more there are."""
    every = tuple(keys)
    shown = ", ".join(every[:MOST_SHOWN])
    return shown if len(every) <= MOST_SHOWN else f"{shown} and {len(every) - MOST_SHOWN} more"


def module_of(key: str) -> str:
    """Return the module a key belongs to: "fc" for fc.weight, "" for weight."""
    return key.rpartition(".")[0]


def leaf_of(key: str) -> str:
    """Return the name of the parameter: "weight" for fc.weight."""
    return key.rpartition(".")[2]


def dots(key: str) -> list[int]:
    """Return the places in a key behind its dots."""
    return [place + 1 for place, sign in enumerate(key) if sign == "."]
