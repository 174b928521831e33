"""Messages of nn.Module and its containers: what is registered, found and called in them."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages import construction_attributes
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

INTERNAL = (
    "_modules|_parameters|_buffers|_non_persistent_buffers_set|_\\w*hooks\\w*|training|"
    "_is_full_backward_hook|_compiled_call_impl|_state_dict_pre_hooks"
)
MADE = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "GELU",
    "silu": "SiLU",
    "leaky_relu": "LeakyReLU",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "flatten": "Flatten",
    "dropout": "Dropout",
}
"""The layers that do what functions of these names do."""
NO_SUPER = Cause(
    "no-super-init",
    "__init__ of the class does not call super().__init__() before anything else",
    "what nn.Module sets up in its __init__ is not there yet",
    "Call it in the first line of __init__",
    "def __init__(self):\n    super().__init__()",
)


def _no_forward(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Module [Net] is missing the required "forward" function`."""
    name = match["name"]
    words = f"{name} was called, and it has no forward."
    evidence = f"the class {name} has no method of the name forward"
    if name in {"ModuleList", "ModuleDict", "ParameterList"}:
        found: tuple[Cause, ...] = (
            Cause(
                "module-list-called",
                f"nn.{name} only keeps layers; it does not know in which order to call them",
                f"what was called is an nn.{name}",
                "Call the layers one after the other, or use nn.Sequential",
                "for layer in self.layers:\n    x = layer(x)"
                if name != "ModuleDict"
                else "x = self.layers[name](x)",
            ),
        )
    else:
        found = (
            Cause(
                "forward-missing",
                "forward is misspelt, indented into __init__ or outside the class, or was never "
                "written",
                evidence,
                "Write forward at the same depth as __init__",
                "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n\n"
                "    def forward(self, x):\n        return self.fc(x)",
            ),
        )
    return Diagnosis("construction", one_line(match.group()), words, found)


def _function(last: str, evidence: str) -> Cause:
    layer = MADE.get(last)
    return Cause(
        "function-in-sequential",
        "A function was given where a layer belongs",
        evidence,
        f"Use the layer nn.{layer}" if layer else "Wrap the function in a module",
        f"nn.{layer}({'dim=1' if 'softmax' in last else ''})"
        if layer
        else "class Apply(nn.Module):\n    def forward(self, x):\n        return function(x)",
    )


def _no_module(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `X is not a Module subclass` of nn.Sequential and its like."""
    name = match["name"]
    last = name.rpartition(".")[2]
    evidence = f"what was given is {name}"
    if last in {"list", "tuple", "<genexpr>", "generator", "dict", "OrderedDict"}:
        cause = Cause(
            "list-in-sequential",
            "A whole list was given, and nn.Sequential takes layers one by one",
            evidence,
            "Unpack the list with a star",
            "nn.Sequential(*layers)",
        )
    elif last in {"FloatTensor", "Tensor", "HalfTensor", "DoubleTensor", "LongTensor"}:
        cause = Cause(
            "output-in-sequential",
            "A layer was called where it should only be named, so that its output was given",
            evidence,
            "Give the layer, without calling it",
            "nn.Sequential(nn.Linear(3, 4), nn.ReLU())",
        )
    elif last in {"int", "float", "str", "bool", "NoneType"}:
        cause = Cause(
            "no-layer-in-sequential",
            "A number or a name was given where a layer belongs",
            evidence,
            "Make the layers first; layers with names are given as an OrderedDict",
            "nn.Sequential(OrderedDict(fc1=nn.Linear(3, 4), act=nn.ReLU()))",
        )
    elif last[:1].isupper():
        cause = Cause(
            "class-in-sequential",
            f"The class {last} was given in place of a layer made of it",
            evidence,
            "Write the parentheses",
            f"nn.{last}()" if "modules" in name else f"{last}()",
        )
    else:
        cause = _function(last, evidence)
    words = f"{name} was given where a module belongs."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


def _child(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `cannot assign 'X' as child module 'fc' (torch.nn.Module or None expected)`."""
    kind, name = match["kind"], match["name"]
    last = kind.rpartition(".")[2]
    evidence = f"{name} is a submodule, and what is assigned is {kind}"
    if "Tensor" in last:
        cause = Cause(
            "output-over-layer",
            f"The output of a layer is assigned to self.{name}, the name of the layer itself",
            evidence,
            "Keep outputs in a local variable",
            f"x = self.{name}(x)",
        )
    elif last == "list":
        cause = Cause(
            "list-as-child",
            "A plain list takes the place of a submodule",
            evidence,
            "Keep the layers in nn.ModuleList",
            f"self.{name} = nn.ModuleList(layers)",
        )
    else:
        cause = Cause(
            "no-module-as-child",
            f"{'A class' if last[:1].isupper() else 'A function'} takes the place of a layer",
            evidence,
            "Assign a layer; a class needs its parentheses",
            f"self.{name} = nn.{last}()" if last[:1].isupper() else f"self.{name} = nn.Identity()",
        )
    words = f"self.{name} holds a layer, and {kind} cannot take its place."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    known(
        "construction",
        "before Module.__init__() call",
        r"cannot assign (?P<what>module|parameter|buffer)s? before Module\.__init__\(\) call",
        "A {what} was assigned to a module whose nn.Module.__init__ has not run.",
        NO_SUPER,
    ),
    known(
        "construction",
        "object has no attribute '",
        rf"'(?P<name>\w+)' object has no attribute '(?P<what>(?:{INTERNAL}))'",
        "{name} lacks {what}, which nn.Module.__init__ makes.",
        NO_SUPER,
    ),
    Pattern(
        'is missing the required "forward" function',
        r'Module \[(?P<name>\w+)\] is missing the required "forward" function',
        _no_forward,
    ),
    Pattern(
        "is not a Module subclass",
        r"(?P<name>[\w.]*(?:<\w+>[\w.]*)*)(?:'>)? is not a Module subclass",
        _no_module,
    ),
    Pattern(
        "as child module",
        r"cannot assign '(?P<kind>[^']+)' as child module '(?P<name>\w+)'",
        _child,
    ),
    known(
        "construction",
        "should be called with an iterable, but got",
        r"(?P<name>ModuleList|ParameterList)\.\w+ should be called with an iterable, but got "
        r"(?P<got>\w+)",
        "{name} takes a list of layers, and got one {got}.",
        Cause(
            "layers-not-in-list",
            "The layers were given one by one, or only one without a list",
            "what was given is a {got}",
            "Put the layers in a list",
            "nn.ModuleList([layer1, layer2])",
        ),
    ),
    known(
        "construction",
        "module name can",
        r"module name can\\?'t contain \"\.\", got: (?P<got>[\w.\-]+)",
        'A submodule was to be named "{got}", and names of submodules have no dots.',
        Cause(
            "dot-in-name",
            "Dots stand between the names of modules in state-dict keys",
            'the name is "{got}"',
            "Replace the dots",
            'name.replace(".", "_")',
        ),
    ),
    known(
        "construction",
        "module name can",
        r"module name can\\?'t be empty",
        "A submodule was to be given an empty name.",
        Cause(
            "name-empty",
            "The name is built from something empty",
            "the name has no characters",
            "Give the submodule a name",
            'self.add_module("fc", layer)',
        ),
    ),
    known(
        "construction",
        "module name should be a string",
        r"module name should be a string\. Got (?P<got>\w+)",
        "The name of a submodule must be text, and is a {got}.",
        Cause(
            "name-not-text",
            "The keys of an nn.ModuleDict, or the names given to add_module, are no text",
            "the name is a {got}",
            "Convert the names, or use nn.ModuleList",
            "nn.ModuleDict({str(key): layer for key, layer in layers.items()})",
        ),
    ),
    known(
        "construction",
        "already exists",
        r"attribute '(?P<name>[\w.]+)' already exists",
        "The module already has something of the name {name}, which is no submodule, parameter or "
        "buffer of that kind.",
        Cause(
            "name-taken",
            "The name is one of a method or attribute of nn.Module, or was used before",
            "the name is {name}",
            "Choose another name",
            'self.add_module("{name}_layer", layer)',
        ),
    ),
    known(
        "construction",
        "object to buffer",
        r"cannot assign '(?P<kind>[^']+)' object to buffer '(?P<name>\w+)'",
        "The buffer {name} must be a tensor, and is a {kind}.",
        Cause(
            "buffer-not-tensor",
            "A list or a number was given to register_buffer",
            "what was given is a {kind}",
            "Make a tensor of it",
            'self.register_buffer("{name}", torch.tensor(values))',
        ),
    ),
    known(
        "construction",
        "Attempted to use an uninitialized parameter",
        r"Attempted to use an uninitialized parameter in (?:<\w+ ')?(?P<what>[\w.]+)",
        "A lazy layer's weight was used by {what} before the first forward pass gave it a shape.",
        Cause(
            "lazy-not-run",
            "nn.LazyLinear and its like learn in_features from the first input, and none came yet",
            "the parameter has no shape yet",
            "Run the model once on a batch before its parameters are counted, initialised or "
            "optimised",
            "model(torch.zeros(1, in_features))",
        ),
    ),
    known(
        "construction",
        "an uninitialized parameter or buffer",
        r"Can't (?P<what>access the shape of|share memory on) an uninitialized parameter or buffer",
        "A lazy layer's weight was used before the first forward pass gave it a shape.",
        Cause(
            "lazy-not-run",
            "nn.LazyLinear and its like learn in_features from the first input, and none came yet",
            "the parameter has no shape yet",
            "Run the model once on a batch first",
            "model(torch.zeros(1, in_features))",
        ),
    ),
    *construction_attributes.PATTERNS,
)
