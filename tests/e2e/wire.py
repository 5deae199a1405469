"""A chat over plain HTTP, for tests that look at statuses, headers and events rather than at an SDK's objects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from conftest import CLIENT_KEY

FRONTS = ("openai", "anthropic")
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
KEYS = {
    "openai": {"authorization": f"Bearer {CLIENT_KEY}"},
    "anthropic": {"x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01"},
}


@dataclass
class Answer:
    """What came back, whichever front was asked."""

    front: str
    status: int
    headers: dict
    body: bytes
    stream: bool
    events: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.stream and self.status == 200:
            self.events = events_of(self.body)

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def provider(self) -> str | None:
        return self.headers.get("x-attache-provider")

    @property
    def attempts(self) -> int:
        return int(self.headers["x-attache-attempts"])

    @property
    def text(self) -> str:
        """The words of the answer; fails for an error."""
        assert self.status == 200, self.body
        if self.events:
            return "".join(map(delta_of, self.events))
        whole = json.loads(self.body)
        if self.front == "openai":
            return whole["choices"][0]["message"]["content"]
        return "".join(block["text"] for block in whole["content"])

    @property
    def whole(self) -> bool:
        """The stream ended as its dialect ends."""
        return self.body.endswith(b"data: [DONE]\n\n") or self.events[-1].get("type") == "message_stop"

    @property
    def error(self) -> dict:
        """The error in the front's own shape, or the last event of a stream if that is one."""
        error = self.events[-1] if self.events else json.loads(self.body)
        if self.front == "anthropic":
            assert error["type"] == "error", error
        assert {"message", "type"} <= error["error"].keys(), error
        return error["error"]


def events_of(body: bytes) -> list[dict]:
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def delta_of(event: dict) -> str:
    """The text of one event of either dialect."""
    if choices := event.get("choices"):
        return choices[0]["delta"].get("content") or ""
    return event.get("delta", {}).get("text", "")


def request(front: str, model: str, stream: bool, text: str = "hello", **params) -> dict:
    """The smallest chat."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **params}
    if front == "anthropic":
        body.setdefault("max_tokens", 100)
    return body | ({"stream": True} if stream else {})


def ask(stack, front: str, model: str, stream: bool = False, headers: dict | None = None, **params) -> Answer:
    """Asks and reads the answer to its end."""
    body = request(front, model, stream, **params)
    answer = stack.http.post(PATHS[front], json=body, headers=KEYS[front] | (headers or {}))
    return Answer(front, answer.status_code, answer.headers, answer.content, stream)


def headers_of(received: dict) -> dict[str, str]:
    """The headers of a request that a simulator received; fails if one came twice."""
    headers = dict(received["headers"])
    assert len(headers) == len(received["headers"]), received["headers"]
    return headers
