"""Whom guards ask: an HTTP server that a test scripts by the path that it is asked at."""

from __future__ import annotations

import http.server
import json
import threading
import time

STOPS = "bluebird"


class Asked:
    """Answers as its paths say, and remembers what it was asked."""

    def __init__(self):
        asked = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked.questions.append((self.path, dict(self.headers), body))
                status, answer = getattr(asked, self.path.strip("/"))(body)
                answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.questions: list[tuple[str, dict, dict]] = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path: str) -> list[dict]:
        """What was asked there."""
        return [body for where, _, body in self.questions if where == f"/{path}"]

    def hook(self, body: dict):
        said = " ".join(text["text"] for text in body["texts"])
        return 200, {"allow": False, "rule": "birds"} if STOPS in said.lower() else {"allow": True}

    original = watched = closing = hook

    def analyze(self, body: dict):
        at = body["text"].lower().find(STOPS)
        found = {"entity_type": "BIRD", "start": at, "end": at + len(STOPS), "score": 0.85}
        return 200, [found] if at >= 0 else []

    def slow(self, body: dict):
        time.sleep(4.5)
        return 200, {"allow": True}

    def broken(self, _: dict):
        return 500, {"allow": True}

    def garbage(self, _: dict):
        return 200, b"<html>ok</html>"

    def strange(self, _: dict):
        return 200, {"allow": "true"}

    def more(self, _: dict):
        return 200, {"allow": True, "deny": True}

    def nothing(self, _: dict):
        return 200, {}

    def huge(self, _: dict):
        return 200, {"allow": True, "rule": "x" * 1_000_000}

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
