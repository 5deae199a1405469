"""Amazon Bedrock through a real Envoy: boto3 in front of every provider, every SDK in front of Bedrock."""

import json

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import conftest
import openai
import pytest
import stack

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ACCESS_KEY = "AKIDOFTHEGATEWAY"
SECRET = "secret/of+the+gateway"
SESSION = "session-of-the-gateway"
HELLO = [{"role": "user", "content": [{"text": "hello"}]}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")
NO_RETRIES = botocore.config.Config(retries={"max_attempts": 0})


class Bedrock(conftest.Stack):
    """Bedrock beside the other two, by both of its APIs; requests to it are signed."""

    def __init__(self, folder, topology: str = "sidecar"):
        keys = f"access_key_id: {ACCESS_KEY}, session_token: {SESSION}"
        self.sim = stack.Simulator("bedrock", folder, args=["--aws-access-key", f"{ACCESS_KEY}:{SECRET}:{SESSION}"])
        providers = "\n".join(
            f'  {name}: {{ {speaks}, url: "{self.sim.base}", auth: {{ aws: {{ region: eu-west-1, {keys}, '
            f"secret_access_key: {secret} }} }} }}"
            for name, speaks, secret in [
                ("converse", "dialect: converse", SECRET),
                ("invoke", "dialect: anthropic, hosting: bedrock", SECRET),
                ("forger", "dialect: converse", "another-secret-of-the-gateway"),
            ]
        )
        models = {
            "converse-only": ("converse", MODEL),
            "invoke-only": ("invoke", MODEL),
            "llama": ("converse", "meta.llama3-8b-instruct-v1:0"),
            "profile": ("converse", "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2"),
            "forged": ("forger", MODEL),
        }
        extra = "\n".join(
            f'  {name}: {{ targets: [ {{ provider: {provider}, model: "{model}" }} ] }}'
            for name, (provider, model) in models.items()
        )
        super().__init__(folder, topology, extra, providers)
        self.boto = self.client()

    def client(self):
        """boto3 as its users have it, with keys of the client's own."""
        return boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=self.base,
            aws_access_key_id="AKIDOFTHECLIENT",
            aws_secret_access_key=conftest.CLIENT_KEY,
            aws_session_token="session-of-the-client",
            config=NO_RETRIES,
        )

    def scripted(self, **script):
        """A client whose requests bring what the provider shall do with them."""
        client = self.client()
        header = json.dumps(script)
        client.meta.events.register("before-sign", lambda request, **_: request.headers.__setitem__("x-sim", header))
        return client

    def simulator(self, model: str) -> stack.Simulator:
        return {"openai-only": self.openai_sim, "claude-only": self.claude_sim}.get(model, self.sim)

    def sent(self, model: str) -> dict:
        """The last body that reached the model's provider."""
        return json.loads(self.simulator(model).requests()[-1]["body"])

    def reset(self) -> None:
        super().reset()
        self.sim.reset()

    def stop(self) -> None:
        super().stop()
        self.sim.stop()


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _started(request, tmp_path_factory):
    started = Bedrock(tmp_path_factory.mktemp(f"bedrock-{request.param}"), request.param)
    yield started
    started.stop()


@pytest.fixture
def bedrock(_started):
    _started.reset()
    return _started


every_model = pytest.mark.parametrize("model", ["converse-only", "invoke-only", "openai-only", "claude-only"])
of_bedrock = pytest.mark.parametrize("model", ["converse-only", "invoke-only"])
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def converse(client, stream: bool, **request) -> dict:
    """An answer as `converse` gives it, also when it was streamed: gathered by the index of its blocks."""
    if not stream:
        answer = client.converse(**request)
        return {key: answer[key] for key in ("output", "stopReason", "usage")}
    blocks, answer = {}, {}
    for event in client.converse_stream(**request)["stream"]:
        ((kind, event),) = event.items()
        if kind == "messageStart":
            answer["output"] = {"message": {"role": event["role"], "content": []}}
        elif kind == "contentBlockStart":
            blocks[event["contentBlockIndex"]] = {"toolUse": {**event["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            gather(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
        elif kind == "messageStop":
            answer["stopReason"] = event["stopReason"]
        elif kind == "metadata":
            answer["usage"] = event["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    answer["output"]["message"]["content"] = list(blocks.values())
    return answer


def gather(block: dict, delta: dict) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    else:
        said = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
        for field, piece in delta["reasoningContent"].items():
            said[field] = said.get(field, "") + piece


@every_model
@streamed_or_not
def test_boto_asks_every_provider(bedrock, model, stream):
    answer = converse(bedrock.boto, stream, modelId=model, messages=HELLO, inferenceConfig={"maxTokens": 100})
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "You said: hello"}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"] > 0
    request = bedrock.simulator(model).requests()[-1]
    assert conftest.CLIENT_KEY not in json.dumps(request)
    assert "session-of-the-client" not in json.dumps(request)


@every_model
@streamed_or_not
def test_botos_tool_loop(bedrock, model, stream):
    tools = [{"toolSpec": {"name": "weather", "description": "Now", "inputSchema": {"json": WEATHER}}}]
    config = {"tools": tools, "toolChoice": {"auto": {}}}
    calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Bern", "Rome")]
    asking = bedrock.scripted(text="I look.", tool_calls=calls)
    answer = converse(asking, stream, modelId=model, messages=HELLO, toolConfig=config)
    assert answer["stopReason"] == "tool_use"
    said = answer["output"]["message"]
    uses = [block["toolUse"] for block in said["content"] if "toolUse" in block]
    assert [(use["name"], use["input"]["city"]) for use in uses] == [("weather", "Bern"), ("weather", "Rome")]
    results = [
        {"toolResult": {"toolUseId": uses[0]["toolUseId"], "content": [{"json": {"celsius": 7}}]}},
        {"toolResult": {"toolUseId": uses[1]["toolUseId"], "content": [{"text": "no idea"}], "status": "error"}},
    ]
    messages = [*HELLO, said, {"role": "user", "content": results}]
    answer = converse(bedrock.boto, stream, modelId=model, messages=messages, toolConfig=config)
    assert answer["stopReason"] == "end_turn"


@pytest.mark.parametrize("model", ["converse-only", "invoke-only", "claude-only"])
@streamed_or_not
def test_thoughts_come_signed_and_go_back(bedrock, model, stream):
    request = {
        "modelId": model,
        "inferenceConfig": {"maxTokens": 4000},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}]},
    }
    asking = bedrock.scripted(thinking="Where is it?", tool_calls=[{"name": "weather", "arguments": {"city": "Bern"}}])
    said = converse(asking, stream, messages=HELLO, **request)["output"]["message"]
    thought = said["content"][0]["reasoningContent"]["reasoningText"]
    assert thought["text"] == "Where is it?" and thought["signature"]
    use = next(block["toolUse"] for block in said["content"] if "toolUse" in block)
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "7"}]}}
    # The provider refuses a thought that was changed.
    answer = converse(bedrock.boto, stream, messages=[*HELLO, said, {"role": "user", "content": [result]}], **request)
    assert answer["stopReason"] == "end_turn"


@every_model
def test_botos_images_and_documents(bedrock, model):
    content = [
        {"text": "What is it?"},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"document": {"format": "txt", "name": "notes", "source": {"text": "It is a dot."}}},
    ]
    bedrock.boto.converse(modelId=model, messages=[{"role": "user", "content": content}])
    assert "iVBORw0KGgo" in json.dumps(bedrock.sent(model))


def test_botos_cache_points_mark_what_is_before_them(bedrock):
    point = {"cachePoint": {"type": "default"}}
    bedrock.boto.converse(modelId="claude-only", system=[{"text": "Be brief."}, point], messages=HELLO)
    assert bedrock.sent("claude-only")["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_botos_schema_is_kept(bedrock):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    structure = {"jsonSchema": {"name": "number", "schema": json.dumps(schema)}}
    config = {"textFormat": {"type": "json_schema", "structure": structure}}
    for model in ["converse-only", "invoke-only", "openai-only", "claude-only"]:
        answer = converse(bedrock.boto, False, modelId=model, messages=HELLO, outputConfig=config)
        assert set(json.loads(answer["output"]["message"]["content"][0]["text"])) == {"n"}, model


def test_what_a_guardrail_forbids_is_never_lost_in_silence(bedrock):
    guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}
    answer = bedrock.boto.converse(modelId="openai-only", messages=HELLO, guardrailConfig=guardrail)
    assert "guardrailConfig" in answer["ResponseMetadata"]["HTTPHeaders"]["x-attache-losses"]
    bedrock.boto.converse(modelId="converse-only", messages=HELLO, guardrailConfig=guardrail)
    assert bedrock.sent("converse-only")["guardrailConfig"] == guardrail


def test_the_same_dialect_passes_byte_by_byte(bedrock):
    body = b'{ "messages" : [{"role":"user","content":[{"text":"hello"}]}], "tomorrow" : 1.50 }'
    headers = {"content-type": "application/json", "x-sim": json.dumps({"validate": False})}
    answer = bedrock.http.post("/model/converse-only/converse", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert bedrock.sim.requests()[-1]["body"] == body.decode()
    assert bedrock.sim.requests()[-1]["path"] == f"/model/{MODEL.replace(':', '%3A')}/converse"


# ---- errors ----


def test_errors_are_the_exceptions_that_boto_raises(bedrock):
    raises, boto = bedrock.boto.exceptions, bedrock.boto
    with pytest.raises(raises.ResourceNotFoundException):
        boto.converse(modelId="no-such-model", messages=HELLO)
    upside_down = [{"role": "assistant", "content": [{"text": "hello"}]}]
    with pytest.raises(raises.ValidationException, match="must start with a user message"):
        boto.converse(modelId="converse-only", messages=upside_down)
    with pytest.raises(raises.ValidationException, match="critic"):
        boto.converse(modelId="openai-only", messages=[{"role": "critic", "content": [{"text": "x"}]}])


@every_model
def test_errors_of_every_provider_are_boto_s(bedrock, model):
    raises = bedrock.boto.exceptions
    for status, expected in [
        (400, raises.ValidationException),
        (404, raises.ResourceNotFoundException),
        (429, raises.ThrottlingException),
        (500, raises.InternalServerException),
        (529 if model == "claude-only" else 503, raises.ServiceUnavailableException),
    ]:
        with pytest.raises(expected, match="out of order"):
            asking = bedrock.scripted(status=status, error_message="out of order")
            asking.converse(modelId=model, messages=HELLO)


@every_model
def test_errors_in_streams_are_exceptions(bedrock, model):
    broken = bedrock.scripted(text="Hello there", chunks=3, error_after_events={"after": 4, "message": "it broke"})
    with pytest.raises(botocore.exceptions.EventStreamError, match="it broke"):
        list(broken.converse_stream(modelId=model, messages=HELLO)["stream"])
    cut = bedrock.scripted(text="Hello there", chunks=3, close_after_events=4)
    if model != "converse-only":  # there the client sees for itself that the end is missing
        with pytest.raises(botocore.exceptions.EventStreamError):
            list(cut.converse_stream(modelId=model, messages=HELLO)["stream"])


def test_a_wrong_signature_is_the_gateways_fault(bedrock):
    with pytest.raises(botocore.exceptions.ClientError, match="did not accept the gateway's credentials") as raised:
        bedrock.boto.converse(modelId="forged", messages=HELLO)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
    assert SECRET not in str(raised.value)


def test_names_that_are_escaped_are_signed_as_they_are_sent(bedrock):
    bedrock.boto.converse(modelId="profile", messages=HELLO)
    path = bedrock.sim.requests()[-1]["path"]
    assert path.endswith("%3Aapplication-inference-profile%2Fa1b2/converse")


# ---- InvokeModel ----


def native(**fields) -> str:
    messages = [{"role": "user", "content": "hello"}]
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": messages, **fields})


@every_model
def test_claude_by_invoke_model(bedrock, model):
    answer = json.loads(bedrock.boto.invoke_model(modelId=model, body=native())["body"].read())
    assert (answer["type"], answer["stop_reason"]) == ("message", "end_turn")
    assert answer["content"] == [{"type": "text", "text": "You said: hello"}]


@every_model
def test_claude_by_invoke_model_streamed(bedrock, model):
    stream = bedrock.boto.invoke_model_with_response_stream(modelId=model, body=native())["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    said = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(said) == "You said: hello"


@every_model
def test_errors_of_invoke_model(bedrock, model):
    raises = bedrock.boto.exceptions
    with pytest.raises(raises.ThrottlingException, match="slow down"):
        bedrock.scripted(status=429, error_message="slow down").invoke_model(modelId=model, body=native())
    with pytest.raises(botocore.exceptions.EventStreamError, match="it broke"):
        broken = bedrock.scripted(text="Hello there", chunks=3, error_after_events={"after": 3, "message": "it broke"})
        list(broken.invoke_model_with_response_stream(modelId=model, body=native())["body"])


# ---- Bedrock behind the others' SDKs ----


@of_bedrock
@streamed_or_not
def test_openais_sdk_asks_bedrock(bedrock, model, stream):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]
    if stream:
        options = {"include_usage": True}
        chunks = list(
            bedrock.openai.chat.completions.create(model=model, messages=messages, stream=True, stream_options=options)
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        usage = chunks[-1].usage
    else:
        answer = bedrock.openai.chat.completions.create(model=model, messages=messages)
        text, usage = answer.choices[0].message.content, answer.usage
    assert text == "You said: hello"
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


@of_bedrock
@streamed_or_not
def test_anthropics_sdk_asks_bedrock(bedrock, model, stream):
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    request = {
        "model": model,
        "max_tokens": 4000,
        "system": system,
        "messages": [{"role": "user", "content": "hello"}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    if stream:
        with bedrock.anthropic.messages.stream(**request) as events:
            answer = events.get_final_message()
    else:
        answer = bedrock.anthropic.messages.create(**request)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[1].text == "You said: hello" and answer.stop_reason == "end_turn"
    marked = {"converse-only": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}], "invoke-only": system}
    assert bedrock.sent(model)["system"] == marked[model]


@of_bedrock
def test_the_tool_loop_of_openais_sdk(bedrock, model):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    messages = [{"role": "user", "content": "weather?"}]
    forced = {"type": "function", "function": {"name": "weather"}}
    answer = bedrock.openai.chat.completions.create(model=model, messages=messages, tools=tools, tool_choice=forced)
    (call,) = answer.choices[0].message.tool_calls
    assert (answer.choices[0].finish_reason, json.loads(call.function.arguments)) == ("tool_calls", {"city": "value"})
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "7 degrees"}]
    # Without the tools, too: Bedrock demands them where a conversation holds calls.
    for offered in [{"tools": tools}, {}]:
        answer = bedrock.openai.chat.completions.create(model=model, messages=messages, **offered)
        assert answer.choices[0].finish_reason == "stop"


def test_what_a_model_behind_bedrock_does_not_take_is_a_loss(bedrock):
    content = [{"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}]
    raw = bedrock.anthropic.messages.with_raw_response.create(
        model="llama",
        max_tokens=100,
        messages=[{"role": "user", "content": content}],
        extra_body={"top_k": 5},
    )
    assert raw.headers["x-attache-losses"] == "messages.content.cache_control, top_k"
    assert "cachePoint" not in json.dumps(bedrock.sent("llama"))


@of_bedrock
def test_bedrocks_errors_are_those_of_the_sdks(bedrock, model):
    slow = {"extra_headers": {"x-sim": json.dumps({"status": 429, "error_message": "slow down"})}}
    question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    with pytest.raises(openai.RateLimitError, match="slow down"):
        bedrock.openai.chat.completions.create(**question, **slow)
    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        bedrock.anthropic.messages.create(**question, max_tokens=9, **slow)
    fails = {"after": 4, "type": "throttlingException", "message": "it broke"}
    broken = {"extra_headers": {"x-sim": json.dumps({"text": "Hello there", "chunks": 3, "error_after_events": fails})}}
    with pytest.raises(openai.APIError, match="it broke"):
        list(bedrock.openai.chat.completions.create(**question, stream=True, **broken))
    with pytest.raises(anthropic.APIError, match="it broke"):
        list(bedrock.anthropic.messages.create(**question, max_tokens=9, stream=True, **broken))
    garbled = {"extra_headers": {"x-sim": json.dumps({"garbage_after_events": 2})}}
    with pytest.raises(openai.APIError, match="cannot be read"):
        list(bedrock.openai.chat.completions.create(**question, stream=True, **garbled))


@of_bedrock
def test_wherever_the_network_cuts(bedrock, model):
    for cut in (1, 7, 100):
        scripted = {"x-sim": json.dumps({"text": "Grüße, 世界", "cut_bytes": cut})}
        stream = bedrock.openai.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "hello"}], stream=True, extra_headers=scripted
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Grüße, 世界"
