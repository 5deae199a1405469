"""What a provider answers is what the SDK's object holds, whoever answers and however it comes."""

import json

import openai
import pytest
from pydantic import BaseModel
from sdk import DIALECT, HELLO, Line
from test_sdk_requests import chat_tools, claude_tools

TOOLS = {"openai": chat_tools(), "anthropic": claude_tools()}


def test_text(line):
    reply = line.ask({"text": "Grüße, 世界 👋\n\n", "chunks": 9})
    assert (reply.text, reply.losses) == ("Grüße, 世界 👋\n\n", [])
    assert reply.stop == {"openai": "stop", "anthropic": "end_turn"}[line.front]
    assert reply.native.id and reply.native.model in ("gpt-4o-mini", "claude-haiku-4-5")
    assert reply.headers["x-attache-provider"] == line.provider
    assert reply.headers["x-attache-attempts"] == "1"
    kind = "text/event-stream" if line.stream else "application/json"
    assert reply.headers["content-type"].split(";")[0] == kind


def test_a_long_text_is_whole(line):
    reply = line.ask({"text_bytes": 300_000, "chunks": 50})
    assert len(reply.text) == 300_000


def test_an_empty_text(line):
    reply = line.ask({"text": ""})
    assert (reply.text, reply.calls) == ("", [])


CALLS = [
    {"name": "weather", "arguments": {"city": "Zürich \"\\ 世界", "days": [1, 2.5, None], "at": {"x": True}}},
    {"name": "weather", "arguments": {"city": "Paris"}},
    {"name": "weather", "arguments": {}},
]


@pytest.mark.parametrize("pieces", [1, 3, 40])
def test_parallel_tool_calls_with_arguments_in_pieces(line, pieces):
    scripted = [{**call, "id": f"id_{n}"} for n, call in enumerate(CALLS)]
    reply = line.ask({"text": "I look.", "tool_calls": scripted, "argument_chunks": pieces}, **TOOLS[line.front])
    assert reply.calls_with_ids == [(f"id_{n}", call["name"], call["arguments"]) for n, call in enumerate(CALLS)]
    assert reply.text == "I look."
    assert reply.stop == {"openai": "tool_calls", "anthropic": "tool_use"}[line.front]


def test_empty_arguments_are_an_empty_object(crossing):
    reply = crossing.ask({"tool_calls": [{"name": "weather", "arguments": ""}]}, **TOOLS[crossing.front])
    assert reply.calls == [("weather", {})]


def test_a_forced_tool_is_called(line):
    choice = {"type": "function", "function": {"name": "weather"}}
    forced = {"openai": choice, "anthropic": {"type": "tool", "name": "weather"}}
    reply = line.ask(**TOOLS[line.front], tool_choice=forced[line.front])
    assert [name for name, _ in reply.calls] == ["weather"]
    assert reply.stop == {"openai": "tool_calls", "anthropic": "tool_use"}[line.front]


def test_thinking_is_shown(line):
    asked = {
        "openai": {"reasoning_effort": "low"},
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    }[line.front]
    if line.provider == "openai":
        asked["model"] = "openai/o4-mini"
    reply = line.ask({"thinking": "Let me see … 3", "text": "3"}, **asked)
    assert (reply.thinking, reply.text) == ("Let me see … 3", "3")


# Stop reasons: the provider's word → the client's.
STOPS = {
    ("openai", "claude"): [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("a_new_one", "stop"),
    ],
    ("anthropic", "openai"): [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("a_new_one", "end_turn"),
    ],
    ("openai", "openai"): [("stop", "stop"), ("length", "length"), ("a_new_one", "a_new_one")],
    ("anthropic", "claude"): [("end_turn", "end_turn"), ("pause_turn", "pause_turn"), ("a_new_one", "a_new_one")],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "front, provider, said, heard", [(*pair, said, heard) for pair, table in STOPS.items() for said, heard in table]
)
def test_stop_reasons(sidecar, front, provider, said, heard, stream):
    reply = Line(sidecar, front, provider, stream).ask({"text": "so", "stop_reason": said})
    assert (reply.stop, reply.text) == (heard, "so")


def test_a_tool_call_that_ends_with_stop_is_one_all_the_same(sidecar):
    for stream in (False, True):
        line = Line(sidecar, "anthropic", "openai", stream)
        reply = line.ask({"tool_calls": [{"name": "weather"}], "finish_reason": "stop"}, **claude_tools())
        assert reply.stop == "tool_use"


def test_a_limit_that_is_reached(line):
    limit = {"openai": {"max_completion_tokens": 3}, "anthropic": {"max_tokens": 3}}[line.front]
    reply = line.ask(messages=[{"role": "user", "content": "a text that is longer than this"}], **limit)
    assert reply.text == "You said: a "
    assert reply.stop == {"openai": "length", "anthropic": "max_tokens"}[line.front]


def test_a_stop_sequence(line):
    stop = {"openai": {"stop": ["said"]}, "anthropic": {"stop_sequences": ["said"]}}[line.front]
    reply = line.ask(**stop)
    assert reply.text == "You "
    # OpenAI's API does not say whether a sequence ended the answer, nor which.
    knows = line.front == "anthropic" and line.provider == "claude"
    expected = "stop" if line.front == "openai" else "stop_sequence" if knows else "end_turn"
    assert reply.stop == expected
    if line.front == "anthropic":
        assert reply.native.stop_sequence == ("said" if knows else None)


def test_a_refusal(line):
    reply = line.ask({"refusal": "I will not."})
    if line.front == "openai":
        assert reply.choice.message.refusal == "I will not."
        assert reply.stop == {"openai": "stop", "claude": "content_filter"}[line.provider]
    else:
        assert reply.stop == "refusal"
        said = {"openai": reply.text, "claude": getattr(reply.native.stop_details, "explanation", None)}
        assert said[line.provider] == "I will not."


# Usage: the provider's own shape → the client's, with what is inside of what.
CHAT_USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 50, "audio_tokens": 0},
}
CLAUDE_USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 600,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 200,
    "output_tokens_details": {"thinking_tokens": 50},
}
USAGES = {
    ("openai", "openai"): (CHAT_USAGE, CHAT_USAGE),
    ("anthropic", "anthropic"): (CLAUDE_USAGE, CLAUDE_USAGE),
    ("openai", "anthropic"): (
        CLAUDE_USAGE,
        {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 1200,
            "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300},
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
    ),
    ("anthropic", "openai"): (
        CHAT_USAGE,
        {
            "input_tokens": 400,
            "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 0,
            "output_tokens": 200,
            "output_tokens_details": {"thinking_tokens": 50},
        },
    ),
}


def assert_within(expected, met, path="") -> None:
    """Every value of `expected` stands in `met`, at its place."""
    if not isinstance(expected, dict):
        assert met == expected, path
        return
    for key, value in expected.items():
        assert_within(value, met[key], f"{path}.{key}")


def test_usage(line):
    counted, expected = USAGES[line.front, DIALECT[line.provider]]
    asked = {"stream_options": {"include_usage": True}} if line.front == "openai" and line.stream else {}
    reply = line.ask({"usage": counted}, **asked)
    assert_within(expected, reply.native.usage.model_dump())
    record = line.stack.gateway.record(reply.headers["x-request-id"])
    written = 300 if line.provider == "claude" else 0
    counts = {"input": 1000, "cached_input": 600, "cache_write": written, "output": 200, "reasoning": 50}
    assert_within(counts, record["tokens"])


@pytest.mark.parametrize("provider", ["openai", "claude"])
@pytest.mark.parametrize("asked", [None, False, True])
def test_a_stream_shows_usage_only_to_who_asked(sidecar, provider, asked):
    options = {} if asked is None else {"stream_options": {"include_usage": asked}}
    stream = sidecar.openai.chat.completions.create(
        model=f"{provider}-only", messages=HELLO, stream=True, **options
    )
    chunks = list(stream)
    with_usage = [chunk for chunk in chunks if chunk.usage is not None]
    assert len(with_usage) == (1 if asked else 0)
    if asked:
        assert chunks[-1] is with_usage[0] and chunks[-1].choices == []
    else:
        assert all(chunk.choices for chunk in chunks)


def test_two_answers(sidecar):
    for stream in (False, True):
        reply = Line(sidecar, "openai", "openai", stream).ask(n=2)
        assert [choice.message.content for choice in reply.native.choices] == ["You said: hello"] * 2
        assert reply.losses == []


def test_log_probabilities(sidecar):
    for stream in (False, True):
        reply = Line(sidecar, "openai", "openai", stream).ask(logprobs=True, top_logprobs=2)
        tokens = reply.choice.logprobs.content
        assert "".join(token.token for token in tokens) == "You said: hello"
        assert len(tokens[0].top_logprobs) == 2


def test_the_service_tier(line):
    reply = line.ask({"text": "so"})
    tier = reply.native.service_tier if line.front == "openai" else reply.native.usage.service_tier
    assert tier == {"openai": "default", "anthropic": "standard"}[line.front]


def test_redacted_thinking_reaches_a_claude_client_and_a_chat_client(sidecar):
    for stream in (False, True):
        script = {"thinking": "hm", "redacted_thinking": "b3BhcXVl", "text": "so"}
        thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
        reply = Line(sidecar, "anthropic", "claude", stream).ask(script, **thinking)
        assert [block.type for block in reply.native.content] == ["thinking", "redacted_thinking", "text"]
        reply = Line(sidecar, "openai", "claude", stream).ask(script, reasoning_effort="low")
        blocks = reply.as_message()["thinking_blocks"]
        assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking"]
        assert blocks[1]["data"] == "b3BhcXVl"


class Forecast(BaseModel):
    """What the SDKs' own helpers make a schema of."""

    city: str
    degrees: int
    windy: bool


@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_the_openai_sdk_parses_an_answer_by_a_schema(sidecar, provider):
    asked = {"model": f"{provider}-only", "messages": HELLO, "response_format": Forecast}
    assert isinstance(sidecar.openai.chat.completions.parse(**asked).choices[0].message.parsed, Forecast)
    with sidecar.openai.chat.completions.stream(**asked) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Forecast)


@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_the_anthropic_sdk_parses_an_answer_by_a_schema(sidecar, provider):
    asked = {"model": f"{provider}-only", "messages": HELLO, "max_tokens": 500, "output_format": Forecast}
    assert isinstance(sidecar.anthropic.messages.parse(**asked).parsed_output, Forecast)
    with sidecar.anthropic.messages.stream(**asked) as stream:
        assert isinstance(stream.get_final_message().parsed_output, Forecast)


@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_the_openai_sdk_parses_arguments_of_a_strict_tool(sidecar, provider):
    tools = [openai.pydantic_function_tool(Forecast)]
    asked = {"model": f"{provider}-only", "messages": HELLO, "tools": tools, "tool_choice": "required"}
    completion = sidecar.openai.chat.completions.parse(**asked)
    with sidecar.openai.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()
    for answer in (completion, streamed):
        assert isinstance(answer.choices[0].message.tool_calls[0].function.parsed_arguments, Forecast)


def test_the_anthropic_sdk_sees_the_events_of_a_claude(sidecar):
    """Order and numbers of the events are those of the real API, whoever answers."""
    script = {"thinking": "hm", "text": "so", "chunks": 1, "tool_calls": [{"name": "weather", "arguments": {}}]}
    seen = {}
    for provider in ("openai", "claude"):
        line = Line(sidecar, "anthropic", provider, True)
        headers = {"x-sim": json.dumps(script)}
        stream = line.client.messages.create(
            model=line.model, max_tokens=100, messages=HELLO, stream=True, extra_headers=headers, **claude_tools()
        )
        seen[provider] = [(event.type, getattr(event, "index", None)) for event in stream]
    kinds = {name: [kind for kind, _ in seen[name] if kind != "content_block_delta"] for name in seen}
    assert kinds["openai"] == kinds["claude"]
    for events in seen.values():
        assert [index for kind, index in events if kind == "content_block_start"] == [0, 1, 2]
