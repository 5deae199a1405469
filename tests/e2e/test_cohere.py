"""Cohere's v2 chat through a real Envoy: its own SDK in front of every provider, other SDKs in front of Cohere."""

import json

import anthropic
import cohere
import openai
import pytest
import stack
from clients import CLIENT_KEY, Clients

KEY = "co-secret-of-the-gateway"
PROVIDERS = {
    "openai": ("openai", "/v1", f"bearer: {KEY}", "o4-mini"),
    "responses": ("responses", "/v1", f"bearer: {KEY}", "o4-mini"),
    "claude": ("anthropic", "", f"header: x-api-key, value: {KEY}", "claude-haiku-4-5"),
    "gemini": ("gemini", "/v1beta", f"header: x-goog-api-key, value: {KEY}", "gemini-2.5-flash"),
    "bedrock": ("converse", "", f"bearer: {KEY}", "amazon.nova-pro-v1:0"),
    "cohere": ("cohere", "", f"bearer: {KEY}", "command-a-03-2025"),
}
HELLO = [{"role": "user", "content": "hello"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": CITY}}


class House(Clients):
    """One simulator that is every provider, a gateway, and the SDKs."""

    def __init__(self, folder):
        self.simulator = stack.Simulator("everybody", folder)
        lines = [
            f'  {name}: {{ dialect: {dialect}, url: "{self.simulator.base}{path}", auth: {{ {auth} }} }}'
            for name, (dialect, path, auth, _) in PROVIDERS.items()
        ]
        models = [
            f'  {name}: {{ targets: [ {{ provider: {name}, model: "{model}" }} ] }}'
            for name, (*_, model) in PROVIDERS.items()
        ]
        config = "\n".join(["providers:", *lines, "models:", *models, ""])
        self.gateway = stack.Gateway(folder / "gateway", config)
        base = self.gateway.base
        self.cohere = cohere.ClientV2(api_key=CLIENT_KEY, base_url=base, timeout=30)
        super().__init__(base)

    def sent(self) -> dict:
        """The last body that reached a provider."""
        return json.loads(self.simulator.requests()[-1]["body"])

    def stop(self) -> None:
        self.close()
        self.gateway.stop()
        self.simulator.stop()


@pytest.fixture(scope="module")
def _house(tmp_path_factory):
    started = House(tmp_path_factory.mktemp("cohere"))
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.simulator.reset()
    return _house


class Reply:
    """An answer as Cohere's SDK gives it, whole or gathered from its events."""

    def __init__(self):
        self.text = self.thinking = self.id = ""
        self.calls, self.citations = [], []
        self.finish = self.usage = self.error = None
        self.headers, self.events = {}, []

    @classmethod
    def whole(cls, raw) -> "Reply":
        reply, answer = cls(), raw.data
        reply.headers, reply.id, reply.finish, reply.usage = raw.headers, answer.id, answer.finish_reason, answer.usage
        for block in answer.message.content or []:
            reply.text += block.text if block.type == "text" else ""
            reply.thinking += block.thinking if block.type == "thinking" else ""
        reply.thinking += answer.message.tool_plan or ""
        calls = answer.message.tool_calls or []
        reply.calls = [[call.id, call.function.name, call.function.arguments] for call in calls]
        reply.citations = answer.message.citations or []
        return reply

    @classmethod
    def gathered(cls, events) -> "Reply":
        reply = cls()
        for event in events:
            reply.events.append(event.type)
            message = getattr(event, "delta", None) and getattr(event.delta, "message", None)
            match event.type:
                case "message-start":
                    reply.id = event.id
                case "content-delta":
                    reply.text += message.content.text or ""
                    reply.thinking += message.content.thinking or ""
                case "tool-plan-delta":
                    reply.thinking += message.tool_plan
                case "tool-call-start":
                    reply.calls.append([message.tool_calls.id, message.tool_calls.function.name, ""])
                case "tool-call-delta":
                    reply.calls[event.index][2] += message.tool_calls.function.arguments
                case "citation-start":
                    reply.citations.append(message.citations)
                case "message-end":
                    reply.finish, reply.usage = event.delta.finish_reason, event.delta.usage
                    reply.error = event.delta.error
        return reply


def ask(house, model: str, stream: bool, script: dict | None = None, **params) -> Reply:
    """Cohere's own SDK; `script` is what the provider does with it."""
    options = {"max_retries": 0}
    if script is not None:
        options["additional_headers"] = {"x-sim": json.dumps(script)}
    params = {"model": model, "messages": HELLO, **params, "request_options": options}
    if stream:
        return Reply.gathered(house.cohere.chat_stream(**params))
    return Reply.whole(house.cohere.with_raw_response.chat(**params))


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


# ---- Cohere's SDK, every provider ----


def test_text(house, provider, stream):
    reply = ask(house, provider, stream, {"text": "Grüße, 世界 👋", "chunks": 5})
    assert (reply.text, reply.finish, reply.calls) == ("Grüße, 世界 👋", "COMPLETE", [])
    assert reply.id and reply.usage.billed_units.input_tokens > 0 and reply.usage.billed_units.output_tokens > 0
    if stream:
        assert (reply.events[0], reply.events[-1]) == ("message-start", "message-end")
        assert reply.events.count("content-start") == reply.events.count("content-end") == 1


def test_a_limit(house, provider, stream):
    long = [{"role": "user", "content": "hello " * 40}]
    reply = ask(house, provider, stream, max_tokens=16, messages=long)
    assert reply.finish == "MAX_TOKENS" and reply.text.startswith("You said: hello")


def test_the_tool_loop(house, provider, stream):
    calls = [{"name": "weather", "arguments": {"city": "Zürich"}}, {"name": "weather", "arguments": {"city": "Paris"}}]
    asked = {"tools": [WEATHER]}
    reply = ask(house, provider, stream, {"tool_calls": calls, "argument_chunks": 3}, **asked)
    assert reply.finish == "TOOL_CALL"
    assert [(name, json.loads(text)) for _, name, text in reply.calls] == [
        ("weather", {"city": "Zürich"}),
        ("weather", {"city": "Paris"}),
    ]
    ids = [id for id, *_ in reply.calls]
    assert len(set(ids)) == 2 and all(ids)

    said = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": text}} for id, name, text in reply.calls
    ]
    document = {"type": "document", "document": {"data": {"degrees": "18°"}}}
    messages = [
        *HELLO,
        {"role": "assistant", "tool_plan": "Both.", "tool_calls": said},
        {"role": "tool", "tool_call_id": ids[0], "content": [document]},
        {"role": "tool", "tool_call_id": ids[1], "content": "21°"},
    ]
    reply = ask(house, provider, stream, {"text": "18° and 21°."}, messages=messages, **asked)
    assert (reply.text, reply.finish) == ("18° and 21°.", "COMPLETE")
    heard = json.dumps(house.sent(), ensure_ascii=False)
    assert "Zürich" in heard and "18°" in heard and "21°" in heard


def test_a_forced_tool_is_called(house, provider, stream):
    reply = ask(house, provider, stream, tools=[WEATHER], tool_choice="REQUIRED")
    assert [(name, json.loads(text)) for _, name, text in reply.calls] == [("weather", {"city": "value"})]


def test_an_answer_of_a_schema(house, provider, stream):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_object", "json_schema": schema}
    if provider == "bedrock":
        pytest.skip("Converse has no form of the answer for this model")
    reply = ask(house, provider, stream, response_format=form, messages=[{"role": "user", "content": "JSON, please"}])
    assert set(json.loads(reply.text)) == {"n"}


@pytest.mark.parametrize("provider", ["openai", "claude", "cohere"])
def test_thinking(house, provider, stream):
    thinking = {"type": "enabled", "token_budget": 1024}
    reply = ask(house, provider, stream, {"thinking": "Let me see …", "text": "3"}, thinking=thinking, max_tokens=3000)
    assert (reply.thinking, reply.text) == ("Let me see …", "3")


def test_documents_are_documents(house, stream):
    documents = ["Penguins swim.", {"data": {"title": "Eggs", "snippet": "One egg."}, "id": "doc-2"}]
    ask(house, "claude", stream, documents=documents)
    first, second, text = house.sent()["messages"][0]["content"]
    assert (first["source"]["data"], second["title"], text["text"]) == ("Penguins swim.", "Eggs", "hello")
    assert first["citations"] == second["citations"] == {"enabled": True}
    reply = ask(house, "cohere", stream, documents=documents)
    assert [(c.start, c.end, c.text) for c in reply.citations] == [(0, 8, "You said")]


def test_what_cannot_be_said_is_named(house):
    reply = ask(house, "claude", False, safety_mode="STRICT", seed=7, citation_options={"mode": "FAST"})
    assert reply.headers["x-attache-losses"].split(", ") == ["safety_mode", "citation_options.mode", "seed"]


def test_errors(house, provider, stream):
    for status, error in [
        (400, cohere.BadRequestError),
        (404, cohere.NotFoundError),
        (429, cohere.TooManyRequestsError),
        (503, cohere.ServiceUnavailableError),
    ]:
        with pytest.raises(error) as raised:
            ask(house, provider, stream, {"status": status, "error_message": "not so"})
        assert raised.value.body["message"] == "not so"
    with pytest.raises(cohere.core.ApiError) as raised:
        ask(house, provider, stream, {"status": 401})
    # The key at fault is the gateway's.
    assert raised.value.status_code == 502 and KEY not in str(raised.value.body)


def test_a_model_that_nobody_has(house):
    with pytest.raises(cohere.NotFoundError) as raised:
        ask(house, "nobody", False)
    assert "nobody" in raised.value.body["message"]


def test_requests_without_sense(house):
    with pytest.raises(cohere.BadRequestError) as raised:
        ask(house, "claude", False, messages=[])
    assert "messages" in raised.value.body["message"]


def test_a_stream_that_breaks(house, provider):
    broken = {"text": "one two three", "chunks": 3, "error_after_events": {"after": 2, "message": "it broke"}}
    reply = ask(house, provider, True, broken)
    assert (reply.events[-1], reply.finish) == ("message-end", "ERROR")
    assert "it broke" in reply.error


def test_the_same_dialect_passes_to_the_byte(house):
    body = '{ "model":"cohere", "messages":[{"role":"user","content":"h\\u0069"}],\n "return_prompt":true, "p":0.750 }'
    headers = {"content-type": "application/json", "authorization": f"Bearer {CLIENT_KEY}"}
    answer = house.http.post("/v2/chat", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert house.simulator.requests()[-1]["body"] == body.replace('"cohere"', '"command-a-03-2025"')
    assert dict(house.simulator.requests()[-1]["headers"])["authorization"] == f"Bearer {KEY}"
    record = house.gateway.record(answer.headers["x-request-id"])
    # What is billed, not what the model reads.
    assert record["tokens"]["input"] == answer.json()["usage"]["billed_units"]["input_tokens"]


# ---- other SDKs, Cohere ----


def chat(house, stream: bool, script: dict | None = None, **params):
    """OpenAI's SDK; the completion, gathered by the SDK's own means."""
    headers = {} if script is None else {"x-sim": json.dumps(script)}
    params = {"model": "cohere", "messages": HELLO, **params, "extra_headers": headers}
    if not stream:
        return house.openai.chat.completions.create(**params)
    state = openai.lib.streaming.chat.ChatCompletionStreamState()
    for chunk in house.openai.chat.completions.create(**params, stream=True, stream_options={"include_usage": True}):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def message(house, stream: bool, script: dict | None = None, **params):
    """Anthropic's SDK."""
    headers = {} if script is None else {"x-sim": json.dumps(script)}
    params = {"model": "cohere", "messages": HELLO, "max_tokens": 1000, **params, "extra_headers": headers}
    if not stream:
        return house.anthropic.messages.create(**params)
    with house.anthropic.messages.stream(**params) as events:
        return events.get_final_message()


def test_openai_to_cohere(house, stream):
    answer = chat(house, stream, {"text": "Grüße"}, temperature=0.5, top_p=0.5, seed=7, stop=["END"])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Grüße", "stop")
    # Two tokens are billed for "hello", whatever Cohere's template adds.
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 2)
    sent = house.sent()
    assert (sent["model"], sent["p"], sent["stop_sequences"]) == ("command-a-03-2025", 0.5, ["END"])


def test_openai_tools_to_cohere(house, stream):
    tools = [WEATHER, {"type": "function", "function": {"name": "get-time", "parameters": CITY}}]
    named = {"type": "function", "function": {"name": "weather"}}
    answer = chat(house, stream, tools=tools, tool_choice=named)
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "value"})
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (len(house.sent()["tools"]), house.sent()["tool_choice"]) == (1, "REQUIRED")

    said = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(exclude={"index"})]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "18°"}
    answer = chat(house, stream, {"text": "It is 18°."}, tools=tools, messages=[*HELLO, said, result])
    assert answer.choices[0].message.content == "It is 18°."
    # The API takes no hyphen in a name; the client never sees another one.
    answer = chat(house, stream, {"tool_calls": [{"name": house.sent()["tools"][1]["function"]["name"]}]}, tools=tools)
    assert answer.choices[0].message.tool_calls[0].function.name == "get-time"


def test_openai_logprobs_from_cohere(house, stream):
    answer = chat(house, stream, {"text": "one two", "chunks": 2}, logprobs=True)
    entries = answer.choices[0].logprobs.content
    assert "".join(entry.token for entry in entries) == "one two" and entries[0].logprob == -0.25


def test_anthropic_to_cohere(house, stream):
    source = {"type": "text", "media_type": "text/plain", "data": "Penguins swim."}
    document = {"type": "document", "source": source, "title": "Birds", "citations": {"enabled": True}}
    ask_about = [{"role": "user", "content": [document, {"type": "text", "text": "and?"}]}]
    answer = message(house, stream, {"text": "They swim well."}, system="Be brief.", messages=ask_about)
    text = [block for block in answer.content if block.type == "text"]
    assert "".join(block.text for block in text) == "They swim well." and answer.stop_reason == "end_turn"
    sent = house.sent()
    assert sent["documents"] == [{"data": {"title": "Birds", "text": "Penguins swim."}}]
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "and?"}]
    titles = [citation.document_title for block in text for citation in block.citations or []]
    assert titles in (["Birds"], [])  # the piece is not a whole block: what cannot be said is a loss


def test_anthropic_tools_and_thinking_to_cohere(house, stream):
    tools = [{"name": "weather", "description": "of a city", "input_schema": CITY}]
    script = {"thinking": "Hm.", "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}]}
    answer = message(house, stream, script, tools=tools, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=3000)
    assert [block.type for block in answer.content] == ["thinking", "tool_use"]
    assert answer.content[1].input == {"city": "Paris"} and answer.stop_reason == "tool_use"
    assert house.sent()["thinking"] == {"type": "enabled", "token_budget": 1024}

    result = {"type": "tool_result", "tool_use_id": answer.content[1].id, "content": "18°"}
    said = [block.model_dump(exclude_none=True) for block in answer.content]
    messages = [*HELLO, {"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    answer = message(house, stream, {"text": "18°."}, tools=tools, messages=messages)
    assert answer.content[-1].text == "18°."
    assert house.sent()["messages"][1]["tool_plan"] == "Hm."


def test_cohere_s_errors_to_others(house, stream):
    for status, chat_error, message_error in [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (404, openai.NotFoundError, anthropic.NotFoundError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (500, openai.InternalServerError, anthropic.InternalServerError),
        (499, openai.InternalServerError, anthropic.InternalServerError),
        (498, openai.InternalServerError, anthropic.InternalServerError),
    ]:
        for asks, error in ((chat, chat_error), (message, message_error)):
            with pytest.raises(error) as raised:
                asks(house, stream, {"status": status, "error_message": "not so"})
            assert status == 498 or "not so" in str(raised.value)
            assert KEY not in str(raised.value)


def test_a_stream_of_cohere_s_that_breaks(house):
    broken = {"text": "one two three", "chunks": 3, "error_after_events": {"after": 2, "message": "it broke"}}
    with pytest.raises(openai.APIError, match="it broke"):
        chat(house, True, broken)
    with pytest.raises(anthropic.APIError, match="it broke"):
        message(house, True, broken)
