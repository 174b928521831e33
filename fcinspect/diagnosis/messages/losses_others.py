"""Messages of losses that need no computing: options, softmax, and the rarer losses."""

from __future__ import annotations

from fcinspect.diagnosis.records import Cause, Pattern, known

SIZE = r"(?:torch\.Size\()?\[[\d, ]*\]\)?"

PATTERNS: tuple[Pattern, ...] = (
    known(
        "loss",
        "Implicit dimension choice for",
        r"Implicit dimension choice for (?P<function>\w+) has been deprecated",
        "{function} was called without dim, and torch chose a dimension by the number of "
        "dimensions of the input.",
        Cause(
            "softmax-without-dim",
            "The call has no dim",
            "For a 3-D input torch chooses dimension 0, which is most often the batch",
            "Name the dimension of the classes",
            "{function}(pred, dim=-1)",
        ),
    ),
    known(
        "loss",
        "label_smoothing must be between",
        r"label_smoothing must be between 0\.0 and 1\.0\. Got: (?P<value>[-\w.]+)",
        "label_smoothing is {value}, and it is a share between 0 and 1.",
        Cause(
            "label-smoothing-out-of-range",
            "A percentage or a negative number was given as label_smoothing",
            "{value} is not between 0 and 1",
            "Give a share such as 0.1",
            "nn.CrossEntropyLoss(label_smoothing=0.1)",
        ),
    ),
    known(
        "loss",
        "ignore_index is not supported for floating point target",
        r"ignore_index is not supported for floating point target",
        "The target holds probabilities, and ignore_index leaves out class labels only.",
        Cause(
            "ignore-index-with-probabilities",
            "ignore_index was given together with a target of probabilities",
            "The target is floating point and has the input's shape",
            "Leave out ignore_index, or give class labels",
            "loss = F.cross_entropy(pred, y)",
        ),
    ),
    known(
        "loss",
        "reduction: 'mean' divides the total loss by both",
        r"reduction: 'mean' divides the total loss by both the batch size and the support size",
        "KLDivLoss with reduction='mean' divides by the number of all elements, not by the "
        "number of rows.",
        Cause(
            "kl-mean-reduction",
            "KLDivLoss was left at reduction='mean'",
            "The divergence of a batch is the sum divided by the batch size alone",
            "Write reduction='batchmean'",
            "loss = F.kl_div(pred.log_softmax(dim=-1), y, reduction='batchmean')",
        ),
    ),
    known(
        "loss",
        "size_average and reduce args will be deprecated",
        r"size_average and reduce args will be deprecated, please use reduction='(?P<word>\w+)'",
        "The loss was given size_average or reduce, which reduction replaces.",
        Cause(
            "size-average-given",
            "size_average or reduce was given, or a tensor stands in their place",
            "torch reads what was given as reduction='{word}'",
            "Write reduction='{word}'",
            "loss_function = nn.MSELoss(reduction='{word}')",
        ),
        Cause(
            "loss-not-called",
            "The output and target were given to the loss as it was made: nn.MSELoss(pred, y)",
            "The first two positional arguments of a loss class are size_average and reduce",
            "Make the loss first, then call it",
            "loss = nn.MSELoss()(pred, y)",
        ),
    ),
    known(
        "loss",
        "unsafe to autocast",
        r"binary_cross_entropy and torch\.nn\.BCELoss are unsafe to autocast",
        "BCELoss is refused under autocast, because its logarithm needs more than float16.",
        Cause(
            "bce-under-autocast",
            "A sigmoid and BCELoss stand inside autocast",
            "The message names binary_cross_entropy as unsafe to autocast",
            "Leave out the sigmoid and use the loss that takes logits",
            "loss = nn.BCEWithLogitsLoss()(pred, y)",
        ),
    ),
    known(
        "loss",
        "missing 1 required positional argument: 'target'",
        r"(?:(?P<loss>\w*Loss)\.)?forward\(\) missing 1 required positional argument: 'target'",
        "The loss was called with one argument, and needs the output and the target.",
        Cause(
            "target-missing",
            "The call leaves out the target",
            "forward() of a loss takes the output and the target; 'target' is missing",
            "Give the output first, the target second",
            "loss = loss_function(pred, y)",
        ),
    ),
    known(
        "loss",
        "positional arguments but",
        r"(?P<loss>\w*Loss)\.forward\(\) takes (?P<most>\d+) positional arguments but "
        r"(?P<given>\d+) were given",
        "{loss} was called with more tensors than it takes; the count of {given} includes self.",
        Cause(
            "too-many-loss-arguments",
            "An option such as the class weights was given in the call",
            "{most} arguments with self are taken, {given} were given",
            "Give options where the loss is made, and the output and target in the call",
            "loss = nn.{loss}(weight=weight)(pred, y)",
        ),
    ),
    known(
        "loss",
        "must be a float or int, got",
        r"(?P<name>delta|beta) must be a float or int, got: <class 'torch\.Tensor'>",
        "The option {name} of the loss was given a tensor.",
        Cause(
            "loss-not-called",
            "The output and target were given to the loss as it was made: nn.HuberLoss(pred, y)",
            "The class takes options such as {name}; only a call of what it makes takes tensors",
            "Make the loss first, then call it",
            "loss = nn.HuberLoss()(pred, y)",
        ),
    ),
    known(
        "loss",
        "does not support n",
        r"(?P<loss>huber_loss|smooth_l1_loss) does not support (?P<what>[\w-]+) values for "
        r"(?P<name>delta|beta)",
        "{loss} was given a {name} that is {what}.",
        Cause(
            "loss-option-out-of-range",
            "{name} is the error at which the loss turns from a square to a line",
            "The message names {what} values for {name}",
            "Give a positive {name}",
            "loss = F.{loss}(pred, y, {name}=1.0)",
        ),
    ),
    known(
        "loss",
        "target out of range",
        r"^target out of range$",
        "A class label is negative, or not less than the number of columns of the input.",
        Cause(
            "labels-start-at-one",
            "The labels count from 1 in place of 0",
            "The message says that a label is outside 0 to out_features − 1",
            "Subtract 1 from the labels, or give the last layer more out_features",
            "y = y - 1",
        ),
    ),
    known(
        "loss",
        "got an unexpected keyword argument",
        r"(?P<loss>\w*Loss)\.__init__\(\) got an unexpected keyword argument '(?P<name>\w+)'",
        "{loss} has no option {name}.",
        Cause(
            "unknown-loss-option",
            "{name} is no option of {loss}",
            "The message names the argument '{name}'",
            "Leave {name} out",
            "loss_function = nn.{loss}()",
        ),
    ),
    known(
        "loss",
        "margin_ranking_loss : All input tensors should have same dimension",
        rf"margin_ranking_loss : All input tensors should have same dimension but got sizes: "
        rf"input1: (?P<a>{SIZE}), input2: (?P<b>{SIZE}), target: (?P<t>{SIZE})",
        "The inputs have the sizes {a} and {b}, and the target {t}: they need equally many "
        "dimensions.",
        Cause(
            "ranking-dimensions-differ",
            "A linear layer with out_features=1 leaves a dimension of 1 that the target lacks, "
            "or the target has one too many",
            "{a}, {b} and {t}",
            "Give the scores and the target the same shape",
            "loss = loss_function(score1.view(-1), score2.view(-1), target.view(-1))",
        ),
    ),
    known(
        "loss",
        "anchor, positive, and negative tensors are expected",
        r"same number of dimensions, but got: anchor (?P<a>\d+)D, positive (?P<p>\d+)D, and "
        r"negative (?P<n>\d+)D",
        "The anchor has {a} dimensions, the positive {p} and the negative {n}.",
        Cause(
            "triplet-dimensions-differ",
            "One of the three has no batch dimension",
            "{a}, {p} and {n} dimensions",
            "Give all three the shape (N, features)",
            "negative = negative.unsqueeze(0)",
        ),
    ),
    known(
        "loss",
        "expected margin to be greater than 0",
        r"(?P<loss>\w+): expected margin to be greater than 0, got (?P<value>\S+) instead",
        "The margin of {loss} is {value}, and must be greater than 0.",
        Cause(
            "margin-not-positive",
            "A margin of 0 or less was given",
            "{value} is not greater than 0",
            "Give a positive margin",
            "loss_function = nn.{loss}(margin=1.0)",
        ),
    ),
    known(
        "loss",
        "multi_margin_loss: target tensor should be 1-D",
        r"Expected target size \[(?P<rows>\d+)\], but got \[(?P<got>[\d, ]+)\]",
        "The input has {rows} rows, and the target has size ({got}); one label for each row is "
        "needed.",
        Cause(
            "margin-labels-count",
            "The labels are not one for each row of the input",
            "Expected {rows}, got {got}",
            "Take the input and labels from the same batch, the labels of shape ({rows},)",
            "print(pred.shape, y.shape)",
        ),
    ),
    known(
        "loss",
        "inconsistent target size",
        r"inconsistent target size: \[(?P<t>[\d, ]+)\] for input of size: \[(?P<i>[\d, ]+)\]",
        "The target has size ({t}) and the input ({i}); MultiLabelMarginLoss needs them equal.",
        Cause(
            "multilabel-sizes-differ",
            "The target's columns and the last layer's out_features differ",
            "({t}) against ({i})",
            "Pad the target's rows with -1 up to the number of classes",
            "print(pred.shape, y.shape)",
        ),
    ),
    known(
        "loss",
        "Class values must be smaller than num_classes",
        r"Class values must be smaller than num_classes",
        "one_hot met a label that is not less than num_classes.",
        Cause(
            "labels-start-at-one",
            "The labels count from 1 in place of 0",
            "A label equal to num_classes is refused; labels count from 0",
            "Subtract 1 from the labels, or give a larger num_classes",
            "y = F.one_hot(y - 1, num_classes)",
        ),
    ),
    known(
        "loss",
        "Class values must be non-negative",
        r"Class values must be non-negative",
        "one_hot met a negative label.",
        Cause(
            "negative-label",
            "A label of -1 or less marks rows without a label",
            "Labels count from 0",
            "Take the rows with a negative label out first",
            "y = F.one_hot(y[y >= 0], num_classes)",
        ),
    ),
    known(
        "loss",
        "one_hot is only applicable to index tensor",
        r"one_hot is only applicable to index tensor",
        "one_hot takes class labels of dtype int64, and was given another dtype.",
        Cause(
            "labels-not-long",
            "The labels are not stored as int64",
            "The message asks for an index tensor of type LongTensor",
            "Convert the labels to int64",
            "y = F.one_hot(y.long(), num_classes)",
        ),
    ),
    known(
        "loss",
        "var has negative entry",
        r"var has negative entry/entries",
        "GaussianNLLLoss was given a negative variance.",
        Cause(
            "negative-variance",
            "A linear layer's output was given as the variance itself",
            "A linear layer's output may be negative, a variance may not",
            "Make it positive first",
            "loss = F.gaussian_nll_loss(mean, y, F.softplus(raw))",
        ),
    ),
    known(
        "loss",
        "var is of incorrect size",
        r"var is of incorrect size",
        "The variance of GaussianNLLLoss has neither the input's shape nor one value for each row.",
        Cause(
            "variance-shape",
            "The layer for the variance has other out_features than the one for the mean",
            "The message says that the size of var does not fit the input",
            "Give both layers the same out_features",
            "loss = F.gaussian_nll_loss(mean, y, var.view_as(mean))",
        ),
    ),
    known(
        "loss",
        "Expected input_lengths to have value at most",
        r"Expected input_lengths to have value at most (?P<most>\d+), but got value (?P<got>\d+)",
        "An input length is {got}, and the input of CTCLoss has {most} time steps.",
        Cause(
            "ctc-lengths-too-long",
            "The input lengths were counted before a layer shortened the sequence, or the input "
            "is batch first",
            "{got} is more than {most}, the size of dimension 0",
            "Bring the time to dimension 0 and count the lengths there",
            "loss = F.ctc_loss(log_probs.transpose(0, 1), y, input_lengths, target_lengths)",
        ),
    ),
    known(
        "loss",
        "_lengths must be of size batch_size",
        r"(?P<name>input|target)_lengths must be of size batch_size",
        "CTCLoss needs one of {name}_lengths for each sample of the batch.",
        Cause(
            "ctc-lengths-count",
            "{name}_lengths has another length than the batch",
            "The batch is dimension 1 of the input: (time, batch, classes)",
            "Give one length for each sample",
            "{name}_lengths = torch.full((log_probs.shape[1],), log_probs.shape[0])",
        ),
    ),
    known(
        "loss",
        "blank must be in label range",
        r"blank must be in label range",
        "The blank of CTCLoss is not one of the classes.",
        Cause(
            "ctc-blank-outside",
            "Blank is not less than the last layer's out_features",
            "Classes count from 0 to out_features − 1, the blank included",
            "Give the last layer one output feature more for the blank",
            "nn.Linear(in_features, classes + 1)  # blank=classes",
        ),
    ),
)
