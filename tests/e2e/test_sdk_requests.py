"""What a client says is what the provider hears: in its own dialect to the byte, in the other one to the meaning."""

import openai
import pytest
from sdk import HELLO, Line

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQK"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def user(*parts: dict) -> list[dict]:
    return [{"role": "user", "content": list(parts)}]


def look(part: dict) -> dict:
    return {"messages": user({"type": "text", "text": "look"}, part)}


def chat_tools(**more) -> dict:
    function = {"name": "weather", "description": "of a city", "parameters": CITY}
    return {"tools": [{"type": "function", "function": function}], **more}


def claude_tools(**more) -> dict:
    return {"tools": [{"name": "weather", "description": "of a city", "input_schema": CITY}], **more}


# The same thing in both dialects: what one client says is what the other's provider hears.
SAME = {
    "a system prompt": (
        {"messages": [{"role": "system", "content": "be brief"}, *HELLO]},
        {"system": "be brief", "messages": HELLO},
    ),
    "turns": (
        {"messages": [*HELLO, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": "go on"}]},
        {"messages": [*HELLO, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": "go on"}]},
    ),
    "an image in the request": (
        look({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}),
        look({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
    ),
    "an image on the network": (
        look({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        look({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
    ),
    "a PDF": (
        look({"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}),
        look(
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "a.pdf",
            }
        ),
    ),
    "tools": (chat_tools(), claude_tools()),
    "tools, the model decides": (chat_tools(tool_choice="auto"), claude_tools(tool_choice={"type": "auto"})),
    "tools, one at least": (chat_tools(tool_choice="required"), claude_tools(tool_choice={"type": "any"})),
    "tools, none now": (chat_tools(tool_choice="none"), claude_tools(tool_choice={"type": "none"})),
    "tools, this one": (
        chat_tools(tool_choice={"type": "function", "function": {"name": "weather"}}),
        claude_tools(tool_choice={"type": "tool", "name": "weather"}),
    ),
    "tools, one at a time": (
        chat_tools(tool_choice="auto", parallel_tool_calls=False),
        claude_tools(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    "calls and their results": (
        chat_tools(
            messages=[
                {"role": "user", "content": "and in Paris?"},
                {
                    "role": "assistant",
                    "content": "I look it up.",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
                        },
                        {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"},
                {"role": "tool", "tool_call_id": "call_2", "content": "which city?"},
            ]
        ),
        claude_tools(
            messages=[
                {"role": "user", "content": "and in Paris?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "I look it up."},
                        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}},
                        {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1", "content": "21 °C"},
                        {"type": "tool_result", "tool_use_id": "call_2", "content": "which city?"},
                    ],
                },
            ]
        ),
    ),
    "stop sequences": ({"stop": ["END", "STOP"]}, {"stop_sequences": ["END", "STOP"]}),
    "sampling": ({"temperature": 0.25}, {"extra_body": {"temperature": 0.25}}),
    "nucleus sampling": ({"top_p": 0.5}, {"extra_body": {"top_p": 0.5}}),
    "a limit": ({"max_completion_tokens": 77}, {"max_tokens": 77}),
    "the end user": ({"user": "user-1"}, {"metadata": {"user_id": "user-1"}}),
    "the ordinary service tier": ({"service_tier": "default"}, {"service_tier": "standard_only"}),
    "an answer by a schema": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "response", "schema": CITY, "strict": True},
            }
        },
        {"output_config": {"format": {"type": "json_schema", "schema": CITY}}},
    ),
}


def on_the_wire(params: dict) -> dict:
    """The parameters as the SDK sends them: `extra_body` is part of the body."""
    return {**{k: v for k, v in params.items() if k != "extra_body"}, **params.get("extra_body", {})}


@pytest.mark.parametrize("meaning", SAME)
def test_the_other_dialect_s_provider_hears_the_same(crossing: Line, meaning: str):
    by_dialect = dict(zip(("openai", "anthropic"), SAME[meaning]))
    reply = crossing.ask(**by_dialect[crossing.front])
    expected = on_the_wire(by_dialect[crossing.dialect])
    sent = crossing.sent()
    assert {key: sent.get(key) for key in expected} == expected
    assert not set(reply.losses) - {"stop_sequence"}
    assert sent["model"] == {"openai": "gpt-4o-mini", "claude": "claude-haiku-4-5"}[crossing.provider]


# OpenAI clients at Claude: what there is no equal for, and what is lost.
OPENAI_AT_CLAUDE = [
    (
        "system and developer messages",
        {"messages": [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, *HELLO]},
        {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "messages": HELLO},
        [],
    ),
    (
        "a text file",
        look({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}}),
        look(
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
                "title": "a.txt",
            }
        ),
        [],
    ),
    (
        "how closely to look",
        look({"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}),
        look({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
        ["messages.content.image_url.detail"],
    ),
    ("one stop sequence as a string", {"stop": "END"}, {"stop_sequences": ["END"]}, []),
    ("no limit", {}, {"max_tokens": 8192}, []),
    ("the older limit", {"max_tokens": 5}, {"max_tokens": 5}, []),
    ("two answers", {"n": 2}, {"n": None}, ["n"]),
    ("one answer", {"n": 1}, {"n": None}, []),
    ("log probabilities", {"logprobs": True, "top_logprobs": 2}, {"logprobs": None}, ["logprobs"]),
    ("too hot", {"temperature": 1.5}, {"temperature": 1}, ["temperature"]),
    ("two kinds of sampling", {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5, "top_p": None}, ["top_p"]),
    (
        "penalties and a seed",
        {"presence_penalty": 1, "frequency_penalty": 0.5, "seed": 2**63},
        {"seed": None},
        ["presence_penalty", "frequency_penalty", "seed"],
    ),
    ("token bias", {"logit_bias": {"1": 5}}, {"logit_bias": None}, ["logit_bias"]),
    ("a faster tier", {"service_tier": "priority"}, {"service_tier": None}, ["service_tier"]),
    ("tags", {"metadata": {"team": "a"}, "store": True}, {"metadata": None}, ["store", "metadata"]),
    (
        "any JSON",
        {"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "in JSON"}]},
        {"output_config": None, "messages": [{"role": "user", "content": "in JSON"}]},
        ["response_format"],
    ),
    (
        "a strict tool",
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": CITY, "strict": True}}]},
        {"tools": [{"name": "weather", "input_schema": CITY, "strict": True}]},
        [],
    ),
    (
        "a tool without parameters",
        {"tools": [{"type": "function", "function": {"name": "now"}}]},
        {"tools": [{"name": "now", "input_schema": {"type": "object", "properties": {}}}]},
        [],
    ),
    ("a low effort", {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, []),
    (
        "a high effort under a limit leaves room for the answer",
        {"reasoning_effort": "high", "max_completion_tokens": 10_000},
        {"thinking": {"type": "enabled", "budget_tokens": 8000}, "max_tokens": 10_000},
        [],
    ),
    ("no effort", {"reasoning_effort": "none"}, {"thinking": None}, []),
    (
        "a budget by the name of others",
        {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1500}}},
        {"thinking": {"type": "enabled", "budget_tokens": 1500}},
        [],
    ),
    (
        "cache markers as others write them",
        {
            "messages": [
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                },
                *user({"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}),
            ]
        },
        {
            "system": [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": user({"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}),
        },
        [],
    ),
    ("a parameter of tomorrow", {"extra_body": {"tomorrow": 1}}, {"tomorrow": None}, ["tomorrow"]),
]

REASONER = "openai/o4-mini"

# Anthropic clients at OpenAI.
ANTHROPIC_AT_OPENAI = [
    (
        "a system prompt in blocks, marked for the cache",
        {
            "system": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "b"},
            ]
        },
        {"messages": [{"role": "system", "content": "a\n\nb"}, *HELLO]},
        ["cache_control"],
    ),
    (
        "a text document",
        look({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}}),
        {"messages": [{"role": "user", "content": "look\n\nhello"}]},
        [],
    ),
    (
        "a failed tool, and one that shows a picture",
        {
            "tools": [{"name": "weather", "input_schema": CITY}],
            "messages": [
                {"role": "user", "content": "and in Paris?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
                        {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True, "content": "no such city"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": [
                                {"type": "text", "text": "see the map"},
                                {
                                    "type": "image",
                                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                                },
                            ],
                        },
                        {"type": "text", "text": "well?"},
                    ],
                },
            ],
        },
        {
            "messages": [
                {"role": "user", "content": "and in Paris?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "toolu_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
                        },
                        {"id": "toolu_2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "content": "no such city", "tool_call_id": "toolu_1"},
                {"role": "tool", "content": "see the map", "tool_call_id": "toolu_2"},
                *user(
                    {"type": "text", "text": "Files that tool call toolu_2 returned:"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "text", "text": "well?"},
                ),
            ]
        },
        ["messages.content.tool_result.is_error"],
    ),
    ("sampling of Claude's own", {"extra_body": {"top_k": 5}}, {"top_k": None}, ["top_k"]),
    (
        "five stop sequences",
        {"stop_sequences": ["1", "2", "3", "4", "5"]},
        {"stop": ["1", "2", "3", "4"]},
        ["stop_sequences"],
    ),
    ("any service tier", {"service_tier": "auto"}, {"service_tier": None}, []),
    (
        "a small budget",
        {"model": REASONER, "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 3000},
        {"reasoning_effort": "low", "max_completion_tokens": 3000},
        [],
    ),
    (
        "a large budget",
        {"model": REASONER, "thinking": {"type": "enabled", "budget_tokens": 16000}, "max_tokens": 20000},
        {"reasoning_effort": "high"},
        [],
    ),
    (
        "adaptive thinking under an effort",
        {"model": REASONER, "thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        {"reasoning_effort": "medium"},
        [],
    ),
    (
        "no thinking",
        {"thinking": {"type": "disabled"}},
        {"reasoning_effort": None},
        ["thinking.disabled"],
    ),
    (
        "a tool that runs at the provider",
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": None},
        ["tools.web_search"],
    ),
    ("a parameter of tomorrow", {"extra_body": {"tomorrow": 1}}, {"tomorrow": None}, ["tomorrow"]),
]


def check_one_way(line: Line, said: dict, heard: dict, losses: list[str]) -> None:
    reply = line.ask(**said)
    sent = line.sent()
    assert {key: sent.get(key) for key in heard} == heard
    assert reply.losses == losses


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("_, said, heard, losses", OPENAI_AT_CLAUDE, ids=[row[0] for row in OPENAI_AT_CLAUDE])
def test_an_openai_client_at_claude(sidecar, stream, _, said, heard, losses):
    check_one_way(Line(sidecar, "openai", "claude", stream), said, heard, losses)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("_, said, heard, losses", ANTHROPIC_AT_OPENAI, ids=[row[0] for row in ANTHROPIC_AT_OPENAI])
def test_an_anthropic_client_at_openai(sidecar, stream, _, said, heard, losses):
    check_one_way(Line(sidecar, "anthropic", "openai", stream), said, heard, losses)


def test_any_json_is_asked_of_claude_in_words(sidecar):
    line = Line(sidecar, "openai", "claude", False)
    line.ask(response_format={"type": "json_object"}, messages=[{"role": "user", "content": "in JSON"}])
    assert "valid JSON object" in line.sent()["system"]


def test_a_newer_claude_is_told_its_effort(start):
    target = "{ provider: claude, model: claude-opus-4-7, thinking: adaptive, sampling: false }"
    stack = start(extra=f"  newer: {{ targets: [ {target} ] }}\n")
    line = Line(stack, "openai", "claude", False)
    reply = line.ask(model="newer", reasoning_effort="medium", temperature=0.2)
    assert (line.sent()["thinking"]["type"], line.sent()["output_config"]) == ("adaptive", {"effort": "medium"})
    assert reply.losses == ["temperature"]
    line = Line(stack, "anthropic", "claude", False)
    line.ask(model="newer", thinking={"type": "adaptive"}, output_config={"effort": "xhigh"})
    assert line.sent()["output_config"] == {"effort": "xhigh"}


# A model whose operator wants no losses says so before anything is sent.
def test_a_strict_model_refuses_what_would_be_lost(sidecar):
    with pytest.raises(openai.BadRequestError) as refused:
        sidecar.openai.chat.completions.create(model="strict", messages=HELLO, n=2)
    assert "provider cannot be told: n;" in refused.value.message
    assert refused.value.type == "invalid_request_error"
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    message = sidecar.anthropic.messages.create(model="strict", max_tokens=9, messages=HELLO, tools=tools)
    assert message.content, "the same dialect loses nothing"
    assert len(sidecar.claude_sim.requests()) == 1


# Same dialect: not a byte changes but for the named edits.
def body_text(model: str, stream: str, rest: str) -> str:
    return f'{{ "model" :"{model}",\n\t"messages":[{{"role":"user","content":"h\\u00e9 \\/ ☃"}}],{stream}{rest} }}'


ODD = '"big": 12345678901234567890123, "small": 1e-400, "nested": {"b": [1, 2.0, null], "a": {}}, "big": "twice"'


@pytest.mark.parametrize("stream", ["", '"stream" :true,'], ids=["whole", "streamed"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_the_same_dialect_s_provider_gets_every_byte(sidecar, front, stream):
    headers = {"content-type": "application/json", "x-sim": '{"validate": false}'}
    if front == "openai":
        path, model, real, simulator = "/v1/chat/completions", "openai-only", "gpt-4o-mini", sidecar.openai_sim
        more = '"stream_options": {"x": 1, "include_usage" : true},'
    else:
        path, model, real, simulator = "/v1/messages", "claude-only", "claude-haiku-4-5", sidecar.claude_sim
        more = '"max_tokens" : 10,'
        headers["anthropic-version"] = "2023-06-01"
    said = body_text(model, stream, more + ODD)
    response = sidecar.http.post(path, content=said.encode(), headers=headers)
    assert response.status_code == 200, response.text
    assert simulator.requests()[-1]["body"] == body_text(real, stream, more + ODD)


def test_the_usage_is_asked_for_and_nothing_else_in_the_stream_s_options_changes(sidecar):
    headers = {"content-type": "application/json", "x-sim": '{"validate": false}'}
    for said, heard in [
        ('"stream_options": {"x": 1, "include_usage": false},', '"stream_options": {"x": 1, "include_usage": true},'),
        ('"stream_options": {"x": 1},', '"stream_options": {"x": 1,"include_usage":true},'),
    ]:
        body = body_text("openai-only", '"stream": true,', said + ODD)
        assert sidecar.http.post("/v1/chat/completions", content=body.encode(), headers=headers).status_code == 200
        sent = sidecar.openai_sim.requests()[-1]["body"]
        assert sent == body_text("gpt-4o-mini", '"stream": true,', heard + ODD)
