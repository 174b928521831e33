r"""The messages that are known, read from the text files beside this one.

A file begins with the kind of its messages; another kind may follow further down. The messages
stand in the order in which they are tried:

    kind: backward

    # What stands behind a # is a comment.
    ? got {tensors:int} tensors and {gradients:int} gradients
    {tensors} outputs were given, and {gradients} gradients for them.
    - grad-outputs-count: The numbers of outputs and grad_outputs differ
      because there are {tensors} outputs and {gradients} gradients
      fix: Pass one grad_output for each output
        torch.autograd.grad(ys, xs, grad_outputs=[torch.ones_like(y) for y in ys])

`? ` begins a pattern that is read as it stands, `~ ` one that is a regular expression; several are
wordings of one message. `& ` below a pattern gives words that must stand in the message, too. A
blank matches any run of blanks and line breaks, {name:type} what HOLES in wording.py
says of the type, as a group of that name, {:type} the same without a name. Then comes what
happened, and the causes, the likeliest first, each with its evidence, its fix, and the code that
mends it. A line that begins with six blanks goes on with the text above it, without a blank between
where that ends in a backslash; code is never broken.

{name} in a text is what a group matched, or one of the names in recognising.py; {name:,} is written
with commas between thousands. Other braces stay as they are. `- name` alone is the last cause of
that name above; `- name/variant: cause` tells causes of one name apart.

With `-> module.function` behind the patterns, that function of diagnosis/rules decides which causes
are likely, of those below and further up, and gives what else is put in: see recognising.py. Of
several, the first that decides counts. With `rewrite: module.function` below the kind, that
function writes the code of all causes in the reader's own names.

The folder `facts` holds what else a text can show, such as the frame of a library; the rules of its
libraries.txt are in rules/library_facts.py, and so on. A fact has a name in place of what happened,
and says what it bears on: kinds of messages, or names of causes.

    @ sliced-for-tensor-parallelism
    ~ range\(self\.(?:config\.)?pretraining_tp\)
    on: product dtype
    rules out: in-features weight-transposed
    - slices-of-packed-weight: The weight is packed, and its slices are multiplied as matrices
      because a frame multiplies slices of the weight, for pretraining_tp
      fix: Set pretraining_tp to 1
        model.config.pretraining_tp = 1

Its patterns may match anywhere in the text, `& ` may stand anywhere in it. Its causes come first,
and those that it rules out are left out. A rule may decide as for a message: None where the fact
does not hold; `found` is the diagnosis so far.

The folder `causes` holds causes that no message gives, names.toml what torch calls things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, NoReturn

from fcinspect.diagnosis.catalogue.wording import HOLE, HOLES, Wording, words_of
from fcinspect.diagnosis.records import Cause

FAMILIES = (
    *("product", "state_dicts", "losses", "dtypes", "devices"),
    *("backward", "optimizers", "construction", "shape", "arrays"),
    *("libraries", "distributed", "exported"),
    *("cuda", "old", "quiet"),
)
"""The files, in the order in which they are tried."""
FACTS = ("libraries", "inputs", "training", "source", "products", "layers")
"""The files in the folder `facts`, in the order in which they count."""
GROUP = re.compile(r"(?:\{|\(\?P<)(\w+)(?=:[a-z]+\}|>)")
ITEM = re.compile(
    r"(?P<skipped>#.*\n|\s*\n)"
    r"|kind: (?P<kind>\S+)\n"
    r"|rewrite: (?P<rewrite>\w+\.\w+)\n"
    r"|(?:@ (?P<fact>[\w-]+)\n)?"
    r"(?P<patterns>(?:[?~&] .*\n(?: {6}.*\n)*)+)"
    r"(?:-> (?P<rules>\w+\.\w+(?: \w+\.\w+)*)\n)?"
    r"(?:on: (?P<on>.*\n(?: {6}.*\n)*))?(?:rules out: (?P<out>.*\n(?: {6}.*\n)*))?"
    r"(?P<words>(?:(?![?~@] |kind: |rewrite: ).*\n)*)"
)
"""What stands in a file, one behind the other."""


class CatalogueError(ValueError):
    """A file of the catalogue is not written as it should be."""


class JoinedLine(NamedTuple):
    """A line with those that go on with it."""

    number: int
    """Of its beginning, from 0 at the first line of its message."""
    text: str


class Message:
    """A message that is known; its words are read where they are asked for."""

    def __init__(self, file: str, found: re.Match[str], kind: str, rewrite: str) -> None:
        self.file = file
        self.kind = kind
        """The family: "product", "dtype", …"""
        self.rewrite = rewrite
        """The function that writes code in the reader's own names; "" without one."""
        self.rules: tuple[str, ...] = tuple((found["rules"] or "").split())
        """The functions that decide, as "module.function"; the first that does counts."""
        self.fact: str = found["fact"] or ""
        """The name of a fact; "" of a message."""
        self.bears_on = frozenset((found["on"] or "").split())
        """Kinds of messages and names of causes that a fact bears on."""
        self.ruled_out = frozenset((found["out"] or "").split())
        """Names of causes that a fact rules out."""
        self.above: Message | None = None
        """The message before it in the file."""
        self._found = found

    def _lines(self, part: str) -> list[JoinedLine]:
        begins, starts = self._found.start(), self._found.start(part)
        first = self._found.string.count("\n", begins, starts)
        return list(_joined(self._found[part], first))

    @cached_property
    def patterns(self) -> list[JoinedLine]:
        """Its patterns with their marks, and the words that must stand in it, too."""
        return self._lines("patterns")

    @cached_property
    def wordings(self) -> tuple[Wording, ...]:
        """Its patterns, in the order in which they are tried.

        Raises CatalogueError for a pattern without words, or a type that HOLES lacks.
        """
        found: list[Wording] = []
        for line in self.patterns:
            if line.text[0] != "&":
                found.append(Wording(self._markers(line), line.text))
            elif found:
                found[-1] = found[-1]._replace(markers=(*found[-1].markers, line.text[2:]))
            else:
                self._fail(line, "a pattern after '? ' or '~ '")
        for wording in found:
            if not wording.markers:
                self._fail(self.patterns[0], "words in every pattern, or '& WORDS' below")
        return tuple(found)

    def _markers(self, line: JoinedLine) -> tuple[str, ...]:
        runs = HOLE.split(line.text[2:])
        for kind in runs[2::3]:
            if kind not in HOLES:
                self._fail(line, f"one of the types {', '.join(HOLES)}")
        words = runs[::3] if line.text[0] == "?" else words_of(HOLE.sub(".", line.text[2:]))
        marker = max((" ".join(run.split()) for run in words), key=len, default="")
        return (marker,) if marker else ()

    @cached_property
    def groups(self) -> set[str]:
        """The names of the groups in its patterns."""
        return set(GROUP.findall(self._found["patterns"]))

    @cached_property
    def lines(self) -> list[JoinedLine]:
        """What stands behind the patterns and the rule."""
        return self._lines("words")

    @cached_property
    def happened(self) -> str:
        """What happened; "" where the rule says it."""
        text = self.lines[0].text if self.lines else ""
        if text and text[:2] != "- ":
            return text
        if not (self.rules or self.fact):
            self._fail(self.patterns[-1], "what happened in the next line")
        return ""

    @cached_property
    def causes(self) -> dict[str, Cause]:
        """Name, with its variant, -> cause; the likeliest first."""
        lines = self.lines[bool(self.happened) :]
        starts = [place for place, line in enumerate(lines) if line.text[:2] == "- "]
        if lines and starts[:1] != [0]:
            self._fail(lines[0], "- name: cause")
        if not (starts or self.rules or self.fact):
            self._fail(self.patterns[-1], "a cause after it, as - name: cause")
        parts = pairwise((*starts, len(lines)))
        return dict(self._cause(lines[start:end]) for start, end in parts)

    def cause(self, name: str) -> Cause | None:
        """Return the cause of a name, below this message or else the last one above it."""
        if name in self.causes:
            return self.causes[name]
        return self.above.cause(name) if self.above else None

    def _cause(self, lines: list[JoinedLine]) -> tuple[str, Cause]:
        title = re.fullmatch(r"- ([\w-]+(?:/[\w-]+)?)(?:: (.+))?", lines[0].text)
        if title is None:
            self._fail(lines[0], "- name: cause")
        name, words = title.groups()
        if words is None:
            return name, self._again(name, lines)
        because = fix = ""
        rest = lines[1:]
        if rest and rest[0].text.startswith("  because "):
            because = rest.pop(0).text[10:]
        if rest and rest[0].text.startswith("  fix: "):
            fix = rest.pop(0).text[7:]
        else:
            self._fail((rest or lines)[0], "'  because EVIDENCE' or none, and then '  fix: TEXT'")
        for line in rest:
            if line.text and not line.text.startswith("    "):
                self._fail(line, "code after four blanks, or the next cause or message")
        code = "\n".join(line.text[4:] for line in rest).rstrip("\n")
        return name, Cause(name.partition("/")[0], words, because, fix, code or None)

    def _again(self, name: str, lines: list[JoinedLine]) -> Cause:
        if len(lines) > 1:
            self._fail(lines[1], f"nothing after '- {name}', which stands for a cause above")
        above = self.above.cause(name) if self.above else None
        if above is None:
            self._fail(lines[0], "the name of a cause above, or - name: cause")
        return above

    def _fail(self, line: JoinedLine, expected: str) -> NoReturn:
        number = self._found.string.count("\n", 0, self._found.start()) + line.number + 1
        raise CatalogueError(f"{self.file}:{number}: expected {expected}; found {line.text!r}")


@cache
def messages(family: str) -> tuple[Message, ...]:
    """Return the messages of a family, in the order in which they are tried."""
    file = f"{family}.txt"
    return parsed((Path(__file__).parent / file).read_text(encoding="utf-8"), file)


@cache
def known_facts() -> tuple[Message, ...]:
    """Return what else a text can show, in the order in which it counts."""
    return tuple(fact for name in FACTS for fact in messages(f"facts/{name}"))


@cache
def causes(name: str) -> dict[str, Cause]:
    """Return the causes of a file in the folder `causes`, by their names; no message gives them."""
    file = Path(__file__).parent / "causes" / f"{name}.txt"
    text = f"kind: {name}\n? {name}\n-> {name}.found\n{file.read_text(encoding='utf-8')}"
    return parsed(text, file.name)[0].causes


@cache
def tables() -> dict[str, dict[str, str]]:
    """Return the tables of names.toml: what names mean, or belongs to them."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))


@cache
def lists(table: str) -> dict[str, tuple[str, ...]]:
    """Return a table of lists, by the single names."""
    found = tables()[table].items()
    return {name: tuple(words.split()) for names, words in found for name in names.split()}


def parsed(text: str, file: str) -> tuple[Message, ...]:
    """Return the messages that a text holds.

    Raises CatalogueError for what is not written as it should be; of the words of a message, where
    they are asked for.
    """
    found: list[Message] = []
    kind = rewrite = ""
    place = 0
    while place < len(text):
        item = ITEM.match(text, place)
        if item is None or (item["patterns"] and not kind):
            number = text.count("\n", 0, place) + 1
            line = text[place:].partition("\n")[0]
            expected = "a pattern after '? ' or '~ '" if kind else "'kind: NAME' above it"
            raise CatalogueError(f"{file}:{number}: expected {expected}; found {line!r}")
        place = item.end()
        if item["kind"]:
            kind, rewrite = item["kind"], ""
        elif item["rewrite"]:
            rewrite = item["rewrite"]
        elif item["patterns"]:
            message = Message(file, item, kind, rewrite)
            message.above = found[-1] if found else None
            found.append(message)
    return tuple(found)


def _joined(text: str, first: int) -> Iterator[JoinedLine]:
    """Yield the lines, those that go on joined to the one above; no comments and empty lines."""
    number, above = 0, ""
    for place, line in enumerate(text.split("\n"), first):
        code = above.startswith("    ")
        if line.startswith("      ") and above and not code:
            above = f"{above[:-1]}{line[6:]}" if above[-1] == "\\" else f"{above} {line[6:]}"
        elif line[:1] != "#" and (line or code):
            if above:
                yield JoinedLine(number, above)
            number, above = place, line or "    "
    if above:
        yield JoinedLine(number, above)
