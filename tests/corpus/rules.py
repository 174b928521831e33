"""torch's optimizers written by hand, in pieces that a fault can replace."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from fcinspect.arithmetic.settings import OPTIONS

Tensor = torch.Tensor
Options = dict[str, Any]
State = dict[str, Any]


class Rule(torch.optim.Optimizer):
    """An optimizer that updates one parameter after the other."""

    like = "sgd"

    def __init__(self, params: Iterable[Tensor], **given: Any) -> None:
        super().__init__(params, {**OPTIONS[self.like], **given})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """Update one parameter."""
        raise NotImplementedError

    def signed(self, g: Tensor, o: Options) -> Tensor:
        """Return g, or −g to climb."""
        return -g if o["maximize"] else g

    def decayed(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g + weight_decay·w."""
        return g.add(p, alpha=o["weight_decay"]) if o["weight_decay"] else g


class Sgd(Rule):
    """torch.optim.SGD."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w − lr·d."""
        d = self.direction(self.decayed(p, self.signed(g, o), o), s, o)
        self.apply(p, d, o)

    def direction(self, g: Tensor, s: State, o: Options) -> Tensor:
        """Return the buffer of momentum, or g."""
        mu = o["momentum"]
        if not mu:
            return g
        if "momentum_buffer" not in s:
            s["momentum_buffer"] = self.first(g, o)
        else:
            s["momentum_buffer"] = self.buffered(s["momentum_buffer"], g, o)
        return self.ahead(g, s["momentum_buffer"], o) if o["nesterov"] else s["momentum_buffer"]

    def first(self, g: Tensor, o: Options) -> Tensor:
        """Return the buffer of the first step."""
        return g.clone()

    def buffered(self, buffer: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return μ·buf + (1 − τ)·g."""
        return buffer.mul(o["momentum"]).add(g, alpha=1 - o["dampening"])

    def ahead(self, g: Tensor, buffer: Tensor, o: Options) -> Tensor:
        """Return g + μ·buf."""
        return g.add(buffer, alpha=o["momentum"])

    def apply(self, p: Tensor, d: Tensor, o: Options) -> None:
        """w ← w − lr·d."""
        p.add_(d, alpha=-o["lr"])


class Adam(Rule):
    """torch.optim.Adam."""

    like = "adam"

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w − lr·m̂/(√v̂ + eps)."""
        if not s:
            s["step"] = torch.tensor(0.0)
            s["exp_avg"], s["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
            if o["amsgrad"]:
                s["max_exp_avg_sq"] = torch.zeros_like(p)
        s["step"] += 1
        g = self.decay(p, self.signed(g, o), o)
        beta1, beta2 = self.betas(o)
        s["exp_avg"] = self.first_moment(s["exp_avg"], g, beta1)
        s["exp_avg_sq"] = self.second_moment(s["exp_avg_sq"], g, beta2)
        v = s["exp_avg_sq"]
        if o["amsgrad"]:
            v = s["max_exp_avg_sq"] = torch.maximum(s["max_exp_avg_sq"], v)
        self.apply(p, s["exp_avg"], v, self.corrections(int(s["step"]), beta1, beta2), o)

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g + weight_decay·w."""
        return self.decayed(p, g, o)

    def betas(self, o: Options) -> tuple[float, float]:
        """Return β1 and β2."""
        beta1, beta2 = o["betas"]
        return beta1, beta2

    def first_moment(self, m: Tensor, g: Tensor, beta1: float) -> Tensor:
        """Return β1·m + (1 − β1)·g."""
        return m.lerp(g, 1 - beta1)

    def second_moment(self, v: Tensor, g: Tensor, beta2: float) -> Tensor:
        """Return β2·v + (1 − β2)·g²."""
        return v.mul(beta2).addcmul(g, g, value=1 - beta2)

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return 1 − β1ᵗ and 1 − β2ᵗ."""
        return 1 - beta1**step, 1 - beta2**step

    def denominator(self, v: Tensor, bc2: float, o: Options) -> Tensor:
        """Return √v/√bc2 + eps."""
        return v.sqrt().div(math.sqrt(bc2)).add(o["eps"])

    def apply(self, p: Tensor, m: Tensor, v: Tensor, bc: tuple[float, float], o: Options) -> None:
        """w ← w − lr/bc1·m/(√v̂ + eps)."""
        p.addcdiv_(m, self.denominator(v, bc[1], o), value=-o["lr"] / bc[0])


class AdamW(Adam):
    """torch.optim.AdamW."""

    like = "adamw"

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Shrink w first; return g."""
        p.mul_(1 - o["lr"] * o["weight_decay"])
        return g


class RmsProp(Rule):
    """torch.optim.RMSprop."""

    like = "rmsprop"

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w − lr·g/(√v + eps)."""
        g = self.decayed(p, self.signed(g, o), o)
        if not s:
            s["step"] = torch.tensor(0.0)
            s["square_avg"] = torch.zeros_like(p)
            if o["centered"]:
                s["grad_avg"] = torch.zeros_like(p)
            if o["momentum"]:
                s["momentum_buffer"] = torch.zeros_like(p)
        s["step"] += 1
        s["square_avg"] = self.square(s["square_avg"], g, o)
        v = s["square_avg"]
        if o["centered"]:
            s["grad_avg"] = s["grad_avg"].lerp(g, 1 - o["alpha"])
            v = self.centred(v, s["grad_avg"])
        d = g / self.denominator(v, o)
        if o["momentum"]:
            d = s["momentum_buffer"] = s["momentum_buffer"].mul(o["momentum"]).add(d)
        p.add_(d, alpha=-o["lr"])

    def square(self, v: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return α·v + (1 − α)·g²."""
        return v.mul(o["alpha"]).addcmul(g, g, value=1 - o["alpha"])

    def centred(self, v: Tensor, mean: Tensor) -> Tensor:
        """Return v − mean²."""
        return v.addcmul(mean, mean, value=-1)

    def denominator(self, v: Tensor, o: Options) -> Tensor:
        """Return √v + eps."""
        return v.sqrt().add(o["eps"])


class Adagrad(Rule):
    """torch.optim.Adagrad."""

    like = "adagrad"

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w − lr/(1 + (t − 1)·lr_decay)·g/(√sum + eps)."""
        g = self.decayed(p, self.signed(g, o), o)
        if not s:
            s["step"] = torch.tensor(0.0)
            s["sum"] = torch.full_like(p, o["initial_accumulator_value"])
        s["step"] += 1
        s["sum"] = self.added(s["sum"], g)
        p.addcdiv_(g, self.denominator(s["sum"], o), value=-self.rate(int(s["step"]), o))

    def added(self, total: Tensor, g: Tensor) -> Tensor:
        """Return sum + g²."""
        return total.addcmul(g, g)

    def rate(self, step: int, o: Options) -> float:
        """Return lr/(1 + (t − 1)·lr_decay)."""
        return float(o["lr"] / (1 + (step - 1) * o["lr_decay"]))

    def denominator(self, total: Tensor, o: Options) -> Tensor:
        """Return √sum + eps."""
        return total.sqrt().add(o["eps"])


CORRECT = (Sgd, Adam, AdamW, RmsProp, Adagrad)
