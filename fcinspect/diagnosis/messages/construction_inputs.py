"""Messages about an input that is no tensor, and about layers used as something else."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.own_line import converted, operands
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import NAME, Reported

TENSOR_METHODS = (
    "dim|size|shape|view|reshape|flatten|unsqueeze|squeeze|permute|transpose|detach|ndim|cpu|cuda|"
    "contiguous|to|float|is_cuda|numel|device|dtype|requires_grad|mean|argmax|softmax"
)
KINDS = (
    (
        frozenset({"int", "float", "bool", "complex"}),
        "number-input",
        "The input is one number, not a tensor",
        "Make a tensor of as many features as in_features",
        "x = torch.tensor([[value]], dtype=torch.float32)",
    ),
    (
        frozenset({"str"}),
        "text-input",
        "The input is text: a file name, or words that were not turned into numbers",
        "Read the file, or turn words into ids and vectors first",
        "x = self.embedding(torch.tensor(ids))",
    ),
    (
        frozenset({"dict", "OrderedDict"}),
        "dict-input",
        "The input is a dict, in which the tensor is one entry",
        "Take the tensor out of it",
        'x = batch["x"]',
    ),
    (
        frozenset({"type"}),
        "class-not-instance",
        "A class was given in place of a tensor",
        "Make a layer of the class, call it, and give its output",
        "x = nn.ReLU()(x)",
    ),
    (
        frozenset({"Image", "JpegImageFile", "PngImageFile"}),
        "image-input",
        "The input is a picture that was not turned into a tensor",
        "Convert it in the data set",
        "x = torchvision.transforms.functional.to_tensor(image)",
    ),
)
"""What is given in place of a tensor: its types, and the name, cause, fix and code for them."""


def _no_tensor(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `linear(): argument 'input' (position 1) must be Tensor, not tuple`."""
    function, argument, got = match["function"], match["argument"], match["got"]
    words = f"{function} takes a tensor as its {argument}, and got a {got}."
    evidence = f"the {argument} of {function} is a {got}"
    if argument in {"weight", "bias", "other", "mat2"}:
        found = _weight(argument, got, evidence, reported)
    else:
        found = input_causes(got, evidence, reported)
    return Diagnosis("construction", one_line(match.group()), words, found)


def _weight(argument: str, got: str, evidence: str, reported: Reported) -> tuple[Cause, ...]:
    if got == "bool":
        return (
            Cause(
                "flag-for-bias",
                "The functional form takes the bias itself, not whether there is one",
                evidence,
                "Give the tensor, or None for no bias",
                "y = F.linear(x, weight, bias)",
            ),
        )
    if got in {"tuple", "list", "ndarray", "numpy.ndarray", "NoneType", "int", "float", "str"}:
        return input_causes(got, evidence, reported)
    return (
        Cause(
            "layer-for-weight",
            f"A layer ({got}) was given where its weight belongs",
            evidence,
            f"Give the {'bias' if argument == 'bias' else 'weight'} of the layer, or call it",
            "y = layer(x)",
        ),
    )


def input_causes(got: str, evidence: str, reported: Reported) -> tuple[Cause, ...]:
    """Return why an input is of a type that is no tensor."""
    last = got.rpartition(".")[2]
    given = operands(reported)
    x = given[0] if given and NAME.match(given[0]) else "x"
    if last == "tuple":
        return _tuple(x, evidence, reported)
    if last == "list":
        return (
            Cause(
                "list-input",
                "The input is a list, of numbers or of tensors",
                evidence,
                "Make one tensor of it; a list of tensors is put together with torch.stack",
                f"{x} = torch.tensor({x}, dtype=torch.float32)",
            ),
        )
    if last == "ndarray":
        return (
            Cause(
                "array-input",
                "The input is a NumPy array",
                evidence,
                "Make a tensor of it, in float32",
                f"{x} = torch.from_numpy({x}).float()",
            ),
        )
    if last == "NoneType":
        return (
            Cause(
                "forward-returns-none",
                "The layer or function before returned None: return is missing in its forward",
                evidence,
                "Return the result in every branch",
                "def forward(self, x):\n    return self.fc(x)",
            ),
        )
    return (_other(last, evidence, reported),)


def _tuple(x: str, evidence: str, reported: Reported) -> tuple[Cause, ...]:
    recurrent = re.search(r"LSTM|GRU|RNN|lstm|gru|rnn", reported.text)
    seen = f"; the text names {recurrent[0]}" if recurrent else ""
    return (
        Cause(
            "tuple-input",
            "The layer before returns several things: nn.LSTM, nn.GRU and nn.RNN give (output, "
            "hidden state), nn.MultiheadAttention (output, weights)",
            evidence + seen,
            "Take the first of them; of a sequence (batch_first=True) the last step",
            _unpacked(x, reported),
        ),
        Cause(
            "comma-at-end",
            "A comma at the end of a line made a tuple, or a batch of a loader holds (x, y)",
            evidence,
            "Take the comma away, or unpack the batch",
            "x, y = batch",
        ),
    )


def _unpacked(x: str, reported: Reported) -> str:
    """Return the line that takes the first of what the layer before gives."""
    made = rf"^[\s\d>-]*{re.escape(x)} = (self\.[\w.]+\([^\n]*\))$"
    bound = [match[1] for match in re.finditer(made, reported.text, re.MULTILINE)]
    if bound:
        return f"{x}, _ = {bound[-1]}"
    if x == "x":
        return "output, hidden = self.rnn(x)\nx = self.fc(output[:, -1])"
    return f"{x} = {x}[0]"


def _other(last: str, evidence: str, reported: Reported) -> Cause:
    for types, name, why, fix, code in KINDS:
        if last in types:
            return Cause(name, why, evidence, fix, code)
    if "Output" in last or last == "BatchEncoding":
        return Cause(
            "dict-input",
            "The input is the output object of a model or tokenizer, of which the tensor is a part",
            evidence,
            "Take the tensor out of it",
            "x = output.last_hidden_state",
        )
    if last in {"method", "function", "builtin_function_or_method"}:
        return Cause(
            "method-not-called",
            "A method was given in place of what it returns: the parentheses are missing",
            evidence,
            "Call it",
            converted(reported, "()"),
        )
    return Cause(
        "class-called",
        f"The input is a {last}: nn.{last}(x) makes a layer, it does not compute",
        evidence,
        "Make the layer with its own parentheses, then call it with the tensor",
        f"x = nn.{last}()(x)",
    )


def _combination(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `conv2d() received an invalid combination of arguments - got (NoneType, …)`."""
    function, got = match["function"], match["got"]
    if got not in {"tuple", "list", "NoneType", "numpy.ndarray", "int", "float", "str", "dict"}:
        return None
    words = f"{function} takes a tensor first, and got a {got}."
    evidence = f"the first argument of {function} is a {got}"
    found = input_causes(got, evidence, reported)
    return Diagnosis("construction", one_line(match.group()), words, found)


def _method_of_tensors(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `'tuple' object has no attribute 'size'`."""
    got, what = match["got"], match["what"]
    evidence = f"a {got} was asked for {what}"
    if what == "detach" and reported.passed_through("parameter.py"):
        found: tuple[Cause, ...] = (
            Cause(
                "parameter-of-list",
                "nn.Parameter takes a tensor",
                f"nn.Parameter was given a {got}",
                "Make a tensor of it first",
                "weight = nn.Parameter(torch.tensor(values, dtype=torch.float32))",
            ),
        )
    else:
        found = input_causes(got, evidence, reported)
    words = f"A {got} was used like a tensor: {what} belongs to tensors."
    return Diagnosis("construction", one_line(match.group()), words, found)


def _not_callable(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `'Tensor' object is not callable`."""
    got = match["got"]
    evidence = f"what stands before the parentheses is a {got}"
    if got in {"Tensor", "Parameter"}:
        cause = Cause(
            "tensor-called",
            "A tensor has the name of the layer or function, or an operator is missing before the "
            "parentheses",
            evidence,
            "Give the tensor a name of its own, and write the *",
            "out = self.fc(x)",
        )
    elif got in {"torch.Size", "Size"}:
        cause = Cause(
            "size-called",
            "Shape is an attribute and takes brackets; size() is the method",
            evidence,
            "Write brackets behind shape",
            "n = x.shape[0]",
        )
    elif got in {"list", "tuple"}:
        cause = Cause(
            "list-called",
            "Layers in a plain list cannot be called, and are not found by parameters()",
            evidence,
            "Use nn.Sequential, or call the layers one by one",
            "self.layers = nn.Sequential(*layers)",
        )
    elif got == "NoneType":
        cause = Cause(
            "none-called",
            "The layer is None: it was never made, or a function that should return it does not",
            evidence,
            "Make the layer before it is called",
            "self.fc = nn.Linear(in_features, out_features)",
        )
    else:
        cause = Cause(
            "value-called",
            f"The name holds a {got}, where a layer or function was expected",
            evidence,
            "Look the layer or function up, and do not use its name for something else",
            'activation = {"relu": nn.ReLU()}[name]',
        )
    return Diagnosis(
        "construction", one_line(match.group()), f"A {got} was called like a layer.", (cause,)
    )


LAYER = (
    r"(?P<name>Linear|Sequential|Conv[123]d|Embedding|LSTM|GRU|RNN|ReLU|LayerNorm|BatchNorm[123]d|"
    r"Dropout|Softmax|\w*Net\w*|\w*Model\w*|\w*MLP\w*)"
)
PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "must be Tensor, not",
        r"(?P<function>\w+)\(\): argument '(?P<argument>\w+)' \(position \d+\) must be Tensor, not "
        r"(?P<got>[\w.]+)",
        _no_tensor,
    ),
    Pattern(
        "invalid combination of arguments",
        r"(?P<function>conv\w*|linear|max_pool\w*|lstm|gru|rnn_tanh|embedding|layer_norm|"
        r"batch_norm|dropout|relu|matmul|flatten|softmax)\(\) received an invalid combination of "
        r"arguments - got \((?P<got>[\w.]+)",
        _combination,
    ),
    Pattern(
        "object has no attribute '",
        r"'(?P<got>tuple|list|NoneType|numpy\.ndarray)' object has no attribute "
        rf"'(?P<what>{TENSOR_METHODS})'",
        _method_of_tensors,
    ),
    Pattern(
        "object is not callable",
        r"'(?P<got>Tensor|Parameter|torch\.Size|Size|list|tuple|NoneType|str|int|float|bool)' "
        r"object is not callable",
        _not_callable,
    ),
    known(
        "construction",
        "' object is not",
        rf"'{LAYER}' object is not (?P<what>iterable|subscriptable)",
        "A {name} was used like a list.",
        Cause(
            "layer-as-list",
            "One layer stands where several are expected: only nn.Sequential, nn.ModuleList and "
            "nn.ModuleDict can be indexed and walked through",
            "a {name} is not {what}",
            "Name the layer itself, walk through model.children(), or read a row of its weight",
            "for layer in model.children():\n    print(layer)",
        ),
    ),
    known(
        "construction",
        "has no len()",
        rf"object of type '{LAYER}' has no len\(\)",
        "The length of a {name} was asked for.",
        Cause(
            "layer-as-list",
            "One layer stands where several, or a data set, are expected",
            "a {name} has no length",
            "Count its children or parameters",
            "print(len(list(model.children())))",
        ),
    ),
    known(
        "construction",
        "unsupported operand type(s) for",
        rf"unsupported operand type\(s\) for (?P<sign>\S+): (?:'{LAYER}' and '(?P<other>[\w.]+)'|"
        rf"'(?P<left>Tensor|Parameter)' and '{LAYER.replace('name', 'right')}')",
        "A layer was computed with, by {sign}, as if it were a tensor.",
        Cause(
            "layer-in-arithmetic",
            "A layer itself takes part in the computation: it was not called, or its weight is "
            "meant",
            "the operator {sign} met a {name}{right}",
            "Call the layer, or take its weight",
            "y = layer1(x) + layer2(x)",
        ),
    ),
    known(
        "construction",
        "Could not infer dtype of",
        r"Could not infer dtype of (?P<name>[A-Z]\w*)(?<!NoneType)",
        "A tensor was to be made of a {name}.",
        Cause(
            "object-for-numbers",
            "torch.tensor takes numbers, and lists and arrays of numbers",
            "what was given holds a {name}",
            "Take the numbers out of it first",
            "x = torch.tensor(values)",
        ),
    ),
)
