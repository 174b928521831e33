"""The catalogue of messages: it can be read, it is whole, and every message can be reached."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from itertools import cycle
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fcinspect.diagnosis import rules
from fcinspect.diagnosis.catalogue import parsing
from fcinspect.diagnosis.catalogue.parsing import FAMILIES, CatalogueError, Message, parsed
from fcinspect.diagnosis.catalogue.wording import HOLE, PRIVATE
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.recognising import PUT_IN, explained, matched
from fcinspect.diagnosis.records import Cause

FOLDER = Path(parsing.__file__).parent
EVERY = [message for family in FAMILIES for message in parsing.messages(family)]
WITH_FACTS = [*EVERY, *parsing.known_facts()]
NAMES = {"target", "layer", "argument", "called"}
"""What is put in whatever the message."""
EXAMPLE = """\
kind: loss
rewrite: losses.named

# A heading.
? got {rows:int} rows (of {all:int})
~ [Gg]ot {rows:int} of {all:int} rows?
There were {rows} rows, and no more than
      that; they are too few.
- too-few: The batch is too small
  because {rows} of {all}
  fix: Take more
    for x in loader:
        print(x)

    print(y)
- too-few/again: It is too small again
  fix: Take more
? not enough rows
& in the batch
Rows are missing.
- too-few
"""


def place(message: Message) -> str:
    """Return "losses-12" of the twelfth message in losses.txt."""
    family = message.file.removesuffix(".txt")
    return f"{family}-{parsing.messages(family).index(message)}"


def test_every_file_is_read_in_the_order_of_trying() -> None:
    """No file lies beside the others and is never tried."""
    files = {path.stem for path in FOLDER.glob("*.txt")}
    assert files == set(FAMILIES)
    assert {path.stem for path in (FOLDER / "facts").glob("*.txt")} == set(parsing.FACTS)
    assert len(FAMILIES) == len(files)


def test_lines_are_short() -> None:
    """They fit 100 columns, and none ends in a blank."""
    files = [*FOLDER.rglob("*.txt"), *FOLDER.rglob("*.toml")]
    assert len(files) == len(FAMILIES) + len(parsing.FACTS) + 3
    for line in (line for file in files for line in file.read_text(encoding="utf-8").split("\n")):
        assert len(line) <= 100, line
        assert line == line.rstrip(), line


@pytest.mark.parametrize("message", WITH_FACTS, ids=place)
def test_a_message_is_whole(message: Message) -> None:
    """Its patterns compile and hold their markers, and it has words that read like the others."""
    assert message.happened or message.rules or message.fact
    assert message.causes or message.rules
    for wording in message.wordings:
        assert wording.markers
        re.compile(wording.regex, re.DOTALL)
    for cause in message.causes.values():
        require_plain(cause)


def require_plain(cause: Cause) -> None:
    """Its words end without a full stop, and hold single blanks."""
    words = (cause.cause, cause.evidence, cause.fix)
    assert not any(part.endswith(".") for part in words), cause
    assert "  " not in "".join(words), cause


@pytest.mark.parametrize("name", ["repairs", "silent"])
def test_every_cause_without_a_message_is_given_by_code(name: str) -> None:
    """Code that looks at a module names each of them; variants may be put together."""
    code = "\n".join(p.read_text(encoding="utf-8") for p in (FOLDER.parent / name).glob("*.py"))
    found = parsing.causes(name)
    assert len(found) > 20
    for key, cause in found.items():
        assert f'"{key}"' in code or ("/" in key and f'"{cause.name}/' in code), key
        require_plain(cause)


def test_optimizers_and_schedulers_are_those_of_torch() -> None:
    """Their options are keywords there, and those that are needed have no default."""
    kinds = parsing.lists("optimizers") | parsing.lists("schedulers")
    needed = parsing.lists("needed")
    assert needed.keys() <= kinds.keys()
    for name, options in kinds.items():
        holders = (torch.optim, torch.optim.lr_scheduler, torch.optim.swa_utils)
        kind = next(getattr(holder, name) for holder in holders if hasattr(holder, name))
        known = inspect.signature(kind).parameters
        assert set(options) <= known.keys() | {"weight_decay"}, name  # Rprop has none
        assert set(needed.get(name, ())) <= set(options)


@pytest.mark.parametrize("message", WITH_FACTS, ids=place)
def test_what_is_put_in_is_known(message: Message) -> None:
    """Every {name} of the words is a group of the patterns, or a value that the rule gives."""
    given = message.groups | NAMES | values_of(message)
    for name in names_in(message):
        assert name in given, name


def names_in(message: Message) -> set[str]:
    """Return the names that stand in braces in the words of a message."""
    causes = message.causes.values()
    texts = [part or "" for c in causes for part in (c.cause, c.evidence, c.fix, c.code)]
    found = PUT_IN.findall("\n".join((message.happened, *texts)))
    inner = re.findall(r"\{(\w+)\}", " ".join(suffix for _, _, suffix in found))
    return {name for name, _, _ in found if name} | set(inner)


def modules_of(message: Message) -> list[tuple[ModuleType, str]]:
    """Return the module of each rule and the name of its function."""
    named = (rule.partition(".") for rule in message.rules)
    return [(import_module(f"{rules.__name__}.{name}"), function) for name, _, function in named]


def values_of(message: Message) -> set[str]:
    """Return the names that calls of Decision and pick put in, in the modules of the rules.

    For a state dict, that is in all modules that look for its causes.
    """
    if not message.rules:
        return set()
    texts, found = [], {"code"}
    for module, function in modules_of(message):
        texts.append(inspect.getsource(module))
        if function == "loading":
            folder = Path(rules.__file__ or "").parent
            texts += [path.read_text(encoding="utf-8") for path in folder.glob("state_dict_*.py")]
        found |= inspect.signature(getattr(module, function)).parameters.keys()
    for node in (node for text in texts for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Call):
            found |= {keyword.arg for keyword in node.keywords if keyword.arg}
        elif isinstance(node, ast.Dict):
            found |= {ast.unparse(key).strip("'") for key in node.keys if key}
        elif isinstance(node, ast.Subscript):
            found.add(ast.unparse(node.slice).strip("'"))
    return found


@pytest.mark.parametrize("message", [m for m in EVERY if m.rules], ids=place)
def test_a_rule_is_a_function_of_the_groups(message: Message) -> None:
    """It exists, and each of its parameters is a group, has a default, or is the report."""
    for module, function in modules_of(message):
        for name, parameter in inspect.signature(getattr(module, function)).parameters.items():
            known = name in message.groups or parameter.default is not parameter.empty
            assert known or name in ("facts", "found"), name
            assert parameter.annotation in ("str", "int", "Shape", "Facts", "Diagnosis"), name


@pytest.mark.parametrize("message", [m for m in EVERY if m.rewrite], ids=place)
def test_what_rewrites_code_exists(message: Message) -> None:
    """It takes the causes and the report."""
    module, _, function = message.rewrite.partition(".")
    found = getattr(import_module(f"{rules.__name__}.{module}"), function)
    assert [*inspect.signature(found).parameters] == ["causes", "facts"]


@pytest.mark.parametrize("message", EVERY, ids=place)
def test_what_is_taken_from_above_stands_there_once(message: Message) -> None:
    """A name alone, or one that a rule gives, means one cause of those further up."""
    taken = {line.text[2:] for line in message.lines if re.fullmatch(r"- [\w/-]+", line.text)}
    code = "".join(code_of(*found) for found in modules_of(message))
    given = set(re.findall(r'"([\w-]+(?:/[\w-]+)?)"', code)) - set(message.causes)
    above = parsing.messages(message.file.removesuffix(".txt"))
    for name in taken | given:
        causes = {id(m.causes[name]) for m in above[: above.index(message)] if name in m.causes}
        assert len(causes) == 1 or (not causes and name not in taken), name


def test_every_cause_of_a_rule_is_given_by_one() -> None:
    """Nothing is written for a rule that no rule speaks of."""
    folder = Path(rules.__file__ or "").parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    for message in EVERY:
        for name in message.causes if message.rules else ():
            begins = name.partition("/")[0].rpartition("-")[0]
            assert f'"{name}"' in code or f'"{begins}-' in code, name


def code_of(module: ModuleType, function: str) -> str:
    """Return the source of a function, and of the private ones of its module that it calls."""
    names = [function]
    for name in names:
        code = inspect.getsource(getattr(module, name))
        names += [n for n in re.findall(r"\b_[a-z]\w+(?=\()", code) if n not in names]
    return "\n".join(inspect.getsource(getattr(module, name)) for name in names)


# what `?` and `~` patterns are filled with
SIGNS = "2a.[(]' -"
FILLED = {
    "int": cycle("23"), "number": cycle("23"), "word": cycle(["sides", "other"]),
    "dotted": cycle(["torch.thing"]), "text": cycle(["thing"]), "shape": cycle(["4, 3"]),
    "sizes": cycle(["4, 3"]), "dtype": cycle(["Float", "Double"]), "scalar": cycle(["Float"]),
    "device": cycle(["cpu", "cuda:0"]), "digit": cycle("23"), "quoted": cycle(["torch.thing"]),
    "loss": cycle(["MSELoss"]), "layer": cycle(["Linear"]), "array": cycle(["(3,4)"]),
}  # fmt: skip


def example_of(pattern: str, alternative: str) -> str:
    """Return a text that a pattern matches, as far as that is easily made.

    `alternative` is what stands in brackets: the first of what they hold, or the last.
    """
    text = HOLE.sub(lambda hole: next(FILLED[hole[2]]), pattern[2:])
    if pattern[0] == "?":
        return text
    text = re.sub(r"\\(\W)", lambda sign: chr(ord(sign[1]) + PRIVATE), text)
    before = ""
    while text != before:
        before = text
        text = re.sub(r"\((?:\?<?[=!])[^()]*\)|\((?:\?(?:P<\w+>|:))?[^()]*\)[?*]", "", text)
        text = re.sub(r"\((?:\?(?:P<\w+>|:))?([^()]*)\)", lambda m: chosen(m[1], alternative), text)
    text = re.sub(r"(?:\[[^\]]*\]|\\\w|\.)\*\??|[^\]+*]\?", "", text)
    text = re.sub(r"\[[^\]]+\](?:\{[\d,]+\}|\+)?\??", lambda m: sign_of(m[0]), text)
    text = re.sub(r"\\[wWdsS]\+?\??", lambda m: sign_of(m[0]), text).strip("^$")
    return "".join(chr(ord(c) - PRIVATE) if c > "\ue000" else c for c in text)


def chosen(alternatives: str, which: str) -> str:
    """Return the first or the last of several alternatives."""
    return alternatives.split("|")[0 if which == "first" else -1]


def sign_of(part: str) -> str:
    """Return a sign that a class of a regular expression matches."""
    plain = "".join(chr(ord(c) - PRIVATE) if c > "\ue000" else c for c in part)
    one = re.sub(r"(?:\{[\d,]+\}|\+)?\??$", "", part)
    one = "".join("\\" + chr(ord(c) - PRIVATE) if c > "\ue000" else c for c in one)
    return next((sign for sign in SIGNS if re.fullmatch(one, sign)), plain)


def examples(message: Message) -> list[Facts]:
    """Return texts that the patterns of a message match."""
    also = [line.text[2:] for line in message.patterns if line.text[0] == "&"]
    patterns = [line.text for line in message.patterns if line.text[0] != "&"]
    texts = [
        " ".join((example_of(pattern, alternative), *also))
        for pattern in patterns
        for alternative in ("first", "last")
    ]
    return [Facts(text, None, text) for text in texts]


@pytest.mark.parametrize("message", EVERY, ids=place)
def test_no_message_is_hidden_behind_another(message: Message) -> None:
    """What one of its patterns matches is explained by it, unless its rule asks for more."""
    reached = made = False
    for facts in examples(message):
        match = matched(message, facts)
        if match is None or explained(message, match, facts) is None:
            continue
        made = True
        first = next(
            known
            for known in EVERY
            if (found := matched(known, facts)) and explained(known, found, facts)
        )
        reached |= first is message
    assert reached or not made


def test_nearly_every_message_is_tried_so() -> None:
    """The test above would say nothing if it made no examples."""
    made = 0
    for message in EVERY:
        made += any(matched(message, facts) for facts in examples(message))
    assert made > 0.9 * len(EVERY)


def test_a_file_is_read() -> None:
    """Wordings, joined lines, code of several lines, a variant, and a cause used again."""
    first, second = parsed(EXAMPLE, "loss.txt")
    assert first.kind == "loss"
    assert first.rewrite == "losses.named"
    assert [w.markers for w in first.wordings] == [("rows (of",), ("row",)]
    assert re.search(first.wordings[0].regex, "got 2  rows (of\n34)")
    assert re.search(first.wordings[1].regex, "Got 2 of 34 row")
    assert first.happened == "There were {rows} rows, and no more than that; they are too few."
    assert first.causes["too-few"] == Cause(
        "too-few", "The batch is too small", "{rows} of {all}", "Take more",
        "for x in loader:\n    print(x)\n\nprint(y)",
    )  # fmt: skip
    assert first.causes["too-few/again"] == Cause(
        "too-few", "It is too small again", "", "Take more"
    )
    assert second.causes == {"too-few": first.causes["too-few"]}
    assert second.wordings[0].markers == ("not enough rows", "in the batch")


def test_a_lazy_quantifier_leaves_no_sign() -> None:
    """A marker is searched as it stands, so it holds words alone."""
    text = "kind: loss\n~ x.*?rows: .{1,9}?of\nRows.\n- few: Few\n  fix: Take more\n"
    assert parsed(text, "loss.txt")[0].wordings[0].markers == ("rows:",)


def read_wholly(text: str) -> None:
    """Read every part of every message of a text."""
    for message in parsed(text, "loss.txt"):
        assert message.wordings
        assert message.happened
        assert message.causes


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ("kind: loss", "", "loss.txt:5: expected 'kind: NAME' above it; found '? got"),
        ("? got {rows:int} rows (of {all:int})", "? got {rows:integer}", "one of the types int,"),
        ("? not enough rows\n& in the batch", "~ one|other",
         "words in every pattern, or '& WORDS' below"),
        ("There were {rows} rows, and no more than\n      that; they are too few.", "",
         "loss.txt:6: expected what happened in the next line"),
        ("- too-few: The batch is too small", "- too few: The batch", "expected - name: cause"),
        ("  fix: Take more\n    for", "    for", "'  because EVIDENCE' or none, and then '  fix:"),
        ("    print(y)", "  print(y)", "code after four blanks, or the next cause or message"),
        ("- too-few\n", "- too-many\n", "the name of a cause above, or - name: cause"),
        ("- too-few\n", "- too-few\n  fix: Take more\n", "nothing after '- too-few'"),
        ("Rows are missing.\n- too-few\n", "Rows are missing.\n", "a cause after it"),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_refused(line: str, found: str, expected: str) -> None:
    """The refusal names the file, the line and the form that is expected."""
    text = EXAMPLE.replace(line, found)
    assert text != EXAMPLE
    with pytest.raises(CatalogueError) as refused:
        read_wholly(text)
    assert expected in str(refused.value)
    assert re.match(r"loss\.txt:\d+: expected .*; found '", str(refused.value))
