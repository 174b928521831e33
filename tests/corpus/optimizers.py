"""Optimizers with one fault each: a hand-written one of torch's with a piece replaced."""

from __future__ import annotations

import math

import torch

from tests.corpus.faults import Fault, Register
from tests.corpus.rules import Adagrad, Adam, AdamW, Options, RmsProp, Rule, Sgd, State

OPTIMIZERS: list[Fault] = []
fault = Register("optimizer", "optimizer", OPTIMIZERS)

Tensor = torch.Tensor


class Scaled(Sgd):
    """SGD with another learning rate."""

    def rate(self, lr: float) -> float:
        """Return the rate that is used."""
        return lr

    def apply(self, p: Tensor, d: Tensor, o: Options) -> None:
        """w ← w − rate·d."""
        p.add_(d, alpha=-self.rate(o["lr"]))


# sgd


@fault.stateless("not applied")
class SgdNotApplied(Sgd):
    """Computes a new tensor and drops it."""

    def apply(self, p: Tensor, d: Tensor, o: Options) -> None:
        """Leave w."""
        p.add(d, alpha=-o["lr"])


@fault.stateless("applied twice")
class SgdAppliedTwice(Sgd):
    """Steps twice."""

    def apply(self, p: Tensor, d: Tensor, o: Options) -> None:
        """w ← w − 2·lr·d."""
        p.add_(d, alpha=-o["lr"])
        p.add_(d, alpha=-o["lr"])


@fault.stateless("sign is wrong")
class SgdClimbs(Sgd):
    """Adds the gradient."""

    def apply(self, p: Tensor, d: Tensor, o: Options) -> None:
        """w ← w + lr·d."""
        p.add_(d, alpha=o["lr"])


@fault.stateless("times what it should be", "learning rate", dtypes=("float32",))
class SgdRateOffByAnUlp(Scaled):
    """Uses the next float32 to the rate."""

    def rate(self, lr: float) -> float:
        """Return a neighbour."""
        held = torch.tensor(lr, dtype=torch.float32)
        return float(torch.nextafter(held, torch.tensor(math.inf)))


@fault.stateless("times what it should be", "learning rate", dtypes=("float32",))
class SgdRateOffByAMillionth(Scaled):
    """Uses lr·(1 + 1e-6)."""

    def rate(self, lr: float) -> float:
        """Return a rate near it."""
        return lr * (1 + 1e-6)


@fault.stateless("ten times")
class SgdRateTenTimes(Scaled):
    """Uses 10·lr."""

    def rate(self, lr: float) -> float:
        """Return ten times the rate."""
        return 10 * lr


@fault.stateless("half of what was given")
class SgdRateHalved(Scaled):
    """Uses lr/2, as for a mean of squares with its ½."""

    def rate(self, lr: float) -> float:
        """Return half the rate."""
        return lr / 2


@fault.stateless("momentum is ignored")
class SgdMomentumIgnored(Sgd):
    """Knows no momentum."""

    def direction(self, g: Tensor, s: State, o: Options) -> Tensor:
        """Return g."""
        return g


@fault.stateless("dampening is ignored")
class SgdDampeningIgnored(Sgd):
    """Takes 1 for 1 − τ."""

    def buffered(self, buffer: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return μ·buf + g."""
        return buffer.mul(o["momentum"]).add(g)


@fault.stateless("first step too")
class SgdFirstStepDampened(Sgd):
    """Starts from a buffer of zeros, which dampens the first gradient as well."""

    def first(self, g: Tensor, o: Options) -> Tensor:
        """Return (1 − τ)·g."""
        return g.mul(1 - o["dampening"])


@fault.stateless("momentum averages")
class SgdMomentumAverages(Sgd):
    """Averages gradients as Adam does."""

    def buffered(self, buffer: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return μ·buf + (1 − μ)·g."""
        return buffer.lerp(g, 1 - o["momentum"])


@fault.stateless("state is not kept", "momentum is ignored")
class SgdMomentumReset(Sgd):
    """Forgets the buffer at every step."""

    def buffered(self, buffer: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g."""
        return g.clone()


@fault.stateless("nesterov is ignored")
class SgdNesterovIgnored(Sgd):
    """Takes plain momentum."""

    def ahead(self, g: Tensor, buffer: Tensor, o: Options) -> Tensor:
        """Return the buffer."""
        return buffer


@fault.stateless("nesterov")
class SgdNesterovWithoutTheGradient(Sgd):
    """Looks ahead and forgets g."""

    def ahead(self, g: Tensor, buffer: Tensor, o: Options) -> Tensor:
        """Return μ·buf."""
        return buffer.mul(o["momentum"])


@fault.stateless("weight decay is ignored")
class SgdDecayIgnored(Sgd):
    """Knows no weight decay."""

    def decayed(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g."""
        return g


@fault.stateless("weight decay has the wrong sign")
class SgdDecayNegated(Sgd):
    """Lets weights grow."""

    def decayed(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g − weight_decay·w."""
        return g.sub(p, alpha=o["weight_decay"])


@fault.stateless("weight decay is doubled")
class SgdDecayTwice(Sgd):
    """Takes the gradient of weight_decay·w² without its ½."""

    def decayed(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g + 2·weight_decay·w."""
        return g.add(p, alpha=2 * o["weight_decay"])


@fault.stateless("not multiplied by the learning rate")
class SgdDecayWithoutTheRate(Sgd):
    """Shrinks w by weight_decay itself."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w ← (1 − weight_decay)·w − lr·d."""
        p.mul_(1 - o["weight_decay"])
        self.apply(p, self.direction(self.signed(g, o), s, o), o)


@fault.stateless("decoupled")
class SgdDecayDecoupled(Sgd):
    """Keeps the decay out of the momentum."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """w ← (1 − lr·weight_decay)·w − lr·d."""
        p.mul_(1 - o["lr"] * o["weight_decay"])
        self.apply(p, self.direction(self.signed(g, o), s, o), o)


@fault.stateless("maximize is ignored")
class SgdMaximizeIgnored(Sgd):
    """Always descends."""

    def signed(self, g: Tensor, o: Options) -> Tensor:
        """Return g."""
        return g


@fault.stateless("gradient", "caller")
class SgdGradientOverwritten(Sgd):
    """Adds the decay into the caller's gradient."""

    def decayed(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """g ← g + weight_decay·w."""
        return g.add_(p, alpha=o["weight_decay"])


@fault.stateless("gradient", "caller")
class SgdGradientCleared(Sgd):
    """Clears the caller's gradient behind the step."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """Update, then g ← 0."""
        super().update(p, g.clone(), s, o)
        g.zero_()


@fault.stateless("clipped", "times what it should be")
class SgdGradientClipped(Sgd):
    """Clips the gradient's norm to 1."""

    def signed(self, g: Tensor, o: Options) -> Tensor:
        """Return g, no longer than 1."""
        return super().signed(g / g.norm().clamp(min=1), o)


# adam


@fault.stateless("bias correction is missing")
class AdamWithoutCorrection(Adam):
    """Corrects neither average."""

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return 1 and 1."""
        return 1.0, 1.0


@fault.stateless("second moment is not corrected")
class AdamSecondAverageUncorrected(Adam):
    """Corrects m only."""

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return 1 − β1ᵗ and 1."""
        return 1 - beta1**step, 1.0


@fault.stateless("first moment is not corrected")
class AdamFirstAverageUncorrected(Adam):
    """Corrects v only."""

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return 1 and 1 − β2ᵗ."""
        return 1.0, 1 - beta2**step


@fault.stateless("steps are counted from 2")
class AdamStepCountedAhead(Adam):
    """Counts a step more."""

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return 1 − β1ᵗ⁺¹ and 1 − β2ᵗ⁺¹."""
        return super().corrections(step + 1, beta1, beta2)


@fault.stateless("ε is inside")
class AdamEpsInsideTheRoot(Adam):
    """Adds eps to v̂."""

    def denominator(self, v: Tensor, bc2: float, o: Options) -> Tensor:
        """Return √(v/bc2 + eps)."""
        return (v / bc2).add(o["eps"]).sqrt()


@fault.stateless("ε is not scaled")
class AdamEpsUnscaled(Adam):
    """Adds eps before v is corrected (eps-hat of the paper's other form)."""

    def denominator(self, v: Tensor, bc2: float, o: Options) -> Tensor:
        """Return (√v + eps)/√bc2."""
        return v.sqrt().add(o["eps"]) / math.sqrt(bc2)


@fault.stateless("ε is left out")
class AdamEpsForgotten(Adam):
    """Adds no eps."""

    def denominator(self, v: Tensor, bc2: float, o: Options) -> Tensor:
        """Return √(v/bc2), 1 where it is 0."""
        root = (v / bc2).sqrt()
        return torch.where(root > 0, root, torch.ones_like(root))


@fault.stateless("β₁ and β₂ are swapped")
class AdamBetasExchanged(Adam):
    """Takes β2 for β1."""

    def betas(self, o: Options) -> tuple[float, float]:
        """Return β2 and β1."""
        beta1, beta2 = o["betas"]
        return beta2, beta1


@fault.stateless("exp_avg_sq", "g²", "square", "second")
class AdamSecondMomentOfMagnitudes(Adam):
    """Averages |g| for g²."""

    def second_moment(self, v: Tensor, g: Tensor, beta2: float) -> Tensor:
        """Return β2·v + (1 − β2)·|g|."""
        return v.lerp(g.abs(), 1 - beta2)


@fault.stateless("exp_avg", "average", "first")
class AdamFirstMomentSums(Adam):
    """Sums gradients as momentum does."""

    def first_moment(self, m: Tensor, g: Tensor, beta1: float) -> Tensor:
        """Return β1·m + g."""
        return m * beta1 + g


@fault.stateless("root", "√")
class AdamRootForgotten(Adam):
    """Divides by v̂."""

    def denominator(self, v: Tensor, bc2: float, o: Options) -> Tensor:
        """Return v/bc2 + eps."""
        return (v / bc2).add(o["eps"])


@fault.stateless("amsgrad is ignored")
class AdamAmsgradIgnored(Adam):
    """Knows no amsgrad."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """Update without the largest v."""
        super().update(p, g, s, {**o, "amsgrad": False})


@fault.stateless("decoupled")
class AdamDecayDecoupled(Adam):
    """Decays as AdamW does."""

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Shrink w; return g."""
        p.mul_(1 - o["lr"] * o["weight_decay"])
        return g


@fault.stateless("step")
class AdamStepShared(Adam):
    """Counts a step for each parameter, in one count for all."""

    count = 0

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """Update with the count of all."""
        super().update(p, g, s, o)
        self.count += 1

    def corrections(self, step: int, beta1: float, beta2: float) -> tuple[float, float]:
        """Return the corrections of the shared count."""
        return super().corrections(self.count + 1, beta1, beta2)


@fault.stateless("state is not kept")
class AdamStateForgotten(Adam):
    """Begins anew at every step."""

    def update(self, p: Tensor, g: Tensor, s: State, o: Options) -> None:
        """Update from nothing."""
        s.clear()
        super().update(p, g, s, o)


@fault.stateless("coupled")
class AdamWDecayCoupled(AdamW):
    """Decays as Adam does."""

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g + weight_decay·w."""
        return self.decayed(p, g, o)


@fault.stateless("not multiplied by the learning rate")
class AdamWDecayWithoutTheRate(AdamW):
    """Shrinks w by weight_decay itself."""

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Shrink w; return g."""
        p.mul_(1 - o["weight_decay"])
        return g


@fault.stateless("weight decay", "weight_decay")
class AdamWDecayBehindTheStep(AdamW):
    """Shrinks the new w instead of the old one."""

    def decay(self, p: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return g."""
        return g

    def apply(self, p: Tensor, m: Tensor, v: Tensor, bc: tuple[float, float], o: Options) -> None:
        """Step, then shrink."""
        super().apply(p, m, v, bc, o)
        p.mul_(1 - o["lr"] * o["weight_decay"])


# rmsprop and adagrad


@fault.stateless("ε is inside")
class RmsPropEpsInsideTheRoot(RmsProp):
    """Adds eps to v."""

    def denominator(self, v: Tensor, o: Options) -> Tensor:
        """Return √(v + eps)."""
        return v.add(o["eps"]).sqrt()


@fault.stateless("1 − α is used")
class RmsPropAlphaExchanged(RmsProp):
    """Takes 1 − α for α."""

    def square(self, v: Tensor, g: Tensor, o: Options) -> Tensor:
        """Return (1 − α)·v + α·g²."""
        return v.mul(1 - o["alpha"]).addcmul(g, g, value=o["alpha"])


@fault.stateless("centered is ignored")
class RmsPropNotCentered(RmsProp):
    """Ignores the mean."""

    def centred(self, v: Tensor, mean: Tensor) -> Tensor:
        """Return v."""
        return v


@fault.stateless("root", "√")
class AdagradRootForgotten(Adagrad):
    """Divides by the sum."""

    def denominator(self, total: Tensor, o: Options) -> Tensor:
        """Return sum + eps."""
        return total.add(o["eps"])


@fault.stateless("lr_decay is ignored")
class AdagradRateNotDecayed(Adagrad):
    """Ignores lr_decay."""

    def rate(self, step: int, o: Options) -> float:
        """Return lr."""
        return float(o["lr"])


@fault.stateless("counted from 2")
class AdagradRateDecayedEarly(Adagrad):
    """Decays the first step as well."""

    def rate(self, step: int, o: Options) -> float:
        """Return lr/(1 + t·lr_decay)."""
        return super().rate(step + 1, o)


@fault.stateless("sum", "square", "g²")
class AdagradSumOfMagnitudes(Adagrad):
    """Adds |g| for g²."""

    def added(self, total: Tensor, g: Tensor) -> Tensor:
        """Return sum + |g|."""
        return total + g.abs()


def rule_of(planted: Fault) -> type[Rule]:
    """Return the faulty optimizer."""
    found: type[Rule] = planted.build()
    assert issubclass(found, Rule)
    return found
