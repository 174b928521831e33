"""From a text to its diagnosis: the first known message, or the shapes that could be read.

A rule is a function that decides which causes of its message are likely. Its parameters are named
as the groups of the patterns are; one that is annotated as int or Shape gets the numbers in what
the group matched, one that is called `facts` all that is known. It returns its decision, or
None where the message turns out to be another's.

Into the words go {name}, a group or a value that the rule found; {target}, {layer} and {argument},
the names in the reader's own line `target = layer(argument)`, else x, layer and x; {called}, the
layer or model that is called there, else model; and {converted .float()}, that line with its first
operand converted so. Code that is put in as a whole, and is None, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from typing import Any

from fcinspect.diagnosis.catalogue.loosening import BLANKS, loosened, whole
from fcinspect.diagnosis.catalogue.parsing import (
    FAMILIES,
    Message,
    causes,
    known_facts,
    messages,
)
from fcinspect.diagnosis.catalogue.wording import Wording
from fcinspect.diagnosis.facts import MOST_SQUASHED, Facts
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.records import Cause, Decision, Diagnosis, Pick, one_line, shape_of

RULES = "fcinspect.diagnosis.rules"
PUT_IN = re.compile(r"\{(?:(\w+)(:,)?|converted (\S(?:[^{}]|\{\w+\})*))\}")
SHAPES = re.compile(
    r"(?:torch\.Size\()?[\[(]\s*\d+(?:\s*[,x×]\s*\d+)+\s*,?\s*[\])]+|\b\d+x\d+(?:x\d+)*\b"
)
COMPLAINT = re.compile(
    r"(?!\w+: (?:abort|killed|segmentation)|.*\w@\w|.*[$%#] )"
    r".*(?:error|fail|exception|assert|cannot|can't|must|invalid|expected|mismatch|not )",
    re.IGNORECASE,
)
"""A line that complains, rather than a prompt of the shell or a question."""
MOST_LOOSE = 20
"""So many of the last errors are tried in loose form, and the text as a whole."""
MOST_FACTS = 8
MOST_SEARCHED = 100_000
RELAYS = {
    *("ChildFailedError", "ProcessRaisedException", "CalledProcessError"),
    *("RayTaskError", "TrainingFailedError"),
}
"""Errors that only tell that another process failed."""
AROUND = 2**15
BEFORE = 2**11
"""Of longer text so many characters are searched, from so many before the marker."""
MOST_PLACES = 8
MOST_WORD = 300
ENDLESS = re.compile(rf"[\w.]{{{MOST_WORD},}}")
"""No word of a message, but what would be tried from each of its letters."""


@dataclass(frozen=True)
class Unrecognised:
    """A text that no family knows."""

    line: str
    """The line that tells most: the error's first, or the last of a log."""
    shapes: tuple[str, ...]
    """The shapes that stand in it, as they are written."""


def diagnose(text: str) -> Diagnosis | Unrecognised:
    """Return the diagnosis of a pasted text."""
    found = diagnose_report(text)
    return found if isinstance(found, Unrecognised) else found[0]


def diagnose_report(text: str) -> tuple[Diagnosis, Facts] | Unrecognised:
    """Return the diagnosis of a pasted text, and the error in it that is diagnosed."""
    reports = read(text)
    known = first_known(reports)
    if known is not None:
        return known
    message = reports[0].message
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if reports[0].error is None:
        lines.reverse()  # in a log an error stands last
        lines = [line for line in lines if COMPLAINT.match(line[:MOST_WORD])] or lines
    seen = dict.fromkeys(found.group() for found in SHAPES.finditer(message[:MOST_SEARCHED]))
    line = said_by(reports[0]) if reports[0].error else "".join(lines[:1])
    return Unrecognised(line, tuple(seen)[:MOST_FACTS])


def first_known(reports: Sequence[Facts]) -> tuple[Diagnosis, Facts] | None:
    """Return the diagnosis of the first error that is known, and that error."""
    for number, facts in enumerate(reports):
        loosely = number < MOST_LOOSE or number == len(reports) - 1
        found = recognise(facts, loosely=loosely)
        if found is not None:
            return replace(found, notes=_notes(facts, reports[:number])), facts
    return None


def said_by(facts: Facts) -> str:
    """Return an error as the last line of its traceback: "KeyError: 'x'"."""
    first = one_line(facts.message.partition("\n")[0])
    return f"{facts.error}: {first}" if first else f"{facts.error}"


def _notes(found: Facts, later: Sequence[Facts]) -> tuple[str, ...]:
    """Return what the report says if a later error is not recognised."""
    errors = [other for other in later if other.is_error and other.error not in RELAYS]
    if not errors:
        return ()
    if found.error is None:
        place = "the diagnosed message is elsewhere in the text"
    elif not found.is_error:
        place = "the diagnosed message is a warning"
    elif all(other.chained for other in later):
        place = "the diagnosed error led to it, or was being handled"
    else:
        place = "the diagnosed error is an earlier one"
    return (f'the last error is "{said_by(errors[0])}", which is not recognized; {place}',)


def recognise(facts: Facts, *, loosely: bool = True) -> Diagnosis | None:
    """Return the diagnosis of one reported error, or None where no family knows it.

    Each message is tried as it is written, then with its lines joined, then in its loose form.
    """
    for same in (facts, *facts.rejoined):
        found = _recognised(same, matched)
        if found is not None:
            return found
    return _recognised(facts, loosely_matched) if loosely else None


def _recognised(facts: Facts, search: Callable[[Message, Facts], Match | None]) -> Diagnosis | None:
    for family in FAMILIES:
        for known in messages(family):
            match = search(known, facts)
            found = None if match is None else explained(known, match, facts)
            if found is not None:
                found = weighed(found, facts)
                whole = facts.error is not None or "\n" not in facts.message.strip()
                return replace(found, message=one_line(facts.message)) if whole else found
    return None


def weighed(found: Diagnosis, facts: Facts) -> Diagnosis:
    """Return a diagnosis with what else the text shows: first causes, and causes ruled out.

    The text may show nothing that bears on it; what it shows rules out no cause of its own.
    """
    first: list[Cause] = []
    likely = list(found.likely)
    for known in known_facts():
        named = {found.kind, *(cause.name for cause in likely)}
        match = matched(known, facts, whole=True) if known.bears_on & named else None
        shown = None if match is None else explained(known, match, facts, found=found)
        if shown is not None:
            first += [cause for cause in shown.likely if cause not in first]
            likely = [cause for cause in likely if cause.name not in known.ruled_out]
    names = {cause.name for cause in first}
    return replace(found, likely=(*first, *(c for c in likely if c.name not in names)))


def groups_of(family: str, rule: str, facts: Facts) -> dict[str, str] | None:
    """Return what the message that a rule explains says: name of a group -> text."""
    for known in messages(family):
        match = None
        if rule in known.rules:
            match = matched(known, facts) or loosely_matched(known, facts)
        if match is not None:
            return match.groups
    return None


@dataclass(frozen=True)
class Match:
    """Where a text says what is known."""

    said: str
    """The part of the text."""
    groups: dict[str, str]
    """The names of the groups, and what they matched; "" where that is nothing."""


def matched(known: Message, facts: Facts, *, whole: bool = False) -> Match | None:
    """Return where a report says what is known: its message, or with `whole` all of the text."""
    flat, text = (facts.flat_text, facts.text) if whole else (facts.flat, facts.message)
    for wording in known.wordings:
        if all(marker in flat for marker in wording.markers):
            match = _search(wording.markers[-1], wording.regex, text)
            if match is not None:
                groups = match.groupdict(default="")
                return Match(match[0], {name: BLANKS.sub(" ", groups[name]) for name in groups})
    return None


def loosely_matched(known: Message, facts: Facts) -> Match | None:
    """Return where a report says what is known in other spelling."""
    for wording in known.wordings:
        if wording.telling and all(
            any(marker in text for marker, text in zip(both, facts.squashed, strict=True))
            for both in wording.squashed
        ):
            match = _loosely(wording, facts.message[-MOST_SQUASHED:])
            if match is not None:
                groups = match.groupdict(default="")
                return Match(match[0], {name: whole(text) for name, text in groups.items()})
    return None


def _loosely(wording: Wording, text: str) -> re.Match[str] | None:
    """Return where a text matches loosely; of a long one the places around the marker."""
    if len(text) <= AROUND:
        return wording.loose.search(_without_endless(text))
    for place in islice(loosened(re.escape(wording.markers[0])).finditer(text), MOST_PLACES):
        start = max(0, place.start() - BEFORE)
        match = wording.loose.search(_without_endless(text[start : start + AROUND]))
        if match is not None:
            return match
    return None


def _search(marker: str, regex: str, text: str) -> re.Match[str] | None:
    """Return where a text matches; a long one is searched around the marker, to save time."""
    if len(text) <= AROUND:
        return _within(regex, text)
    end = len(text)
    for _ in range(MOST_PLACES):
        place = text.rfind(marker, 0, end)
        if place < 0:
            break
        end = max(0, place - BEFORE)
        match = _within(regex, text[end : end + AROUND])
        if match is not None:
            return match
    return None


def _within(regex: str, text: str) -> re.Match[str] | None:
    return re.search(regex, _without_endless(text), re.DOTALL)


def _without_endless(text: str) -> str:
    return ENDLESS.sub(lambda word: word[0][:MOST_WORD], text)


def explained(message: Message, match: Match, facts: Facts, **known: object) -> Diagnosis | None:
    """Return the diagnosis of a match, None where its rules say that it is another's.

    `known` is what a rule can ask for beside the groups and the facts.
    """
    groups = dict.fromkeys(message.groups, "")
    groups |= match.groups
    words: dict[str, Any] = {name: " ".join(text.split()) for name, text in groups.items()}
    found: Decision | None = None if message.rules else Decision(*message.causes)
    for rule in map(_rule, message.rules):
        given = _given(rule, {**groups, "facts": facts, **known})
        found = rule(**given)
        if found is not None:
            words |= given
            break
    if found is None:
        return None
    words |= found.values
    likely = tuple(_likely(message, cause, words, facts) for cause in found.causes)
    if message.rewrite:
        likely = _rule(message.rewrite)(likely, facts)
    happened = _put_in(found.happened or message.happened, words, facts)
    return Diagnosis(found.family or message.kind, one_line(match.said), happened, likely)


def _rule(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"{RULES}.{module}"), function)


def _given(rule: Any, groups: Mapping[str, Any]) -> dict[str, Any]:
    kinds = rule.__annotations__
    named = {name: groups[name] for name in kinds if name in groups}
    for name, text in named.items():
        if kinds[name] == "int":
            named[name] = int(text)
        elif kinds[name] == "Shape":
            named[name] = shape_of(text)
    return named


def _likely(
    message: Message, cause: str | Pick | Cause, words: Mapping[str, Any], facts: Facts
) -> Cause:
    if isinstance(cause, Pick):
        words = {**words, **cause.values}
        cause = cause.name
    written = message.cause(cause) if isinstance(cause, str) else cause
    if written is None:
        raise LookupError(f"{message.file}: no cause is called {cause!r}")
    return _filled(written, words, facts)


def cause_of(file: str, name: str, /, **values: object) -> Cause:
    """Return a cause of the folder `causes` in the catalogue, with values put into its words."""
    return _filled(causes(file)[name], values, Facts("", None, ""))


def _filled(written: Cause, words: Mapping[str, Any], facts: Facts) -> Cause:
    code = written.code
    if code is not None:
        whole = PUT_IN.fullmatch(code)
        left_out = whole is not None and words.get(whole[1], code) is None
        code = None if left_out else _put_in(code, words, facts)
    return replace(
        written,
        cause=_put_in(written.cause, words, facts),
        evidence=_put_in(written.evidence, words, facts),
        fix=_put_in(written.fix, words, facts),
        code=code,
    )


def _put_in(text: str, words: Mapping[str, Any], facts: Facts) -> str:
    """Return the text with what stands in its braces, where that is known."""

    def word(found: re.Match[str]) -> str:
        name, comma, suffix = found.groups()
        if name in words:
            return format(words[name], "," if comma else "")
        if suffix or name == "called":
            from fcinspect.diagnosis.rules import operands

            if not suffix:
                return operands.called(facts)
            return operands.converted(facts, PUT_IN.sub(word, suffix))
        return facts.names().get(name, found[0])

    return PUT_IN.sub(word, text)
