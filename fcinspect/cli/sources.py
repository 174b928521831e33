"""Where a command's layer comes from: made by torch, or read from a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, cast

import typer

from fcinspect.cli.options import BYTES, Bias, Dtype, Seed, argument, choice, option, whole_number
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.layers.linear import INITIALISERS, LinearRequest
from fcinspect.layers.spec import Spec, is_spec, parse_spec
from fcinspect.names import listed
from fcinspect.page.text import safe

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, LayoutChoice, SkippedTensor, StoredLinear

LAYOUTS = ("auto", "out,in", "in,out")


def layout_option(flag: str, what: str) -> Any:
    """Return the option for the axis order of the weights in a file, `what`."""
    words = f"Axis order of the weights in {what}: out,in as in torch; in,out as in Keras and"
    words += " GPT-2; auto: inferred from biases and names."
    return choice(f"{flag} LAYOUT", words, LAYOUTS, "layout")


LayoutOption = Annotated[str, layout_option("--layout", "the file")]
SAFE_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
"""Names that no shell expands and that are not options; others are not offered on TAB."""

COPIES = 12
"""Bytes a number takes while a layer is made, besides torch's own: copies of up to float64."""


@dataclass(frozen=True)
class Fresh:
    """A layer that torch makes."""

    in_features: Annotated[int | None, option("--in N", "in_features.", whole_number(0))] = None
    out_features: Annotated[int | None, option("--out M", "out_features.", whole_number(0))] = None
    bias: Bias = None
    seed: Seed = 0
    dtype: Dtype = "float32"
    init: Annotated[
        str,
        choice(
            "--init NAME",
            f"Initialization of the weight: {', '.join(INITIALISERS)}.",
            INITIALISERS,
            "initialization",
        ),
    ] = "default"

    def request(self) -> LinearRequest:
        """Return what torch is asked for; raises UsageError for what it could not make."""
        from fcinspect.layers.initialisation import weight_law
        from fcinspect.layers.memory import require_free

        n, out, bias = self.in_features, self.out_features, self.bias is not False
        if n is None and out is None:
            raise UsageError(
                "no layer is given: expected --in N --out M, widths such as 4-2, or a FILE"
            )
        if n is None or out is None:
            missing = "--in" if n is None else "--out"
            raise UsageError(f"{missing} is missing: a layer needs both --in and --out")
        weight_law(self.init, n, out)
        size, copies = BYTES[self.dtype], COPIES
        if self.init == "orthogonal":
            if size == 2:
                raise UsageError(
                    f"torch has no orthogonal initializer for {self.dtype}: expected --dtype"
                    " float32 or float64"
                )
            copies += 6 * size  # QR holds the matrix, its transpose and its factors at once
        words = f"nn.Linear({n}, {out}) in {self.dtype} with its working copies"
        require_free(out * (n + bias) * (size + copies), words)
        return LinearRequest(n, out, bias, self.seed, self.dtype, self.init)

    def refuse_any(self, instead: str) -> None:
        """Raise UsageError when an option of a new layer is given together with `instead`."""
        flag = "--no-bias" if self.bias is False else "--bias"
        options = {"in_features": "--in", "out_features": "--out", "bias": flag}
        for field in fields(self):
            if getattr(self, field.name) != field.default:
                option = options.get(field.name, f"--{field.name}")
                raise UsageError(
                    f"{option} is for a new layer: it cannot be combined with {instead}"
                )

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        return {**vars(self), "bias": self.bias is not False}

    def named(self, words: str) -> Self:
        """Return the layer that the words name, "4-2" or "nn.Linear(4, 2)"; raises UsageError."""
        spec = widths_in(words)
        for flag, given in (("--in", self.in_features), ("--out", self.out_features)):
            if given is not None:
                raise UsageError(f"{flag} and {words!r} both define a layer: use only one of them")
        if len(spec.widths) > 2:
            raise UsageError(
                f"{words!r} names {len(spec.widths) - 1} layers: expected one, such as"
                f" {spec.widths[0]}-{spec.widths[1]}",
                hint=f"fcinspect step {words!r} shows all layers of a network",
            )
        n, out = spec.widths
        return replace(self, in_features=n, out_features=out, bias=spec.bias_beside(self.bias))


def _names_in(context: typer.Context, incomplete: str) -> list[str]:
    """Return the layers of the file on the command line, for TAB; remote ones are not opened."""
    from fcinspect.checkpoints import opening
    from fcinspect.masking import is_uri

    file = str(context.params.get("file"))
    if file == "-" or (is_uri(file) and not file.startswith("file://")):
        return []
    try:
        layers = opening.open_checkpoint(file).layers
    except InputError:
        return []
    names = [layer.name for layer in layers if layer.name.startswith(incomplete)]
    return [name for name in names if SAFE_NAME.fullmatch(name)]


FILE_WORDS = (
    "A .safetensors, .npz, .npy, .json, .pt, .pth or .bin file, the index or folder of a"
    " sharded checkpoint, a URI (s3://, gs://, hf://, https://), or - for JSON on standard input"
)


@dataclass(frozen=True)
class Stored:
    """A layer in a file."""

    file: Annotated[str | None, argument("FILE", f"{FILE_WORDS}.")] = None
    layer: Annotated[
        str | None,
        typer.Argument(
            metavar="LAYER", autocompletion=_names_in, help="The layer's name, e.g. encoder.fc1."
        ),
    ] = None
    layout: LayoutOption = LAYOUTS[0]

    def open(self) -> Checkpoint:
        """Return the layers of the file."""
        if self.file is None:
            raise UsageError("no file is given: expected FILE, or - for JSON on standard input")
        return open_checkpoint(self.file, self.layout)

    def choose(self) -> StoredLinear:
        """Return the layer that is named, or the only one."""
        return choose_layer(self.open(), self.layer)


FreshLayer = TypeVar("FreshLayer", bound=Fresh)


@dataclass(frozen=True)
class StoredOrWords(Stored):
    """A layer in a file, or the words of a new one in the file's place."""

    file: Annotated[
        str | None,
        argument("FILE|WIDTHS", f"{FILE_WORDS}; or a new layer, 4-2 or 'nn.Linear(4, 2)'."),
    ] = None

    @property
    def words(self) -> str | None:
        """The words of a new layer, "4-2", also where its widths are two arguments; else None."""
        from fcinspect.checkpoints.paths import is_file

        if self.file is None:
            return None
        if self.layer is None:
            return self.file if is_spec(self.file) and not self.file.isdigit() else None
        two = self.file.isdigit() and self.layer.isdigit() and not is_file(self.file)
        return f"{self.file}-{self.layer}" if two else None


def source_of(stored: StoredOrWords, fresh: FreshLayer) -> tuple[StoredOrWords, FreshLayer]:
    """Return where the layer comes from; raises UsageError for two sources."""
    if stored.words is not None:
        fresh = fresh.named(stored.words)
        stored = replace(stored, file=None, layer=None)
    if stored.file is not None:
        fresh.refuse_any("a layer from a file")
    elif stored.layout != LAYOUTS[0]:
        raise UsageError("--layout describes the weights in a file: no FILE is given")
    return stored, fresh


def open_checkpoint(
    file: str, layout: str = LAYOUTS[0], plain_dtype: str = "float32", *, tolerant: bool = False
) -> Checkpoint:
    """Return the layers of a checkpoint, read without torch."""
    from fcinspect.checkpoints import opening

    asked = cast("LayoutChoice", layout)  # one of LAYOUTS, as its parser sees to
    return opening.open_checkpoint(file, asked, plain_dtype, tolerant=tolerant)


def widths_in(text: str) -> Spec:
    """Return what the words of a network say; raises UsageError where a file has that name."""
    from fcinspect.checkpoints.paths import is_file

    spec = parse_spec(text)
    if is_file(text):
        raise UsageError(
            f"{text!r} is both a layer and a file: write ./{text} for the file; for the layer, use"
            " other separators or 'nn.Linear(4, 2)'"
        )
    return spec


def choose_layer(checkpoint: Checkpoint, name: str | None) -> StoredLinear:
    """Return the layer of that name, or the only one for None; raises InputError."""
    layers, skipped = checkpoint.layers, checkpoint.skipped
    if not layers:
        why = ""
        if skipped:
            why = f": {skipped[0].name!r} was skipped ({skipped[0].reason})"
        if skipped[1:]:
            why += f"; {len(skipped) - 1} more {'were' if skipped[2:] else 'was'} skipped"
        raise InputError(f"{checkpoint.source} holds no linear layer{why}")
    own = [layer.name for layer in layers]
    # a layer without a name of its own is chosen by that of its weight
    names = [each or "weight" for each in own]
    if name is None:
        if len(layers) == 1:
            return layers[0]
        those = listed(names, 8)
        raise InputError(f"{checkpoint.source} holds {len(layers)} layers: name one of {those}")
    for wanted in _spellings(name):
        # a name that was shown with escapes may be typed with them
        found = [layer for layer in layers if wanted in (layer.name, safe(layer.name))]
        if found:
            return found[0]
    skip = _skipped(checkpoint, name)
    if skip is not None:
        raise InputError(f"{skip.name!r} of {checkpoint.source} was skipped: {skip.reason}")
    held = listed(names, 8) if any(own) else "one unnamed layer"
    hint = _stack_hint(_spellings(name)[-1], own) or did_you_mean(name, own) or f"it holds {held}"
    raise InputError(f"{checkpoint.source} holds no layer {name!r}", hint)


def _spellings(name: str) -> Sequence[str]:
    """Return what a layer may be called: by its path or its weight; "w1.3" for expert "w1[3]"."""
    from fcinspect.checkpoints.pairing.naming import module_path

    path = module_path(name)
    return (name, path, re.sub(r"[.](\d+)$", r"[\1]", path))


def _skipped(checkpoint: Checkpoint, name: str) -> SkippedTensor | None:
    """Return what was skipped under a name: the array itself, or the weight of a module."""
    from fcinspect.checkpoints.pairing.naming import module_path, split

    own = [skip for skip in checkpoint.skipped if name in (skip.name, module_path(skip.name))]
    parts = [skip for skip in checkpoint.skipped if split(skip.name)[0][:-1] == name]
    # of the parts of a packed weight, the one that tells the layer's widths
    telling = [skip for skip in parts if "→" in skip.reason]
    return next(iter((*own, *telling, *parts)), None)


def _stack_hint(name: str, names: Sequence[str]) -> str | None:
    # the name may be that of the stack or of an expert that is missing
    stack = re.sub(r"\[\d*\]$", "", name)
    experts = [other for other in names if other.startswith(f"{stack}[")]
    if not experts:
        return None
    ends = f"{experts[0]!r} to {experts[-1]!r}"
    return f"{stack!r} is a stack of {len(experts)} experts: name one of {ends}"
