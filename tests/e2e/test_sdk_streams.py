"""However a provider's bytes come, the SDK gets the same answer."""

import pytest
from sdk import Line
from test_sdk_requests import chat_tools, claude_tools

TOOLS = {"openai": chat_tools(), "anthropic": claude_tools()}
CALLS = [{"id": f"id_{n}", "name": "weather", "arguments": {"city": city}} for n, city in enumerate(["Zürich", "東京"])]
ANSWER = {"text": "Grüße, 世界 👋\nline\r\ntwo", "tool_calls": CALLS, "chunks": 7, "argument_chunks": 5}

VARIATIONS = {
    "as the provider does": {},
    "CRLF": {"sse": {"crlf": True}},
    "no space": {"sse": {"no_space": True}},
    "comments": {"sse": {"comments": True}},
    "a byte order mark": {"sse": {"bom": True}},
    "data in several lines": {"sse": {"multi_line": True}},
    "everything at once": {"sse": {"crlf": True, "no_space": True, "comments": True, "bom": True, "multi_line": True}},
    "pings": {"pings": 5},
    "every byte by itself": {"cut_bytes": 1},
    "pieces of three": {"cut_bytes": 3},
    "pieces of seven, CRLF": {"cut_bytes": 7, "sse": {"crlf": True}},
    "gzip": {"gzip": True},
    "gzip in pieces": {"gzip": True, "cut_bytes": 7},
    "one large event": {"chunks": 1, "argument_chunks": 1},
    "no stream at all": {"json_instead_of_stream": True},
    "a type in capitals": {"content_type": "Text/Event-Stream; Charset=UTF-8"},
}


def check(line: Line, variation: dict) -> None:
    reply = line.ask({**ANSWER, **variation}, **TOOLS[line.front])
    assert reply.text == ANSWER["text"]
    assert reply.calls_with_ids == [(call["id"], call["name"], call["arguments"]) for call in CALLS]
    assert reply.stop == {"openai": "tool_calls", "anthropic": "tool_use"}[line.front]
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_a_stream(sidecar, front, provider, variation):
    check(Line(sidecar, front, provider, True), VARIATIONS[variation])


@pytest.mark.parametrize("variation", [{"gzip": True}, {"cut_bytes": 1}, {"gzip": True, "cut_bytes": 3}], ids=str)
@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_a_whole_answer(sidecar, front, provider, variation):
    check(Line(sidecar, front, provider, False), variation)


@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_shared_topology_translates_the_same(both, front, provider, stream):
    """There the request is translated in another place, with a body that Envoy replaces."""
    check(Line(both, front, provider, stream), {})
