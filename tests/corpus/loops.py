"""Training loops with one fault each: bodies that do forward, backward and step on a Run."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F

from tests.corpus.faults import Fault, Register
from tests.corpus.training import Run, as_it_should_be

LOOPS: list[Fault] = []
fault = Register("loop", "step", LOOPS)

Tensor = torch.Tensor


def backward(run: Run, loss: Tensor | None = None) -> None:
    """Clear the gradients and run backward."""
    run.optimizer.zero_grad()
    (run.loss() if loss is None else loss).backward()  # type: ignore[no-untyped-call]


@fault.stateless("not applied", "zero where")
def step_forgotten(run: Run) -> None:
    """Never call step."""
    backward(run)


@fault.stateless("twice")
def stepped_twice(run: Run) -> None:
    """Call step in the loop and in the function it calls."""
    backward(run)
    run.optimizer.step()
    run.optimizer.step()


@fault.stateless("not applied", "zero where")
def stepped_before_backward(run: Run) -> None:
    """Step while there are no gradients."""
    run.optimizer.zero_grad()
    loss = run.loss()
    run.optimizer.step()
    loss.backward()  # type: ignore[no-untyped-call]


@fault.stateless("previous", "earlier", "zero where", "not applied", "pre_activation")
def stepped_with_the_previous_gradient(run: Run) -> None:
    """Step at the head of the loop, with what the iteration before it left."""
    run.optimizer.step()
    backward(run)


@fault.stateless("not applied", "zero where")
def other_parameters_stepped(run: Run) -> None:
    """Give the optimizer a copy of the network."""
    backward(run)
    grads = [p.grad for p in run.parameters]
    copies = [copy.deepcopy(p) for p in run.parameters]
    for held, grad in zip(copies, grads, strict=True):
        held.grad = grad
    torch.optim.SGD(copies, **run.options).step()


def stepped_without(run: Run, names: tuple[int, ...]) -> None:
    """Step all parameters but some."""
    backward(run)
    held = {i: run.parameters[i].detach().clone() for i in names}
    run.optimizer.step()
    with torch.no_grad():
        for i, values in held.items():
            run.parameters[i].copy_(values)


@fault.stateless("bias", "not applied", "zero where")
def biases_frozen(run: Run) -> None:
    """Give the optimizer the weights only."""
    stepped_without(run, (1, 3))


@fault.stateless("fc1", "not applied", "zero where")
def hidden_layer_frozen(run: Run) -> None:
    """Leave the first layer as it was."""
    stepped_without(run, (0, 1))


@fault.stateless("fc2", "not applied", "zero where")
def last_layer_frozen(run: Run) -> None:
    """Leave the last layer as it was."""
    stepped_without(run, (2, 3))


@fault.stateless("no gradient", "zero where", "not applied")
def hidden_layer_detached(run: Run) -> None:
    """Cut the graph before the last layer."""
    backward(run, run.loss(run.forward(between=lambda a: a.detach())))
    run.optimizer.step()


@fault.stateless("lr", "learning rate", "times", "multiplied")
def learning_rate_ten_times(run: Run) -> None:
    """Take 10·lr."""
    with_rate(run, 10 * run.options["lr"])


@fault.stateless("lr", "learning rate", "times", "multiplied")
def learning_rate_decayed_too_early(run: Run) -> None:
    """Let a schedule run that nobody claims."""
    with_rate(run, run.options["lr"] * 0.9 ** (run.count + 1))


@fault.stateless("lr", "learning rate", "bias", "twice")
def biases_at_twice_the_learning_rate(run: Run) -> None:
    """Step biases at 2·lr, as Caffe did."""
    backward(run)
    held = [p.detach().clone() for p in run.parameters]
    run.optimizer.step()
    with torch.no_grad():
        for i in (1, 3):
            run.parameters[i].add_(run.parameters[i] - held[i])


def with_rate(run: Run, rate: float) -> None:
    """Step with another learning rate."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    as_it_should_be(run)


@fault.stateless("updated weights", "already updated", "new weights")
def hidden_gradient_through_updated_weights(run: Run) -> None:
    """Update layer after layer on the way back."""
    run.optimizer.zero_grad()
    run.loss(run.forward()).backward()  # type: ignore[no-untyped-call]
    last = (run.fc2.weight, run.fc2.bias)
    run.gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in run.parameters]
    run.fc1.weight.grad, run.fc1.bias.grad = None, None
    run.optimizer.step()
    with torch.no_grad():
        g2 = run.z2.grad
        assert g2 is not None
        run.a1.grad = g2 @ run.fc2.weight
        run.z1.grad = run.a1.grad * (run.z1 > 0)
        run.x.grad = run.z1.grad @ run.fc1.weight
        run.fc1.weight.grad, run.fc1.bias.grad = run.z1.grad.T @ run.x, run.z1.grad.sum(0)
    run.gradients[:2] = run.fc1.weight.grad, run.fc1.bias.grad
    for parameter in last:
        parameter.grad = None
    run.optimizer.step()


@fault.stateless("derivative of the activation")
def derivative_of_the_activation_forgotten(run: Run) -> None:
    """Hand ∂L/∂a on as ∂L/∂z."""
    y = run.forward()
    backward(run, run.loss(y))
    with torch.no_grad():
        g1 = run.a1.grad
        assert g1 is not None
        run.z1.grad = g1.clone()
        run.x.grad = g1 @ run.fc1.weight
        run.fc1.weight.grad, run.fc1.bias.grad = g1.T @ run.x, g1.sum(0)
    run.optimizer.step()


@fault.stateless("activation relu")
def activation_forgotten(run: Run) -> None:
    """Leave the ReLU out."""
    backward(run, run.loss(run.forward(activate=lambda z: z.clone())))
    run.optimizer.step()


@fault.stateless("accumulat", "zero_grad", "previous", "earlier")
def gradients_never_cleared(run: Run) -> None:
    """Forget zero_grad."""
    run.loss().backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()


@fault.stateless("zero")
def gradients_cleared_before_the_step(run: Run) -> None:
    """Call zero_grad between backward and step."""
    run.loss().backward()  # type: ignore[no-untyped-call]
    run.optimizer.zero_grad(set_to_none=False)
    run.optimizer.step()


@fault.stateless("twice")
def backward_called_twice(run: Run) -> None:
    """Run backward twice through one graph."""
    run.optimizer.zero_grad()
    loss = run.loss()
    loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()


@fault.stateless("sign")
def loss_climbed(run: Run) -> None:
    """Run backward from −L."""
    backward(run, -run.loss())
    run.optimizer.step()


@fault.stateless("weight decay", "weight_decay")
def weight_decay_twice(run: Run) -> None:
    """Add the penalty by hand and in the optimizer."""
    backward(run)
    stepped_from(run, run.options["weight_decay"])


@fault.stateless("weight decay", "weight_decay")
def weight_decay_forgotten(run: Run) -> None:
    """Create the optimizer without it."""
    backward(run)
    stepped_from(run, -run.options["weight_decay"])


@fault.stateless("weight decay", "weight_decay", "bias")
def biases_not_decayed(run: Run) -> None:
    """Put biases into a group without decay."""
    backward(run)
    stepped_from(run, -run.options["weight_decay"], (1, 3))


def stepped_from(run: Run, decay: float, which: tuple[int, ...] = (0, 1, 2, 3)) -> None:
    """Step as if some gradients had a decay more; they are recorded without."""
    run.gradients = [torch.clone(p.grad) for p in run.parameters if p.grad is not None]
    with torch.no_grad():
        for i in which:
            grad = run.parameters[i].grad
            assert grad is not None
            grad.add_(run.parameters[i], alpha=decay)
    run.optimizer.step()


@fault.stateless("momentum", "handed over", "buffer")
def optimizer_created_in_the_loop(run: Run) -> None:
    """Create the optimizer anew at every step: its momentum begins again."""
    run.optimizer = torch.optim.SGD(run.parameters, **run.options)
    run.watch(run.optimizer)
    as_it_should_be(run)


@fault.stateless("clipped", "multiplied", "times", "scaled")
def gradients_clipped(run: Run) -> None:
    """Clip the norm of all gradients."""
    backward(run)
    nn.utils.clip_grad_norm_(run.parameters, 0.1)
    run.optimizer.step()


@fault.stateless("half of the rows")
def half_of_the_batch(run: Run) -> None:
    """Take the loss of the first rows only."""
    y = run.forward()
    backward(run, run.loss(y[: len(y) // 2], run.target[: len(y) // 2]))
    run.optimizer.step()


@fault.stateless("reverse order")
def targets_reversed(run: Run) -> None:
    """Reverse the inputs and not the targets."""
    backward(run, run.loss(run.forward(), run.target.flip(0)))
    run.optimizer.step()


@fault.stateless("handed over", "multiplied", "dropout")
def dropout_while_measuring(run: Run) -> None:
    """Leave dropout on behind the hidden layer."""
    backward(run, run.loss(run.forward(activate=lambda z: F.dropout(z.relu(), 0.5))))
    run.optimizer.step()


@fault.stateless("multiplied", "times", "1024", "scale")
def gradient_scale_never_undone(run: Run) -> None:
    """Scale the loss and step with scaled gradients."""
    backward(run, run.loss() * 1024)
    run.optimizer.step()


@fault.stateless("clamped", "clipped", "limited")
def weights_clipped_behind_the_step(run: Run) -> None:
    """Clip parameters to ±0.05."""
    as_it_should_be(run)
    with torch.no_grad():
        for p in run.parameters:
            p.clamp_(-0.05, 0.05)


@fault.stateless("bfloat16", "rounded", dtypes=("float32",))
def parameters_rounded_to_bfloat16(run: Run) -> None:
    """Store parameters in bfloat16 between steps."""
    as_it_should_be(run)
    with torch.no_grad():
        for p in run.parameters:
            p.copy_(p.bfloat16())


@fault.stateless("not applied", "zero where", "handed over")
def parameters_replaced(run: Run) -> None:
    """Put new parameters into the network: the optimizer keeps the old ones."""
    backward(run)
    run.gradients = [torch.clone(p.grad) for p in run.parameters if p.grad is not None]
    run.fc1.weight = nn.Parameter(run.fc1.weight.detach().clone())
    run.optimizer.step()


@fault.stateless("gradient", "weight's", "bias")
def biases_stepped_with_gradients_of_weights(run: Run) -> None:
    """Step each bias with the first column of its weight's gradient."""
    backward(run)
    run.gradients = [torch.clone(p.grad) for p in run.parameters if p.grad is not None]
    run.fc1.bias.grad = run.gradients[0][:, 0].clone()
    run.fc2.bias.grad = run.gradients[2][:, 0].clone()
    run.optimizer.step()
