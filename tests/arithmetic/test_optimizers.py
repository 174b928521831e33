from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.arithmetic.optimizers import (
    FORMS,
    KEPT,
    evaluated,
    known_numbers,
    move,
    rule_lines,
)
from fcinspect.arithmetic.settings import (
    CLASSES,
    OPTIMIZER_NAMES,
    OPTIONS,
    Optimizer,
    Value,
    optimizer_named,
)
from fcinspect.errors import UsageError
from fcinspect.rounding.arrays import Float64Array


@st.composite
def optimizers(draw: st.DrawFn) -> Optimizer:
    """Return any optimizer with any options that torch takes."""
    name = draw(st.sampled_from(OPTIMIZER_NAMES))
    values: dict[str, st.SearchStrategy[Value]] = {
        "lr": st.sampled_from([1e-5, 0.01, 0.1, 1.0]),
        "betas": st.tuples(st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.75, 0.999])),
        "eps": st.sampled_from([1e-8, 1e-3, 1.0]),
        "alpha": st.sampled_from([0.5, 0.9, 0.99]),
    }
    numbers = st.sampled_from([0.0, 0.1, 0.5, 0.9])
    given_options = {
        option: draw(st.booleans() if isinstance(default, bool) else values.get(option, numbers))
        for option, default in OPTIONS[name].items()
        if draw(st.booleans())
    }
    if given_options.get("nesterov"):
        given_options |= {"momentum": 0.9, "dampening": 0.0}
    return optimizer_named(name, given_options)


@settings(max_examples=120, deadline=None)
@given(optimizer=optimizers(), form=st.integers(0, FORMS - 1), seed=st.integers(0, 10**6))
def test_the_closed_form_walks_with_torch_optim_for_five_steps(
    optimizer: Optimizer, form: int, seed: int
) -> None:
    """In float64, each update to a few units of the last place of the largest number involved."""
    generator = np.random.default_rng(seed)
    start = generator.standard_normal(12)
    parameter = torch.nn.Parameter(torch.tensor(start))
    theirs = getattr(torch.optim, CLASSES[optimizer.name])([parameter], **optimizer.options)
    state: dict[str, Float64Array] = {}
    for step in range(1, 6):
        gradient = generator.standard_normal(12)
        w = parameter.detach().numpy().copy()
        if step == 1:
            state = first_state(optimizer)
        moved = move(optimizer, w, gradient, state, step, form)
        parameter.grad = torch.tensor(gradient)
        theirs.step()
        now = parameter.detach().numpy()
        np.testing.assert_allclose(moved.update, now - w, rtol=1e-9, atol=1e-13)
        state = dict(moved.state)
        kept = theirs.state[parameter]
        for name, values in state.items():
            np.testing.assert_allclose(values, kept[name].numpy(), rtol=1e-12, atol=1e-15)


def first_state(optimizer: Optimizer) -> dict[str, Float64Array]:
    """Return what torch.optim keeps before the first step."""
    names = {
        "sgd": (),
        "adam": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        "adamw": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        "rmsprop": ("square_avg", "grad_avg", "momentum_buffer"),
        "adagrad": (),
    }[optimizer.name]
    state = {name: np.zeros(12) for name in names}
    if optimizer.name == "adagrad":
        state["sum"] = np.full(12, optimizer.number("initial_accumulator_value"))
    return state


@settings(max_examples=60, deadline=None)
@given(optimizer=optimizers(), step=st.integers(1, 3))
def test_every_name_in_a_formula_is_known_when_it_is_used(optimizer: Optimizer, step: int) -> None:
    """So the numbers can be put in."""
    import re

    one = np.ones(())
    state = dict.fromkeys(first_state(optimizer), one)
    state |= {"sum": one} if optimizer.name == "adagrad" else {}
    if optimizer.name == "sgd" and step > 1:
        state["momentum_buffer"] = one
    known = set(known_numbers(optimizer, step)) | {"w", "g", "m", "v", "v_max", "s", "avg"}
    known |= {"buf"} if "momentum_buffer" in state else set()
    with np.errstate(all="ignore"):
        working = move(optimizer, one, one, state, step).working
    for quantity in working:
        assert set(re.findall(r"\{([^}]+)\}", quantity.formula)) <= known
        known.add(quantity.name)
    assert working[-1].name == "update"


@settings(max_examples=120, deadline=None)
@given(optimizer=optimizers(), step=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_what_is_computed_is_what_is_shown(optimizer: Optimizer, step: int, seed: int) -> None:
    """Every form of a line has the value of the formula that a reader sees."""
    generator = np.random.default_rng(seed)
    values: dict[str, Float64Array | float] = dict(known_numbers(optimizer, step))
    # in centered RMSprop a mean square is at least the square of a mean
    sizes = {"s": 9.0, "v": 1.0, "v_max": 2.0}
    for name in ("w", "g", *KEPT[optimizer.name].values()):
        values[name] = generator.uniform(0.5, 1.0, 4) + sizes.get(name, 0.0)
    lines = rule_lines(optimizer, begun=step > 1)
    for line in lines:
        shown = evaluated(line.formula, values)
        for form in range(FORMS):
            computed = evaluated(line.of_form(form), values)
            np.testing.assert_allclose(computed, shown, rtol=1e-10, atol=1e-14)
        values[line.name] = shown
    assert lines[-1].name == "update"


def test_an_option_the_optimizer_lacks_is_refused_by_name() -> None:
    """An option the optimizer lacks is refused by name."""
    with pytest.raises(UsageError, match="optimizer sgd has no option betas"):
        optimizer_named("sgd", {"betas": (0.9, 0.99)})


@pytest.mark.parametrize(
    "options", [{"nesterov": True}, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}]
)
def test_nesterov_without_momentum_or_with_dampening_is_refused(options: dict[str, Value]) -> None:
    """Nesterov without momentum or with dampening is refused."""
    with pytest.raises(UsageError, match="nesterov requires"):
        optimizer_named("sgd", options)


def test_an_unknown_optimizer_is_met_with_a_suggestion() -> None:
    """An unknown optimizer is met with a suggestion."""
    with pytest.raises(UsageError) as caught:
        optimizer_named("adm", {})
    assert "adam" in (caught.value.hint or "")


def test_the_defaults_are_torchs() -> None:
    """Every option is torch's; only the lr of SGD is the command's own, 0.01."""
    for name, options in OPTIONS.items():
        made = getattr(torch.optim, CLASSES[name])([torch.nn.Parameter(torch.zeros(1))])
        for option, value in options.items():
            own = (name, option) == ("sgd", "lr")
            assert value == (0.01 if own else made.defaults[option]), (name, option)
