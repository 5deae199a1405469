"""The official Python SDKs as clients, for tests that hold for every pair of dialects, streamed or not.

A `Line` is one SDK, one provider, and a way to be answered. What comes back is the SDK's own object, gathered by the
SDK's own means when it was streamed; `Reply` names what both dialects have under one name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from openai.lib.streaming.chat import ChatCompletionStreamState

FRONTS = ("openai", "anthropic")
PROVIDERS = ("openai", "claude")
DIALECT = {"openai": "openai", "claude": "anthropic"}

HELLO = [{"role": "user", "content": "hello"}]


@dataclass
class Reply:
    """An answer as the SDK gives it."""

    front: str
    native: Any
    headers: Any

    @property
    def choice(self) -> Any:
        return self.native.choices[0]

    @property
    def text(self) -> str:
        if self.front == "openai":
            return self.choice.message.content or ""
        return "".join(block.text for block in self.native.content if block.type == "text")

    @property
    def thinking(self) -> str:
        if self.front == "openai":
            return getattr(self.choice.message, "reasoning_content", None) or ""
        return "".join(block.thinking for block in self.native.content if block.type == "thinking")

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Name and arguments of each tool call."""
        return [(name, arguments) for _, name, arguments in self.calls_with_ids]

    @property
    def calls_with_ids(self) -> list[tuple[str, str, Any]]:
        if self.front == "openai":
            calls = self.choice.message.tool_calls or []
            return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls]
        return [(block.id, block.name, block.input) for block in self.native.content if block.type == "tool_use"]

    @property
    def stop(self) -> str:
        return self.choice.finish_reason if self.front == "openai" else self.native.stop_reason

    @property
    def losses(self) -> list[str]:
        header = self.headers.get("x-attache-losses", "")
        return header.split(", ") if header else []

    def as_message(self) -> dict:
        """The assistant's message as one sends it back: what the SDK's object dumps, nothing else."""
        if self.front == "openai":
            message = self.choice.message.model_dump(exclude_none=True)
            for call in message.get("tool_calls", []):
                call.pop("index", None)  # left over from the gathering of deltas; OpenAI itself refuses it
            return message
        content = [block.model_dump(exclude_none=True) for block in self.native.content]
        return {"role": "assistant", "content": content}


class Line:
    """One SDK, one provider, streamed or not."""

    def __init__(self, stack, front: str, provider: str, stream: bool):
        self.stack, self.front, self.provider, self.stream = stack, front, provider, stream
        self.dialect = DIALECT[provider]
        self.simulator = stack.openai_sim if provider == "openai" else stack.claude_sim
        self.client = stack.openai if front == "openai" else stack.anthropic
        self.model = f"{provider}-only"

    def ask(self, script: dict | None = None, **params) -> Reply:
        """Asks; `script` is what the provider does with it. Only what the front demands is filled in."""
        params = {"model": self.model, "messages": HELLO, **params}
        headers = dict(params.pop("extra_headers", {}))
        if script is not None:
            headers["x-sim"] = json.dumps(script)
        return self.ask_openai(params, headers) if self.front == "openai" else self.ask_anthropic(params, headers)

    def ask_openai(self, params: dict, headers: dict) -> Reply:
        create = self.client.chat.completions.with_raw_response.create
        if not self.stream:
            raw = create(**params, extra_headers=headers)
            return Reply("openai", raw.parse(), raw.headers)
        raw = create(**params, stream=True, extra_headers=headers)
        state = ChatCompletionStreamState()
        for chunk in raw.parse():
            state.handle_chunk(chunk)
        return Reply("openai", state.current_completion_snapshot, raw.headers)

    def ask_anthropic(self, params: dict, headers: dict) -> Reply:
        params.setdefault("max_tokens", 1000)
        if not self.stream:
            raw = self.client.messages.with_raw_response.create(**params, extra_headers=headers)
            return Reply("anthropic", raw.parse(), raw.headers)
        with self.client.messages.stream(**params, extra_headers=headers) as stream:
            return Reply("anthropic", stream.get_final_message(), stream.response.headers)

    def sent(self) -> dict:
        """The last body that reached the provider."""
        return json.loads(self.simulator.requests()[-1]["body"])


def name_of(front: str, provider: str, stream: bool) -> str:
    return f"{front}-to-{provider}-{'streamed' if stream else 'whole'}"


def translates(front: str, provider: str, stream: bool) -> bool:
    return front != DIALECT[provider]


def every_line() -> list[tuple[str, str, bool]]:
    return [(front, provider, stream) for front in FRONTS for provider in PROVIDERS for stream in (False, True)]
