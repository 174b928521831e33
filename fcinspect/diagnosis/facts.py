"""What is known of a failure: the error or warning, its message, and the places it went through."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.shapes.steps import Step, Tensor

from fcinspect.diagnosis.catalogue.loosening import squashed
from fcinspect.diagnosis.unwrapping import rejoined

MOST_SQUASHED = 2**17
MOST_REJOINED = 2**12
FOREIGN = re.compile(
    r"site-packages|dist-packages|/torch/|importlib|lib/python"
    r"|(?:[Pp]ython\d*|conda\d*|envs/[^/]+)/[Ll]ib/|^<(?!ipython-input|python-input|command)"
)
"""Files of installed packages, of Python itself, and what stands in no file; cells are own."""
HOSTS = re.compile(
    r"(?:^|/)(?:comfy(?:_extras|_api)?|ldm_patched|sgm/modules|ldm/modules|k_diffusion|custom_nodes"
    r"|extensions(?:-builtin)?/[\w.-]+|sd-scripts|k[-_]diffusion|backend/nn)/"
    r"|/(?:modules|modules_forge|scripts|venv)/(?:sd_|lora|processing|txt2img|networks)"
    r"|ComfyUI/(?:execution|nodes|main)\.py",
    re.IGNORECASE,
)
"""Files of programs that run pretrained models, which their users do not edit."""
CALLED_BY_OWN = re.compile(r"(?:^|/)(?:torch|numpy|functorch|torchaudio)/")
"""Files of what a line calls that computes with tensors itself."""
TYPED = re.compile(
    r"^(?:>>> ?|In \[\d+\]: |--+> ?\d* ?)?[ \t]*(?P<code>(?:[\w, .]+ = )?[\w.()\[\], ]*"
    r"(?:\.(?:matmul|mm|bmm|linear)\(| @ )[^#\n]*?)[ \t]*(?:#[^\n]*)?$",
    re.MULTILINE,
)
"""A line of source code with a product, in a text without a traceback."""
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$")
FUNCTION = re.compile(r"(?:torch|F|nn|np|numpy|functional)\.|(?:[\w.]+\.)?(?:shape|view|reshape)$")
"""What is called and is no layer."""
ACTIVATION = re.compile(
    r"\w*(?:relu|[egs]elu|silu|tanh|sigmoid|softmax|softplus|act|activation|dropout|drop)\d*"
)
"""Names of what is applied to the output of a layer, and whose errors are the layer's."""


@dataclass(frozen=True)
class Frame:
    """One place on the way to the error."""

    file: str
    line: int
    function: str
    code: str
    """The line of source code; "" where the traceback has none."""
    marked: str = ""
    """The part of that line that Python underlines; "" where it underlines none."""

    @property
    def name(self) -> str:
        """The name of the file, without its folders."""
        return self.file.replace("\\", "/").rpartition("/")[2]

    @property
    def layer(self) -> str:
        """The layer of its own object that the line calls: "fc" of self.fc(x); "" without one."""
        named = re.search(r"self\.([A-Za-z_]\w*(?:\.\w+)*)\(", self.marked or self.code)
        return named[1] if named else ""

    @property
    def own(self) -> bool:
        """Whether it is the reader's own code rather than a library's."""
        file = self.file.replace("\\", "/")
        return FOREIGN.search(file) is None and HOSTS.search(file) is None


@dataclass(frozen=True)
class Facts:
    """An error or warning, and what stands around it."""

    text: str
    """All that was pasted, without escape codes and prefixes of launchers."""
    error: str | None
    """The type, e.g. "RuntimeError"; None where only a message was pasted."""
    message: str
    """What the error says, as many lines as it has."""
    frames: tuple[Frame, ...] = ()
    """From the outermost to the innermost; empty without a traceback."""
    chained: bool = False
    """Whether it came from the error before it, or while that one was handled."""
    step: Step | None = None
    """What could not be done, of an error that was seen to happen; None where only text tells."""
    inputs: tuple[Tensor, ...] = ()
    """What entered the outermost module, of such an error."""
    attributes: tuple[str, ...] = ()
    """Names that the module has which lacks an attribute, of such an error."""

    @cached_property
    def flat(self) -> str:
        """The message with single blanks, on one line."""
        return " ".join(self.message.split())

    @cached_property
    def flat_text(self) -> str:
        """The whole text with single blanks, on one line."""
        return " ".join(self.text.split())

    @cached_property
    def squashed(self) -> tuple[str, str]:
        """The letters and digits of the message, with and without articles; at most of its end."""
        return squashed(self.message[-MOST_SQUASHED:])

    @cached_property
    def rejoined(self) -> tuple[Facts, ...]:
        """The same, should the message be broken in its words, or at blanks."""
        if len(self.message) > MOST_REJOINED or "\n" not in self.message:
            return ()
        return replace(self, message=rejoined(self.message)), replace(self, message=self.flat)

    @property
    def own_frame(self) -> Frame | None:
        """The innermost place in the reader's own code."""
        return next((frame for frame in reversed(self.frames) if frame.own), None)

    @property
    def own_place(self) -> Frame:
        """The same; an empty one where there is none."""
        return self.own_frame or Frame("", 0, "", "")

    @cached_property
    def near(self) -> Frame:
        """The line of the reader's own code that computes with tensors itself; else an empty one.

        A line that calls a program's loop, trainer.train(), tells nothing of the tensors in it.
        Without a traceback, it is a line of code with a product that stands in the text.
        """
        frame = self.own_frame
        if frame is not None:
            return frame if self.computes(frame) else Frame("", 0, "", "")
        typed = None if self.frames else TYPED.search(self.text)
        code = "" if typed is None else typed["code"].strip()
        return Frame("", 0, "", code if first_statement(code) else "")

    def computes(self, frame: Frame) -> bool:
        """Whether a line calls torch itself, or is where the error happened."""
        place = max((n for n, known in enumerate(self.frames) if known == frame), default=-1)
        later = (known for known in self.frames[place + 1 :] if "super(" not in known.code)
        called = next(later, None)
        return called is None or bool(CALLED_BY_OWN.search(called.file.replace("\\", "/")))

    @property
    def is_error(self) -> bool:
        """Whether it is an error rather than a warning, or text without a type."""
        return self.error is not None and not self.error.endswith("Warning")

    def passed_through(self, part: str) -> bool:
        """Whether a frame stands in a file whose path holds `part`, e.g. "modules/linear.py"."""
        return any(part in frame.file.replace("\\", "/") for frame in self.frames)

    @cached_property
    def calling_frame(self) -> Frame | None:
        """The innermost place in the reader's own code that does more than hand on.

        A line that only calls the class above, super().forward(x), tells no layer.
        """
        for frame in reversed(self.frames):
            if frame.own:
                found = self._call_in(frame)
                if found is None or not found.function.startswith("super("):
                    return frame
        return None

    @cached_property
    def call(self) -> Call | None:
        """The call in the reader's own line, where that line is `target = layer(argument)`."""
        frame = self.calling_frame
        return None if frame is None or not self.computes(frame) else self._call_in(frame)

    def _call_in(self, frame: Frame) -> Call | None:
        return call_of(frame.code, frame.marked, inside=frame is not self.frames[-1])

    @cached_property
    def inside(self) -> bool:
        """Whether the layer that failed is one inside what the reader's own line calls.

        Of a model in nn.Sequential, the forward of the container stands before that of the layer.
        """
        deeper = 0
        for frame in reversed(self.frames):
            if frame.own:
                found = call_of(frame.code, frame.marked)
                if found is None or not found.function.startswith("super("):
                    break
            elif frame.function == "forward":
                deeper += 1
        return deeper > 1

    def replaced(self, layer: str) -> str:
        """Return the line that makes a layer to replace the one that failed."""
        if self.inside and self.call is not None:
            return f"{layer}  # instead of the layer inside {self.call.function}"
        return f"{self.names()['layer']} = {layer}"

    @property
    def argument(self) -> str:
        """What enters the call in the reader's own line: a name or an expression, else x."""
        call = self.call
        return call.argument if call is not None and not call.argument[:1].isdigit() else "x"

    def names(self) -> dict[str, str]:
        """Return the names that stand in the reader's own line, or usual ones.

        Each can stand to the left of an equals sign. The layer has no name where it is one inside
        what that line calls.
        """
        call = self.call
        if call is None:
            return {"target": "x", "layer": "layer", "argument": "x"}
        function = "(" in call.function or FUNCTION.match(call.function) is not None
        layer = "layer" if function or self.inside else call.function
        argument = call.argument if NAME.match(call.argument) else "x"
        return {"target": call.target, "layer": layer, "argument": argument}


@dataclass(frozen=True)
class Call:
    """target = function(argument, …)"""

    target: str
    """What the result is bound to; "x" where it is not."""
    function: str
    """self.fc1"""
    argument: str
    """The first argument as it is written; "x" without one."""


def call_of(code: str, marked: str = "", *, inside: bool = False) -> Call | None:
    """Return the outermost call in a line of source code, or None where there is none.

    Where `marked` is a call, it is that one. With `inside`, what is called is a layer: of
    F.relu(self.fc1(x)) and self.fc1(x).relu() that is self.fc1(x).
    """
    statement = _statement(code)
    value = getattr(statement, "value", None)
    if "(" in marked:
        value = getattr(_statement(marked), "value", None) or value
    if not isinstance(value, ast.Call):
        return None
    if inside:
        value = _layer(value)
    target = "x"
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = ast.unparse(statement.targets[0])
    argument = ast.unparse(value.args[0]) if value.args else "x"
    return Call(target, ast.unparse(value.func), argument)


def _statement(code: str) -> ast.stmt | None:
    """Return the first statement of a line, which may be the head of more lines."""
    line = code.strip()
    found = map(first_statement, (line, f"{line} pass", f"{line})"))
    return next((statement for statement in found if statement is not None), None)


def _layer(call: ast.Call) -> ast.Call:
    """Return the call whose result a method or an activation is applied to."""
    while True:
        function = call.func
        name = getattr(function, "attr", "")
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
            if ast.unparse(function.value.func) == "super":
                return call
            call = function.value
        elif call.args and isinstance(call.args[0], ast.Call) and _applied(function, name):
            call = call.args[0]
        else:
            return call


def _applied(function: ast.expr, name: str) -> bool:
    """Whether a function is applied to what a layer gives: an activation, F.mse_loss, shape."""
    called = ast.unparse(function)
    return bool(ACTIVATION.fullmatch(name)) or FUNCTION.match(called) is not None


def syntax_tree(text: str) -> ast.Module | None:
    """Return the syntax tree of a text; None where it is not Python or is nested too deeply."""
    with warnings.catch_warnings():
        # of an invalid escape, or of `is` with a number
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def first_statement(text: str) -> ast.stmt | None:
    """Return the first statement of a text; None where there is none that can be written again."""
    tree = syntax_tree(text.strip())
    if tree is None or not tree.body:
        return None
    try:
        ast.unparse(tree.body[0])
    except (ValueError, RecursionError, MemoryError):
        return None
    return tree.body[0]
