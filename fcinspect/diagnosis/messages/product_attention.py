"""Products inside nn.MultiheadAttention, whose keys and values have another width than its own."""

from __future__ import annotations

from fcinspect.diagnosis.messages.own_line import operands
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.reported import NAME, Reported


def in_attention(reported: Reported) -> bool:
    """Whether the product is one with the weight that projects queries, keys and values."""
    return any(frame.function == "multi_head_attention_forward" for frame in reported.frames)


def causes(width: int, embed_dim: int, reported: Reported) -> tuple[Cause, ...]:
    """Return why keys and values of `width` do not fit an attention of `embed_dim`.

    Queries of another width, and keys and values of two, meet other messages of torch.
    """
    arriving = f"keys of {width:,} features arrive, and embed_dim is {embed_dim:,}"
    told = Cause(
        "key-width",
        "The keys and values have another width than the queries, and the attention is not told",
        arriving,
        f"give it kdim={width} and vdim={width}, beside the arguments that it has",
        reported.replaced(
            f"nn.MultiheadAttention({embed_dim}, num_heads, kdim={width}, vdim={width})"
        ),
    )
    given = operands(reported)
    memory = given[1] if len(given) > 1 and NAME.match(given[1]) else "memory"
    projected = Cause(
        "memory-not-projected",
        "What is attended to is not projected to the width of the attention",
        arriving,
        "project it with a linear layer of its own, made beside the attention",
        f"project = nn.Linear({width}, {embed_dim})\n{memory} = project({memory})",
    )
    # a layer of a transformer makes its attention itself, and takes no kdim
    return (projected, told) if reported.inside else (told, projected)
