"""Silent faults of what stands beside a module: its optimizer, and its state dict in a file."""

from __future__ import annotations

from fcinspect.diagnosis.observations import OptimizerHolds, StoredWeights
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by

MOST_NAMES = 6


def listed(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def of_optimizer(held: OptimizerHolds) -> Cause:
    """Return what is wrong with what an optimizer holds."""
    if len(held.missing) == held.of:
        return Cause(
            "optimizer-other-parameters",
            f"{held.name} updates other parameters than the module's",
            f"of the module's {held.of} trainable parameters {held.name} ({held.kind}) holds none,"
            f" and {held.foreign} that are not the module's",
            "make the optimizer after the module, from this module's parameters",
            f"{held.name} = torch.optim.{held.kind}(model.parameters(), lr=…)",
        )
    missing = f"it lacks {listed(list(held.missing))}" if held.missing else ""
    foreign = f"it holds {held.foreign} that are not the module's" if held.foreign else ""
    return Cause(
        "optimizer-lacks-parameters" if held.missing else "optimizer-foreign-parameters",
        f"{held.name} does not hold just the module's trainable parameters",
        "; ".join(part for part in (missing, foreign) if part),
        "give it model.parameters(), after every layer is made",
        f"{held.name} = torch.optim.{held.kind}(model.parameters(), lr=…)",
    )


def undecided_weights(found: StoredWeights) -> list[str]:
    """Return what of a state dict cannot be told."""
    known = found.reversed or found.kernels or found.transposed or found.equal
    if found.square and not known:
        return [
            f"whether {listed(list(found.square))} of {found.source} lie transposed: square"
            f" weights"
            " load either way, and no other weight tells"
        ]
    return []


def of_weights(found: StoredWeights) -> list[Cause]:
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
