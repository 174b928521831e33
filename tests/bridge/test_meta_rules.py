"""Our shapes on the meta device against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fcinspect.bridge import meta_rules
from fcinspect.bridge.meta_rules import NotPlain, answered, check_dtypes

aten = torch.ops.aten


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a tensor without numbers."""
    return torch.empty(shape, dtype=dtype, device="meta")


OPERANDS: list[tuple[Any, tuple[Any, ...]]] = [
    (aten.mm.default, (t(3, 4), t(4, 5))),
    (aten.mm.default, (t(3, 4), t(5, 4).t())),
    (aten.mm.default, (t(0, 4), t(4, 5))),
    (aten.addmm.default, (t(5), t(3, 4), t(4, 5))),
    (aten.addmm.default, (t(3, 5), t(3, 4), t(4, 5))),
    (aten.bmm.default, (t(2, 3, 4), t(2, 4, 5))),
    (
        aten.convolution.default,
        (t(2, 3, 8, 9), t(6, 3, 3, 2), t(6), [1, 2], [1, 0], [1, 1], False, [0, 0], 1),
    ),
    (
        aten.convolution.default,
        (t(2, 4, 8, 9), t(6, 2, 3, 3), None, [2, 2], [2, 1], [2, 1], False, [0, 0], 2),
    ),
    (aten.convolution.default, (t(2, 4, 8), t(4, 3, 3), t(6), [2], [1], [1], True, [1], 2)),
    (
        aten.convolution.default,
        (t(2, 3, 5, 6, 7), t(4, 3, 2, 2, 2), t(4), [1] * 3, [0] * 3, [1] * 3, False, [0] * 3, 1),
    ),
    (aten.max_pool2d_with_indices.default, (t(2, 3, 9, 8), [2, 3])),
    (aten.max_pool2d_with_indices.default, (t(3, 9, 8), [3, 3], [2, 1], [1, 1], [1, 2])),
    *(
        (getattr(aten, name).default, (t(2, 3),))
        for name in ("relu", "sigmoid", "tanh", "silu", "gelu", "neg", "exp")
    ),
    *(
        (getattr(aten, name).default, (t(2, 3),))
        for name in ("relu_", "sigmoid_", "tanh_", "silu_")
    ),
    *((getattr(aten, name).Tensor, (t(2, 3), t(3))) for name in ("add", "sub", "mul", "div")),
    *((getattr(aten, name).Tensor, (t(2, 1, 4), t(3, 1))) for name in ("add", "sub", "mul", "div")),
    *((getattr(aten, name).Tensor, (t(2, 3), 2.5)) for name in ("add", "sub", "mul", "div")),
    *(
        (getattr(aten, name).Tensor, (t(2, 3), t(2, 3)))
        for name in ("add_", "sub_", "mul_", "div_")
    ),
    (aten.stack.default, ([t(2, 3), t(2, 3)],)),
    (aten.stack.default, ([t(2, 3)] * 4, -1)),
    (aten._softmax.default, (t(2, 3), -1, False)),
    (aten._log_softmax.default, (t(2, 3), 0, False)),
    (aten.native_layer_norm.default, (t(2, 5, 3), [3], t(3), t(3), 1e-5)),
    (aten.native_layer_norm.default, (t(2, 5, 3), [5, 3], None, None, 1e-5)),
]
"""Each rule with plain operands."""

UNFIT: list[tuple[Any, tuple[Any, ...]]] = [
    (aten.mm.default, (t(3, 4), t(5, 4))),
    (aten.mm.default, (t(3, 4), t(4, 5, dtype=torch.float64))),
    (aten.addmm.default, (t(4), t(3, 4), t(4, 5))),
    (aten.bmm.default, (t(2, 3, 4), t(3, 4, 5))),
    (
        aten.convolution.default,
        (t(2, 4, 8, 8), t(6, 3, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ),
    (
        aten.convolution.default,
        (t(2, 3, 2, 2), t(6, 3, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ),
    (aten.max_pool2d_with_indices.default, (t(2, 3, 1, 1), [2, 2])),
    (aten.add.Tensor, (t(2, 3), t(4))),
    (aten.add.Tensor, (t(2, 3), t(2, 3, dtype=torch.float64))),
    (aten.add.Tensor, (t(3, 2).t(), t(2, 3))),
    (aten.add_.Tensor, (t(2, 1), t(2, 3))),
    (aten.relu.default, (t(2, 3, dtype=torch.int64),)),
    (aten.stack.default, ([t(2, 3), t(3, 3)],)),
    (aten._softmax.default, (t(2, 3), 2, False)),
    (aten.native_layer_norm.default, (t(2, 5), [3], None, None, 1e-5)),
    (aten.cumsum.default, (t(2, 3), 0)),
]
"""What is torch's to answer or to refuse."""


def forms(output: Any) -> list[tuple[Any, ...]]:
    """Return shape, strides and dtype of each tensor."""
    tensors = output if isinstance(output, tuple) else (output,)
    return [(tuple(x.shape), x.stride(), x.dtype, x.device.type) for x in tensors]


def differing() -> list[str]:
    """Return the operators whose rule gives another form than torch."""
    return [str(op) for op, args in OPERANDS if forms(answered(op, args, {})) != forms(op(*args))]


def test_every_rule_gives_what_torch_gives() -> None:
    """Shape, strides and dtype; and there are operands for every rule."""
    assert {op for op, _ in OPERANDS} == set(meta_rules.RULES)
    assert differing() == []


@pytest.mark.parametrize(("operator", "arguments"), UNFIT, ids=lambda v: str(v)[:40])
def test_what_is_not_plain_is_left_to_torch(operator: Any, arguments: tuple[Any, ...]) -> None:
    """Wrong shapes, mixed dtypes, strided operands and other operators."""
    with pytest.raises(NotPlain):
        answered(operator, arguments, {})


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail."""
    wrong: Callable[..., torch.Tensor] = lambda a, b: t(a.shape[0], a.shape[1])  # noqa: E731  # a plain wrong rule
    monkeypatch.setitem(meta_rules.RULES, aten.mm.default, wrong)
    assert set(differing()) == {"aten.mm.default"}


def test_two_dtypes_are_refused_as_real_devices_do() -> None:
    """The meta device itself multiplies float64 by float32."""
    with pytest.raises(RuntimeError, match="does not check dtypes: float64 and float32"):
        check_dtypes(aten.mm.default, (t(2, 3, dtype=torch.float64), t(3, 4)))
    check_dtypes(aten.mm.default, (t(2, 3), t(3, 4)))
    check_dtypes(aten.add.Tensor, (t(2, dtype=torch.float64), t(2)))
