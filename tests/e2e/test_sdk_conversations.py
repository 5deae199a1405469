"""Several turns: what the SDK gave is sent back as it is, and the provider takes it.

The simulator refuses what the real APIs refuse: a call without its result, a result without its call, an open turn that
does not begin with its thought, a thought whose signature does not fit.
"""

import pytest
from sdk import Line
from test_sdk_requests import PNG, chat_tools, claude_tools

QUESTION = {"role": "user", "content": "Where is it warmer, in Paris or in Rome?"}
CALLS = [{"name": "weather", "arguments": {"city": city}} for city in ("Paris", "Rome")]
TOOLS = {"openai": chat_tools(), "anthropic": claude_tools()}


def results(line: Line, ids: list[str]) -> list[dict]:
    """What the tools said, as one sends it in this dialect."""
    if line.front == "openai":
        return [{"role": "tool", "tool_call_id": id, "content": f"{n} °C"} for n, id in enumerate(ids)]
    content = [{"type": "tool_result", "tool_use_id": id, "content": f"{n} °C"} for n, id in enumerate(ids)]
    return [{"role": "user", "content": content}]


def test_a_tool_round_trip(line):
    first = line.ask({"text": "I look.", "tool_calls": CALLS}, messages=[QUESTION], **TOOLS[line.front])
    ids = [id for id, _, _ in first.calls_with_ids]
    assert len(set(ids)) == 2
    messages = [QUESTION, first.as_message(), *results(line, ids)]
    second = line.ask({"tool_calls": CALLS[:1]}, messages=messages, **TOOLS[line.front])
    more = [id for id, _, _ in second.calls_with_ids]
    messages += [second.as_message(), *results(line, more)]
    third = line.ask({"text": "Rome."}, messages=messages, **TOOLS[line.front])
    assert third.text == "Rome."
    assert third.losses == []
    assert ids_sent(line) == (ids + more, ids + more)


def ids_sent(line: Line) -> tuple[list[str], list[str]]:
    """The ids of calls and of results in what the provider heard last."""
    calls, answers = [], []
    for message in line.sent()["messages"]:
        calls += [call["id"] for call in message.get("tool_calls", [])]
        answers += [message["tool_call_id"]] if message["role"] == "tool" else []
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            calls += [block["id"]] if block["type"] == "tool_use" else []
            answers += [block["tool_use_id"]] if block["type"] == "tool_result" else []
    return calls, answers


THOUGHTS = {
    "a thought": {"thinking": "Paris first, then Rome …"},
    "a thought and an opaque one": {"thinking": "Paris first.", "redacted_thinking": "b3BhcXVlIGRhdGE="},
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("thought", THOUGHTS)
def test_claude_gets_its_thoughts_back(sidecar, front, stream, thought):
    """Claude refuses a turn that goes on without its thought, or with one that is not its own."""
    line = Line(sidecar, front, "claude", stream)
    thinks = {
        "openai": {"reasoning_effort": "low"},
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    }[front]
    script = {**THOUGHTS[thought], "text": "I look.", "tool_calls": CALLS}
    first = line.ask(script, messages=[QUESTION], **TOOLS[front], **thinks)
    ids = [id for id, _, _ in first.calls_with_ids]
    messages = [QUESTION, first.as_message(), *results(line, ids)]
    second = line.ask({"text": "Rome."}, messages=messages, **TOOLS[front], **thinks)
    assert second.text == "Rome."
    assert second.losses == []
    sent = line.sent()
    assert sent["thinking"]["type"] == "enabled"
    kinds = [block["type"] for block in sent["messages"][1]["content"]]
    expected = [kind for kind in ("thinking", "redacted_thinking") if kind in THOUGHTS[thought]]
    assert kinds == [*expected, "text", "tool_use", "tool_use"]
    assert sent["messages"][1]["content"][0]["thinking"] == THOUGHTS[thought]["thinking"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_thought_that_a_client_has_changed_is_refused_by_claude_itself(sidecar, stream):
    """The control of the test above: signatures are looked at."""
    line = Line(sidecar, "openai", "claude", stream)
    script = {"thinking": "Paris first.", "tool_calls": CALLS[:1]}
    first = line.ask(script, messages=[QUESTION], reasoning_effort="low", **chat_tools())
    message = first.as_message()
    message["thinking_blocks"][0]["thinking"] = "Rome first."
    messages = [QUESTION, message, *results(line, [first.calls_with_ids[0][0]])]
    with pytest.raises(Exception, match="signature") as refused:
        line.ask({"text": "Rome."}, messages=messages, reasoning_effort="low", **chat_tools())
    assert refused.value.status_code == 400


def test_a_client_that_drops_thoughts_goes_on_without_thinking(sidecar):
    """Most chat clients send back content and tool calls only."""
    line = Line(sidecar, "openai", "claude", False)
    script = {"thinking": "Paris first.", "tool_calls": CALLS[:1]}
    first = line.ask(script, messages=[QUESTION], reasoning_effort="low", **chat_tools())
    message = {key: first.as_message().get(key) for key in ("role", "content", "tool_calls")}
    messages = [QUESTION, message, *results(line, [first.calls_with_ids[0][0]])]
    second = line.ask({"text": "Rome."}, messages=messages, reasoning_effort="low", **chat_tools())
    assert (second.text, second.losses) == ("Rome.", ["reasoning_effort"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_thoughts_of_another_provider_do_not_stop_the_conversation(sidecar, stream):
    """A Claude client whose turns were answered by an OpenAI-dialect provider moves on to Claude: such thoughts have no
    signature, and Claude would refuse them."""
    thinks = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    line = Line(sidecar, "anthropic", "openai", stream)
    first = line.ask({"thinking": "hm", "text": "Rome."}, model="openai/o4-mini", messages=[QUESTION], **thinks)
    messages = [QUESTION, first.as_message(), {"role": "user", "content": "Sure?"}]
    back = line.ask({"text": "Yes."}, model="openai/o4-mini", messages=messages, **thinks)
    assert back.text == "Yes."


def test_a_tool_that_returns_an_image(line):
    picture = {
        "openai": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        "anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    }
    first = line.ask({"tool_calls": CALLS[:1]}, messages=[QUESTION], **TOOLS[line.front])
    id = first.calls_with_ids[0][0]
    if line.front == "openai":
        # OpenAI's tool messages hold text only: the picture comes in the user's message behind.
        seen = {"role": "user", "content": [{"type": "text", "text": "the map:"}, picture["openai"]]}
        answers = [{"role": "tool", "tool_call_id": id, "content": "see below"}, seen]
    else:
        result = {"type": "tool_result", "tool_use_id": id, "content": [picture["anthropic"]]}
        answers = [{"role": "user", "content": [result]}]
    messages = [QUESTION, first.as_message(), *answers]
    second = line.ask({"text": "Rome."}, messages=messages, **TOOLS[line.front])
    assert (second.text, second.losses) == ("Rome.", [])
    assert PNG in line.simulator.requests()[-1]["body"]
