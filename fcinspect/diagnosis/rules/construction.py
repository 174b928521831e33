"""Arguments and inputs that layers do not take, names that they lack, and what is no module."""

from __future__ import annotations

import re
from difflib import get_close_matches

from fcinspect.diagnosis.catalogue.parsing import lists, tables
from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.records import Decision, Pick, pick, shape_of
from fcinspect.diagnosis.rules.operands import operands

WIDTHS = {
    "float": "float-width",
    "str": "text-width",
    "NoneType": "none-width",
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
METHODS, LAYERS, OF_TENSORS = (lists("attributes")[of] for of in ("modules", "nn", "tensors"))
TORCHS = frozenset(LAYERS) | {"LogSigmoid", "Softplus", "ConvTranspose2d", "AvgPool1d"}
DIM = {"Softmax": "dim=1", "LogSoftmax": "dim=1", "Linear": "in_features, out_features"}
"""Arguments that cannot be left away."""
OTHERS = frozenset(
    ("DataFrame", "Series", "Tensor", "Namespace", "Image", "Parameter", "Axes", "NoneType")
)
"""Classes that are no modules."""
QUANTISED = re.compile(r"Quant(?!Stub)\w*Linear|WQLinear|GPTQ|AWQ|Marlin|[Ee]xllama|HQQLinear")
"""Classes of layers whose weights are packed integers."""
OF_LINEAR = frozenset({"weight", "bias", "in_features", "out_features"})
"""What every nn.Linear has; without a bias, that attribute is None."""
WRAPPERS = frozenset({"DataParallel", "DistributedDataParallel"})


def keyword(owner: str, method: str, got: str, facts: Facts) -> Decision:
    """Linear.__init__() got an unexpected keyword argument 'in_feature'"""
    where = f"{owner}.{method}" if owner else method
    takes = lists("arguments").get(owner, ()) if method == "__init__" else ()
    near = get_close_matches(got, takes, n=1, cutoff=0.6)
    other = tables()["elsewhere"].get(got)
    meant = near[0] if near else other if other in takes else None
    first = f"; it takes {', '.join(takes[:6])}{' …' * (len(takes) > 6)}" if takes else ""
    cause: str | Pick = pick("keyword-not-taken", first="x, " if method == "forward" else "")
    if got == "activation" and owner in {"Linear", "Conv2d", "Conv1d"}:
        cause = "activation-in-layer"
    elif meant:
        cause = pick("keyword-misspelt", meant=meant, code=_renamed(got, meant, facts))
    return Decision(cause, where=where, taken=first)


def _renamed(got: str, meant: str, facts: Facts) -> str:
    """Return the reader's own line with the right keyword, or the keyword alone."""
    code = facts.own_place.code.strip()
    if len(re.findall(rf"\b{got}=", code)) == 1:
        return re.sub(rf"\b{got}=", f"{meant}=", code)
    return f"{meant}=value"


def missing(owner: str, method: str, names: str, facts: Facts) -> Decision | None:
    """Linear.__init__() missing 1 required positional argument: 'out_features'"""
    where = f"{owner}.{method}" if owner else method
    lacking = re.findall(r"'(\w+)'", names)
    causes: tuple[str | Pick, ...]
    if lacking == ["self"] or (lacking and owner == "Module" and method != "__init__"):
        of_module = where == "Module.__init__"
        causes = ("super-init-without-self" if of_module else "class-not-instance/model",)
    elif method == "forward":
        causes = ("input-missing", "class-not-instance/forward")
        called = facts.call.function if facts.call else ""
        if re.search(r"(?:^|\.)[A-Z]\w*\.forward$", called):
            causes = causes[::-1]
    elif method == "__init__":
        causes = _init_missing(owner, lacking, facts)
    else:
        return None
    listed = ", ".join(lacking)
    return Decision(*causes, where=where, listed=listed, named=" and ".join(lacking))


def _init_missing(owner: str, names: list[str], facts: Facts) -> tuple[str | Pick, ...]:
    linear = owner in {"Linear", ""}
    lacking: str | Pick = (
        "argument-missing/Linear" if owner == "Linear" else "argument-missing/layer"
    )
    if not linear:
        lacking = pick("argument-missing", code=_completed(owner, names, facts))
    if not linear or names != ["out_features"]:
        return (lacking,)
    given = facts.call.argument if facts.call else ""
    tensor = re.fullmatch(r"(?:x|out|input|inputs|h|hidden|features|data|batch|X|images)", given)
    return ("class-called/init", lacking) if tensor else (lacking, "class-called/init")


def _completed(owner: str, names: list[str], facts: Facts) -> str:
    """Return the call with what it lacks added after what it has, where the line shows it."""
    code = facts.own_place.marked or facts.own_place.code
    lacking = ", ".join(f"{name}={name}" for name in names)
    call = re.search(rf"(?:[A-Za-z_]\w*\.)*{owner}\(([^()]*)\)", code)
    if call is not None:
        given = call[1].strip().rstrip(",")
        return f"{call[0][: call.start(1) - call.start()]}{f'{given}, ' * bool(given)}{lacking})"
    takes = lists("arguments").get(owner, ())
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


def width(got: str, facts: Facts, position: str = "") -> Decision | None:
    """empty(): argument 'size' must be tuple of ints, but found element of type float at pos 0"""
    cause = _width(got)
    if cause is None:
        return None
    elsewhere = facts.frames and not facts.passed_through("modules/linear.py")
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
    types = set(re.findall(r"\w+", got.partition("dtype")[0]))
    if len(types) > 1 and types <= {"str", "bool", "float", "NoneType", "list", "dict"}:
        return Decision(
            "arguments-in-wrong-places",
            happened="The sizes of a weight must be integers, but none of them is.",
            types=" and ".join(re.findall(r"\w+", got.partition("dtype")[0])),
        )
    odd = re.search(r"(?:!|tuple of \(|[(, ])(float|str|NoneType)\b(?!=)", got)
    if odd is None and re.match(r"\(tuple, (?:\*, )?dtype=NoneType", got):
        return Decision(
            *("width-not-integer", "class-called/width"),
            happened="The sizes of a weight must be integers, but one of them is not.",
        )
    if odd is None or re.search(rf"\w={odd[1]}", got):
        return None
    return Decision(WIDTHS[odd[1]], which="one of them", got=odd[1])


def negative(number: str, shape: str, facts: Facts) -> Decision:
    """Trying to create tensor with negative dimension -1: [-1, 3]"""
    sizes = list(shape_of(shape))
    linear = len(sizes) == 2 and (not facts.frames or facts.passed_through("linear.py"))
    inputs = linear and sizes[1] < 0
    cause = "negative-width" if number == "-1" else "negative-width/computed"
    happened = f"A tensor of shape {sizes or '?'} was requested, but no size can be {number}"
    if linear:
        happened += f"; in a linear layer this is {'in' if inputs else 'out'}_features"
    return Decision(
        cause,
        happened=f"{happened}.",
        fix="Write the number; nn.LazyLinear infers in_features from the first input"
        if inputs
        else "Write the number, or print the numbers it is computed from",
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


def no_tensor(function: str, argument: str, got: str, facts: Facts) -> Decision:
    """linear(): argument 'input' (position 1) must be Tensor, not tuple"""
    if argument in {"weight", "bias", "other", "mat2"}:
        if got == "bool":
            return Decision("flag-for-bias")
        if got not in PLAIN:
            side = "bias" if argument == "bias" else "weight"
            return Decision("layer-for-weight/argument", side=side)
    return _given(got, f"the {argument} of {function} is a {got}", facts)


def combination(function: str, got: str, facts: Facts) -> Decision | None:
    """conv2d() received an invalid combination of arguments - got (NoneType, …)"""
    if got not in PLAIN - {"ndarray"} | {"dict"}:
        return None
    return _given(got, f"the first argument of {function} is a {got}", facts)


def method_of_tensors(got: str, what: str, facts: Facts) -> Decision:
    """'tuple' object has no attribute 'size'"""
    if what == "detach" and facts.passed_through("parameter.py"):
        return Decision("parameter-of-list")
    return _given(got, f"{what} was accessed on a {got}", facts)


def _given(got: str, evidence: str, facts: Facts) -> Decision:
    last = got.rpartition(".")[2]
    given = operands(facts)
    x = given[0] if given and NAME.match(given[0]) else "x"
    scaled = re.match(r"([A-Za-z_]\w*) [*+/-] ", given[0]) if given else None
    if scaled is not None and last == "tuple":
        x = scaled[1]
        evidence += (
            f": {x} holds several values, and a tuple times a number is repeated, not scaled"
        )
    causes: tuple[str | Pick, ...]
    if last == "tuple":
        causes = (_tuple(x, facts), "comma-at-end")
    elif last in INPUTS:
        causes = (INPUTS[last],)
    elif "Output" in last or last == "BatchEncoding":
        causes = ("dict-input/output",)
    else:
        causes = ("class-called/input",)
    pooled = re.search(r"pooler_output|pooled", facts.text)
    returning = "def forward(self, x):\n    return self.fc(x)"
    if pooled:
        returning = f"{x} = outputs.last_hidden_state[:, 0]"
    return Decision(*causes, evidence=evidence, x=x, last=last, returning=returning)


def _tuple(x: str, facts: Facts) -> Pick:
    """The layer before may give several things, of which the line takes the first."""
    recurrent = re.search(r"LSTM|GRU|RNN|lstm|gru|rnn", facts.text)
    seen = f"; the text mentions {recurrent[0]}" if recurrent else ""
    made = rf"^[\s\d>-]*{re.escape(x)} = (self\.[\w.]+\([^\n]*\))$"
    bound = [match[1] for match in re.finditer(made, facts.text, re.MULTILINE)]
    code = f"{x} = {x}[0]"
    if bound:
        code = f"{x}, _ = {bound[-1]}"
    elif x == "x":
        code = "output, hidden = self.rnn(x)\nx = self.fc(output[:, -1])"
    return pick("tuple-input", seen=seen, code=code)


def attribute(name: str, what: str, facts: Facts) -> Decision | None:
    """'Net' object has no attribute 'fc3'"""
    elsewhere = facts.frames and not facts.passed_through("modules/module.py")
    if QUANTISED.search(name) and what == "weight":
        return Decision("quantised-layer-without-weight")
    if name in OTHERS or (elsewhere and name not in TORCHS | WRAPPERS):
        return None
    if name in WRAPPERS:
        return Decision("attribute-behind-wrapper")
    if name == "Linear" and what in OF_LINEAR:
        return Decision("class-of-another-library")
    if what == "module":
        return Decision("not-wrapped")
    if what in OF_TENSORS and name in TORCHS:
        weighted = name.startswith(("Linear", "Conv", "Embedding", "BatchNorm", "LayerNorm"))
        causes = ["layer-for-weight"] * weighted + ["class-called/attribute"]
        return Decision(*causes, given=DIM.get(name, ""))
    return Decision(*_not_defined(name, what, facts))


def _not_defined(name: str, what: str, facts: Facts) -> tuple[str | Pick, ...]:
    said = re.search(r"Did you mean: '(\w+)'", facts.text)
    seen = [own for own in re.findall(r"self\.(\w+)", facts.text) if own != what]
    near = [said[1]] if said else get_close_matches(what, [*METHODS, *seen], n=1, cutoff=0.75)
    if near and (
        near[0] in METHODS or said or near[0].rstrip("0123456789") != what.rstrip("0123456789")
    ):
        owner = "layer" if near[0] in METHODS else "self"
        return pick("attribute-misspelt", near=near[0], owner=owner), "attribute-not-defined"
    if name in {"Sequential", "ModuleList"}:
        return ("layer-by-name-in-sequential",)
    return ("attribute-not-defined",)


def no_such_layer(what: str) -> Decision:
    """module 'torch.nn' has no attribute 'linear'"""
    lower = {layer.lower(): layer for layer in LAYERS}
    near = [lower[what.lower()]] if what.lower() in lower else []
    near = near or get_close_matches(what, LAYERS, n=1, cutoff=0.75)
    if what == "Dense":
        near = ["Linear"]
    return Decision(pick("layer-misspelt", near=near[0]) if near else "name-not-in-torch")


def class_attribute(name: str) -> Decision:
    """type object 'Linear' has no attribute 'weight'"""
    return Decision("class-not-instance/Linear" if name == "Linear" else "class-not-instance/class")


def no_forward(name: str) -> Decision:
    """Module [Net] is missing the required "forward" function"""
    if name == "ModuleDict":
        return Decision("module-list-called/ModuleDict")
    called = name in {"ModuleList", "ParameterList"}
    return Decision("module-list-called" if called else "forward-missing")


def no_module(name: str) -> Decision:
    """torch.FloatTensor is not a Module subclass: what was given to nn.Sequential and its like."""
    last = name.rpartition(".")[2]
    if last in {"list", "tuple", "<genexpr>", "generator", "dict", "OrderedDict"}:
        return Decision("list-in-sequential")
    if last in {"FloatTensor", "Tensor", "HalfTensor", "DoubleTensor", "LongTensor"}:
        return Decision("output-in-sequential")
    if last in {"int", "float", "str", "bool", "NoneType"}:
        return Decision("no-layer-in-sequential")
    if last[:1].isupper():
        made = f"nn.{last}()" if "modules" in name else f"{last}()"
        return Decision("class-in-sequential", last=last, made=made)
    layer = tables()["modules"].get(last)
    if layer is not None:
        made = f"{layer}({'dim=1' if 'softmax' in last else ''})"
        return Decision("function-in-sequential", layer=layer, made=made)
    return Decision("function-in-sequential/other")


def child(kind: str) -> Decision:
    """cannot assign 'X' as child module 'fc' (torch.nn.Module or None expected)"""
    last = kind.rpartition(".")[2]
    if "Tensor" in last:
        return Decision("output-over-layer")
    if last == "list":
        return Decision("list-as-child")
    is_class = last[:1].isupper()
    what, layer = ("class", last) if is_class else ("function", "Identity")
    return Decision("no-module-as-child", what=what, layer=layer)


def not_callable(got: str) -> Decision:
    """'Tensor' object is not callable"""
    causes = {
        **dict.fromkeys(("Tensor", "Parameter"), "tensor-called"),
        **dict.fromkeys(("torch.Size", "Size"), "size-called"),
        **dict.fromkeys(("list", "tuple"), "list-called"),
        "NoneType": "none-called",
    }
    return Decision(causes.get(got, "value-called"))
