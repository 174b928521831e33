"""Messages of load_state_dict, of torch.load, and of taking one for the other."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages import checkpoint_files
from fcinspect.diagnosis.messages.state_dict_keys import key_causes
from fcinspect.diagnosis.messages.state_dict_report import read_report
from fcinspect.diagnosis.messages.state_dict_shapes import shape_causes
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

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


def _loading(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain everything that load_state_dict lists."""
    report = read_report(reported.message)
    message = one_line(match.string[match.start() :])
    if not report.total:
        return _copying(message, report.model, reported.message)
    found = sorted((*key_causes(report), *shape_causes(report)), key=lambda c: -c[0])
    if not found:
        return None
    likely = tuple(cause for _, cause in found[:MOST_CAUSES])
    return Diagnosis("state-dict", message, report.words, likely)


def _copying(message: str, model: str, text: str) -> Diagnosis | None:
    """Explain values that could not be copied although keys and shapes fit."""
    other = NOT_A_TENSOR.search(text)
    if other is not None:
        return Diagnosis(
            "state-dict",
            message,
            f"The value of {other['key']} is a {other['got']}, not a tensor.",
            (
                Cause(
                    "values-not-tensors",
                    "The state dict was put together by hand or comes from another framework",
                    f"{other['key']} is a {other['got']}",
                    "Make tensors of the values first",
                    "state = {k: torch.as_tensor(v) for k, v in state.items()}\n"
                    "model.load_state_dict(state)",
                ),
            ),
        )
    failed = FAILED.search(text)
    if failed is None:
        return None
    why = " ".join(failed["why"].split()).strip("()\"',!")
    words = f"The value of {failed['key']} could not be copied into {model}, although its shape "
    return Diagnosis("state-dict", message, f"{words}fits: {why}.", (_reason(why),))


def _reason(why: str) -> Cause:
    if "meta tensor" in why:
        return Cause(
            "meta-checkpoint",
            "The state dict comes from a model on the meta device, and its tensors have no values",
            "torch says that a meta tensor has no data",
            "Load the tensors from the file, or give that model values before taking its "
            "state dict",
            'state = torch.load("checkpoint.pt", map_location="cpu")\nmodel.load_state_dict(state)',
        )
    if "quantized" in why:
        return Cause(
            "quantised-checkpoint",
            "The saved tensors are quantised, and the model's are not",
            "torch asks to dequantise them",
            "Dequantise the tensors first",
            "state = {k: v.dequantize() for k, v in state.items()}\nmodel.load_state_dict(state)",
        )
    if "sparse" in why:
        return Cause(
            "sparse-checkpoint",
            "The saved tensors are sparse, and the model's are dense",
            "torch names a sparse and a dense type",
            "Make the tensors dense first",
            "state = {k: v.to_dense() for k, v in state.items()}\nmodel.load_state_dict(state)",
        )
    if "single memory location" in why:
        return Cause(
            "parameter-expanded",
            "The parameter of the model was made with expand, so that its elements share memory",
            "torch asks to clone the tensor",
            "Make the parameter of a tensor of its own",
            "layer.weight = nn.Parameter(layer.weight.detach().clone())",
        )
    return Cause(
        "copy-failed",
        "The tensor itself cannot be copied: its device, its dtype or a subclass stands against it",
        f"torch says: {why}",
        "Load the checkpoint onto the CPU, and look at the tensor alone",
        'state = torch.load("checkpoint.pt", map_location="cpu")',
    )


GIVEN = (
    (
        frozenset({"str", "PosixPath", "WindowsPath", "Path"}),
        "path-for-state-dict",
        "The name of a file was given in place of what is in it",
        "Load the file first",
        "model.load_state_dict(torch.load(path))",
    ),
    (
        frozenset({"method", "function", "builtin_function_or_method"}),
        "state-dict-not-called",
        "The parentheses of state_dict() are missing",
        "Call it",
        "model.load_state_dict(other.state_dict())",
    ),
    (
        frozenset({"NoneType"}),
        "none-for-state-dict",
        "The function that should return the state dict returns None",
        "Return the state dict, or look up another key of the checkpoint",
        "model.load_state_dict(torch.load(path))",
    ),
    (
        frozenset({"generator", "list", "tuple", "odict_items", "dict_items"}),
        "parameters-for-state-dict",
        "parameters() or a list of pairs was given in place of a state dict",
        "Give a dict from keys to tensors",
        "model.load_state_dict(other.state_dict())",
    ),
    (
        frozenset({"Tensor", "Parameter", "ndarray"}),
        "tensor-for-state-dict",
        "One tensor was given in place of a state dict",
        "Give a dict with the key of the parameter",
        'model.load_state_dict({"weight": weight}, strict=False)',
    ),
)
"""What is given in place of a state dict: its types, and the name, cause, fix and code for them."""
MODULE = (
    "module-for-state-dict",
    "The file holds, or the variable is, a whole model rather than its state dict",
    "Take its state dict, or use the loaded model as it is",
    "model.load_state_dict(loaded.state_dict())",
)


def _dict_like(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Expected state_dict to be dict-like, got <class 'X'>`."""
    got = match["got"]
    last = got.rpartition(".")[2]
    words = f"load_state_dict takes a state dict, and got a {got}."
    name, why, fix, code = next((rest for types, *rest in GIVEN if last in types), MODULE)
    cause = Cause(name, why, f"what was given is a {got}", fix, code)
    return Diagnosis("state-dict", one_line(match.group()), words, (cause,))


def _uninitialised(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain lazy layers in a state dict; those outside load_state_dict are another's."""
    loading = any("load_state_dict" in frame.function for frame in reported.frames)
    if reported.frames and not loading:
        return None
    return Diagnosis(
        "state-dict",
        one_line(match.group()),
        "The shape of a lazy parameter was asked for, and it has none before the first forward "
        "pass.",
        (
            Cause(
                "lazy-checkpoint",
                "The state dict comes from a model with lazy layers (nn.LazyLinear) that never saw "
                "an input",
                "it was met in load_state_dict"
                if loading
                else "the message says that this is the usual case",
                "Run the lazy model once on a batch before taking its state dict",
                "lazy_model(x)\nmodel.load_state_dict(lazy_model.state_dict())",
            ),
            Cause(
                "lazy-not-run",
                "The shape of a lazy layer's weight was read before its first forward pass",
                "a lazy layer learns its in_features from the first input",
                "Run the model once on a batch first",
                "model(x)",
            ),
        ),
    )


NOT_A_MODEL = Cause(
    "state-dict-as-model",
    "What torch.load returned is a state dict or a checkpoint, and it is used as if it were the "
    "model",
    "a {what} has no {missing}, and a model has",
    "Make the model, then load the state dict into it",
    'model = Net()\nmodel.load_state_dict(torch.load("model.pt"))\nmodel.eval()',
)
RESULT = Cause(
    "load-result-used",
    "The result of load_state_dict is used as if it were the model; it tells which keys did not "
    "fit, and the model is changed in place",
    "what is used is an _IncompatibleKeys",
    "Load in a line of its own, and go on with the model",
    "model.load_state_dict(state)\nmodel.eval()",
)

PATTERNS: tuple[Pattern, ...] = (
    Pattern("Error(s) in loading state_dict", r"Error\(s\) in loading state_dict", _loading),
    Pattern("key(s) in state_dict", r"(?:Missing|Unexpected) key\(s\) in state_dict:", _loading),
    Pattern("size mismatch for", r"size mismatch for \S+: copying a param", _loading),
    Pattern("While copying the parameter", r"While copying the parameter named", _loading),
    Pattern(
        "Expected state_dict to be dict-like",
        r"Expected state_dict to be dict-like, got <class '(?P<got>[^']+)'>",
        _dict_like,
    ),
    Pattern(
        "uninitialized parameter",
        r"Can't access the shape of an uninitialized parameter or buffer",
        _uninitialised,
    ),
    known(
        "state-dict",
        "ict' object",
        r"'(?P<what>(?:collections\.)?OrderedDict|dict)' object has no attribute '(?P<missing>eval|"
        r"train|to|cuda|cpu|half|float|parameters|named_parameters|state_dict|load_state_dict|"
        r"modules|forward|predict|zero_grad|children|double|requires_grad_|apply)'",
        "The method {missing} of a model was called on a dict.",
        NOT_A_MODEL,
    ),
    known(
        "state-dict",
        "ict' object is not callable",
        r"'(?P<what>(?:collections\.)?OrderedDict|dict)' object is not (?P<missing>callable)",
        "A dict was called like a model.",
        Cause(
            "state-dict-as-model",
            NOT_A_MODEL.cause,
            "what is called is a {what}",
            NOT_A_MODEL.fix,
            NOT_A_MODEL.code,
        ),
    ),
    known(
        "state-dict",
        "_IncompatibleKeys",
        r"'_IncompatibleKeys' object (?:has no attribute '\w+'|is not (?:callable|iterable))",
        "The result of load_state_dict was used like a model.",
        RESULT,
    ),
    known(
        "state-dict",
        "has no attribute 'copy'",
        r"'(?P<what>\w+)' object has no attribute 'copy'",
        "A {what} was asked for copy, which dicts have.",
        Cause(
            "module-for-state-dict",
            "A whole model was given to load_state_dict, "
            "which older versions of torch copied first",
            "a {what} has no copy",
            "Give its state dict",
            "model.load_state_dict(loaded.state_dict())",
        ),
        Cause(
            "deepcopy-meant",
            "A copy of the model itself is wanted",
            "modules have no copy of their own",
            "Copy with copy.deepcopy",
            "twin = copy.deepcopy(model)",
        ),
    ),
    *checkpoint_files.PATTERNS,
)
