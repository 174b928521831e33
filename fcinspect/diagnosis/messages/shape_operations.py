"""Shapes that do not fit: ranks, sequences, joined tensors, indices."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def _elementwise(match: Match[str], reported: Reported) -> Diagnosis:
    """The size of tensor a (8) must match the size of tensor b (7) at non-singleton dimension 1"""
    a, b, axis = int(match["a"]), int(match["b"]), int(match["axis"])
    causes = [
        Cause(
            "sizes-differ",
            "The two tensors are of different layers or batches",
            f"dimension {axis} is {a} on the left and {b} on the right, and neither is 1",
            "make both the same size: give the skipped connection a layer of its own, or take both"
            " from the same batch",
            f"self.skip = nn.Linear({a}, {b})",
        )
    ]
    if axis == 0:
        causes[0] = Cause(
            "sizes-differ",
            "The two tensors have different first dimensions: another batch, or a bias along it",
            f"dimension 0 is {a} on the left and {b} on the right, and neither is 1",
            "take both from the same batch; a bias of shape (N, 1) must be (N,)",
            "print(a.shape, b.shape)",
        )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Two tensors are combined number by number; in dimension {axis} one has {a} and the other"
        f" {b}.",
        tuple(causes),
    )


def _joined(match: Match[str], reported: Reported) -> Diagnosis:
    """Sizes of tensors must match except in dimension 1. Expected size 4 but got size 5 …"""
    axis, wanted, got, place = (int(match[n]) for n in ("axis", "wanted", "got", "place"))
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Tensors are joined along dimension {axis}; in another dimension the first has"
        f" {wanted} and"
        f" tensor {place} has {got}.",
        (
            Cause(
                "joined-sizes",
                "They are joined along the wrong dimension, or come from different batches",
                f"{wanted} against {got}, and only dimension {axis} may differ",
                "join along the dimension that differs, or make the others alike",
                f"torch.cat(tensors, dim={0 if axis else 1})",
            ),
        ),
    )


def _input_size(match: Match[str], reported: Reported) -> Diagnosis:
    """input.size(-1) must be equal to input_size. Expected 10, got 28"""
    wanted, got = int(match["wanted"]), int(match["got"])
    layer = reported.names()["layer"]
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"{got} features arrive at each step of a recurrent layer made for {wanted}.",
        (
            Cause(
                "input-size",
                f"input_size must be {got}",
                f"the last dimension of the input is {got}, and input_size is {wanted}",
                f"make input_size {got}, or bring the features to the last dimension",
                f"{layer} = nn.LSTM({got}, hidden_size, batch_first=True)",
            ),
            Cause(
                "sequence-transposed",
                "Time and features are swapped",
                f"the last dimension is {got}, and {wanted} features are expected",
                "swap them, if another dimension is the features",
                f"x = x.transpose(1, 2)  # (batch, time, {wanted})",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "must match the size of tensor b",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at"
        r" non-singleton dimension (?P<axis>\d+)",
        _elementwise,
    ),
    Pattern(
        "Sizes of tensors must match",
        r"Sizes of tensors must match except in dimension (?P<axis>\d+)\. Expected size"
        r" (?P<wanted>\d+) but got size (?P<got>\d+) for tensor number (?P<place>\d+)",
        _joined,
    ),
    Pattern(
        "must be equal to input_size",
        r"input\.size\(-1\) must be equal to input_size\. Expected (?P<wanted>\d+), got"
        r" (?P<got>\d+)",
        _input_size,
    ),
    Pattern(
        "input has inconsistent input_size",
        r"input has inconsistent input_size:? [Gg]ot (?P<got>\d+),? expected (?P<wanted>\d+)",
        _input_size,
    ),
    known(
        "shape",
        "(batched) input to conv",
        r"Expected (?P<expected>\dD \(unbatched\) or \dD \(batched\)) input to"
        r" (?P<kind>conv\w+), but"
        r" got input of size: \[(?P<shape>[\d, ]+)\]",
        "The convolution takes {expected} input; it got [{shape}].",
        Cause(
            "convolution-rank",
            "The input has lost or gained dimensions: it was flattened, or has no channels",
            "its shape is [{shape}]",
            "give it (batch, channels, height, width): unflatten it, or add the channel",
            "x = x.unsqueeze(1)  # (batch, 1, height, width)",
        ),
    ),
    known(
        "shape",
        "Kernel size can't be greater than actual input size",
        r"Calculated padded input size per channel: \((?P<size>[\dx ]+)\)\. Kernel size:"
        r" \((?P<kernel>[\dx ]+)\)\. Kernel size can't be greater",
        "A kernel of {kernel} does not fit what has become {size}.",
        Cause(
            "shrunk-to-nothing",
            "The picture is too small for so many convolutions and pools",
            "{size} is left, and the kernel is {kernel}",
            "leave out a pool, start from a larger picture, or give the layers before padding",
            'nn.Conv2d(…, padding="same")',
        ),
    ),
    known(
        "shape",
        "Output size is too small",
        r"Given input size: \((?P<size>[\dx]+)\)\. Calculated output size: \((?P<out>[-\dx]+)\)\."
        r" Output size is too small",
        "Pooling {size} (channels×height×width) leaves {out}.",
        Cause(
            "shrunk-to-nothing",
            "The picture is too small for so many pools",
            "{size} enters the pool, and {out} would leave it",
            "leave out a pool, or start from a larger picture",
            "nn.AdaptiveAvgPool2d(1)",
        ),
    ),
    known(
        "shape",
        "Expected more than 1 value per channel when training",
        r"Expected more than 1 value per channel when training, got input size"
        r" (?:torch\.Size\()?\[(?P<shape>[\d, ]+)\]",
        "A batch normalisation in training mode takes the variance of one value: [{shape}].",
        Cause(
            "batch-of-one",
            "The batch has one row: the last of an epoch, or a single sample",
            "the input is [{shape}]",
            "drop the last small batch, or evaluate with model.eval()",
            "DataLoader(dataset, batch_size=64, drop_last=True)",
        ),
    ),
    known(
        "shape",
        "D input)",
        r"expected (?P<expected>\dD(?: or \dD)?) input \(got (?P<got>\d)D input\)",
        "A normalisation for {expected} input got {got} dimensions.",
        Cause(
            "batch-norm-rank",
            "A batch normalisation of another rank is needed",
            "{got} dimensions arrive, and it takes {expected}",
            "use BatchNorm1d behind linear layers, BatchNorm2d behind nn.Conv2d",
            "nn.BatchNorm1d(num_features)",
        ),
    ),
    known(
        "shape",
        "hidden",
        r"Expected hidden(?:\[\d\])? size \((?P<wanted>[\d, ]+)\), got \[(?P<got>[\d, ]+)\]",
        "The hidden state should be ({wanted}); it is ({got}).",
        Cause(
            "hidden-state-batch",
            "The hidden state is of another batch, or batch and time are swapped",
            "(layers, batch, hidden_size) is ({wanted}) here, and ({got}) was given",
            "make the state from this batch, or leave it out for zeros; batch_first=True does not"
            " change its order",
            "h0 = torch.zeros(num_layers, x.size(0), hidden_size)",
        ),
    ),
    known(
        "shape",
        "hx should also be",
        r"For (?P<batched>batched 3-D|unbatched 2-D) input, hx (?:and cx )?should also be"
        r" (?P<wanted>\d)-D"
        r" but got \(?(?P<got>\d)",
        "The input is {batched}, and the hidden state has {got} dimensions in place of {wanted}.",
        Cause(
            "hidden-state-rank",
            "Input and hidden state disagree on whether there is a batch",
            "the state has {got} dimensions, and {wanted} are expected",
            "give both a batch, or neither",
            "h0 = torch.zeros(num_layers, batch, hidden_size)",
        ),
    ),
    known(
        "shape",
        "Expected input to be 2D or 3D",
        r"(?P<kind>RNN|LSTM|GRU): Expected input to be 2D or 3D, got (?P<got>\d)D",
        "{kind} takes (time, features) or (batch, time, features); it got {got} dimensions.",
        Cause(
            "sequence-rank",
            "The input has a dimension too many, such as the channel of a picture",
            "{got} dimensions arrive",
            "leave it out, or merge it with the features",
            "x = x.squeeze(1)  # (batch, time, features)",
        ),
    ),
    known(
        "shape",
        "was expecting embedding dimension",
        r"was expecting embedding dimension of (?P<wanted>\d+), but got (?P<got>\d+)",
        "{got} features arrive at an attention layer of embed_dim {wanted}.",
        Cause(
            "embed-dim",
            "embed_dim must be {got}",
            "the last dimension of the query is {got}, and embed_dim is {wanted}",
            "make embed_dim {got}, or project the input",
            "self.project = nn.Linear({got}, {wanted})",
        ),
    ),
    known(
        "shape",
        "index out of range in self",
        r"index out of range in self",
        "An embedding is asked for a row that it does not have.",
        Cause(
            "index-out-of-range",
            "An index is as large as num_embeddings, or larger, or negative",
            "torch.nn.Embedding(n, …) has the rows 0 to n − 1",
            "make num_embeddings one more than the largest index, or use the tokenizer that belongs"
            " to the model",
            "print(x.min(), x.max(), embedding.num_embeddings)",
        ),
    ),
    known(
        "shape",
        "Dimension out of range",
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+),"
        r" (?P<high>\d+)\], but"
        r" got (?P<got>-?\d+)\)",
        "Dimension {got} is asked for; the tensor has dimensions {low} to {high}.",
        Cause(
            "missing-dimension",
            "The tensor has fewer dimensions than the code expects: most often its batch is"
            " missing",
            "dimension {got} does not exist; the last is {high}",
            "give it a batch dimension, or name a dimension that it has",
            "{argument} = {argument}.unsqueeze(0)",
        ),
    ),
    known(
        "shape",
        "don't multiply up to",
        r"unflatten: Provided sizes \[(?P<sizes>[-\d, ]+)\] don't multiply up to the size of dim"
        r" (?P<axis>\d+) \((?P<size>\d+)\)",
        "Dimension {axis} has {size} numbers, and is to become {sizes}.",
        Cause(
            "unflatten-sizes",
            "The sizes do not multiply to {size}",
            "[{sizes}] against {size}",
            "give sizes whose product is {size}, or -1 for one of them",
        ),
    ),
    known(
        "shape",
        "Tensors must have same number of dimensions",
        r"Tensors must have same number of dimensions: got (?P<a>\d) and (?P<b>\d)",
        "Tensors of {a} and {b} dimensions are joined.",
        Cause(
            "joined-ranks",
            "One of the tensors lacks a dimension",
            "{a} and {b} dimensions",
            "flatten the larger, or unsqueeze the smaller",
            "torch.cat([a.flatten(1), b], dim=1)",
        ),
    ),
    known(
        "shape",
        "stack expects each tensor to be equal size",
        r"stack expects each tensor to be equal size, but got \[(?P<a>[\d, ]*)\] at entry"
        r" (?P<i>\d+) and \[(?P<b>[\d, ]*)\] at entry (?P<j>\d+)",
        "Tensors of [{a}] and [{b}] are stacked; a DataLoader does so with its samples.",
        Cause(
            "samples-differ",
            "The samples of the batch have different shapes",
            "entry {i} is [{a}], entry {j} is [{b}]",
            "resize or pad them to one shape, or give the DataLoader a collate_fn",
            "torch.nn.utils.rnn.pad_sequence(samples, batch_first=True)",
        ),
    ),
    known(
        "shape",
        "permute(sparse_coo)",
        r"permute\(sparse_coo\): number of dimensions in the tensor input does not match.*?"
        r"input\.dim\(\) = (?P<got>\d+) is not equal to len\(dims\) = (?P<wanted>\d+)",
        "A tensor of {got} dimensions is permuted as if it had {wanted}.",
        Cause(
            "missing-dimension",
            "The tensor has another number of dimensions than permute names",
            "it has {got}, and {wanted} are named",
            "name each dimension once; most often the batch is missing",
            "x = x.unsqueeze(0)",
        ),
    ),
    known(
        "shape",
        "einsum()",
        r"einsum\(\): (?P<what>.{0,160})",
        "The equation of einsum does not fit its operands: {what}.",
        Cause(
            "einsum-operands",
            "A letter stands for two sizes, or an operand has other dimensions than letters",
            "{what}",
            "write one letter for each dimension, and the same letter for the same size only",
            "print([t.shape for t in operands])",
        ),
    ),
    *(
        known(
            "shape",
            marker,
            pattern,
            "A tensor of several numbers is used as one Python number.",
            Cause(
                "no-single-number",
                "The tensor holds more than one number",
                "item(), float() and int() take tensors of one",
                "reduce it first, or use tolist()",
                "{argument}.mean().item()",
            ),
        )
        for marker, pattern in (
            ("only one element tensors", r"only one element tensors can be converted"),
            ("converted to Scalar", r"a Tensor with \d+ elements cannot be converted to Scalar"),
        )
    ),
    known(
        "shape",
        "too many indices for tensor",
        r"too many indices for tensor of dimension (?P<rank>\d+)",
        "A tensor of {rank} dimensions is indexed with more.",
        Cause(
            "missing-dimension",
            "The tensor has fewer dimensions than the index names",
            "it has {rank}",
            "index what it has: after output[:, -1] the time is gone already",
        ),
    ),
)
