"""Silent faults of what stands beside a module: its optimizer, and its state dict in a file."""

from __future__ import annotations

from fcinspect.diagnosis.observations import OptimizerHolds, StoredWeights, listed
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import recognise
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by
from fcinspect.diagnosis.silent.case import Case


def found(case: Case) -> list[Cause]:
    """Return the faults of the optimizer and of the state dict."""
    return [*_of_optimizer(case.seen.optimizer), *_of_weights(case)]


def looked_for(case: Case) -> tuple[str, ...]:
    """Return what was looked for in a state dict; what was not is undecided."""
    stored = case.seen.weights
    if stored is None:
        case.undecided.append("a state dict: none was given; --weights FILE names it")
        return ()
    return (f"whether {stored.source} loads, and how weights that are not square lie",)


def _of_weights(case: Case) -> list[Cause]:
    """A state dict whose weights lie the other way round, or that does not load."""
    stored = case.seen.weights
    if stored is None:
        return []
    case.undecided += _undecided_weights(stored)
    causes = _turned(stored)
    known = recognise(read(stored.refusal)[0]) if stored.refusal else None
    return causes or list(known.likely[:1] if known else ())


def _of_optimizer(held: OptimizerHolds | None) -> list[Cause]:
    """An optimizer that does not update the module's parameters."""
    if held is None or not held.missing:
        return []
    foreign = f"{held.foreign} that are not the module's" if held.foreign else ""
    verb = "update" if " and " in held.name else "updates"
    if len(held.missing) == held.of:
        return [
            Cause(
                "optimizer-other-parameters",
                f"{held.name} {verb} other parameters than the module's",
                f"of the module's {held.of} trainable parameters {held.name} ({held.kind}) holds"
                f" none{f', and {foreign}' if foreign else ''}",
                "make the optimizer after the module, from this module's parameters",
                f"{held.name} = torch.optim.{held.kind}(model.parameters(), lr=…)",
            )
        ]
    holds = f"; it holds {foreign}, as after a layer is replaced" if foreign else ""
    return [
        Cause(
            "optimizer-lacks-parameters",
            f"{held.name} does not hold all of the module's trainable parameters",
            f"of {held.of} it lacks {listed(list(held.missing))}{holds}",
            "give it model.parameters(), after every layer is made",
            f"{held.name} = torch.optim.{held.kind}(model.parameters(), lr=…)",
        )
    ]


def _undecided_weights(found: StoredWeights) -> list[str]:
    """Return what of a state dict cannot be told."""
    known = found.reversed or found.kernels or found.transposed or found.equal
    if found.square and not known:
        return [
            f"whether {listed(list(found.square))} of {found.source} lie transposed: square"
            " weights load either way, and no other weight tells"
        ]
    return []


def _turned(found: StoredWeights) -> list[Cause]:
    """Return which weights of a state dict lie the other way round."""
    code = (
        "state = {k: v.T if v.ndim == 2 and 'emb' not in k else v for k, v in state.items()}\n"
        "model.load_state_dict(state)"
    )
    if found.transposed:
        return [
            Cause(
                "square-weight-transposed",
                f"The square weights {listed(list(found.transposed))} are stored transposed",
                f"{found.source} holds just the module's numbers, with rows and columns exchanged;"
                " load_state_dict does not object",
                "transpose them before loading",
                code,
            )
        ]
    turned = found.reversed and not found.equal
    if found.square and (turned or found.kernels):
        others = ", ".join(f"{name} {by(shape)}" for name, shape in found.reversed[:3])
        because = f"the other weights lie as (in, out): {others}" if turned else "they are kernels"
        return [
            Cause(
                "square-weight-transposed",
                f"The square weights {listed(list(found.square))} are stored transposed, too",
                f"{because}; a square weight of the same file loads without a word",
                "transpose every weight before loading, the square ones included",
                code,
            )
        ]
    if found.reversed:
        return [
            Cause(
                "weight-transposed",
                f"{listed([name for name, _ in found.reversed])} are stored as (in, out)",
                f"{found.reversed[0][0]} is {by(found.reversed[0][1])} in {found.source}",
                "transpose them before loading",
                code,
            )
        ]
    return []
