"""What people paste, taken apart."""

from __future__ import annotations

import time

import pytest

from fcinspect.diagnosis.facts import call_of
from fcinspect.diagnosis.reading import MOST_TEXT, read
from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis

TRACEBACK = """Traceback (most recent call last):
  File "/home/me/train.py", line 30, in main
    out = net(x)
          ^^^^^^
  File "/x/site-packages/torch/nn/modules/linear.py", line 117, in forward
    return F.linear(input, self.weight, self.bias)
RuntimeError: first line
\tsecond line
"""


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: f"INFO something\n{text}\nINFO more\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n".join(f"[rank3]: {line}" for line in text.splitlines()),
        lambda text: "\x1b[0m" + text.replace("RuntimeError", "\x1b[1;31mRuntimeError\x1b[0m"),
    ],
    ids=["plain", "in a log", "of Windows", "of a launcher", "in colours"],
)
def test_a_traceback_is_read_wherever_it_stands(wrap: object) -> None:
    """Type, whole message, and the innermost line of the reader's own code."""
    assert callable(wrap)
    first = read(wrap(TRACEBACK))[0]
    assert first.error == "RuntimeError"
    assert first.message.splitlines()[0] == "first line"
    assert first.own_frame is not None
    assert (first.own_frame.file, first.own_frame.line) == ("/home/me/train.py", 30)
    assert first.names() == {"target": "out", "layer": "net", "argument": "x"}
    assert first.passed_through("modules/linear.py")


def test_the_last_of_several_errors_comes_first() -> None:
    """Then the errors that it came from."""
    other = TRACEBACK.replace("RuntimeError: first", "ValueError: other")
    between = "During handling of the above exception, another exception occurred:"
    chained = f"{TRACEBACK}\n{between}\n\n{other}"
    assert [r.error for r in read(chained)[:2]] == ["ValueError", "RuntimeError"]


def test_a_warning_brings_its_line() -> None:
    """What warnings.warn prints is read with the source line below it."""
    text = "/me/train.py:7: UserWarning: Using a target size\n  loss = criterion(out, y)\n"
    first = read(text)[0]
    assert (first.error, first.message) == ("UserWarning", "Using a target size")
    assert first.names()["layer"] == "criterion"


def test_of_very_long_text_the_end_is_read() -> None:
    """An error stands at the end of a log."""
    assert read("x" * (2 * MOST_TEXT) + "\nRuntimeError: at the end")[0].text.endswith("at the end")


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("x = self.fc1(x)", ("x", "self.fc1", "x")),
        ("return self.fc2(F.relu(h))", ("x", "self.fc2", "F.relu(h)")),
        ("for x in layer(y):", None),
        ("x = (", None),
        ("x @ w", None),
        ("", None),
    ],
)
def test_the_call_of_a_line(code: str, wanted: tuple[str, str, str] | None) -> None:
    """target = function(argument), or nothing where the line is another."""
    found = call_of(code)
    assert (found and (found.target, found.function, found.argument)) == wanted


LINES = (
    "\n",
    "A: b\n",
    "a.b.",
    "RuntimeError: x\n",
    "E   RuntimeError: x\n\n",
    "x.py:1: in f\n    y\n",
    "a:1: UserWarning: x\n  b\n",
    "❱\n│ a │\n",
    "-> 1 a\n",
    "[rank1]:",
    'File "',
    "Traceback (most recent call last)",
    "mismatch in its core dimension 1 ",
)


LOG = "2026-01-01 INFO epoch 1 done\n" * (MOST_TEXT // 32 // 29)


def spent(text: str) -> float:
    """Return the time that a text takes, the shorter of two."""
    times = []
    for _ in range(2):
        begun = time.process_time()
        diagnose(text)
        times.append(time.process_time() - begun)
    return min(times)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("before", ["", "shapes cannot be multiplied ", "RuntimeError: "])
@pytest.mark.sampled(3)
def test_any_text_is_read_in_short_time(before: str, line: str) -> None:
    """Four times the text takes about four times as long, not sixteen times."""
    short, long = (before + line * (MOST_TEXT // part // len(line)) for part in (64, 16))
    assert spent(long) < 8 * max(spent(short), spent(LOG))


@pytest.mark.parametrize("letter", ["a", "1", "a.", "(", '"'])
def test_a_word_without_end_beside_a_known_message_takes_no_longer(letter: str) -> None:
    """What is searched from each letter of a word would take sixteen times as long."""
    short, long = (letter * (MOST_TEXT // part // len(letter)) for part in (64, 16))
    for marker in ("required positional argument", "must be Tensor, not"):
        texts = [f"{marker} {word} {marker}" for word in (short, long)]
        assert spent(texts[1]) < 8 * max(spent(texts[0]), spent(LOG))


def test_a_known_message_is_found_far_from_the_end_of_a_log() -> None:
    """The log is searched around what stands in every such message."""
    text = "epoch 1 done\n" * 50_000
    said = "mat1 and mat2 shapes cannot be multiplied (4x1568 and 2048x128)"
    found = diagnose(f"{text}worker 3 said {said}\n{text}")
    assert isinstance(found, Diagnosis)
    assert found.message == said


def test_a_line_number_of_any_length_is_no_crash() -> None:
    """Such a line is no place."""
    assert read(f'  File "a.py", line {"9" * 5000}, in f\n    x\nValueError: y')[0].frames == ()


@pytest.mark.parametrize("deep", [100, 400, 1500, 3000])
def test_a_line_that_is_nested_deeply_is_no_crash(deep: int) -> None:
    """Python parses more levels than it can write again."""
    for line in (f"x = a{'.b' * deep}(x)", f"y = {'-' * deep}x @ w"):
        text = TRACEBACK.replace("out = net(x)", line).replace(
            "first line", "mat1 and mat2 shapes cannot be multiplied (4x10 and 25x7)"
        )
        assert isinstance(diagnose(text), Diagnosis)
