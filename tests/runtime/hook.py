"""Somebody to alert: a real HTTP server on this machine that keeps what it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One call as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """What was told, and with which status each call is answered; the last status stands for all that follow."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> int:
        """Return the status for a call that was just kept."""
        return self.answers[min(len(self.told), len(self.answers)) - 1]


@contextmanager
def listening() -> Iterator[Hook]:
    """Run a hook for the length of the block; while `answering` is not set its answers don't come."""
    hook = Hook()
    hook.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.told.append(Told(self.command, self.path, dict(self.headers), body))
            status = hook.answer()
            hook.answering.wait(30)
            self.send_response(status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hook.url = f"http://127.0.0.1:{server.server_port}/hook?secret=hunter2"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield hook
        hook.answering.set()
        server.shutdown()
        thread.join()
