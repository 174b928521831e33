"""Messages of load_state_dict and torch.load: keys, shapes, values, and what is no state dict."""

from __future__ import annotations

import re

from fcinspect.diagnosis.catalogue.loosening import BLANKS
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision
from fcinspect.diagnosis.rules.state_dict_keys import STATE_KEYS, WRAPPERS, key_causes
from fcinspect.diagnosis.rules.state_dict_report import read_report
from fcinspect.diagnosis.rules.state_dict_shapes import shape_causes

MOST_CAUSES = 4
LEAVES = {"weight", "bias", "running_mean", "running_var", "qweight", "scales", "gamma", "beta"}
"""How keys of weights end."""
LOADED = re.compile(r"torch\.load|load_file|ckpt|checkpoint|state_dict", re.IGNORECASE)
"""What stands in a line that reads a file of weights."""
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


def loading(facts: Facts) -> Decision | None:
    """Everything that load_state_dict lists."""
    report = read_report(facts.message)
    if not report.total and "Error(s) in loading state_dict" in facts.message:
        report = read_report(facts.text)
    if not report.total:
        return _copying(report.model, BLANKS.sub(" ", facts.message))
    offered = "ignore_mismatched_sizes" in facts.text
    shapes = shape_causes(report, offered=offered)
    found = sorted((*key_causes(report), *shapes), key=lambda c: -c[0])
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


def key_error(key: str, facts: Facts) -> Decision | None:
    """KeyError: 'module.conv1.weight', of a dict of weights; other KeyErrors are another's."""
    if facts.error != "KeyError" and not facts.message.startswith("KeyError"):
        return None
    name = key.partition(".")[0] + "."
    if "state_dict" in key or (key in STATE_KEYS and LOADED.search(facts.text)):
        return Decision("entry-not-saved")
    if key.rpartition(".")[2] not in LEAVES or "." not in key:
        return None
    if name in WRAPPERS:
        return Decision("key-prefix-differs", "key-not-in-weights", prefix=name)
    if "lm_head" in key:
        return Decision("tied-weights/key", "key-not-in-weights")
    return Decision("key-not-in-weights")
