"""Losses, dtypes, layers and checkpoints of which the words and code beside a message decide."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision
from fcinspect.diagnosis.rules.dtypes import dtype_of, either, to
from fcinspect.diagnosis.rules.losses import rows_and_labels
from fcinspect.diagnosis.rules.operands import operands
from fcinspect.diagnosis.rules.shapes import viewed
from fcinspect.diagnosis.rules.state_dict_report import read_report

BATCHES = re.compile(
    r"[Ee]xpected input batch_size \((\d{1,9})\) to match target batch_size \((\d+)"
)
TOKENS = re.compile(r"logits|input_ids|\btokeni[sz]er|transformers/|vocab_size|seq_len", re.I)
ROWS = re.compile(r"\[((?:[01]\.?, ?){1,50}[01]\.?)\]")
CLASSES = re.compile(r"\b(\d{1,4})[ -]class|(?:num|n)_?classes ?= ?(\d{1,4})")
ONE_HOT = re.compile(r"one[- _]?hot", re.IGNORECASE)
NORMALIZE = re.compile(r"Normalize\((?:mean ?= ?)?[\[(]([\d., -]{1,99}?),?[\])]")
PIXELS = re.compile(r"(?:view|reshape)\(-1, ?(\d{1,6}(?: ?\* ?\d{1,6}){0,3})\)")
OWN_SIZE = re.compile(
    r"Linear\(|Conv\dd\(|Embedding\(|LSTM\(|GRU\(|BatchNorm\dd\(|LayerNorm\(|Parameter\("
)
DIVIDED = re.compile(r"(?<![/\"'])/(?![/\"'])")
ROUNDED = re.compile(r"\bround\(")
COMPUTED = re.compile(r"(?:(?P<name>\w+) ?= ?)?(?P<call>(?:self\.)?[a-z_]\w*\(\))")
QUIET = re.compile(
    r"no error|without (?:an )?error"
    r"|(?:not|n't|fails? to) (?:learn|decrease|converge|train|improve)"
    r"|(?:is|are|estimates|results|predictions) (?:all )?(?:wrong|constant|the same)|bad result",
    re.IGNORECASE,
)
ONE_OUTPUT = re.compile(r"(?:nn\.)?Linear\([^(),\n]{1,40}, ?1\)")
FLAT = re.compile(
    r"^[ \t]*(?P<target>y\w{0,20}|targets?|labels?) ?= ?"
    r"(?P<made>[^\n]*(?:\w\[:, ?\d\]|randn?\(\w+\))"
    r"[^\n]*)$",
    re.MULTILINE,
)
SHAPED = r"^[ \t]*[^#\n]*\b{}\b[^#\n]*(?:reshape|view|unsqueeze|\[:, ?None\])|squeeze\("


def padded_apart(facts: Facts) -> Decision | None:
    """Tokens of logits and labels, whose numbers differ by another amount each time."""
    pairs = list(dict.fromkeys(BATCHES.findall(facts.text)))
    mine = rows_and_labels(facts)
    if mine is None or 0 in mine or max(mine) % min(mine) == 0:
        return None
    surplus = dict.fromkeys(abs(int(a) - int(b)) for a, b in pairs)
    if len(surplus) < 2:
        if not TOKENS.search(facts.text):
            return None
        told = f"{mine[0]} and {mine[1]} have no whole ratio"
    else:
        told = f"the difference is another each time ({', '.join(map(str, surplus))})"
    return Decision("tokens-differ", told=f"{told}, so no fixed cut mends it")


def one_hot_flattened(facts: Facts) -> Decision | None:
    """Rows of one 1 and zeros in the text, of which a view made labels."""
    mine = rows_and_labels(facts)
    if mine is None or mine[0] == 0 or mine[1] % mine[0] or mine[0] >= mine[1]:
        return None
    classes = mine[1] // mine[0]
    rows = [row.split(",") for row in ROWS.findall(facts.text)]
    hot = [row for row in rows if len(row) == classes and sum(float(n) for n in row) == 1]
    named = {int(a or b) for a, b in CLASSES.findall(facts.text)}
    if not hot and not (classes in named and ONE_HOT.search(facts.text)):
        return None
    seen = "the text shows such rows" if hot else f"the text names {classes} classes"
    found = re.search(r"([A-Za-z_][\w.]*)\.(?:view|reshape|flatten)\([^()]*\)\)", facts.text)
    name = found[1] if found else "y"
    return Decision(
        "one-hot-flattened", classes=classes, rows=mine[0], labels=mine[1], seen=seen, name=name
    )


def channels_as_rows(facts: Facts) -> Decision | None:
    """A view(-1, pixels) of images that have three channels."""
    mine = rows_and_labels(facts)
    if mine is None or mine[0] != 3 * mine[1]:
        return None
    for written in PIXELS.findall(facts.text):
        pixels = prod(int(n) for n in written.split("*"))
        normalised = [n for n in NORMALIZE.findall(facts.text) if n.count(",") == 2]
        if not normalised and pixels not in (784, 1024, 4096):
            continue
        grey = bool(normalised) and pixels == 784
        cause = "channels-as-rows/normalize" if grey else "channels-as-rows"
        mean = normalised[0] if grey else ""
        return Decision(
            cause, mean=mean, rows=mine[0], labels=mine[1], pixels=pixels, all=3 * pixels
        )
    return None


def columns_of_labels(classes: str, columns: str, facts: Facts) -> Decision | None:
    """The words beside the message tell the columns of outputs and targets."""
    if columns == "1" or classes == "1":
        return None
    if classes == columns:
        return Decision("one-hot-target/told", classes=classes)
    return Decision("several-labels", classes=classes, columns=columns)


def batch_in_view(factors: str, facts: Facts) -> Decision | None:
    """The batch size is one of the factors of a view(-1, …)."""
    said = viewed(facts)
    numbers = [int(n) for n in factors.split("*")]
    if said is None or len(numbers) < 2:
        return None
    (shape, size), batch, rest = said, numbers[0], prod(numbers[1:])
    if batch * rest not in shape or size % rest or batch < 2:
        return None
    told = re.search(rf"Using a target size \(torch\.Size\(\[{batch}\b", facts.text)
    if told is None and len(numbers) < 4:
        return None  # channels × height × width
    warned = f"; the warning above shows a batch of {batch} targets" if told else ""
    return Decision(
        "batch-written-down/factor", batch=batch, rest=rest, whole=batch * rest, size=size,
        rows=size // rest, warned=warned,
    )  # fmt: skip


def loss_backward(a: str, b: str, facts: Facts) -> Decision | None:
    """expected dtype Double but got dtype Float, in backward"""
    first, second = dtype_of(a), dtype_of(b)
    if first is None or second is None or first == second:
        return None
    if not re.search(r"backward|[Ll]oss", facts.text):
        return either(a, b, facts)
    made = re.search(
        r"(?:Loss\(\)|criterion|loss_fn|loss_func|mse_loss)\(([^\n]{1,200})\)", facts.text
    )
    target = re.search(r", ?(\w+)\)?$", made[1]) if made else None
    return Decision(
        "target-dtype-in-backward", first=first, second=second, a=f"torch.{first}",
        b=f"torch.{second}", target=target[1] if target else "y", to_first=to(first),
    )  # fmt: skip


def size_in_line(facts: Facts) -> Decision | None:
    """What is no integer, as far as the reader's own line shows it."""
    code = facts.own_place.code.strip()
    if not OWN_SIZE.search(code):
        return None
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "", code)
    if ROUNDED.search(plain):
        mended = re.sub(r"\bround\(([^(),]+//[^(),]+)\)", r"\1", code)
        mended = re.sub(r"(?<!int\()\bround\(([^(),]+)\)", r"int(round(\1))", mended)
        return Decision("float-width/round", code=mended if mended != code else None)
    if len(DIVIDED.findall(plain)) == 1:
        return Decision("float-width/division", code=DIVIDED.sub("//", code))
    called = COMPUTED.search(plain.partition("Linear(")[2])
    if called is not None:
        return Decision("size-of-a-function", call=called["call"], line=code)
    return None


def minus_one(name: str, out: str, facts: Facts) -> Decision:
    """nn.Linear(-1, out) in torch before it was refused"""
    joined = re.search(r"\b(?:i2h|i2o|i2\w|RNN\w*)\b", facts.text)
    told, code = "", None
    if joined:
        told = "; in a recurrent cell it reads input and hidden state side by side, input_size +"
        told += " hidden_size"
        code = f"{name} = nn.Linear(input_size + hidden_size, {out})"
    return Decision("negative-width/old", told=told, code=code)


def head_at_test(facts: Facts) -> Decision | None:
    """A checkpoint that is to be used as it is, in a model made for another number of classes."""
    report = read_report(facts.message)
    first = next(iter(report.mismatches), None)
    if first is None or not first.saved or not first.wanted:
        return None
    layer = first.key.rpartition(".")[0]
    return Decision("head-of-checkpoint", saved=first.saved[0], wanted=first.wanted[0], layer=layer)


def adapter_left(layer: str, facts: Facts) -> Decision | None:
    """A layer that an adapter added to the model."""
    given = operands(facts)
    found = re.search(rf"{layer}\(([\w.]+)", facts.text)
    argument = given[0] if given else found[1] if found else "x"
    return Decision("adapter-not-moved", layer=layer, argument=argument)


def built_twice(head: str, what: str) -> Decision:
    """A line that replaces the layer it reads from, run again."""
    return Decision("line-run-twice", head=head, what=what)


def of_container(owner: str, what: str, facts: Facts) -> Decision | None:
    """model.classifier.in_features, where the classifier is a Sequential."""
    if owner in {"nn.Sequential", "self"} or f"no attribute '{what}'" not in facts.flat:
        return None
    return Decision("layer-in-container", owner=owner, what=what)


def quiet_broadcast(facts: Facts) -> Decision | None:
    """A regression whose target has one dimension, and whose output has two."""
    outputs = ONE_OUTPUT.findall(facts.text)
    made = FLAT.search(facts.text)
    if not QUIET.search(facts.text) or not outputs or made is None:
        return None
    if re.search(SHAPED.format(made["target"]), facts.text, re.MULTILINE):
        return None
    line = f"{made['target']} = {made['made'].strip()}"
    return Decision("target-broadcast/quiet", layer=outputs[-1], target=made["target"], line=line)
