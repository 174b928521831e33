"""Arguments and inputs of layers that are missing, unknown, too many or of a wrong kind."""

from __future__ import annotations

import re
from difflib import get_close_matches

from fcinspect.diagnosis.records import Decision, Pick, pick, shape_of
from fcinspect.diagnosis.reported import NAME, Reported
from fcinspect.diagnosis.rules.own_line import operands

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
WIDTHS = {
    **dict.fromkeys(("float",), "float-width"),
    **dict.fromkeys(("str",), "text-width"),
    **dict.fromkeys(("NoneType",), "none-width"),
    **dict.fromkeys(("tuple", "list", "Size"), "shape-as-width"),
    **dict.fromkeys(("Tensor", "Parameter", "ndarray"), "class-called/width"),
    **dict.fromkeys(
        ("Linear", "Sequential", "type", "bool", "dict", "function", "method"), "no-number-as-width"
    ),
}
"""What stands where a size of a layer belongs, by its type."""
FLOATS = re.compile(r"(?:numpy\.)?(?:float\d*|double|Float)$")
INPUTS = {
    **dict.fromkeys(("int", "float", "bool", "complex"), "number-input"),
    **dict.fromkeys(("dict", "OrderedDict"), "dict-input"),
    **dict.fromkeys(("Image", "JpegImageFile", "PngImageFile"), "image-input"),
    **dict.fromkeys(("method", "function", "builtin_function_or_method"), "method-not-called"),
    "str": "text-input",
    "type": "class-not-instance/input",
    "list": "list-input",
    "ndarray": "array-input",
    "NoneType": "forward-returns-none",
}
"""What is given in place of a tensor, by its type."""
PLAIN = {"tuple", "list", "ndarray", "numpy.ndarray", "NoneType", "int", "float", "str"}


def keyword(owner: str, method: str, got: str, reported: Reported) -> Decision:
    """Linear.__init__() got an unexpected keyword argument 'in_feature'"""
    where = f"{owner}.{method}" if owner else method
    takes = KEYWORDS.get(owner, ()) if method == "__init__" else ()
    near = get_close_matches(got, takes, n=1, cutoff=0.6)
    other = ELSEWHERE.get(got)
    meant = near[0] if near else other if other in takes else None
    first = f"; it takes {', '.join(takes[:6])}{' …' * (len(takes) > 6)}" if takes else ""
    cause: str | Pick = pick("keyword-not-taken", first="x, " if method == "forward" else "")
    if got == "activation" and owner in {"Linear", "Conv2d", "Conv1d"}:
        cause = "activation-in-layer"
    elif meant:
        cause = pick("keyword-misspelt", meant=meant, code=_renamed(got, meant, reported))
    return Decision(cause, where=where, taken=first)


def _renamed(got: str, meant: str, reported: Reported) -> str:
    """Return the reader's own line with the right keyword, or the keyword alone."""
    code = reported.own_frame.code.strip() if reported.own_frame else ""
    if len(re.findall(rf"\b{got}=", code)) == 1:
        return re.sub(rf"\b{got}=", f"{meant}=", code)
    return f"{meant}=value"


def missing(owner: str, method: str, names: str, reported: Reported) -> Decision | None:
    """Linear.__init__() missing 1 required positional argument: 'out_features'"""
    where = f"{owner}.{method}" if owner else method
    lacking = re.findall(r"'(\w+)'", names)
    causes: tuple[str | Pick, ...]
    if lacking == ["self"] or (lacking and owner == "Module" and method != "__init__"):
        of_module = where == "Module.__init__"
        causes = ("super-init-without-self" if of_module else "class-not-instance/model",)
    elif method == "forward":
        causes = ("input-missing", "class-not-instance/forward")
        called = reported.call.function if reported.call else ""
        if re.search(r"(?:^|\.)[A-Z]\w*\.forward$", called):
            causes = causes[::-1]
    elif method == "__init__":
        causes = _init_missing(owner, lacking, reported)
    else:
        return None
    listed = ", ".join(lacking)
    return Decision(*causes, where=where, listed=listed, named=" and ".join(lacking))


def _init_missing(owner: str, names: list[str], reported: Reported) -> tuple[str | Pick, ...]:
    linear = owner in {"Linear", ""}
    lacking: str | Pick = (
        "argument-missing/Linear" if owner == "Linear" else "argument-missing/layer"
    )
    if not linear:
        lacking = pick("argument-missing", code=_completed(owner, names, reported))
    if not linear or names != ["out_features"]:
        return (lacking,)
    given = reported.call.argument if reported.call else ""
    tensor = re.fullmatch(r"(?:x|out|input|inputs|h|hidden|features|data|batch|X|images)", given)
    return ("class-called/init", lacking) if tensor else (lacking, "class-called/init")


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


def too_many(owner: str, method: str, most: int, given: int) -> Decision:
    """Net.forward() takes 2 positional arguments but 3 were given"""
    cause = "too-many-arguments"
    if method == "forward":
        cause = "self-missing/forward" if most <= 1 else "too-many-inputs"
    elif owner in {"ModuleList", "ParameterList"}:
        cause = "layers-not-in-list"
    elif most == 0:
        cause = "self-missing"
    elif owner in {"Linear", "Module"}:
        cause = f"too-many-arguments/{owner}"
    return Decision(
        cause,
        where=f"{owner}.{method}" if owner else method,
        layer=owner or "the layer",
        inputs=f"{most - 1} input{'s' * (most > 2)}",
    )


def width(got: str, reported: Reported, position: str = "") -> Decision | None:
    """empty(): argument 'size' must be tuple of ints, but found element of type float at pos 0"""
    cause = _width(got)
    if cause is None:
        return None
    elsewhere = reported.frames and not reported.passed_through("modules/linear.py")
    which = {
        "0": "the first one, out_features in a linear layer,",
        "2": "the second one, in_features in a linear layer,",
    }.get("" if elsewhere else position, "one of them")
    return Decision(cause, which=which)


def _width(got: str) -> str | None:
    if FLOATS.match(got):
        return "float-width"
    return WIDTHS.get(got.rpartition(".")[2])


def old_call(got: str) -> Decision | None:
    """empty() received an invalid combination of arguments - got (tuple, …)"""
    odd = re.search(r"(?:!|tuple of \(|[(, ])(float|str|NoneType)\b(?!=)", got)
    if odd is None and re.match(r"\(tuple, (?:\*, )?dtype=NoneType", got):
        return Decision(
            *("float-width", "class-called/width", "text-width", "shape-as-width"),
            happened="The sizes of a weight must be whole numbers, and one of them is not.",
        )
    if odd is None or re.search(rf"\w={odd[1]}", got):
        return None
    return Decision(WIDTHS[odd[1]], which="one of them", got=odd[1])


def negative(number: str, shape: str, reported: Reported) -> Decision:
    """Trying to create tensor with negative dimension -1: [-1, 3]"""
    sizes = list(shape_of(shape))
    linear = len(sizes) == 2 and (not reported.frames or reported.passed_through("linear.py"))
    inputs = linear and sizes[1] < 0
    cause = "negative-width" if number == "-1" else "negative-width/computed"
    happened = f"A tensor of shape {sizes or '?'} was to be made, and no size can be {number}"
    if linear:
        happened += f": in a linear layer that is {'in' if inputs else 'out'}_features"
    return Decision(
        cause,
        happened=f"{happened}.",
        fix="Write the number; nn.LazyLinear finds in_features from the first input"
        if inputs
        else "Write the number, or print how it is computed",
        code=f"nn.LazyLinear({sizes[0]})" if inputs else "nn.Linear(in_features, out_features)",
    )


def probability(got: str) -> Decision:
    """dropout probability has to be between 0 and 1, but got 50"""
    if "tensor" in got:
        return Decision("class-called/dropout")
    try:
        share = float(got) / 100
    except ValueError:
        share = 2.0
    percent = f"{share:g}" if 0 < share < 1 else "0.5"
    return Decision("probability-out-of-range", got=got or "another number", percent=percent)


def no_tensor(function: str, argument: str, got: str, reported: Reported) -> Decision:
    """linear(): argument 'input' (position 1) must be Tensor, not tuple"""
    if argument in {"weight", "bias", "other", "mat2"}:
        if got == "bool":
            return Decision("flag-for-bias")
        if got not in PLAIN:
            side = "bias" if argument == "bias" else "weight"
            return Decision("layer-for-weight/argument", side=side)
    return _given(got, f"the {argument} of {function} is a {got}", reported)


def combination(function: str, got: str, reported: Reported) -> Decision | None:
    """conv2d() received an invalid combination of arguments - got (NoneType, …)"""
    if got not in PLAIN - {"ndarray"} | {"dict"}:
        return None
    return _given(got, f"the first argument of {function} is a {got}", reported)


def method_of_tensors(got: str, what: str, reported: Reported) -> Decision:
    """'tuple' object has no attribute 'size'"""
    if what == "detach" and reported.passed_through("parameter.py"):
        return Decision("parameter-of-list")
    return _given(got, f"a {got} was asked for {what}", reported)


def _given(got: str, evidence: str, reported: Reported) -> Decision:
    """Return why an input is of a type that is no tensor."""
    last = got.rpartition(".")[2]
    given = operands(reported)
    x = given[0] if given and NAME.match(given[0]) else "x"
    causes: tuple[str | Pick, ...]
    if last == "tuple":
        causes = (_tuple(x, reported), "comma-at-end")
    elif last in INPUTS:
        causes = (INPUTS[last],)
    elif "Output" in last or last == "BatchEncoding":
        causes = ("dict-input/output",)
    else:
        causes = ("class-called/input",)
    return Decision(*causes, evidence=evidence, x=x, last=last)


def _tuple(x: str, reported: Reported) -> Pick:
    """The layer before may give several things, of which the line takes the first."""
    recurrent = re.search(r"LSTM|GRU|RNN|lstm|gru|rnn", reported.text)
    seen = f"; the text names {recurrent[0]}" if recurrent else ""
    made = rf"^[\s\d>-]*{re.escape(x)} = (self\.[\w.]+\([^\n]*\))$"
    bound = [match[1] for match in re.finditer(made, reported.text, re.MULTILINE)]
    code = f"{x} = {x}[0]"
    if bound:
        code = f"{x}, _ = {bound[-1]}"
    elif x == "x":
        code = "output, hidden = self.rnn(x)\nx = self.fc(output[:, -1])"
    return pick("tuple-input", seen=seen, code=code)
