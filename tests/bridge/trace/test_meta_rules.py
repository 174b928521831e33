from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fcinspect.bridge.trace.meta import (
    ONE_DTYPE,
    RULES,
    NotPlain,
    answered,
    check_dtypes,
    check_settings,
)

aten = torch.ops.aten
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""An operator, its arguments, its named arguments."""
TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a tensor without numbers."""
    return torch.empty(shape, dtype=dtype, device="meta")


def last(*shape: int) -> torch.Tensor:
    """Return a tensor whose channels lie next to each other in memory."""
    return t(*shape).to(memory_format=torch.channels_last)


def form(value: Any) -> Any:
    """Return what a rule must foretell of tensors: shape, dtype, strides, offset, device."""
    if isinstance(value, tuple | list):
        return tuple(map(form, value))
    assert isinstance(value, torch.Tensor)
    return (
        tuple(value.shape), value.dtype, value.stride(), value.storage_offset(), value.device.type,
    )  # fmt: skip


def by_rule(call: Call) -> Any:
    """Return what the rule says; None where it leaves the operands to torch."""
    function, args, kwargs = call
    try:
        return answered(function, args, kwargs)
    except NotPlain:
        return None


def by_torch(call: Call) -> Any:
    """Return what torch's own meta kernel says; None where it raises."""
    function, args, kwargs = call
    try:
        return function(*args, **kwargs)
    except Exception:  # the kernels that are written in Python raise anything
        return None


def is_answered(call: Call) -> bool:
    """Whether the rule answers; fails where it then says anything else than torch."""
    function, args, _ = call
    ours = by_rule(call)
    if ours is None:
        return False
    theirs = by_torch(call)
    assert theirs is not None, f"torch refuses what the rule for {function} answers"
    assert form(ours) == form(theirs)
    assert (ours is args[0]) == (theirs is args[0])
    return True


def words(call: Call) -> str:
    """Return a name for a call: mm(3x4, 4x5)."""
    function, args, kwargs = call

    def word(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            kind = "" if value.dtype == torch.float32 else str(value.dtype).removeprefix("torch.")
            return "x".join(map(str, value.shape)) + kind + ("" if value.is_contiguous() else "~")
        return "".join(str(value).split()) if not isinstance(value, list) or not value else (
            f"[{','.join(map(word, value))}]"
        )  # fmt: skip

    said = [*map(word, args), *(f"{key}={value}" for key, value in kwargs.items())]
    return f"{function}({','.join(said)})".removeprefix("aten.")


def conv(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    transposed: bool = False,
    output_padding: int = 0,
    groups: int = 1,
) -> Call:
    """Return a convolution with the same settings on every axis."""
    axes = max(weight.dim() - 2, 1)
    spread = [[value] * axes for value in (stride, padding, dilation)]
    args = (x, weight, bias, *spread, transposed, [output_padding] * axes, groups)
    return aten.convolution.default, args, {}


def pool(x: torch.Tensor, *settings: Any) -> Call:
    """Return a max pool."""
    return aten.max_pool2d_with_indices.default, (x, *settings), {}


def norm(x: torch.Tensor, shape: list[int], *parts: torch.Tensor | None) -> Call:
    """Return a layer normalisation."""
    return aten.native_layer_norm.default, (x, shape, *(parts or (None, None)), 1e-5), {}


def unary() -> Iterator[Any]:
    """Yield the operators of one tensor that have a rule."""
    for name in ("relu", "sigmoid", "tanh", "silu", "gelu", "neg", "exp"):
        yield getattr(aten, name).default


def in_place() -> Iterator[Any]:
    """Yield the operators that change their one tensor."""
    for name in ("relu_", "sigmoid_", "tanh_", "silu_"):
        yield getattr(aten, name).default


def binary(end: str = "") -> Iterator[Any]:
    """Yield the operators of two tensors, or those that change the first of them."""
    for name in ("add", "sub", "mul", "div"):
        yield getattr(aten, name + end).Tensor


def fitting() -> Iterator[Call]:
    """Yield calls that the rules must answer."""
    for dtype in TYPES:
        yield aten.mm.default, (t(3, 4, dtype=dtype), t(4, 5, dtype=dtype)), {}
        yield aten.add.Tensor, (t(3, 4, dtype=dtype), t(4, dtype=dtype)), {}
        yield aten.relu.default, (t(3, 4, dtype=dtype),), {}
        yield conv(t(2, 3, 8, 8, dtype=dtype), t(4, 3, 3, 3, dtype=dtype), t(4, dtype=dtype))
        yield pool(t(2, 3, 8, 8, dtype=dtype), [2, 2])
    for r, k, c in [(3, 4, 5), (1, 1, 1), (0, 4, 5), (3, 0, 5), (3, 4, 0)]:
        yield aten.mm.default, (t(r, k), t(k, c)), {}
        yield aten.mm.default, (t(k, r).t(), t(c, k).t()), {}
        yield aten.addmm.default, (t(c), t(r, k), t(c, k).t()), {}
        yield aten.addmm.default, (t(r, c), t(r, k), t(k, c)), {}
        yield aten.bmm.default, (t(2, r, k), t(2, k, c)), {}
        yield aten.bmm.default, (t(2, k, r).transpose(1, 2), t(2, c, k).transpose(1, 2)), {}
    yield aten.addmm.default, (t(5), t(3, 4), t(4, 5)), {"beta": 0.5, "alpha": 2}
    yield aten.mm.default, (t(3, 4), nn.Parameter(t(4, 5))), {}
    yield aten.bmm.default, (t(0, 3, 4), t(0, 4, 5)), {}
    for axes in (1, 2, 3):
        for stride, padding, dilation, out in product((1, 2, 3), (0, 2), (1, 2), (0, 1)):
            common = (stride, padding, dilation)
            yield conv(t(2, 3, *[9] * axes), t(4, 3, *[3] * axes), t(4), *common)
            if out < max(stride, dilation):
                x, weight = t(2, 3, *[5] * axes), t(3, 4, *[4] * axes)
                yield conv(x, weight, None, *common, True, out)
        yield conv(t(2, 6, *[9] * axes), t(9, 2, *[3] * axes), t(9), groups=3)
        yield conv(t(2, 6, *[9] * axes), t(6, 1, *[3] * axes), None, groups=6)
        yield conv(t(2, 6, *[9] * axes), t(6, 2, *[3] * axes), t(6), 2, 1, 1, True, 1, groups=3)
    yield conv(t(2, 3, 3, 3), t(4, 3, 3, 3))
    yield pool(t(2, 3, 8, 8), [2, 2], [2, 2])
    yield pool(t(2, 3, 9, 7), [3, 2], [2, 1], [1, 1])
    yield pool(t(2, 3, 9, 9), [3, 3], [1, 2], [0, 1], [2, 1])
    yield pool(t(3, 9, 7), [2, 3], [])
    yield pool(t(2, 3, 2, 2), [2, 2])
    yield pool(t(0, 3, 4, 4), [2, 2])
    for shape in [(), (3,), (2, 3), (2, 1, 4), (0, 3), (2, 3, 4, 5), (2, 3, 1, 1)]:
        for function in unary():
            yield function, (t(*shape),), {}
        for function in in_place():
            yield function, (t(*shape),), {}
        for function in binary():
            yield function, (t(*shape), 2), {}
            yield function, (t(*shape), t(*shape)), {}
        for function in binary("_"):
            yield function, (t(*shape), 0.5), {}
            yield function, (t(*shape), t(*shape)), {}
        if shape:
            for dim in {0, len(shape) - 1, -1}:
                yield aten._softmax.default, (t(*shape), dim, False), {}
                yield aten._log_softmax.default, (t(*shape), dim, False), {}
        for dim in {0, len(shape), -1}:
            yield aten.stack.default, ([t(*shape)] * 3, dim), {}
    yield aten.relu_.default, (t(4, 3).t(),), {}
    yield aten.add_.Tensor, (t(4, 3).t(), t(3, 4)), {"alpha": 2}
    yield aten.stack.default, ([t(2, 3)],), {}
    for one, other in [
        ((3, 1), (1, 4)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 3, 4)),
        ((2, 1, 4), (3, 1)),
        ((), (2, 3)),
        ((2, 3, 4, 4), (3, 1, 1)),
        ((0, 3), (1, 3)),
        ((2, 3, 1, 1), (2, 3, 4, 4)),
    ]:
        for function in binary():
            yield function, (t(*one), t(*other)), {}
    yield aten.add.Tensor, (t(2, 3), t(2, 3)), {"alpha": 3}
    for dtype in TYPES[:2]:
        parts = t(5, dtype=dtype), t(5, dtype=dtype)
        yield norm(t(2, 3, 5, dtype=dtype), [5], *parts)
        yield norm(t(2, 3, 5, dtype=dtype), [5], parts[0], None)
    yield norm(t(2, 3, 5), [3, 5], t(3, 5), t(3, 5))
    yield norm(t(2, 3, 5), [2, 3, 5])
    yield norm(t(0, 5), [5])


def unfitting() -> Iterator[Call]:
    """Yield calls that torch refuses: no rule may answer them."""
    yield aten.mm.default, (t(3, 4), t(5, 6)), {}
    yield aten.mm.default, (t(4), t(4, 5)), {}
    yield aten.mm.default, (t(2, 3, 4), t(4, 5)), {}
    yield aten.addmm.default, (t(4), t(3, 4), t(4, 5)), {}
    yield aten.addmm.default, (t(5), t(3, 4), t(3, 5)), {}
    yield aten.bmm.default, (t(2, 3, 4), t(3, 4, 5)), {}
    yield aten.bmm.default, (t(2, 3, 4), t(2, 3, 5)), {}
    yield aten.bmm.default, (t(3, 4), t(4, 5)), {}
    x, weight = t(2, 4, 8, 8), t(6, 4, 3, 3)
    yield conv(t(2, 3, 8, 8), weight)
    yield conv(x, t(6, 4, 9, 9))
    yield conv(x, weight, stride=0)
    yield conv(x, weight, stride=-1)
    yield conv(x, weight, groups=0)
    yield conv(x, weight, groups=2)
    yield conv(t(8, 8), weight)
    yield conv(t(4, 8, 8, 1, 1), weight)
    yield conv(x, t(4, 6, 1, 1), None, 1, 4, 1, True)
    yield pool(t(2, 3, 8, 8), [9, 9])
    yield pool(t(2, 3, 8, 8), [2, 2], [0, 0])
    yield pool(t(2, 3, 8, 8), [2, 2], [2, 2], [2, 2])
    yield pool(t(2, 3, 8, 8), [2, 2], [2, 2], [-1, -1])
    yield pool(t(2, 3, 8, 8), [2, 2], [2, 2], [0, 0], [0, 0])
    yield pool(t(2, 3, 0, 8), [2, 2], [2, 2], [1, 1])
    yield pool(t(8, 8), [2, 2])
    yield pool(t(2, 3, 8, 8), [0, 0], [1, 1])
    for function in (*binary(), *binary("_")):
        yield function, (t(2, 3), t(2, 4)), {}
        yield function, (t(3), t(2)), {}
    for function in binary("_"):
        yield function, (t(3), t(2, 3)), {}
    yield aten.stack.default, ([],), {}
    yield aten.stack.default, ([t(2, 3), t(2, 4)],), {}
    yield aten.stack.default, ([t(2, 3)] * 2, 3), {}
    yield aten.stack.default, ([t(2, 3)] * 2, -4), {}
    yield norm(t(2, 3, 5), [4], t(4), t(4))
    yield norm(t(2, 3, 5), [5], t(3), t(5))
    yield norm(t(2, 3, 5), [])
    yield norm(t(5), [3, 5])


def unusual() -> Iterator[Call]:
    """Yield calls that a rule may answer or not, but not otherwise than torch."""
    for function in unary():
        for x in (t(4, 3).t(), last(2, 3, 4, 5), last(2, 3, 1, 1), t(1, 3).expand(2, 3)):
            yield function, (x,), {}
        yield function, (torch.empty(2, 3, dtype=torch.int64, device="meta"),), {}
    yield aten.gelu.default, (t(2, 3),), {"approximate": "tanh"}
    for function in binary():
        yield function, (t(4, 3).t(), t(3, 4)), {}
        yield function, (last(2, 3, 4, 5), last(2, 3, 4, 5)), {}
        yield function, (last(2, 3, 1, 1), t(2, 3, 4, 5)), {}
        yield function, (t(2, 3), t(2, 3, dtype=torch.float64)), {}
        yield function, (t(2, 3), t(dtype=torch.float64)), {}
        yield function, (t(2, 3), 2j), {}
        yield function, (torch.empty(2, 3, dtype=torch.int64, device="meta"), t(2, 3)), {}
    for function in binary("_"):
        yield function, (t(2, 3), t(3)), {}
        yield function, (t(2, 3), t(2, 3, dtype=torch.float64)), {}
        yield function, (t(3), 1j), {}
        yield function, (t(1, 3).expand(2, 3), t(2, 3)), {}
    for function in in_place():
        yield function, (t(1, 3).expand(2, 3),), {}
    x, weight = t(2, 3, 8, 8), t(4, 3, 3, 3)
    yield conv(last(2, 3, 8, 8), weight)
    yield conv(x, last(4, 3, 3, 3))
    yield conv(t(2, 3, 1, 1), t(4, 3, 1, 1), None, 1, 1)
    yield conv(last(2, 3, 1, 1), t(4, 3, 1, 1), None, 1, 1)
    yield conv(x.transpose(2, 3), weight)
    yield conv(t(2, 1, 8, 8), t(4, 1, 3, 3))
    yield conv(t(2, 1, 8), t(4, 1, 3))
    yield conv(t(0, 3, 8, 8), weight)
    yield conv(t(2, 0, 8, 8), t(4, 0, 3, 3))
    yield conv(x, t(3, 4, 3, 3), None, 1, 0, 1, True, 1)
    yield conv(t(3, 8, 8), weight)
    # torch's meta kernel takes these, no other does
    yield conv(x, weight, t(5))
    yield conv(x, weight, t(4, 1))
    yield conv(x, weight, padding=-1)
    yield conv(x, weight, dilation=0)
    yield conv(t(2, 4, 8, 8), t(3, 2, 3, 3), groups=2)
    yield conv(t(2, 4, 8, 8), t(3, 4, 3, 3), None, 1, 0, 1, True)
    yield conv(t(2, 3, 8, 8), t(3, 6, 3, 3), None, 1, 0, 1, True, groups=2)
    yield aten._softmax.default, (t(2, 3), 2, False), {}
    yield aten._softmax.default, (t(2, 3), -3, False), {}
    for x in (last(2, 3, 8, 8), t(2, 3, 8, 8).transpose(2, 3), t(2, 1, 8, 8), last(2, 3, 1, 1)):
        yield pool(x, [1, 1])
    yield pool(t(2, 3, 8, 8), [2, 2], [2, 2], [0, 0], [1, 1], True)
    yield pool(t(2, 3, 8, 8), [3], [2])
    yield pool(t(2, 0, 8, 8), [2, 2])
    yield pool(torch.empty(2, 3, 8, 8, dtype=torch.int64, device="meta"), [2, 2])
    yield aten.addmm.default, (t(1, 5), t(3, 4), t(4, 5)), {}
    yield aten.addmm.default, (t(3, 1), t(3, 4), t(4, 5)), {}
    yield aten.addmm.default, (t(), t(3, 4), t(4, 5)), {}
    yield aten.addmm.default, (t(1), t(3, 4), t(4, 5)), {}
    yield aten.stack.default, ([t(3, 2).t()] * 2,), {}
    for dim in (0, 1, 3):
        yield aten.stack.default, ([last(2, 3, 4, 5)[0]] * 2, dim), {}
        yield aten.stack.default, ([t(4, 5, 3).permute(2, 0, 1)] * 2, dim), {}
    yield aten.stack.default, ([last(2, 3, 4, 5)] * 2, 1), {}
    yield aten.stack.default, ([t(2, 3), t(2, 3, dtype=torch.float64)],), {}
    yield aten._softmax.default, (t(4, 3).t(), 0, False), {}
    yield aten._softmax.default, (last(2, 3, 4, 5), 1, False), {}
    yield aten._softmax.default, (t(), 0, False), {}
    yield norm(t(5, 2).t(), [5])
    yield norm(t(2, 5, dtype=torch.float16), [5], t(5), t(5))
    yield norm(t(2, 3, 0), [0])


def ids(calls: list[Call]) -> list[str]:
    """Return a name for each call."""
    return [words(call) for call in calls]


FITTING, UNFITTING, UNUSUAL = list(fitting()), list(unfitting()), list(unusual())


@pytest.mark.parametrize("call", FITTING, ids=ids(FITTING))
def test_what_fits_is_answered_as_torch_answers(call: Call) -> None:
    """Shape, dtype, strides, and for an operation in place the tensor itself."""
    assert is_answered(call)


@pytest.mark.parametrize("call", UNFITTING, ids=ids(UNFITTING))
def test_what_torch_refuses_is_left_to_it(call: Call) -> None:
    """The rule raises NotPlain and nothing else, so that torch's own words are told."""
    assert by_torch(call) is None, "torch takes it"
    function, args, kwargs = call
    with pytest.raises(NotPlain):
        answered(function, args, kwargs)


@pytest.mark.parametrize("call", UNUSUAL, ids=ids(UNUSUAL))
def test_what_is_unusual_is_answered_rightly_or_left(call: Call) -> None:
    """Other memory formats, mixed dtypes, whole numbers, nothing in a dimension."""
    is_answered(call)


def test_every_rule_is_tried() -> None:
    """No rule stands that the tests above do not know."""
    assert {function for function, _, _ in FITTING} == set(RULES)


def test_only_plain_tensors_on_meta_are_answered() -> None:
    """Not those with numbers, nor those of a class of somebody's own."""

    class Mine(torch.Tensor):
        """A tensor with a meaning of its own."""

    for x in (torch.zeros(2, 3), t(2, 3).as_subclass(Mine), t(2, 3, dtype=torch.complex64)):
        for function in unary():
            with pytest.raises(NotPlain):
                answered(function, (x,), {})
    with pytest.raises(NotPlain):
        answered(aten.cos.default, (t(2, 3),), {})


def spoil_shape(right: torch.Tensor) -> torch.Tensor:
    """Return one row more."""
    return torch.empty((*right.shape, 1), dtype=right.dtype, device="meta")


def spoil_dtype(right: torch.Tensor) -> torch.Tensor:
    """Return other numbers of the same shape."""
    return torch.empty_like(right, dtype=torch.int32)


def spoil_stride(right: torch.Tensor) -> torch.Tensor:
    """Return the same shape, laid out with a gap."""
    strides = [2 * step for step in right.stride()]
    return torch.empty_strided(right.shape, strides, dtype=right.dtype, device="meta")


@pytest.mark.parametrize("function", RULES, ids=str)
@pytest.mark.parametrize("spoil", [spoil_shape, spoil_dtype, spoil_stride])
def test_a_wrong_rule_is_seen(
    monkeypatch: pytest.MonkeyPatch, function: Any, spoil: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """Planted in place of any rule, for its first result or its last."""
    call = next(c for c in FITTING if c[0] is function and by_rule(c) is not None and
                all(part.dim() for part in c[1] if isinstance(part, torch.Tensor)))  # fmt: skip
    right = RULES[function]
    places = [0, -1] if isinstance(by_rule(call), tuple) else [None]
    for place in places:

        def wrong(*args: Any, place: int | None = place, **kwargs: Any) -> Any:
            found = right(*args, **kwargs)
            if place is None:
                return spoil(found)
            parts = list(found)
            parts[place] = spoil(parts[place])
            return tuple(parts)

        with monkeypatch.context() as patch:
            patch.setitem(RULES, function, wrong)
            with pytest.raises(AssertionError):
                is_answered(call)
    assert is_answered(call)


def test_a_rule_that_answers_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch refuses the operands."""
    monkeypatch.setitem(RULES, aten.mm.default, lambda a, b: t(a.shape[0], b.shape[1]))
    with pytest.raises(AssertionError, match="torch refuses"):
        is_answered((aten.mm.default, (t(3, 4), t(5, 6)), {}))


def test_a_rule_that_copies_in_place_of_changing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation in place gives its operand back."""
    monkeypatch.setitem(RULES, aten.relu_.default, torch.empty_like)
    with pytest.raises(AssertionError):
        is_answered((aten.relu_.default, (t(3, 4),), {}))


small = st.integers(0, 4)
shapes = st.lists(small, max_size=4).map(tuple)


@given(shapes, shapes, st.sampled_from([*binary(), *binary("_")]))
def test_any_two_shapes_are_broadcast_as_torch_does(
    one: tuple[int, ...], other: tuple[int, ...], function: Any
) -> None:
    """Or left to torch, which then may refuse them."""
    call: Call = (function, (t(*one), t(*other)), {})
    if not is_answered(call) and by_torch(call) is not None:
        # an operation in place answers only for like shapes
        assert str(function).split(".")[1].endswith("_")


@given(
    st.integers(1, 3).flatmap(
        lambda axes: st.tuples(
            st.lists(st.integers(0, 7), min_size=axes, max_size=axes),
            st.lists(st.integers(1, 4), min_size=axes, max_size=axes),
        )
    ),
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(0, 1), st.booleans(),
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
)  # fmt: skip
def test_any_convolution_is_as_torchs(
    sizes: tuple[list[int], list[int]],
    stride: int,
    padding: int,
    dilation: int,
    out: int,
    transposed: bool,
    widths: tuple[int, int, int, int],
) -> None:
    """Of any widths and groups, whether they fit or not."""
    batch, first, second, groups = widths
    entering, kernel = sizes
    x, weight = t(batch, first, *entering), t(second, first, *kernel)
    common = (stride, padding, dilation, transposed, out, groups)
    is_answered(conv(x, weight, t(second), *common))
    is_answered(conv(t(batch, first * groups, *entering), weight, None, *common))
    is_answered(conv(t(batch, second, *entering), weight, t(first * groups), *common))


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=4),
    *[st.lists(st.integers(0, 4), min_size=2, max_size=2) for _ in range(4)],
)
def test_any_max_pool_is_as_torchs(
    shape: list[int], kernel: list[int], stride: list[int], padding: list[int], dilation: list[int]
) -> None:
    """With any settings, nonsense included."""
    is_answered(pool(t(*shape), kernel, stride, padding, dilation))


@pytest.mark.parametrize("function", [aten.mm.default, aten.addmm.default, aten.bmm.default])
def test_mixed_dtypes_are_refused_where_a_device_would(function: Any) -> None:
    """The meta device itself multiplies any two dtypes, the CPU does not."""
    call = next(c for c in FITTING if c[0] is function)
    first, *rest = call[1]
    mixed = (first, *(part.double() for part in rest))
    assert function.overloadpacket in ONE_DTYPE
    check_dtypes(function, call[1])
    with pytest.raises(RuntimeError, match="float32 and float64"):
        check_dtypes(function, mixed)
    with pytest.raises(RuntimeError):
        function(*(torch.zeros(part.shape, dtype=part.dtype) for part in mixed))
    check_dtypes(function, tuple(torch.zeros(part.shape, dtype=part.dtype) for part in mixed))
    check_dtypes(aten.add.Tensor, (t(2), t(2, dtype=torch.float64)))


class Checked(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """What the tracer asks of each operator on the meta device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Raise where the CPU is to decide."""
        check_settings(func, args)
        check_dtypes(func, args)
        return func(*args, **(kwargs or {}))


Made = Callable[..., torch.Tensor]
"""Makes a tensor of zeros: sizes, dtype."""
WHOLE_NUMBERS = {
    "adaptive_avg_pool2d": lambda n: F.adaptive_avg_pool2d(n(2, 3, 4, 4), 2),
    "adaptive_avg_pool3d": lambda n: F.adaptive_avg_pool3d(n(2, 3, 4, 4, 4), 2),
    "adaptive_max_pool2d": lambda n: F.adaptive_max_pool2d(n(2, 3, 4, 4), 2),
    "adaptive_max_pool3d": lambda n: F.adaptive_max_pool3d(n(2, 3, 4, 4, 4), 2),
    "var": lambda n: n(4, 3).var(),
    "var along": lambda n: n(4, 3).var(1),
    "std": lambda n: n(4, 3).std(1),
    "var_mean": lambda n: torch.var_mean(n(4, 3), 1)[0],
    "std_mean": lambda n: torch.std_mean(n(4, 3), 1)[0],
    "bernoulli": lambda n: torch.bernoulli(n(4)),
    "bernoulli_": lambda n: torch.zeros(4, device=n(4).device).bernoulli_(n(4)),
    "multinomial": lambda n: torch.multinomial(n(4) + 1, 2),
    "max_pool1d": lambda n: F.max_pool1d(n(2, 3, 4), 2),
    "unfold": lambda n: F.unfold(n(2, 3, 4, 4), 2),
    "interpolate": lambda n: F.interpolate(n(2, 3, 4, 4), scale_factor=2),
    "interpolate linearly": lambda n: F.interpolate(n(2, 3, 4), scale_factor=2, mode="linear"),
    "interpolate bilinearly": lambda n: F.interpolate(
        n(2, 3, 4, 4), scale_factor=2, mode="bilinear"
    ),
    "lerp": lambda n: torch.lerp(n(4), n(4), 0.5),
    "elu": lambda n: F.elu(n(4)),
    "celu": lambda n: F.celu(n(4)),
    "glu": lambda n: F.glu(n(4)),
    "hardsigmoid": lambda n: F.hardsigmoid(n(4)),
    "hardshrink": lambda n: F.hardshrink(n(4)),
    "logsigmoid": lambda n: F.logsigmoid(n(4)),
    "smooth_l1_loss": lambda n: F.smooth_l1_loss(n(4), n(4)),
    "huber_loss": lambda n: F.huber_loss(n(4), n(4)),
    "binary_cross_entropy": lambda n: F.binary_cross_entropy(n(4), n(4)),
}
"""Functions that the CPU has only for numbers with a fraction."""
LET_PASS = {
    "avg pool of nothing": lambda n: F.adaptive_avg_pool2d(n(2, 3, 0, 4), 2),
    "avg pool in 1d of nothing": lambda n: F.adaptive_avg_pool1d(n(2, 3, 0), 2),
    "avg pool in 3d of nothing": lambda n: F.adaptive_avg_pool3d(n(2, 3, 4, 0, 4), 2),
    "max of nothing": lambda n: n(0).max(),
    "labels": lambda n: F.binary_cross_entropy(n(4), n(4, dtype=torch.int64)),
    "doubles": lambda n: F.binary_cross_entropy(n(4), n(4, dtype=torch.float64)),
    "and": lambda n: n(4) & n(4),
    "and of a mask": lambda n: n(4) & n(4, dtype=torch.bool),
    "mask and": lambda n: n(4, dtype=torch.bool) & n(4),
    "and of a number": lambda n: n(4) & 1,
    "and in place": lambda n: n(4).__iand__(n(4)),
    "or": lambda n: n(4) | n(4),
    "xor": lambda n: n(4) ^ n(4),
    "view beyond": lambda n: n(4).as_strided((3, 3), (2, 1)),
    "view from behind": lambda n: n(5).as_strided((2, 2), (2, 1), 2),
    "view of a part": lambda n: n(10)[2:4].as_strided((3, 3), (2, 1), 5),
    "int32 classes": lambda n: F.cross_entropy(n(4, 3), n(4, dtype=torch.int32)),
    "int32 classes of pixels": lambda n: F.nll_loss(
        n(2, 3, 4, 4), n(2, 4, 4, dtype=torch.int32)
    ),
    "grid of doubles": lambda n: F.grid_sample(
        n(2, 3, 4, 4), n(2, 3, 4, 2, dtype=torch.float64), align_corners=False
    ),
    "median of booleans": lambda n: n(4, dtype=torch.bool).median(),
    "max pool of booleans": lambda n: F.max_pool2d(n(2, 3, 4, 4, dtype=torch.bool), 2),
    "product of booleans": lambda n: n(3, 4, dtype=torch.bool) @ n(4, 3, dtype=torch.bool),
}  # fmt: skip
"""Calls that the meta device lets pass, and the CPU refuses."""
TAKEN = {
    "avg pool of no channels": lambda n: F.adaptive_avg_pool2d(n(2, 0, 4, 4), 2),
    "avg pool of no rows": lambda n: F.adaptive_avg_pool2d(n(0, 3, 4, 4), 2),
    "max pool of no rows": lambda n: F.adaptive_max_pool2d(n(0, 3, 4, 4), 2),
    "bernoulli by a number": lambda n: torch.bernoulli(n(4, dtype=torch.int64), 0.5),
    "and of masks": lambda n: n(4, dtype=torch.bool) & n(4, dtype=torch.int64),
    "view within": lambda n: n(5).as_strided((2, 2), (2, 1)),
    "view of a whole": lambda n: n(10)[2:4].as_strided((3, 3), (2, 1)),
    "view of nothing": lambda n: n(5).as_strided((0, 2), (9, 9), 50),
    "classes": lambda n: F.cross_entropy(n(4, 3), n(4, dtype=torch.int64)),
    "max along": lambda n: n(3, 2).max(1).values,
}
"""Their neighbours, which the CPU takes."""


def zeros(device: str, usual: torch.dtype = torch.float32) -> Made:
    """Return what makes zeros on a device."""

    def made(*sizes: int, dtype: torch.dtype = usual) -> torch.Tensor:
        return torch.zeros(sizes, dtype=dtype, device=device)

    return made


@pytest.mark.parametrize(
    ("function", "usual"),
    [(f, torch.float32) for f in LET_PASS.values()]
    + [(f, torch.int64) for f in WHOLE_NUMBERS.values()],
    ids=[*LET_PASS, *WHOLE_NUMBERS],
)
@torch.no_grad()
def test_what_only_the_cpu_refuses_is_left_to_it(
    function: Callable[[Made], Any], usual: torch.dtype
) -> None:
    """The meta device would say that it runs, and the CPU says that it does not."""
    with pytest.raises((RuntimeError, NotImplementedError)):
        function(zeros("cpu", usual))
    with pytest.raises((RuntimeError, NotImplementedError)), Checked():  # type: ignore[no-untyped-call]
        function(zeros("meta", usual))


@pytest.mark.parametrize("function", [*TAKEN.values(), *WHOLE_NUMBERS.values()],
                         ids=[*TAKEN, *WHOLE_NUMBERS])  # fmt: skip
@torch.no_grad()
def test_what_the_cpu_takes_is_taken(function: Callable[[Made], Any]) -> None:
    """The same with numbers that have a fraction, and neighbours of what is refused."""
    here = function(zeros("cpu"))
    with Checked():  # type: ignore[no-untyped-call]
        there = function(zeros("meta"))
    assert there.shape == here.shape
    assert there.dtype == here.dtype
