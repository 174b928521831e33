from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fcinspect.errors import InputError
from tests.checkpoints.sharded import SAFETENSORS, drawn, files_of, model, opened, put

pytest.importorskip("fsspec", reason="needs fsspec")
pytest.importorskip("aiohttp", reason="needs aiohttp (.[remote])")

LAYER = {"fc.weight": drawn(400, 1000)}


class Handler(SimpleHTTPRequestHandler):
    """Serves files, in parts unless told not to; keeps what was asked."""

    asked: list[tuple[str, str]]
    ranges = True
    sent = 0

    def do_GET(self) -> None:
        """Answer with the part that is asked for."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        type(self).asked.append(("GET", self.path))
        path = Path(self.translate_path(self.path))
        if "forbidden" in self.path:
            self.send_error(403)
        elif not path.is_file():
            self.send_error(404)
        else:
            data = path.read_bytes()
            first, last = (int(wanted[1]), int(wanted[2])) if wanted else (0, len(data))
            part = data[first : last + 1] if self.ranges else data
            self.send_response(206 if self.ranges and wanted else 200)
            self.send_header("Content-Length", str(len(part)))
            if self.ranges and wanted:
                end = first + len(part) - 1
                self.send_header("Content-Range", f"bytes {first}-{end}/{len(data)}")
            self.end_headers()
            try:
                type(self).sent += len(part)  # before the client can look at it
                self.wfile.write(part)
            except OSError:
                pass  # the client has seen enough

    def do_HEAD(self) -> None:
        """Answer with the size."""
        type(self).asked.append(("HEAD", self.path))
        if "forbidden" in self.path:
            self.send_error(403)
            return
        super().do_HEAD()

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


Served = tuple[str, Path, type[Handler]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server on this machine: its address, its folder, its handler."""

    class Own(Handler):
        """Of this test alone."""

        asked: list[tuple[str, str]] = []  # noqa: RUF012  # of this class, for this test

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Own, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path, Own
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_on_the_web_is_read_in_parts(served: Served) -> None:
    """One question for its size and one for its header; the numbers only when read."""
    address, folder, handler = served
    put(folder, {"m.safetensors": SAFETENSORS.write(LAYER)})
    (layer,) = opened(f"{address}/m.safetensors?token=s3cret").layers
    assert [method for method, _ in handler.asked] == ["HEAD", "GET"]
    assert handler.sent == 1 << 16
    assert layer.source == f"'{address}/m.safetensors?***'"
    assert (layer.read([3]).weight.values == LAYER["fc.weight"][[3]]).all()
    assert handler.sent == (1 << 16) + 4000


def test_shards_on_the_web(served: Served) -> None:
    """They lie beside the index, and take its token; a missing one is told."""
    address, folder, handler = served
    put(folder, files_of(SAFETENSORS, model()))
    (folder / SAFETENSORS.shard(2)).unlink()
    found = opened(f"{address}/{SAFETENSORS.index}?token=s3cret")
    assert [problem.split(" is ")[0] for problem in found.problems] == [repr(SAFETENSORS.shard(2))]
    assert all(path.endswith("?token=s3cret") for _, path in handler.asked)


def test_a_server_without_parts_is_refused(served: Served) -> None:
    """A small header at the beginning is read; no large file is downloaded unasked."""
    address, folder, handler = served
    handler.ranges = False
    put(folder, {"m.safetensors": SAFETENSORS.write(LAYER)})
    (layer,) = opened(f"{address}/m.safetensors").layers
    with pytest.raises(InputError, match="does not support range requests; download it first"):
        layer.read([399])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("gone.pt", "no such file"),
        ("forbidden.pt", "cannot be read with the credentials"),
        ("page.pt", "is an HTML page"),
    ],
)
def test_refusals_of_a_server(path: str, words: str, served: Served) -> None:
    """A missing file, one that is not for us, and a page in the place of a file."""
    address, folder, _ = served
    put(folder, {"page.pt": b"<!DOCTYPE html><html>"})
    with pytest.raises(InputError, match=words):
        opened(f"{address}/{path}")


def test_nobody_answers(served: Served) -> None:
    """A closed port is one line."""
    with pytest.raises(InputError, match="cannot be read"):
        opened("http://127.0.0.1:9/m.pt")
