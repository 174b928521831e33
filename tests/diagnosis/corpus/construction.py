"""Mistakes in making layers and models, and in what they are called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import torch
from torch import nn
from torch.nn import functional

from tests.diagnosis.corpus import BEFORE_2_13, Mistake

X = torch.ones(2, 3)
Any_: Any = nn
"""torch.nn, for calls that a type checker would refuse."""


def made(kind: Any, *arguments: object, **named: object) -> Callable[[], object]:
    """Return the making of a layer."""

    def make() -> object:
        return kind(*arguments, **named)

    return make


def given(layer: Any, *inputs: object) -> Callable[[], object]:
    """Return a call of a layer."""

    def make() -> object:
        return layer(*inputs)

    return make


class Unprepared(nn.Module):
    """Forgets super().__init__() before its layers."""

    def __init__(self) -> None:
        self.fc = nn.Linear(3, 2)


class UnpreparedParameter(nn.Module):
    """Forgets super().__init__() before its parameter."""

    def __init__(self) -> None:
        self.weight = nn.Parameter(torch.ones(3))


class UnpreparedBuffer(nn.Module):
    """Forgets super().__init__() before its buffer."""

    def __init__(self) -> None:
        self.register_buffer("mean", torch.ones(3))


class UnpreparedNumber(nn.Module):
    """Forgets super().__init__() and sets only a number."""

    def __init__(self) -> None:
        self.hidden = 3


class Misspelt(nn.Module):
    """Has no forward."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def foward(self, x: torch.Tensor) -> object:
        """Compute."""
        return self.fc(x)


class Undefined(nn.Module):
    """Uses a layer that it does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> object:
        """Compute."""
        return self.output(self.fc1(x))  # type: ignore[operator]


class Silent(nn.Module):
    """Returns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> None:
        """Compute, and forget the result."""
        self.fc(x)


class Selfless(nn.Module):
    """Has a forward without self."""

    def forward(x: torch.Tensor) -> object:  # type: ignore[misc]
        """Compute."""
        return x


class Recurrent(nn.Module):
    """Gives all that an LSTM returns to a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> object:
        """Compute."""
        x = self.lstm(x)
        return self.fc(x)


class Overwriting(nn.Module):
    """Puts the output in the place of the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> object:
        """Compute."""
        self.fc = self.fc(x)
        return self.fc


def listed() -> object:
    """Call a plain list of layers."""
    layers: Any = [nn.Linear(3, 2), nn.ReLU()]
    return layers(X)


def counted() -> object:
    """Count the parameters of a lazy layer."""
    return sum(p.numel() for p in nn.LazyLinear(2).parameters())


def initialised() -> object:
    """Initialise all parameters alike."""
    for parameter in nn.Linear(3, 2).parameters():
        nn.init.xavier_uniform_(parameter)
    return None


def added(name: str) -> Callable[[], object]:
    """Return the adding of a layer under a name."""

    def make() -> object:
        model = nn.Module()
        model.add_module(name, nn.Linear(3, 2))
        return model

    return make


def of_tensor_called() -> object:
    """Forget a multiplication sign."""
    scale: Any = torch.ones(2)
    return scale(X)


def shape_called() -> object:
    """Call the shape."""
    x: Any = X
    return x.shape(0)


def summed() -> object:
    """Take the class of a layer for a function."""
    y: Any = nn.Softmax(X)  # type: ignore[arg-type]
    return y.sum()


def wrapped() -> object:
    """Look for a layer behind nn.DataParallel."""
    model: Any = nn.DataParallel(Misspelt())
    return model.fc


def unwrapped() -> object:
    """Look for the model inside without a wrapper."""
    model: Any = Misspelt()
    return model.module.state_dict()


def replaced_by_function() -> object:
    """Replace a layer by a function."""
    model: Any = Misspelt()
    model.fc = functional.relu
    return model


LINEAR: Any = nn.Linear(3, 2)
MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(name, make, cause, "construction")
    for name, make, cause in (
        ("float-in-features", made(nn.Linear, 28 * 28 / 2, 10), "float-width"),
        ("float-out-features", made(nn.Linear, 10, 8 / 2), "float-width"),
        ("numpy-float-in-features", made(nn.Linear, numpy.float64(3), 2), "float-width"),
        ("float-batch-norm", made(nn.BatchNorm1d, 3.0), "float-width"),
        ("float-hidden-size", made(nn.LSTM, 3, 4.0), "float-width"),
        ("text-in-features", made(nn.Linear, "3", 2), "text-width"),
        ("text-out-features", made(nn.Linear, 3, "2"), "text-width"),
        ("none-in-features", made(nn.Linear, None, 2), "none-width"),
        ("shape-in-features", made(nn.Linear, (1, 28), 2), "shape-as-width"),
        *(
            ("list-out-features", made(nn.Linear, 3, [2]), "shape-as-width")
            for _ in range(not BEFORE_2_13)  # which does not name the type
        ),
        ("class-called-with-weight", made(nn.Linear, X, X), "class-called"),
        ("minus-one-in", made(nn.Linear, -1, 2), "negative-width"),
        ("minus-one-out", made(nn.Linear, 3, -1), "negative-width"),
        ("nothing-in", made(nn.Linear, 0, 4), "zero-width"),
        ("hidden-size-zero", made(nn.GRU, 3, 0), "zero-width"),
        ("far-too-wide", made(nn.Linear, 10**12, 10**12), "width-too-large"),
        ("out-features-missing", made(nn.Linear, 3), "argument-missing"),
        ("both-widths-missing", made(nn.Linear), "argument-missing"),
        ("in-feature-keyword", made(nn.Linear, in_feature=3, out_features=2), "keyword-misspelt"),
        ("use-bias-keyword", made(nn.Linear, 3, 2, use_bias=False), "keyword-misspelt"),
        ("kernel-keyword", made(nn.Conv2d, 3, 2, kernel=3), "keyword-misspelt"),
        ("num-layer-keyword", made(nn.LSTM, 3, 2, num_layer=3), "keyword-misspelt"),
        ("activation-keyword", made(nn.Linear, 3, 2, activation="relu"), "activation-in-layer"),
        ("own-class-keyword", made(Misspelt, hidden=3), "keyword-not-taken"),
        ("too-many-widths", made(nn.Linear, 3, 4, True, None, None, 5), "too-many-arguments"),
        ("own-class-arguments", made(Misspelt, 3, 4), "too-many-arguments"),
        ("in-features-twice", made(nn.Linear, 3, 4, in_features=3), "argument-twice"),
        ("module-list-arguments", made(nn.ModuleList, LINEAR, LINEAR), "layers-not-in-list"),
        ("module-list-one-layer", made(nn.ModuleList, LINEAR), "layers-not-in-list"),
        ("no-super-layer", Unprepared, "no-super-init"),
        ("no-super-parameter", UnpreparedParameter, "no-super-init"),
        ("no-super-buffer", UnpreparedBuffer, "no-super-init"),
        ("no-super-called", lambda: UnpreparedNumber()(X), "no-super-init"),
        ("no-super-parameters", lambda: list(UnpreparedNumber().parameters()), "no-super-init"),
        ("super-without-parentheses", made(super.__init__), "super-not-called"),
        ("forward-misspelt", given(Misspelt(), X), "forward-missing"),
        ("module-list-called", given(nn.ModuleList([LINEAR]), X), "module-list-called"),
        ("module-dict-called", given(nn.ModuleDict({"a": LINEAR}), X), "module-list-called"),
        ("two-inputs-for-linear", given(LINEAR, X, X), "too-many-inputs"),
        ("two-inputs-for-sequential", given(nn.Sequential(LINEAR), X, X), "too-many-inputs"),
        ("no-input", given(LINEAR), "input-missing"),
        ("forward-keyword", lambda: LINEAR(X, mask=None), "keyword-not-taken"),
        ("forward-without-self", given(Selfless(), X), "self-missing"),
        ("layer-undefined", given(Undefined(), X), "attribute-not-defined"),
        ("weights-of-linear", lambda: LINEAR.weights, "attribute-misspelt"),
        ("foward-called", lambda: LINEAR.foward(X), "attribute-misspelt"),
        ("name-in-sequential", lambda: nn.Sequential(LINEAR).head, "layer-by-name-in-sequential"),
        ("behind-data-parallel", wrapped, "attribute-behind-wrapper"),
        ("module-of-plain-model", unwrapped, "not-wrapped"),
        ("softmax-class-summed", summed, "class-called"),
        ("lstm-into-linear", given(Recurrent(), X[None]), "tuple-input"),
        ("tuple-into-relu", given(nn.ReLU(), (X,)), "tuple-input"),
        ("tuple-into-conv", given(nn.Conv2d(3, 3, 1), (X,)), "tuple-input"),
        ("tuple-into-flatten", given(nn.Flatten(), (X,)), "tuple-input"),
        ("list-into-linear", given(LINEAR, [[1.0, 2.0, 3.0]]), "list-input"),
        ("list-into-embedding", given(nn.Embedding(3, 3), [1, 2]), "list-input"),
        ("array-into-linear", given(LINEAR, numpy.ones((2, 3))), "array-input"),
        (
            "none-into-linear",
            given(nn.Sequential(Silent(), nn.Linear(2, 2)), X),
            "forward-returns-none",
        ),
        ("number-into-linear", given(LINEAR, 3.0), "number-input"),
        ("text-into-linear", given(LINEAR, "cat.png"), "text-input"),
        ("dict-into-linear", given(LINEAR, {"x": X}), "dict-input"),
        ("class-into-linear", given(LINEAR, nn.ReLU), "class-not-instance"),
        ("layer-into-linear", given(LINEAR, nn.ReLU()), "class-called"),
        ("layer-as-weight", lambda: functional.linear(X, LINEAR), "layer-for-weight"),
        ("flag-as-bias", lambda: functional.linear(X, X, True), "flag-for-bias"),  # type: ignore
        ("function-in-sequential", made(nn.Sequential, functional.relu), "function-in-sequential"),
        ("lambda-in-sequential", made(nn.Sequential, lambda x: x), "function-in-sequential"),
        ("class-in-sequential", made(nn.Sequential, LINEAR, nn.ReLU), "class-in-sequential"),
        ("list-in-sequential", made(nn.Sequential, [LINEAR, nn.ReLU()]), "list-in-sequential"),
        ("output-in-sequential", lambda: nn.Sequential(LINEAR(X)), "output-in-sequential"),
        ("widths-in-sequential", made(nn.Sequential, 3, 2), "no-layer-in-sequential"),
        ("output-over-layer", given(Overwriting(), X), "output-over-layer"),
        ("function-as-child", replaced_by_function, "no-module-as-child"),
        ("dot-in-name", added("fc.1"), "dot-in-name"),
        ("empty-name", added(""), "name-empty"),
        ("name-of-method", added("forward"), "name-taken"),
        ("lazy-counted", counted, "lazy-not-run"),
        ("lazy-zeroed", lambda: nn.init.zeros_(nn.LazyLinear(2).weight), "lazy-not-run"),
        ("tensor-called", of_tensor_called, "tensor-called"),
        ("shape-called", shape_called, "size-called"),
        ("list-called", listed, "list-called"),
        ("linear-subscripted", lambda: LINEAR[0], "layer-as-list"),
        ("linear-added", lambda: LINEAR + LINEAR, "layer-in-arithmetic"),
        ("dense-of-keras", lambda: Any_.Dense(3), "layer-misspelt"),
        ("relu-capitals", lambda: Any_.Relu(), "layer-misspelt"),
        ("heads-of-attention", made(nn.MultiheadAttention, 10, 3), "heads-do-not-divide"),
        ("groups-of-conv", made(nn.Conv2d, 3, 4, 1, groups=2), "groups-do-not-divide"),
        ("groups-of-norm", made(nn.GroupNorm, 3, 4), "groups-do-not-divide"),
        ("dropout-in-percent", made(nn.Dropout, 50), "probability-out-of-range"),
        ("bias-initialised", initialised, "bias-initialised-like-weight"),
        ("padding-misspelt", made(nn.Conv2d, 3, 2, 3, padding="sam"), "option-misspelt"),
        ("padding-index", made(nn.Embedding, 3, 2, padding_idx=5), "padding-index-too-large"),
        ("lstm-dropout", made(nn.LSTM, 3, 2, dropout=0.5), "dropout-without-effect"),
    )
)
