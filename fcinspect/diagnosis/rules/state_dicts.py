"""Messages of load_state_dict and torch.load: keys, shapes, values, and what is no state dict."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.catalogue.loosening import BLANKS
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.rules.state_dict_keys import key_causes
from fcinspect.diagnosis.rules.state_dict_report import (
    Explained,
    LoadingReport,
    Mismatch,
    count,
    listed,
    module_of,
    read_report,
    some,
)

MOST_CAUSES = 4
FAILED = re.compile(
    r'While (?:copying|swapping) the parameter named "?(?P<key>[^\s"]+)"?,.*?an exception occurred '
    r":\s*(?P<why>.*?)(?:\.?\s*$|\.\n)",
    re.DOTALL,
)
NOT_A_TENSOR = re.compile(
    r'While copying the parameter named "(?P<key>[^"]+)",\s*expected torch\.Tensor or Tensor-like '
    r"object from checkpoint but\s+received <class '(?P<got>[^']+)'>"
)
REASONS = {
    "meta tensor": "meta-checkpoint",
    "quantized": "quantised-checkpoint/tensors",
    "sparse": "sparse-checkpoint",
    "single memory location": "parameter-expanded",
}
"""What torch says where a value cannot be copied."""
GIVEN = {
    **dict.fromkeys(("str", "PosixPath", "WindowsPath", "Path"), "path-for-state-dict"),
    **dict.fromkeys(("method", "function", "builtin_function_or_method"), "state-dict-not-called"),
    **dict.fromkeys(("generator", "list", "tuple"), "parameters-for-state-dict"),
    **dict.fromkeys(("odict_items", "dict_items"), "parameters-for-state-dict"),
    **dict.fromkeys(("Tensor", "Parameter", "ndarray"), "tensor-for-state-dict"),
    "NoneType": "none-for-state-dict",
}
"""What is given in place of a state dict, by its type."""
STARTS = {"<": "download-page", "v": "git-lfs-pointer"}
OPERANDS = {"60": "<", "118": "v"}
"""The same first bytes as the unpickler for weights_only names them: by their number."""
TABLE = re.compile(r"emb|wte|vocab|token|shared|lm_head|relative_attention_bias|lookup", re.I)
POSITION = re.compile(r"pos(?:ition)?_?(?:ids|emb\w*|enc\w*)|wpe|(?:^|[._])pe$", re.I)


def loading(facts: Facts) -> Decision | None:
    """Everything that load_state_dict lists."""
    report = read_report(facts.message)
    if not report.total:
        return _copying(report.model, BLANKS.sub(" ", facts.message))
    found = sorted((*key_causes(report), *shape_causes(report)), key=lambda c: -c[0])
    if not found:
        return None
    return Decision(*(cause for _, cause in found[:MOST_CAUSES]), happened=report.words)


def _copying(model: str, text: str) -> Decision | None:
    other = NOT_A_TENSOR.search(text)
    if other is not None:
        happened = f"The value of {other['key']} is a {other['got']}, not a tensor."
        return Decision("values-not-tensors", happened=happened, **other.groupdict())
    failed = FAILED.search(text)
    if failed is None:
        return None
    why = " ".join(failed["why"].split()).strip("()\"',!")
    happened = f"The value of {failed['key']} could not be copied into {model}, although its shape"
    cause = next((cause for words, cause in REASONS.items() if words in why), "copy-failed")
    return Decision(cause, happened=f"{happened} fits: {why}.", why=why)


def dict_like(got: str) -> Decision:
    """Expected state_dict to be dict-like, got <class 'X'>."""
    return Decision(GIVEN.get(got.rpartition(".")[2], "module-for-state-dict"))


def uninitialised(facts: Facts) -> Decision | None:
    """Lazy layers in a state dict; those outside load_state_dict are another's."""
    if any("load_state_dict" in frame.function for frame in facts.frames):
        return Decision("lazy-checkpoint", "lazy-not-run")
    return None if facts.frames else Decision("lazy-checkpoint/perhaps", "lazy-not-run")


def load_key(key: str) -> Decision:
    """invalid load key, '<'."""
    return Decision(STARTS.get(key, "not-a-torch-file"), key=repr(key))


def weights_only(facts: Facts) -> Decision:
    """Weights only load failed: by what the unpickler met."""
    operand = re.search(r"Unsupported operand (\d+)", facts.flat_text)
    if operand is not None:
        happened = "The file could not be read as tensors: it does not look like a torch.save file."
        key = OPERANDS.get(operand[1], "")
        return Decision(STARTS.get(key, "not-a-torch-file"), happened=happened)
    met = re.search(
        r"Unsupported (?:global: GLOBAL|class) ([\w.]+\w)|GLOBAL ([\w.]+\w) was not an allowed",
        facts.flat_text,
    )
    what = next((name for name in met.groups() if name), "") if met else ""
    if not what:
        return Decision("objects-in-checkpoint/unnamed", among="")
    causes = ["objects-in-checkpoint", "global-not-allowed"]
    if what.startswith(("numpy.", "_codecs.", "argparse.")):
        causes.reverse()
    return Decision(*causes, among=f", including {what}", what=what)


def shape_causes(report: LoadingReport) -> list[Explained]:
    """Return all causes that explain shapes that differ, in no order yet."""
    if not report.mismatches:
        return []
    every = report.mismatches
    packed = [m for m in every if _packed(m)]
    if packed:
        numbers, of = _numbers(packed[0]), count(every, "shape")
        return [(len(every), pick("packed-4bit", numbers=numbers, packed=len(packed), of=of))]
    transposed = [m for m in every if m.saved == m.wanted[::-1]]
    differ = pick("other-widths", keys=count(every, "key"), first=_numbers(every[0]))
    if len(transposed) == len(every):
        return [(len(transposed), _transposed(transposed, report)), (0, differ)]
    rows = [m for m in every if m.saved[1:] == m.wanted[1:]]
    of_rows, saved, wanted = len(rows) == len(every), every[0].saved, every[0].wanted
    causes: list[Explained] = []
    if of_rows and all(POSITION.search(m.key) for m in rows):
        numbers = _numbers(rows[0])
        causes.append((len(rows), pick("position-count", key=rows[0].key, numbers=numbers)))
    elif of_rows and _one_count(rows) and _tables(rows, report):
        causes.append((len(rows), _vocabulary(rows[0], report)))
    elif of_rows and _one_count(rows) and _heads(rows):
        causes.append((len(rows), _head(rows)))
    elif len(every) == 1 and len(saved) == len(wanted) > 1 and saved[0] == wanted[0]:
        causes.append((1, _input_width(every[0])))
    if transposed:
        causes.append((len(transposed), _transposed(transposed, report)))
    modules = {module_of(m.key) for m in every}
    if not causes or len(modules) > 1:
        causes.append((0 if causes else len(every), differ))
    return causes


def _packed(mismatch: Mismatch) -> bool:
    """Whether two 4-bit weights stand in each saved byte, in one column."""
    saved, wanted = mismatch.saved, mismatch.wanted
    return len(wanted) == 2 and saved[1:] == (1,) and prod(wanted) == 2 * prod(saved)


def _one_count(rows: list[Mismatch]) -> bool:
    return len({(m.saved[:1], m.wanted[:1]) for m in rows}) == 1


def _tables(rows: list[Mismatch], report: LoadingReport) -> bool:
    return report.model == "Embedding" or any(TABLE.search(m.key) for m in rows)


def _heads(rows: list[Mismatch]) -> bool:
    """Whether it is one layer, or two with a weight each; with a normalisation it is a width."""
    modules = dict.fromkeys(module_of(m.key) for m in rows)
    weights = dict.fromkeys(module_of(m.key) for m in rows if len(m.saved) > 1)
    return len(modules) == 1 or (len(modules) == 2 and modules == weights)


def _numbers(mismatch: Mismatch) -> str:
    saved, wanted = mismatch.saved, mismatch.wanted
    return f"{mismatch.key} is {saved} in the checkpoint and {wanted} in the model"


def _head(rows: list[Mismatch]) -> Pick:
    first = rows[0]
    modules = tuple(dict.fromkeys(module_of(m.key) for m in rows))
    saved, wanted = (shape[0] if shape else 1 for shape in (first.saved, first.wanted))
    begins = ", ".join(f'"{module}."' for module in modules)
    begins = begins if len(modules) == 1 else f"({begins})"
    drop = (
        f"state = {{k: v for k, v in state.items() if not k.startswith({begins})}}"
        if all(modules)
        else f"for key in {[m.key for m in rows]}:\n    del state[key]"
    )
    one = len(rows) == 1
    return pick(
        "head-replaced" if len(modules) == 1 else "head-replaced/several",
        layer=f"The layer {modules[0]}".rstrip(),
        layers=listed(modules),
        keys=some(m.key for m in rows),
        differ="differs" if one else "differ",
        these="this key" if one else "these keys",
        saved=saved,
        wanted=wanted,
        width="out_channels" if any(len(m.saved) > 2 for m in rows) else "out_features",
        drop=drop,
    )


def _transposed(those: list[Mismatch], report: LoadingReport) -> Pick:
    every = ", ".join(f'"{m.key}"' for m in those[:8])
    return pick(
        "weight-transposed",
        number=len(those),
        of=len(report.mismatches),
        first=_numbers(those[0]),
        every=every,
        more="" if len(those) <= 8 else "  # and the others",
    )


def _vocabulary(first: Mismatch, report: LoadingReport) -> Pick:
    saved, wanted = first.saved[0], first.wanted[0]
    return pick(
        "vocabulary-size",
        saved=saved,
        wanted=wanted,
        kept=min(saved, wanted),
        some=some(m.key for m in report.mismatches),
        keys=", ".join(f'"{m.key}"' for m in report.mismatches),
    )


def _input_width(first: Mismatch) -> Pick:
    width = "in_channels" if len(first.saved) > 2 else "in_features"
    numbers = _numbers(first)
    saved = first.saved[1]
    return pick("input-width-changed", key=first.key, numbers=numbers, width=width, saved=saved)
