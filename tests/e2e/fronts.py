"""Every dialect that clients speak, each by the SDK that people use for it, in front of one provider that speaks them all."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, field

import boto3
import cohere
import stack
from botocore.config import Config
from clients import CLIENT_KEY, Clients
from google import genai
from google.genai import types

KEY = "sk-provider-secret-of-the-gateway"
FRONTS = ("openai", "anthropic", "responses", "gemini", "cohere", "converse", "completions")


def config(url: str, extra: str = "") -> str:
    """A provider of two dialects, so that every client meets its own or another one; models have the dialect's name."""
    return f"""
providers:
  openai: {{ dialect: openai, url: "{url}/v1", auth: {{ bearer: {KEY} }}, expose: true, other_endpoints: true }}
  anthropic: {{ dialect: anthropic, url: "{url}", auth: {{ header: x-api-key, value: {KEY} }} }}
models:
  openai: {{ targets: [ {{ provider: openai, model: gpt-4o-mini }} ] }}
  anthropic: {{ targets: [ {{ provider: anthropic, model: claude-haiku-4-5 }} ] }}
  safe: {{ targets: [ {{ provider: anthropic, model: claude-sonnet-4-5 }} ] }}
{extra}"""


@dataclass
class Said:
    """What an SDK made of an answer."""

    text: str
    stop: str
    output_tokens: int = 0
    pieces: list[str] = field(default_factory=list)


class House(Clients):
    """A gateway, its provider, and every SDK."""

    def __init__(self, folder: pathlib.Path, topology: str = "sidecar", extra: str = "", env: dict | None = None):
        self.simulator = stack.Simulator("everybody", folder)
        self.gateway = stack.Gateway(folder / "gateway", config(self.simulator.base, extra), topology, env=env)
        super().__init__(base := self.gateway.base)
        self.cohere = cohere.ClientV2(api_key=CLIENT_KEY, base_url=base, timeout=30)
        self.genai = genai.Client(api_key=CLIENT_KEY, http_options=types.HttpOptions(base_url=base))
        self.bedrock = boto3.client(
            "bedrock-runtime",
            endpoint_url=base,
            region_name="us-east-1",
            aws_access_key_id="client",
            aws_secret_access_key=CLIENT_KEY,
            config=Config(retries={"max_attempts": 0}),
        )

    def say(self, front: str, model: str, text: str, stream: bool) -> Said:
        """Asks by the front's SDK."""
        self.began = stack.now_ms()
        return getattr(self, f"_{front}")(model, text, stream)

    def _openai(self, model: str, text: str, stream: bool) -> Said:
        asked = {"model": model, "messages": [{"role": "user", "content": text}]}
        if not stream:
            answer = self.openai.chat.completions.create(**asked)
            return Said(answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage.completion_tokens)
        events = list(self.openai.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        choices = [event.choices[0] for event in events if event.choices]
        (stop,) = [choice.finish_reason for choice in choices if choice.finish_reason]
        pieces = [choice.delta.content for choice in choices if choice.delta.content]
        (usage,) = [event.usage for event in events if event.usage]
        return Said("".join(pieces), stop, usage.completion_tokens, pieces)

    def _anthropic(self, model: str, text: str, stream: bool) -> Said:
        asked = {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": text}]}
        pieces = []
        if stream:
            with self.anthropic.messages.stream(**asked) as events:
                pieces = list(events.text_stream)
                answer = events.get_final_message()
        else:
            answer = self.anthropic.messages.create(**asked)
        text = "".join(block.text for block in answer.content)
        return Said(text, answer.stop_reason, answer.usage.output_tokens, pieces)

    def _responses(self, model: str, text: str, stream: bool) -> Said:
        asked = {"model": model, "input": text, "store": False}
        pieces = []
        if stream:
            with self.openai.responses.stream(**asked) as events:
                kinds = []
                for event in events:
                    kinds.append(event.type)
                    if event.type == "response.output_text.delta":
                        pieces.append(event.delta)
                    if event.type in ("response.completed", "response.incomplete"):
                        answer = event.response
                assert kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete"), kinds
        else:
            answer = self.openai.responses.create(**asked)
        stop = answer.incomplete_details.reason if answer.incomplete_details else answer.status
        return Said(answer.output_text, stop, answer.usage.output_tokens, pieces)

    def _gemini(self, model: str, text: str, stream: bool) -> Said:
        if stream:
            events = list(self.genai.models.generate_content_stream(model=model, contents=text))
        else:
            events = [self.genai.models.generate_content(model=model, contents=text)]
        pieces = [event.text for event in events if event.text]
        last = events[-1]
        return Said("".join(pieces), last.candidates[0].finish_reason.value, last.usage_metadata.candidates_token_count, pieces)

    def _cohere(self, model: str, text: str, stream: bool) -> Said:
        asked = {"model": model, "messages": [{"role": "user", "content": text}]}
        if not stream:
            answer = self.cohere.chat(**asked)
            said = "".join(block.text for block in answer.message.content or [])
            return Said(said, answer.finish_reason, int(answer.usage.tokens.output_tokens))
        events = list(self.cohere.chat_stream(**asked))
        pieces = [event.delta.message.content.text for event in events if event.type == "content-delta"]
        end = events[-1]
        assert end.type == "message-end", [event.type for event in events]
        return Said("".join(pieces), end.delta.finish_reason, int(end.delta.usage.tokens.output_tokens), pieces)

    def _converse(self, model: str, text: str, stream: bool) -> Said:
        asked = {"modelId": model, "messages": [{"role": "user", "content": [{"text": text}]}]}
        if not stream:
            answer = self.bedrock.converse(**asked)
            said = "".join(block["text"] for block in answer["output"]["message"]["content"])
            return Said(said, answer["stopReason"], answer["usage"]["outputTokens"])
        events = list(self.bedrock.converse_stream(**asked)["stream"])
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        pieces = [delta["text"] for delta in deltas if "text" in delta]
        (stop,) = [event["messageStop"]["stopReason"] for event in events if "messageStop" in event]
        return Said("".join(pieces), stop, events[-1]["metadata"]["usage"]["outputTokens"], pieces)

    def _completions(self, model: str, text: str, stream: bool) -> Said:
        asked = {"model": model, "prompt": text, "max_tokens": 1000}
        if not stream:
            answer = self.openai.completions.create(**asked)
            return Said(answer.choices[0].text, answer.choices[0].finish_reason, answer.usage.completion_tokens)
        events = list(self.openai.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        choices = [event.choices[0] for event in events if event.choices]
        (stop,) = [choice.finish_reason for choice in choices if choice.finish_reason]
        pieces = [choice.text for choice in choices if choice.text]
        (usage,) = [event.usage for event in events if event.usage]
        return Said("".join(pieces), stop, usage.completion_tokens, pieces)

    def last_record(self) -> dict:
        """The usage record of what was said last."""
        return self.gateway.record_since(self.began)

    def sent(self) -> dict:
        """The last body that reached the provider."""
        return json.loads(self.simulator.requests()[-1]["body"])

    def reset(self) -> None:
        self.simulator.reset()

    def stop(self) -> None:
        self.close()
        self.gateway.stop()
        self.simulator.stop()
