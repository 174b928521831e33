"""Messages about options of a layer that do not go together or are out of their range."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def _probability(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `dropout probability has to be between 0 and 1, but got 50`."""
    got = match["got"] or "another number"
    evidence = f"the number given is {got}"
    if "tensor" in got:
        cause = Cause(
            "class-called",
            "nn.Dropout was called with the tensor, as if it were a layer",
            evidence,
            "Make the layer with the probability, then call it",
            "self.dropout = nn.Dropout(0.5)\nx = self.dropout(x)",
        )
    else:
        try:
            share = float(got) / 100
        except ValueError:
            share = 2.0
        percent = f"{share:g}" if 0 < share < 1 else "0.5"
        cause = Cause(
            "probability-out-of-range",
            "The probability is written in percent, or a number of features was given in its place",
            evidence,
            "Give a share between 0 and 1",
            f"nn.Dropout({percent})",
        )
    words = f"The probability of dropout must lie between 0 and 1, and is {got}."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "dropout probability has to be",
        r"dropout probability has to be between 0 and 1,? but got (?P<got>tensor\(|[\w.+-]+)",
        _probability,
    ),
    Pattern(
        "dropout should be a number in range",
        r"dropout should be a number in range \[0, 1\](?P<got>)",
        _probability,
    ),
    known(
        "construction",
        "embed_dim must be divisible by num_heads",
        r"embed_dim must be divisible by num_heads",
        "Attention divides its features into heads of equal size, and their number "
        "does not divide them.",
        Cause(
            "heads-do-not-divide",
            "embed_dim (d_model) is no multiple of num_heads (nhead)",
            "the message says so; the numbers stand in the line that makes the layer",
            "Choose num_heads among the divisors of embed_dim",
            "nn.MultiheadAttention(embed_dim=512, num_heads=8)  # 512 = 8·64",
        ),
    ),
    known(
        "construction",
        "must be divisible by groups",
        r"(?P<name>in_channels|out_channels) must be divisible by groups",
        "A grouped convolution divides its channels into groups of equal size, and groups does not "
        "divide {name}.",
        Cause(
            "groups-do-not-divide",
            "{name} is no multiple of groups",
            "the message names {name}",
            "Choose groups so that it divides both in_channels and out_channels",
            "nn.Conv2d(in_channels=8, out_channels=16, kernel_size=3, groups=8)",
        ),
    ),
    known(
        "construction",
        "must be divisible by num_groups",
        r"num_channels (?:\((?P<channels>\d+)\) )?must be divisible by num_groups"
        r"(?: \((?P<groups>\d+)\))?",
        "nn.GroupNorm divides {channels} channels into {groups} groups of equal size, and that "
        "does not come out even.",
        Cause(
            "groups-do-not-divide",
            "num_groups does not divide num_channels; num_groups is the first argument",
            "num_channels is {channels}, num_groups {groups}",
            "Choose num_groups among the divisors of num_channels",
            "nn.GroupNorm(num_groups=1, num_channels={channels})",
        ),
    ),
    known(
        "construction",
        "Fan in and fan out can not be computed",
        r"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
        "An initialisation that needs fan_in and fan_out met a tensor with fewer than 2 "
        "dimensions.",
        Cause(
            "bias-initialised-like-weight",
            "The initialisation is applied to a bias or to the weight of a normalisation layer",
            "biases have 1 dimension, weights of linear layers 2",
            "Initialise weights only, and set biases to zero",
            "if parameter.dim() > 1:\n    nn.init.xavier_uniform_(parameter)",
        ),
    ),
    known(
        "construction",
        "Padding_idx must be within",
        r"Padding_idx must be within num_embeddings",
        "The padding index of an embedding lies outside its rows.",
        Cause(
            "padding-index-too-large",
            "padding_idx is num_embeddings or larger; rows are counted from 0",
            "the message compares padding_idx with num_embeddings",
            "Add a row for padding",
            "nn.Embedding(num_embeddings + 1, embedding_dim, padding_idx=num_embeddings)",
        ),
    ),
    known(
        "construction",
        "dropout option adds dropout after all but last",
        r"but got dropout=(?P<p>[\d.]+) and num_layers=(?P<n>\d+)",
        "The recurrent layer has num_layers={n}, and its dropout={p} acts between layers only: it "
        "does nothing.",
        Cause(
            "dropout-without-effect",
            "Dropout of nn.LSTM and its like stands between stacked layers, and there is one",
            "num_layers is {n}",
            "Put nn.Dropout behind the layer, or stack several",
            "self.dropout = nn.Dropout({p})",
        ),
    ),
    known(
        "construction",
        "padding",
        r"(?:Invalid padding string '(?P<got>\w+)', should be one of|padding_mode must be one of) "
        r"\{(?P<those>[^}]*)\}(?:, but got padding_mode='(?P<also>\w+)')?",
        'A convolution has no padding of the name "{got}{also}".',
        Cause(
            "option-misspelt",
            "The name is misspelt or another library's",
            "it is one of {those}",
            "Write one of these names",
            'nn.Conv2d(3, 16, kernel_size=3, padding="same")',
        ),
    ),
    known(
        "construction",
        "onlinearity",
        r"(?:Unknown|Unsupported) nonlinearity '?(?P<got>\w+)'?",
        'There is no nonlinearity "{got}" in this place.',
        Cause(
            "option-misspelt",
            "nn.RNN knows tanh and relu only, and calculate_gain has no entry for newer "
            "activations",
            'the name is "{got}"',
            "Choose one of the names it knows; for GELU the gain of relu is usual",
            'gain = nn.init.calculate_gain("relu")',
        ),
    ),
    known(
        "construction",
        "activation should be relu/gelu",
        r"activation should be relu/gelu, not (?P<got>\w+)",
        'A transformer layer has no activation of the name "{got}".',
        Cause(
            "option-misspelt",
            "Only two activations can be given by name; others as a function",
            'the name is "{got}"',
            "Give the function itself",
            "activation=torch.nn.functional.silu",
        ),
    ),
)
