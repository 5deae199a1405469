"""Google's SDK as a client of every provider, and other SDKs as clients of Gemini: its own API and Vertex AI."""

import base64
import json

import anthropic
import openai
import pytest
import sdk
import stack
from conftest import CLIENT_KEY, Stack
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

GOOGLE_KEY = "google-secret-of-the-gateway"
GOOGLE_TOKEN = "ya29.secret-of-the-gateway"

PROVIDERS = """
  responses: {{ dialect: responses, url: "{others}/v1", auth: {{ bearer: some-secret }} }}
  cohere: {{ dialect: cohere, url: "{others}", auth: {{ bearer: some-secret }} }}
  bedrock: {{ dialect: converse, url: "{others}", auth: {{ bearer: some-secret }} }}
  gemini: {{ dialect: gemini, url: "{google}/v1beta", auth: {{ header: x-goog-api-key, value: {key} }} }}
  vertex: {{ dialect: gemini, hosting: vertex, url: "{google}/v1/projects/p/locations/global", auth: {{ bearer: {token} }} }}
"""
MODELS = """
  responses-only: { targets: [ { provider: responses, model: gpt-5-mini } ] }
  cohere-only: { targets: [ { provider: cohere, model: command-a-03-2025 } ] }
  bedrock-only: { targets: [ { provider: bedrock, model: anthropic.claude-haiku-4-5-20251001-v1:0 } ] }
  gemini-only: { targets: [ { provider: gemini, model: gemini-2.5-flash } ] }
  gemini-new: { targets: [ { provider: gemini, model: gemini-3-flash } ] }
  vertex-only: { targets: [ { provider: vertex, model: gemini-2.5-flash } ] }
  openai-new: { targets: [ { provider: openai, model: gpt-5-mini } ] }
  vertex-new: { targets: [ { provider: vertex, model: gemini-3-flash } ] }
"""
EVERY = ("openai-only", "claude-only", "gemini-only", "vertex-only", "responses-only", "cohere-only", "bedrock-only")
GOOGLE = ("gemini-only", "gemini-new", "vertex-only", "vertex-new")

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def _google(tmp_path_factory):
    folder = tmp_path_factory.mktemp("google")
    google = stack.Simulator("google", folder, args=["--api-key", GOOGLE_KEY, "--api-key", GOOGLE_TOKEN])
    others = stack.Simulator("others", folder)
    providers = PROVIDERS.format(google=google.base, others=others.base, key=GOOGLE_KEY, token=GOOGLE_TOKEN)
    started = Stack(folder, extra=MODELS, providers=providers)
    started.google_sim, started.others_sim = google, others
    started.genai = genai.Client(api_key=CLIENT_KEY, http_options=types.HttpOptions(base_url=started.base))
    yield started
    for process in (started, google, others):
        process.stop()


@pytest.fixture
def google(_google):
    _google.reset()
    _google.google_sim.reset()
    _google.others_sim.reset()
    return _google


def simulator_of(google, model):
    if model in GOOGLE:
        return google.google_sim
    named = {"openai-only": google.openai_sim, "openai-new": google.openai_sim, "claude-only": google.claude_sim}
    return named.get(model, google.others_sim)


def sent_to(google, model):
    return json.loads(simulator_of(google, model).requests()[-1]["body"])


def generate(google, model, contents="hello", stream=False, script=None, **config):
    """An answer of Google's SDK: the chunks of a streamed one, gathered."""
    http = types.HttpOptions(headers={"x-sim": json.dumps(script)}) if script is not None else None
    config = types.GenerateContentConfig(
        http_options=http, automatic_function_calling={"disable": True}, **config
    )
    if not stream:
        return [google.genai.models.generate_content(model=model, contents=contents, config=config)]
    return list(google.genai.models.generate_content_stream(model=model, contents=contents, config=config))


def parts_of(chunks):
    contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
    return [part for content in contents if content for part in content.parts or []]


def text_of(chunks):
    return "".join(part.text or "" for part in parts_of(chunks) if not part.thought)


def calls_of(chunks):
    return [part.function_call for part in parts_of(chunks) if part.function_call]


def finish_of(chunks):
    return chunks[-1].candidates[0].finish_reason


streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every_model = pytest.mark.parametrize("model", EVERY)


@streamed
@every_model
def test_text(google, model, stream):
    chunks = generate(google, model, stream=stream, system_instruction="Be brief.", max_output_tokens=500)
    assert text_of(chunks) == "You said: hello"
    assert finish_of(chunks) == types.FinishReason.STOP
    usage = chunks[-1].usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count
    # Neither Cohere nor Bedrock says which model answered.
    assert chunks[-1].model_version or model in ("cohere-only", "bedrock-only")
    headers = {name.lower(): value for name, value in simulator_of(google, model).requests()[-1]["headers"]}
    assert CLIENT_KEY not in json.dumps(headers)


@streamed
@every_model
def test_a_tool_loop(google, model, stream):
    tools = [
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name="get_weather",
                    description="Now, at a place",
                    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
                )
            ]
        )
    ]
    script = {
        "tool_calls": [
            {"name": "get_weather", "arguments": {"city": "Oslo"}},
            {"name": "get_weather", "arguments": {"city": "Bergen"}},
        ]
    }
    asked = types.Content(role="user", parts=[types.Part(text="Weather?")])
    chunks = generate(google, model, asked, stream, script, tools=tools)
    calls = calls_of(chunks)
    assert [(call.name, call.args) for call in calls] == [("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Bergen"})]
    assert finish_of(chunks) == types.FinishReason.STOP

    said = types.Content(role="model", parts=[part for part in parts_of(chunks) if part.function_call or part.text])
    answers = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"sky": sky}))
        for call, sky in zip(calls, ("clear", "rain"))
    ]
    contents = [asked, said, types.Content(role="user", parts=answers)]
    chunks = generate(google, model, contents, stream, {"text": "Clear and rain."}, tools=tools)
    assert text_of(chunks) == "Clear and rain."
    body = json.dumps(sent_to(google, model))
    assert body.index("clear") < body.index("rain")


@every_model
def test_a_tool_is_demanded(google, model):
    function = types.FunctionDeclaration(name="get_weather", parameters_json_schema=WEATHER)
    config = {
        "tools": [types.Tool(function_declarations=[function])],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["get_weather"]}},
    }
    [call] = calls_of(generate(google, model, **config))
    assert (call.name, call.args) == ("get_weather", {"city": "value"})


@every_model
def test_an_image(google, model):
    image = types.Part.from_bytes(data=PNG, mime_type="image/png")
    chunks = generate(google, model, [types.Part(text="What is it?"), image])
    assert text_of(chunks).startswith("You said: What is it?")
    # Google's SDK writes base64 for URLs, which other providers do not take.
    letters = base64.urlsafe_b64encode if model in GOOGLE else base64.b64encode
    assert letters(PNG).decode() in json.dumps(sent_to(google, model))


class City(BaseModel):
    """An answer in form."""

    name: str
    people: int


@streamed
@every_model
def test_an_answer_in_form(google, model, stream):
    chunks = generate(google, model, stream=stream, response_mime_type="application/json", response_schema=City)
    assert City.model_validate_json(text_of(chunks)) == City(name="value", people=1)
    chunks = generate(
        google, model, stream=stream, response_mime_type="application/json", response_json_schema=WEATHER
    )
    assert json.loads(text_of(chunks)) == {"city": "value"}


@streamed
@pytest.mark.parametrize("model", ["openai-new", *EVERY[1:]])
def test_thoughts(google, model, stream):
    script = {"thinking": "Let me think.", "text": "Four."}
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
    chunks = generate(google, model, stream=stream, script=script, thinking_config=thinking, max_output_tokens=4000)
    thoughts = "".join(part.text or "" for part in parts_of(chunks) if part.thought)
    assert (thoughts, text_of(chunks)) == ("Let me think.", "Four.")


@every_model
@pytest.mark.parametrize(
    ("status", "kind", "name"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (503, errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_errors(google, model, status, kind, name):
    scripted = 529 if (model, status) == ("claude-only", 503) else status  # Anthropic's own number for it
    with pytest.raises(kind) as caught:
        generate(google, model, script={"status": scripted, "error_message": "no, sorry"})
    assert (caught.value.code, caught.value.status) == (status, name)
    assert "no, sorry" in caught.value.message


def test_a_model_that_nobody_has(google):
    with pytest.raises(errors.ClientError) as caught:
        generate(google, "none")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


@every_model
def test_an_error_in_the_stream(google, model):
    script = {"text": "some words that come in pieces", "chunks": 6, "error_after_events": {"after": 4, "message": "it broke"}}
    with pytest.raises(errors.APIError) as caught:
        generate(google, model, stream=True, script=script)
    assert "it broke" in str(caught.value)


@every_model
def test_a_stream_that_breaks_off(google, model):
    """A cut answer never looks whole."""
    script = {"text": "some words that come in pieces", "chunks": 6, "close_after_events": 4}
    with pytest.raises(errors.APIError):
        generate(google, model, stream=True, script=script)


@every_model
def test_a_growing_array(google, model):
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    headers = {"x-goog-api-key": CLIENT_KEY}
    answer = google.http.post(f"/v1beta/models/{model}:streamGenerateContent", json=body, headers=headers)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    chunks = [types.GenerateContentResponse.model_validate(chunk) for chunk in answer.json()]
    assert text_of(chunks) == "You said: hello"
    assert finish_of(chunks) == types.FinishReason.STOP


@every_model
def test_tokens_are_counted(google, model):
    counted = google.genai.models.count_tokens(model=model, contents="hello, how many are these?")
    assert counted.total_tokens > 0


@streamed
@every_model
def test_an_answer_that_was_stopped(google, model, stream):
    chunks = generate(google, model, stream=stream, script={"refusal": "This is not for me."})
    refused = finish_of(chunks) == types.FinishReason.SAFETY
    # OpenAI's and Cohere's models decline in words, and end as ever.
    in_words = model in ("openai-only", "cohere-only") and text_of(chunks) == "This is not for me."
    assert refused or in_words


def test_what_only_google_keeps_is_refused_elsewhere(google):
    with pytest.raises(errors.ClientError) as caught:
        generate(google, "claude-only", cached_content="cachedContents/abc")
    assert caught.value.code == 400 and "cachedContent" in caught.value.message


def test_same_dialect_bytes_stay(google):
    """What the gateway does not know goes to a provider of the same dialect as it is."""
    body = '{ "contents":[ {"parts":[{"text":"hi"}]} ],  "safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}] }'
    headers = {"x-goog-api-key": CLIENT_KEY, "content-type": "application/json"}
    answer = google.http.post("/v1beta/models/gemini-only:generateContent", content=body, headers=headers)
    assert answer.status_code == 200
    [request] = google.google_sim.requests()
    assert request["body"] == body
    assert request["path"] == "/v1beta/models/gemini-2.5-flash:generateContent"


# ---- other SDKs, with Gemini behind them ----


class GoogleLine(sdk.Line):
    """An SDK of another dialect in front of Google."""

    def __init__(self, google, front, model, stream):
        self.stack, self.front, self.stream, self.model = google, front, stream, model
        self.provider, self.dialect, self.simulator = "google", "gemini", google.google_sim
        self.client = google.openai if front == "openai" else google.anthropic


@pytest.fixture(
    params=[(front, model, stream) for front in sdk.FRONTS for model in GOOGLE for stream in (False, True)],
    ids=lambda line: f"{line[0]}-to-{line[1]}-{'streamed' if line[2] else 'whole'}",
)
def line(request, google):
    return GoogleLine(google, *request.param)


def tool(front):
    if front == "openai":
        function = {"name": "get_weather", "description": "Now", "parameters": WEATHER}
        return {"type": "function", "function": function}
    return {"name": "get_weather", "description": "Now", "input_schema": WEATHER}


def test_others_text(line):
    reply = line.ask()
    assert reply.text == "You said: hello"
    assert reply.stop == ("stop" if line.front == "openai" else "end_turn")
    body = line.sent()
    assert "model" not in body and "stream" not in body
    path = line.simulator.requests()[-1]["path"]
    assert path.endswith("?alt=sse") == line.stream


def test_others_tool_loop(line):
    """Also with Gemini 3, which wants its signatures back."""
    script = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Bergen"}}]}
    asked = {"role": "user", "content": "Weather?"}
    reply = line.ask(script, messages=[asked], tools=[tool(line.front)])
    calls = reply.calls_with_ids
    assert [arguments for _, _, arguments in calls] == [{"city": "Oslo"}, {"city": "Bergen"}]
    assert len({id for id, _, _ in calls}) == 2
    if line.front == "openai":
        results = [{"role": "tool", "tool_call_id": id, "content": f"{a['city']} is fine"} for id, _, a in reversed(calls)]
    else:
        blocks = [{"type": "tool_result", "tool_use_id": id, "content": f"{a['city']} is fine"} for id, _, a in reversed(calls)]
        results = [{"role": "user", "content": blocks}]
    messages = [asked, reply.as_message(), *results]
    reply = line.ask({"text": "Both fine."}, messages=messages, tools=[tool(line.front)])
    assert reply.text == "Both fine."
    answered = [part["functionResponse"]["response"] for part in line.sent()["contents"][-1]["parts"]]
    assert answered == [{"output": "Oslo is fine"}, {"output": "Bergen is fine"}]


def test_others_image(line):
    data = base64.b64encode(PNG).decode()
    if line.front == "openai":
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    else:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    line.ask(messages=[{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}])
    assert line.sent()["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": data}}


def test_others_answer_in_form(line):
    if line.front == "openai":
        form = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER, "strict": True}}
        reply = line.ask(response_format=form)
    else:
        reply = line.ask(extra_body={"output_config": {"format": {"type": "json_schema", "schema": WEATHER}}})
    assert json.loads(reply.text) == {"city": "value"}
    assert line.sent()["generationConfig"]["responseJsonSchema"] == WEATHER


def test_others_thoughts(line):
    script = {"thinking": "Let me think.", "text": "Four."}
    if line.front == "openai":
        reply = line.ask(script, reasoning_effort="low")
    else:
        reply = line.ask(script, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=4000)
    assert (reply.thinking, reply.text) == ("Let me think.", "Four.")
    assert line.sent()["generationConfig"]["thinkingConfig"]["includeThoughts"] is True


def test_others_errors(line):
    limit = openai.RateLimitError if line.front == "openai" else anthropic.RateLimitError
    with pytest.raises(limit):
        line.ask({"status": 429})
    wrong = openai.BadRequestError if line.front == "openai" else anthropic.BadRequestError
    with pytest.raises(wrong) as caught:
        line.ask({"status": 400, "error_message": "no, sorry"})
    assert "no, sorry" in str(caught.value)


def test_others_refused_prompt(google):
    """A prompt that Google refuses is an answer that was refused."""
    blocked = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
        "modelVersion": "gemini-2.5-flash",
    }
    script = {"raw_body": json.dumps(blocked), "content_type": "application/json"}
    reply = GoogleLine(google, "openai", "gemini-only", False).ask(script)
    assert reply.stop == "content_filter" and reply.native.usage.prompt_tokens == 9
    reply = GoogleLine(google, "anthropic", "vertex-only", False).ask(script)
    assert reply.stop == "refusal" and reply.native.usage.input_tokens == 9


def test_a_key_that_google_does_not_know_is_our_fault(google, start):
    """Google answers a wrong key with 400: no client's request is at fault."""
    url = google.google_sim.base
    extra = "  wrong: { targets: [ { provider: wrong, model: gemini-2.5-flash } ] }\n"
    providers = f'  wrong: {{ dialect: gemini, url: "{url}/v1beta", auth: {{ header: x-goog-api-key, value: no }} }}\n'
    gateway = start(extra=extra, providers=providers)
    with pytest.raises(openai.APIStatusError) as caught:
        gateway.openai.chat.completions.create(model="wrong", messages=sdk.HELLO)
    assert caught.value.status_code == 502
    assert "credentials" in str(caught.value)
