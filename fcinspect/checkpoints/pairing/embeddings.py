"""Which two-dimensional weights are tables that rows are looked up in (nn.Embedding).

A table (entries × width) and a linear layer without bias (out × in) look the same: only names tell
them apart. A bias does, too: nn.Embedding never has any.
"""

from __future__ import annotations

import re

from fcinspect.checkpoints.pairing.naming import last_part, match

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
