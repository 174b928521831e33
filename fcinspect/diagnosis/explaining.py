"""From a message that was found to its diagnosis: the words of the catalogue with what is put in.

A rule is a function that decides which causes of its message are likely. Its parameters are named
as the groups of the patterns are; one that is annotated as int or Shape gets the numbers in what
the group matched, one that is called `reported` all that was pasted. It returns its decision, or
None where the message turns out to be another's.

Into the words go {name}, a group or a value that the rule found; {target}, {layer} and {argument},
the names in the reader's own line `target = layer(argument)`, else x, layer and x; {called}, the
layer or model that is called there, else model; and {converted .float()}, that line with its first
operand converted so. Code that is put in as a whole, and is None, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fcinspect.diagnosis.records import Cause, Decision, Diagnosis, Pick, one_line, shape_of
from fcinspect.diagnosis.reported import Reported

if TYPE_CHECKING:
    from fcinspect.diagnosis.catalogue.parsing import Message

RULES = "fcinspect.diagnosis.rules"
PUT_IN = re.compile(r"\{(?:(\w+)(:,)?|converted (\S(?:[^{}]|\{\w+\})*))\}")


def explained(message: Message, match: re.Match[str], reported: Reported) -> Diagnosis | None:
    """Return the diagnosis of a match, None where the rule says that it is another's."""
    groups = dict.fromkeys(message.groups, "")
    groups |= {name: text or "" for name, text in match.groupdict().items()}
    words: dict[str, Any] = {name: " ".join(text.split()) for name, text in groups.items()}
    found: Decision | None = Decision(*message.causes)
    if message.rule:
        rule = _rule(message.rule)
        given = _given(rule, {**groups, "reported": reported})
        words |= given
        found = rule(**given)
    if found is None:
        return None
    words |= found.values
    likely = tuple(_likely(message, cause, words, reported) for cause in found.causes)
    if message.rewrite:
        likely = _rule(message.rewrite)(likely, reported)
    happened = _put_in(found.happened or message.happened, words, reported)
    return Diagnosis(found.family or message.kind, one_line(match.group()), happened, likely)


def _rule(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"{RULES}.{module}"), function)


def _given(rule: Any, groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a rule, each as it is annotated."""
    kinds = rule.__annotations__
    named = {name: groups[name] for name in kinds if name in groups}
    for name, text in named.items():
        if kinds[name] == "int":
            named[name] = int(text)
        elif kinds[name] == "Shape":
            named[name] = shape_of(text)
    return named


def _likely(
    message: Message, cause: str | Pick | Cause, words: Mapping[str, Any], reported: Reported
) -> Cause:
    """Return a cause with its words filled in."""
    if isinstance(cause, Pick):
        words = {**words, **cause.values}
        cause = cause.name
    written = message.cause(cause) if isinstance(cause, str) else cause
    if written is None:
        raise LookupError(f"{message.file}: no cause is called {cause!r}")
    code = written.code
    if code is not None:
        whole = PUT_IN.fullmatch(code)
        left_out = whole is not None and words.get(whole[1], code) is None
        code = None if left_out else _put_in(code, words, reported)
    return replace(
        written,
        cause=_put_in(written.cause, words, reported),
        evidence=_put_in(written.evidence, words, reported),
        fix=_put_in(written.fix, words, reported),
        code=code,
    )


def _put_in(text: str, words: Mapping[str, Any], reported: Reported) -> str:
    """Return the text with what stands in its braces, where that is known."""

    def word(found: re.Match[str]) -> str:
        name, comma, suffix = found.groups()
        if name in words:
            return format(words[name], "," if comma else "")
        if suffix or name == "called":
            from fcinspect.diagnosis.rules import own_line

            if not suffix:
                return own_line.called(reported)
            return own_line.converted(reported, PUT_IN.sub(word, suffix))
        return reported.names().get(name, found[0])

    return PUT_IN.sub(word, text)
