"""A real HTTP server on the loopback interface that records the webhook calls it receives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """A received call."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """The received calls, and the status for each answer; the last status applies to all further calls."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> int:
        """Return the status for the call that was recorded last."""
        return self.answers[min(len(self.calls), len(self.answers)) - 1]


@contextmanager
def listening() -> Iterator[Hook]:
    """Run a hook for the length of the block; the hook delays its answers while `answering` is not set."""
    hook = Hook()
    hook.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.calls.append(Call(self.command, self.path, dict(self.headers), body))
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
