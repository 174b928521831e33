"""Messages about arguments of __init__ and forward that are missing, unknown or too many."""

from __future__ import annotations

import re
from difflib import get_close_matches
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

LINEAR = ("in_features", "out_features", "bias", "device", "dtype")
CONVOLUTION = (
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    *("bias", "padding_mode", "device", "dtype", "output_padding"),
)
RECURRENT = (
    *("input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first"),
    *("dropout", "bidirectional", "proj_size", "device", "dtype"),
)
TRANSFORMER = (
    *("d_model", "nhead", "dim_feedforward", "dropout", "activation", "layer_norm_eps"),
    *("batch_first", "norm_first", "bias", "encoder_layer", "num_layers", "norm", "device"),
)
KEYWORDS = {
    "Linear": LINEAR,
    "LazyLinear": ("out_features", "bias", "device", "dtype"),
    "Conv1d": CONVOLUTION,
    "Conv2d": CONVOLUTION,
    "Conv3d": CONVOLUTION,
    "ConvTranspose2d": CONVOLUTION,
    "RNNBase": RECURRENT,
    "RNN": RECURRENT,
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "_DropoutNd": ("p", "inplace"),
    "Dropout": ("p", "inplace"),
    "Embedding": ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "sparse"),
    "LayerNorm": ("normalized_shape", "eps", "elementwise_affine", "bias"),
    "_NormBase": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "BatchNorm1d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "MultiheadAttention": ("embed_dim", "num_heads", "dropout", "bias", "batch_first", "kdim"),
    "TransformerEncoderLayer": TRANSFORMER,
    "TransformerEncoder": TRANSFORMER,
    "Flatten": ("start_dim", "end_dim"),
    "Softmax": ("dim",),
}
ELSEWHERE = {
    "use_bias": "bias",
    "units": "out_features",
    "input_dim": "in_features",
    "output_dim": "out_features",
    "in_channels": "in_features",
    "out_channels": "out_features",
    "input_size": "in_features",
    "output_size": "out_features",
    "filters": "out_channels",
    "strides": "stride",
    "kernel": "kernel_size",
    "rate": "p",
    "prob": "p",
    "dropout": "p",
    "axis": "dim",
    "num_features": "normalized_shape",
}
"""What other libraries, or other layers, call the same thing."""


def _keyword(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Linear.__init__() got an unexpected keyword argument 'in_feature'`."""
    owner, method, got = match["owner"] or "", match["method"], match["got"]
    where = f"{owner}.{method}" if owner else method
    takes = KEYWORDS.get(owner, ()) if method == "__init__" else ()
    near = get_close_matches(got, takes, n=1, cutoff=0.6)
    other = ELSEWHERE.get(got)
    meant = near[0] if near else other if other in takes else None
    evidence = f"{where} has no argument {got!r}"
    if takes:
        evidence += f"; it takes {', '.join(takes[:6])}{' …' if len(takes) > 6 else ''}"
    if got == "activation" and owner in {"Linear", "Conv2d", "Conv1d"}:
        cause = Cause(
            "activation-in-layer",
            "The activation is given to the layer, as in Keras; in torch it is a layer of its own",
            evidence,
            "Put the activation behind the layer",
            "nn.Sequential(nn.Linear(in_features, out_features), nn.ReLU())",
        )
    elif meant:
        cause = Cause(
            "keyword-misspelt",
            f"The argument is called {meant} in torch",
            evidence,
            f"Write {meant}",
            _renamed(got, meant, reported),
        )
    else:
        cause = Cause(
            "keyword-not-taken",
            f"{where} is defined without this argument, or it belongs to another version or layer",
            evidence,
            f"Leave {got} away, or add it to the definition where the class is your own",
            f"def {method}(self, {'x, ' if method == 'forward' else ''}{got}=None):",
        )
    return Diagnosis(
        "construction",
        one_line(match.group()),
        f"{where} was called with an argument {got!r}, which it does not take.",
        (cause,),
    )


def _renamed(got: str, meant: str, reported: Reported) -> str:
    """Return the reader's own line with the right keyword, or the keyword alone."""
    code = reported.own_frame.code.strip() if reported.own_frame else ""
    if len(re.findall(rf"\b{got}=", code)) == 1:
        return re.sub(rf"\b{got}=", f"{meant}=", code)
    return f"{meant}=value"


def _missing(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `Linear.__init__() missing 1 required positional argument: 'out_features'`."""
    owner, method = match["owner"] or "", match["method"]
    where = f"{owner}.{method}" if owner else method
    names = re.findall(r"'(\w+)'", match["names"])
    evidence = f"{where} lacks {', '.join(names)}"
    words = f"{where} was called without {' and '.join(names)}."
    if names == ["self"] or (names and owner == "Module" and method != "__init__"):
        found: tuple[Cause, ...] = (_on_class(where, evidence),)
    elif method == "forward":
        found = _input_missing(names, evidence, reported)
    elif method == "__init__":
        found = _init_missing(owner, names, evidence, reported)
    else:
        return None
    return Diagnosis("construction", one_line(match.group()), words, found)


def _on_class(where: str, evidence: str) -> Cause:
    if where == "Module.__init__":
        return Cause(
            "super-init-without-self",
            "nn.Module.__init__ was called on the class and without self",
            evidence,
            "Call it through super()",
            "super().__init__()",
        )
    return Cause(
        "class-not-instance",
        "The class was used in place of a model made of it: the parentheses are missing",
        evidence,
        "Make the model first",
        "model = Net()",
    )


def _input_missing(names: list[str], evidence: str, reported: Reported) -> tuple[Cause, ...]:
    missing = Cause(
        "input-missing",
        "The layer or model was called with fewer inputs than its forward takes",
        evidence,
        "Give every input that forward names",
        f"y = model({', '.join(names)})",
    )
    on_class = Cause(
        "class-not-instance",
        "forward was called on the class, so that the input took the place of self",
        evidence,
        "Make the layer first, then call it",
        "layer = nn.Linear(in_features, out_features)\ny = layer(x)",
    )
    call = reported.call
    if call is not None and re.search(r"(?:^|\.)[A-Z]\w*\.forward$", call.function):
        return on_class, missing
    return missing, on_class


def _init_missing(
    owner: str, names: list[str], evidence: str, reported: Reported
) -> tuple[Cause, ...]:
    missing = Cause(
        "argument-missing",
        "The layer is made with fewer arguments than it needs"
        + ("; torch wants in_features too, unlike Keras" if owner == "Linear" else ""),
        evidence,
        "Give every argument, by name where there are several",
        "nn.Linear(in_features, out_features)"
        if owner in {"Linear", ""}
        else _completed(owner, names, reported),
    )
    called = Cause(
        "class-called",
        "The class was called with a tensor, as if it were a layer",
        f"{evidence}: what was given took the first place",
        "Make the layer once in __init__, and call what was made",
        "self.fc = nn.Linear(in_features, out_features)\nx = self.fc(x)",
    )
    call = reported.call
    given = call.argument if call else ""
    if owner in {"Linear", ""} and names == ["out_features"]:
        tensor = re.fullmatch(
            r"(?:x|out|input|inputs|h|hidden|features|data|batch|X|images)", given
        )
        return (called, missing) if tensor else (missing, called)
    return (missing,)


def _completed(owner: str, names: list[str], reported: Reported) -> str:
    """Return the call with what it lacks put behind what it has, where the line shows it."""
    frame = reported.own_frame
    code = (frame.marked or frame.code) if frame else ""
    lacking = ", ".join(f"{name}={name}" for name in names)
    call = re.search(rf"(?:[A-Za-z_]\w*\.)*{owner}\(([^()]*)\)", code)
    if call is not None:
        given = call[1].strip().rstrip(",")
        return f"{call[0][: call.start(1) - call.start()]}{f'{given}, ' * bool(given)}{lacking})"
    takes = KEYWORDS.get(owner, ())
    return f"{owner}({'…, ' * any(name in takes[1:] for name in names)}{lacking})"


def _too_many(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `takes 2 positional arguments but 3 were given` of __init__ and forward."""
    owner, method = match["owner"] or "", match["method"]
    most, given = int(match["most"]), int(match["given"])
    where = f"{owner}.{method}" if owner else method
    evidence = f"{where} takes {most}, self counted, and got {given}"
    if method == "forward":
        cause = _too_many_inputs(owner, most, evidence)
    elif owner in {"ModuleList", "ParameterList"}:
        cause = Cause(
            "layers-not-in-list",
            f"nn.{owner} takes one list, and the layers were given one by one as to nn.Sequential",
            evidence,
            "Put the layers in a list",
            f"nn.{owner}([layer1, layer2])",
        )
    elif most == 0:
        cause = _self_missing(method, evidence)
    else:
        cause = Cause(
            "too-many-arguments",
            f"{where} is defined with fewer arguments"
            + (": in_features, out_features, bias, device, dtype" if owner == "Linear" else "")
            + ("; super().__init__() of a module takes none" if owner == "Module" else ""),
            evidence,
            "Leave the others away, or add them to the definition where the class is your own",
            "super().__init__()"
            if owner == "Module"
            else "nn.Linear(in_features, out_features)"
            if owner == "Linear"
            else "def __init__(self, in_features, out_features):",
        )
    words = f"{where} was called with {given} arguments (self counted) and takes {most}."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


def _self_missing(method: str, evidence: str) -> Cause:
    rest = ", x" if method == "forward" else ""
    return Cause(
        "self-missing",
        f"self is missing in the definition of {method}",
        evidence,
        "Name self first",
        f"def {method}(self{rest}):",
    )


def _too_many_inputs(owner: str, most: int, evidence: str) -> Cause:
    if most <= 1:
        return _self_missing("forward", evidence)
    return Cause(
        "too-many-inputs",
        f"{owner or 'the layer'} takes {most - 1} input{'s' * (most > 2)}, and several were given: "
        "two tensors, or a size beside the input",
        evidence,
        "Give one tensor; several are put together with torch.cat first",
        "y = layer(torch.cat([a, b], dim=-1))",
    )


METHOD = r"(?:(?P<owner>\w+)\.)?(?P<method>__init__|forward)\(\)"
PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "unexpected keyword argument",
        rf"{METHOD} got an unexpected keyword argument '(?P<got>\w+)'",
        _keyword,
    ),
    Pattern(
        "required positional argument",
        r"(?:(?P<owner>\w+)\.)?(?P<method>\w+)\(\) missing \d+ required positional arguments?: "
        r"(?P<names>'[^\n]*)",
        _missing,
    ),
    Pattern(
        "positional argument",
        rf"{METHOD} takes (?:from \d+ to )?(?P<most>\d{{1,9}}) positional arguments? but "
        r"(?P<given>\d{1,9}) "
        r"(?:were|was) given",
        _too_many,
    ),
    known(
        "construction",
        "multiple values for argument",
        r"(?P<where>(?:\w+\.)?__init__)\(\) got multiple values for argument '(?P<got>\w+)'",
        "{where} got {got} twice: by its place and by its name.",
        Cause(
            "argument-twice",
            "An argument without a name already stands in the place of {got}",
            "{got} was given by name, and its place was taken",
            "Give either all by place or all by name",
            "nn.Linear(in_features=8, out_features=2)",
        ),
    ),
    known(
        "construction",
        "of 'super' object needs an argument",
        r"descriptor '__init__' of 'super' object needs an argument",
        "super was used without its parentheses.",
        Cause(
            "super-not-called",
            "super.__init__() stands where super().__init__() belongs",
            "the message speaks of the type super itself",
            "Write the parentheses",
            "super().__init__()",
        ),
    ),
)
