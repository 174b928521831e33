from __future__ import annotations

import gzip
import re
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fcinspect.checkpoints import remote
from fcinspect.errors import InputError
from tests.checkpoints.sharded import SAFETENSORS, drawn, opened

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp", reason="https:// needs aiohttp")

LAYER = {"fc.weight": drawn(40, 100)}
FILE = SAFETENSORS.write(LAYER)
PACKED = gzip.compress(b"\0" * (50 << 20), 1)
CLAIMED = 10**12
"""Bytes that the endless file is said to have."""
MOST = 20 << 20
"""Bytes of Python that opening may take."""


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says: endless, packed, silent, slow, shifted or whole."""

    sent = 0
    stop = threading.Event()
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Tell a size, and keep silent where that is asked for."""
        if "deaf" in self.path:
            self.stop.wait(10)
            self.close_connection = True
            return
        size = CLAIMED if "endless" in self.path else len(FILE)
        self._begin(200, {"Content-Length": str(size), "Accept-Ranges": "bytes"})

    def do_GET(self) -> None:
        """Answer a range request wrongly."""
        self.close_connection = True
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if "deaf" in self.path or wanted is None:
            self.stop.wait(10)
            return
        first, last = int(wanted[1]), int(wanted[2])
        assert self.headers["Accept-Encoding"] == "identity"
        span = {"Content-Range": f"bytes {first}-{last}/{len(FILE)}"}
        try:
            match self.path.strip("/").partition(".")[0]:
                case "endless":
                    self._begin(206, span)
                    while not self.stop.is_set():
                        self._send(b"\0" * (1 << 20))
                case "whole":
                    self._begin(200, {"Content-Length": str(len(FILE))})
                    self._send(FILE)
                case "packed":
                    more = {"Content-Encoding": "gzip", "Content-Length": str(len(PACKED))}
                    self._begin(206, {**span, **more})
                    self._send(PACKED)
                case "shifted":
                    self._begin(206, {"Content-Range": f"bytes {first + 1}-{last}/{len(FILE)}"})
                    self._send(FILE[first + 1 : last + 1])
                case "silent":
                    self._begin(206, span)
                    self._send(FILE[first : first + 5])
                    self.stop.wait(10)
                case "slow":
                    self._begin(206, span)
                    for byte in FILE[first:last]:
                        self._send(bytes([byte]))
                        self.stop.wait(0.05)
        except OSError:
            pass  # the client has seen enough

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        type(self).sent += len(data)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that cannot be trusted; fcinspect waits half a second for it."""
    monkeypatch.setattr(remote, "SILENCE", 0.5)
    monkeypatch.setattr(remote, "PATIENCE", 2.0)
    monkeypatch.setattr(remote, "SLOWEST", 1 << 20)
    Handler.sent = 0
    Handler.stop.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Handler.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


REFUSED = {
    "packed.safetensors": "the server compresses it ('gzip') although it was asked not to",
    "shifted.safetensors": "the server sent a different part from the one requested",
    "silent.safetensors": "the server sent nothing for 0.5 s",
    "slow.safetensors": r"the server sent \d+ of \d+ bytes in 2",
    "deaf.safetensors": "the server sent nothing for 0.5 s",
    "endless.safetensors": "is truncated|header|kind|known type of file",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_server_is_refused_in_bounded_time_and_memory(name: str, address: str) -> None:
    """One line says which limit it broke; nothing is unpacked, and no more is taken than asked."""
    words = REFUSED[name].replace("(", r"\(").replace(")", r"\)")
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(InputError, match=words):
            opened(f"{address}/{name}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 8
    assert peak < MOST


def test_no_more_is_taken_of_an_endless_answer_than_was_asked_for(address: str) -> None:
    """The connection is closed at the last byte; what was underway is all that was sent."""
    storage = remote.part_of(_system(address), f"{address}/endless.bin", 5, 5 + (1 << 20))
    assert len(storage) == 1 << 20
    time.sleep(0.3)
    assert Handler.sent < 32 << 20


def test_a_whole_file_in_the_place_of_its_beginning_is_cut(address: str) -> None:
    """A server without parts still gives a small file; the rest of a part is refused."""
    system = _system(address)
    assert remote.part_of(system, f"{address}/whole.bin", 0, 100) == FILE[:100]
    with pytest.raises(InputError, match="does not support range requests"):
        remote.part_of(system, f"{address}/whole.bin", 1, 100)


def _system(address: str) -> object:
    from fcinspect.checkpoints.remote import filesystem_of

    return filesystem_of(address)[0]
