"""What the name of a tensor tells of it, and what tensors of one state dict tell of each other.

A table that rows are looked up in (nn.Embedding, entries × width) and a linear layer without bias
(out × in) look the same: only names tell them apart. A bias does, too: nn.Embedding never has any.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from fcinspect.checkpoints.records import StoredTensor

WEIGHT = re.compile(r"(?s)(?:(?P<path>.*)(?P<separator>[./]))?(?P<leaf>weight|kernel)")
SHORT_WEIGHTS = ("W", "w")
"""What formulas call a weight; its bias is b."""
BIAS = re.compile(r"(?s)(?:.*[./])?bias")
WHOLE = re.compile(r"(?i)u?int\d*|[ui]\d+|q?u?int\d+|quint\dx\d|bool")
"""Integer formats, in torch's words and in those of safetensors."""


LONGEST_JUDGED = 256
"""Letters; nobody gives longer names, and a pattern may take the square of a name's length."""
_WORDS = (
    r"word|token|tok|char|character|byte|vocab|pos|position|positional|type|segment|seg|speaker|spk"
    r"|label|class|cls|user|item|lang|language|entity|relation|level|category|query|row|col|column"
    r"|task|src|tgt|absolute|relative|rel|modality"
)
"""What entries of a table stand for: things that are counted, not measured."""
TABLE = re.compile(
    rf"(?i)embs?|embeds?|embeddings?|wte|wpe|(.*_)?({_WORDS})_?(emb|embd|embed|embedding)s?"
    r"|embed_?(tokens?|positions?|pos|in|words?)|embedding_?table|lookup(_?table)?"
    r"|(.*_)?(codebooks?|relative_attention_bias|relative_position_bias_table)"
)
"""Names that are given to tables alone."""
GENERIC = re.compile(r"(?i)emb(ed(ding)?)?s?")
"""Names of tables that do not say what is looked up."""
HINT = re.compile(
    r"(?i)(.*_)?(emb\w*|\w+(emb|embed|embeds|embedding|embeddings)|vocab\w*|tokens?|pos|positions?"
    r"|lookup|codes|dictionary)(_.*|\d*)"
)
"""Names that are given to tables and to linear layers."""
LAYER = re.compile(
    r"(?i).*(proj|linear|fc\d*|dense|head|mlp|unembed|embed_out|to_\w+|_out|_in|ff\d*)(_.*|\d*)"
)
"""Names that are given to linear layers, whatever else is in them."""
SHARED = re.compile(r"(?i)shared")
"""T5 and BART name so the table that encoder and decoder share."""
COMPANION = re.compile(r"(?i)embed_(tokens|positions)|relative_attention_bias")
"""Tables that stand beside a table named shared."""


def match(pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    """Return how a whole name fits a pattern, None where it does not or is absurdly long."""
    return pattern.fullmatch(words) if len(words) <= LONGEST_JUDGED else None


def module_path(key: str) -> str:
    """Return the layer that a state-dict key belongs to: "fc1" for "fc1.weight"."""
    found = WEIGHT.fullmatch(key)
    return key if found is None else found["path"] or ""


def spelled_out(keys: Collection[str]) -> dict[str, str]:
    """Return "fc1.weight" for "fc1.W" or "fc1.w", and "fc1.bias" for the "fc1.b" beside it.

    A key whose long name stands there as well keeps its own, and so does a "b" without a weight.
    """
    found = {}
    for key in keys:
        path, last = split(key)
        if last in SHORT_WEIGHTS and f"{path}weight" not in keys:
            found[key] = f"{path}weight"
    for path in [split(key)[0] for key in found]:
        if f"{path}b" in keys and f"{path}bias" not in keys:
            found[f"{path}b"] = f"{path}bias"
    return found


def split(name: str) -> tuple[str, str]:
    """Return all but the last part of a name, its separator included, and the last part."""
    last = last_part(name)
    return name[: len(name) - len(last)], last


def last_part(name: str) -> str:
    """Return what stands after the last dot or slash."""
    return name.rpartition(".")[2].rpartition("/")[2]


def is_whole(dtype: str) -> bool:
    """Whether a dtype holds integers."""
    return WHOLE.fullmatch(dtype) is not None


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern of a shell, or is that very text: experts[3]."""
    return name == pattern or fnmatchcase(name, pattern)


def is_table(path: str, *, shared: bool) -> bool:
    """Whether a weight without bias is an embedding by its module's name.

    `shared` tells whether the file has tables that T5 and BART keep beside their shared one.
    """
    last, numbered = _telling_part(path)
    if numbered and match(GENERIC, last):  # "embedding.0" may be the first layer of a sequence
        return False
    return match(TABLE, last) is not None or (shared and match(SHARED, last) is not None)


def is_companion(name: str) -> bool:
    """Whether a tensor is a table that stands beside a shared one in T5 and BART."""
    return match(COMPANION, last_part(name.removesuffix(".weight"))) is not None


def may_be_table(path: str) -> bool:
    """Whether the name of a weight without bias fits an embedding as well as a linear layer."""
    last, _ = _telling_part(path)
    return match(HINT, last) is not None and match(LAYER, last) is None


def _telling_part(path: str) -> tuple[str, bool]:
    """Return the last part of a path that is no number, and whether numbers follow it."""
    last = last_part(path)
    if not last.isdecimal():
        return last, False
    return last_part(path[: -len(last) - 1]), True


@dataclass(frozen=True, eq=False)
class Siblings:
    """The tensors of one state dict."""

    by_name: dict[str, StoredTensor]
    """In the order of the file."""

    @classmethod
    def of(cls, tensors: Iterable[StoredTensor]) -> Siblings:
        """Return the tensors of a state dict."""
        return cls({tensor.name: tensor for tensor in tensors})

    @cached_property
    def has_shared_tables(self) -> bool:
        """Whether encoder and decoder have tables, so that "shared" is one, too (T5, BART)."""
        return any(map(is_companion, self.by_name))

    @cached_property
    def _at_place(self) -> dict[object, list[str]]:
        found: dict[object, list[str]] = {}
        for tensor in self.by_name.values():
            if tensor.place is not None and tensor.place.numbers is not None:
                found.setdefault(tensor.place.numbers, []).append(tensor.name)
        return found

    def tied(self, tensor: StoredTensor, most: int) -> tuple[list[str], int]:
        """Return some of the other names under which the file has the same numbers, and how many.

        They lie at the same place; at most so many are named.
        """
        if tensor.place is None:
            return [], 0
        names = self._at_place.get(tensor.place.numbers, [])
        some = [name for name in names[: most + 1] if name != tensor.name]
        return some[:most], max(0, len(names) - 1)
