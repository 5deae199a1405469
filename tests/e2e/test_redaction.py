"""What must not leave the house, through a real Envoy and with real SDKs: the provider reads placeholders, the client what it
said itself.

Whatever the service wrote meanwhile is searched when a gateway of these tests ends.
"""

import json
import pathlib
import shutil
import subprocess

import anthropic
import openai
import pytest
from conftest import CLIENT_KEY
from redacted import CARD, EMAIL, FRONTS, OTHER_EMAIL, PLACEHOLDER, PROVIDERS, SECRET, House, chat, messages
from rules import metric
from stack import wait_until
from wire import KEYS, ask, delta_of, request

NODE = pathlib.Path(__file__).parent / "node"


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _house(request, tmp_path_factory):
    started = House(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.reset()
    return _house


every_front = pytest.mark.parametrize("front", FRONTS)
every_provider = pytest.mark.parametrize("provider", PROVIDERS)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


# ---- there and back ----


@every_front
@every_provider
@both_ways
def test_the_provider_reads_placeholders_and_the_client_what_it_said(house, front, provider, stream):
    """Unscripted, the simulator says what it was told."""
    said = FRONTS[front](house, provider, stream, None, f"Write to {EMAIL}, not to {OTHER_EMAIL}.")
    assert said.text == f"You said: Write to {EMAIL}, not to {OTHER_EMAIL}."
    assert len(set(PLACEHOLDER.findall(house.received()))) == 2


@every_front
@every_provider
@both_ways
def test_tools_are_called_with_originals(house, front, provider, stream):
    stands_for = house.placeholder()
    arguments = {"to": stands_for, "note": f'the "{stands_for}" \\ of\nünïcode'}
    # Pieces are as small as they come: a placeholder is in several of them.
    script = {"text": f"I write to {stands_for}.", "chunks": 12, "argument_chunks": 30}
    script["tool_calls"] = [{"name": "mail", "arguments": arguments}]
    said = FRONTS[front](house, provider, stream, script, f"Write to {EMAIL}.")
    assert said.text == f"I write to {EMAIL}."
    assert said.calls == [{"to": EMAIL, "note": f'the "{EMAIL}" \\ of\nünïcode'}]


def test_the_node_sdk_reads_what_it_said(house):
    if shutil.which("node") is None or not (NODE / "node_modules/openai").exists():
        pytest.skip("there is no `node`, or no OpenAI SDK for it: `make node_modules` (needs npm)")
    asked = {"messages": [{"role": "user", "content": f"Write to {EMAIL}."}]}
    scenarios = [
        {"how": how, "params": asked | {"model": model}} for how in ("create", "stream", "iterate") for model in PROVIDERS
    ]
    argv = ["node", "chat.mjs", f"{house.base}/v1", CLIENT_KEY, json.dumps(scenarios)]
    done = subprocess.run(argv, cwd=NODE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for answer in json.loads(done.stdout):
        text = answer["text"] if "text" in answer else answer["completion"]["choices"][0]["message"]["content"]
        assert text == f"You said: Write to {EMAIL}."
    assert len(house.bodies()) == len(scenarios)


@every_front
@both_ways
def test_the_next_provider_reads_placeholders_too(house, front, stream):
    house.first.script(status=503)
    said = FRONTS[front](house, "fast", stream, None, f"Write to {EMAIL}.")
    assert said.text == f"You said: Write to {EMAIL}."
    first, second = house.bodies()
    assert PLACEHOLDER.findall(first) == PLACEHOLDER.findall(second) != []


@both_ways
def test_every_choice_is_looked_into(house, stream):
    stands_for = house.placeholder()
    script = {"text": f"To {stands_for} from {OTHER_EMAIL}.", "chunks": 9}
    params = {"model": "openai", "n": 2, "messages": [{"role": "user", "content": f"Write to {EMAIL}."}]}
    headers = {"x-sim": json.dumps(script), "x-policy": "redacts"}
    answer = house.openai.chat.completions.create(**params, stream=stream, extra_headers=headers)
    texts = {0: "", 1: ""}
    if stream:
        for chunk in answer:
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    else:
        texts = {choice.index: choice.message.content for choice in answer.choices}
    assert texts == {0: f"To {EMAIL} from [EMAIL].", 1: f"To {EMAIL} from [EMAIL]."}


def test_a_conversation_goes_on_with_the_same_placeholders(house):
    """So a provider's prompt cache finds the same beginning; and a thought that was signed comes back as it was."""
    stands_for = house.placeholder(front="anthropic")
    thinks = {"type": "enabled", "budget_tokens": 1024}
    script = {"thinking": f"Who is {stands_for}?", "tool_calls": [{"name": "mail", "arguments": {"to": stands_for}}]}
    tool = {"name": "mail", "input_schema": {"type": "object", "properties": {"to": {"type": "string"}}}}
    params = {"model": "claude", "max_tokens": 2000, "thinking": thinks, "tools": [tool]}
    asked = [{"role": "user", "content": f"Write to {EMAIL}."}]
    for stream in (False, True):
        house.reset()
        options = {"extra_headers": {"x-sim": json.dumps(script)}}
        if stream:
            with house.anthropic.messages.stream(messages=asked, **params, **options) as events:
                first = events.get_final_message()
        else:
            first = house.anthropic.messages.create(messages=asked, **params, **options)
        thought, call = first.content
        assert thought.thinking == f"Who is {stands_for}?" and call.input == {"to": EMAIL}
        said = [block.model_dump(exclude_none=True) for block in first.content]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": f"sent to {EMAIL}"}
        turns = asked + [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
        # The simulator refuses a thought that was changed.
        house.anthropic.messages.create(messages=turns, **params)
        before, after = house.bodies()
        assert set(PLACEHOLDER.findall(before)) == set(PLACEHOLDER.findall(after)) == {stands_for}


def test_text_that_looks_like_a_placeholder_stays_as_it_is(house):
    stands_for = house.placeholder()
    for text in ("[EMAIL-0000000000]", f"{EMAIL} is {stands_for}, not [EMAIL] nor [EMAIL-"):
        assert chat(house, "openai", True, {"chunks": 1}, text).text == f"You said: {text}"
        assert chat(house, "openai", False, None, text).text == f"You said: {text}"


def test_calls_keep_placeholders_where_the_policy_says_so(house):
    stands_for = house.placeholder()
    script = {"text": f"To {stands_for}.", "tool_calls": [{"name": "mail", "arguments": {"to": stands_for}}]}
    for stream in (False, True):
        said = chat(house, "claude", stream, script, f"Write to {EMAIL}.", policy="calls-stay")
        assert (said.text, said.calls) == (f"To {EMAIL}.", [{"to": stands_for}])


@every_front
def test_an_error_that_repeats_the_prompt_is_restored(house, front):
    stands_for = house.placeholder(front=front)
    house.first.script(status=400, error_message=f"cannot read {stands_for}")
    with pytest.raises(Exception, match="cannot read") as error:
        FRONTS[front](house, "openai", False, None, EMAIL)
    assert EMAIL in str(error.value) and stands_for not in str(error.value)


@pytest.mark.parametrize("cut_bytes", [1, 7])
def test_however_the_network_cuts_it(house, cut_bytes):
    stands_for = house.placeholder()
    script = {"text": f"ü {stands_for} [EMAIL-", "chunks": 5, "cut_bytes": cut_bytes}
    for front, model in [("openai", "openai"), ("anthropic", "openai"), ("openai", "bedrock"), ("gemini", "gemini")]:
        assert FRONTS[front](house, model, True, script, EMAIL).text == f"ü {EMAIL} [EMAIL-"


# ---- what is refused ----


@every_front
@both_ways
def test_a_blocked_request_is_refused_by_the_policy_s_name(house, front, stream):
    with pytest.raises(Exception, match="policy `default`") as error:
        FRONTS[front](house, "fast", stream, None, f"Pay with {CARD}.")
    assert CARD not in str(error.value) and "card" not in str(error.value).lower()
    assert house.bodies() == []


@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_a_refusal_is_booked_and_audited(house, front):
    answer = ask(house, front, "fast", text=f"Pay with {CARD}, or write to {EMAIL}.")
    assert answer.status == 400 and "x-attache-provider" not in answer.headers
    assert front == "anthropic" or answer.error["code"] == "content_blocked"
    record = house.gateway.record(answer.request_id)
    assert (record["refused_by"], record["ending"], record.get("tokens")) == ("default", "answered", None)
    entry = {"policy": "default", "entity": "credit_card", "action": "block", "direction": "request", "count": 1}
    assert entry in record["redactions"]
    line = house.gateway.attache.wait_for_line(answer.request_id, "attache::audit", 'entity="credit_card"')
    assert 'policy="default" entity="credit_card" caller="anonymous" direction="request"' in line


def test_sdks_raise_their_own_error_for_it(house):
    with pytest.raises(openai.BadRequestError) as error:
        chat(house, "fast", False, None, CARD)
    assert error.value.code == "content_blocked"
    with pytest.raises(anthropic.BadRequestError):
        messages(house, "fast", False, None, CARD)


# ---- what is not touched ----


def test_without_anything_to_find_not_a_byte_changes(house):
    body = b'{ "model":"gpt-4o-mini",\n\t"messages" : [{"role":"user", "content":"caf\\u00e9 \\/ \xc3\xa9 1.50e1"}] }'
    asked = body.replace(b"gpt-4o-mini", b"openai")
    headers = {"content-type": "application/json"}
    assert house.http.post("/v1/chat/completions", content=asked, headers=headers).status_code == 200
    assert house.bodies() == [body.decode()]


def test_with_something_only_that_changes(house):
    body = b'{ "model":"gpt-4o-mini",\n\t"messages" : [{"role":"user", "content":"caf\\u00e9 \\/ EMAIL"}], "seed": 1.50e1 }'
    asked = body.replace(b"gpt-4o-mini", b"openai").replace(b"EMAIL", EMAIL.replace("@", "\\u0040").encode())
    headers = {"content-type": "application/json", "x-sim": '{"validate": false}'}
    assert house.http.post("/v1/chat/completions", content=asked, headers=headers).status_code == 200
    assert PLACEHOLDER.sub("EMAIL", house.received()) == body.decode()


def test_headers_of_clients_neither_choose_nor_learn_anything(house):
    spoofed = {"x-attache-policy": "watching", "x-attache-redact": "off", "x-attache-planned": "1"}
    answer = ask(house, "openai", "openai", headers=spoofed, text=EMAIL)
    assert answer.status == 200 and "x-attache-" not in str(house.first.requests()[-1]["headers"])
    house.received()
    assert PLACEHOLDER.search(str(answer.headers)) is None


# ---- what is no chat ----


def test_what_counts_tokens_reads_placeholders(house):
    counted = house.anthropic.messages.count_tokens(model="claude", messages=[{"role": "user", "content": EMAIL}])
    assert counted.input_tokens > 0
    house.received()


def test_embeddings_and_completions_read_placeholders(house):
    vectors = house.openai.embeddings.create(model="vectors", input=["nothing", EMAIL])
    assert len(vectors.data) == 2
    house.received()
    for stream in (False, True):
        answer = house.openai.completions.create(model="old", prompt=f"Mail {EMAIL}", max_tokens=50, stream=stream)
        pieces = answer if stream else [answer]
        assert f"Mail {EMAIL}" in "".join(piece.choices[0].text for piece in pieces if piece.choices)
        house.received()


def test_prompts_in_forms_are_masked_and_words_in_any_format_restored(house):
    stands_for = house.placeholder()
    house.first.script(text=f"It is {stands_for}.")
    for form in ("json", "text"):
        heard = house.openai.audio.transcriptions.create(
            model="hears", file=("a.wav", b"RIFF\0\xff"), prompt=f"Spell it {EMAIL}", response_format=form
        )
        assert (heard if form == "text" else heard.text).strip() == f"It is {EMAIL}."
        house.received()


def test_what_names_no_model_is_looked_into_and_what_cannot_be_read_is_refused(house):
    house.http.post("/v1/conversations", json={"metadata": {"note": EMAIL}})
    assert house.first.requests()[-1]["path"] == "/v1/conversations"
    house.received()
    house.http.post("/v1/files", files={"file": ("a.txt", f"Mail {EMAIL}")}, data={"purpose": "batch"})
    house.received()
    sent = len(house.bodies())
    raw = {"content": f"Mail {EMAIL}".encode(), "headers": {"content-type": "application/octet-stream"}}
    refused = house.http.post("/v1/uploads/u/parts", **raw)
    assert refused.status_code == 400 and "cannot read it" in refused.json()["error"]["message"]
    broken = house.http.post("/v1/conversations", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400 and "cannot read it" in broken.json()["error"]["message"]
    assert len(house.bodies()) == sent
    assert house.http.get("/v1/files").status_code == 200
    passes = {"x-policy": "lets-pass", "content-type": "application/octet-stream"}
    assert house.http.post("/v1/uploads/u/parts", content=b"\0\1", headers=passes).status_code == 404
    assert len(house.bodies()) == sent + 2


# ---- what operators see ----


def test_counts_are_told_and_values_are_not(house):
    before = house.gateway.metrics()
    answer = ask(house, "openai", "openai", text=f"Write to {EMAIL} and {OTHER_EMAIL}, again {EMAIL}; {SECRET}.")
    labels = {"entity": "email", "action": "mask", "direction": "request", "policy": "default"}
    name = "attache_redactions_total"
    grown = lambda: metric(house.gateway.metrics(), name, **labels) - metric(before, name, **labels)
    assert wait_until(grown, "redaction that is counted") == 3
    record = house.gateway.record(answer.request_id)
    secret = labels | {"entity": "aws_access_key_id", "count": 1}
    assert sorted(record["redactions"], key=str) == sorted([labels | {"count": 3}, secret], key=str)
    logged = lambda: [line for line in house.gateway.access_log() if line.get("request_id") == answer.request_id]
    assert wait_until(logged, "line in the access log")


def test_a_client_that_leaves_in_the_middle_is_booked(house):
    house.first.script(chunk_delay_ms=2000)
    body = request("openai", "openai", True, f"Write to {EMAIL}.")
    with house.http.stream("POST", "/v1/chat/completions", json=body, headers=KEYS["openai"]) as answer:
        request_id = answer.headers["x-request-id"]
        next(answer.iter_bytes())
    record = house.gateway.record(request_id)
    assert (record["ending"], record["redactions"][0]["entity"]) == ("cut", "email")


def test_a_provider_that_leaves_in_the_middle_leaves_half_a_placeholder_behind(house):
    stands_for = house.placeholder()
    script = {"text": f"It is {stands_for}.", "chunks": 30, "close_after_events": 9}
    answer = ask(house, "openai", "openai", True, headers={"x-sim": json.dumps(script)}, text=EMAIL)
    assert answer.error["code"] == "stream_truncated"
    assert "".join(map(delta_of, answer.events)) == "It is "
    assert house.gateway.record(answer.request_id)["ending"] == "failed"
