"""The filter `prompt` in a real Envoy: what operators add to prompts, alone, by route, and between other filters."""

import gzip
import json

import openai
import pytest
from inside import CHAT, MESSAGES, ROUTES, Inside, body, say, wasm

PROMPT = {
    "prompt": [
        {"name": "house", "system": {"prepend": {"template": "polite"}}},
        {
            "name": "team",
            "when": {"header:x-team": "*"},
            "system": {"append": "You work for {{team}}."},
            "messages": {"prepend": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hi!"}]},
        },
        {"name": "strict", "when": {"model": "gpt-strict"}, "system": {"replace": "Only JSON."}},
    ],
    "templates": {"polite": "Be polite."},
    "variables": {"team": {"header": "x-team", "one_of": ["search", "\"ads\" *"], "bytes_max": 64}},
    "body_bytes_max": 30_000_000,
}
ROUTER = {
    "routes": [
        {"name": "anthropic", "when": {"model": "claude-*"}},
        {"name": "openai", "when": {"model": "gpt-*"}},
    ],
    "body_bytes_max": 30_000_000,
}
REDACT = {
    "redact": [
        {
            "name": "words",
            "key": "a made up key of these tests",
            "tiers": [],
            "words": [{"name": "project", "label": "PROJECT", "words": ["Bluebird"]}],
        }
    ],
    "body_bytes_max": 30_000_000,
}


@pytest.fixture(scope="module")
def _chain(tmp_path_factory):
    filters = [wasm("model-router", ROUTER), wasm("prompt", PROMPT), wasm("redact", REDACT)]
    started = Inside(tmp_path_factory.mktemp("prompt"), filters)
    yield started
    started.stop()


@pytest.fixture
def chain(_chain):
    _chain.reset()
    return _chain


def prompt(chain, simulator) -> list[tuple[str, str]]:
    """Who says what in the last request."""
    sent = json.loads(chain.last(simulator)["body"])
    system = sent.get("system", [])
    blocks = [("system", block["text"]) for block in ([{"text": system}] if isinstance(system, str) else system)]
    return blocks + [(message["role"], message["content"]) for message in sent["messages"]]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openai_s_sdk(chain, stream):
    answer = chain.openai.chat.completions.create(model="gpt-4o-mini", messages=say("hi"), stream=stream)
    text = answer.choices[0].message.content if not stream else "".join(
        chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices
    )
    assert text == "You said: hi"
    assert prompt(chain, chain.openai_sim) == [("system", "Be polite."), ("user", "hi")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropic_s_sdk(chain, stream):
    asked = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": say("hi"), "system": "Mine."}
    asked["extra_headers"] = {"x-team": "search"}
    if stream:
        with chain.anthropic.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = chain.anthropic.messages.create(**asked)
    assert answer.content[0].text == "You said: hi"
    system = [("system", "Be polite."), ("system", "Mine."), ("system", "You work for search.")]
    assert prompt(chain, chain.claude_sim) == [*system, ("user", "hello"), ("assistant", "Hi!"), ("user", "hi")]


def test_a_replaced_system_is_the_only_one(chain):
    messages = [{"role": "system", "content": "Mine."}, *say("hi"), {"role": "developer", "content": "Mine, too."}]
    chain.openai.chat.completions.create(model="gpt-strict", messages=messages)
    assert prompt(chain, chain.openai_sim) == [("system", "Only JSON."), ("user", "hi")]


def test_a_header_becomes_text_and_nothing_else(chain):
    team = '"ads" "}],"model":"gpt-4o","x":[{"'
    chain.http.post(CHAT, json=body("hi"), headers={"x-team": team})
    assert prompt(chain, chain.openai_sim)[1] == ("system", f"You work for {team}.")
    for wrong in ("other", '"ads" ' + "x" * 60):
        refused = chain.http.post(CHAT, json=body("hi"), headers={"x-team": wrong})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "prompt_variable")
        assert wrong not in refused.text


def test_every_other_byte_stays(chain):
    sent = b'{ "model":"gpt-4o-mini",\n\t"messages" : [ {"role":"user", "content":"caf\\u00e9 \\/ \xc3\xa9"}] ,"temperature":1.0}'
    answer = chain.http.post(CHAT, content=sent, headers={"content-type": "application/json"})
    added = b'{"role":"system","content":"Be polite."},'
    assert answer.status_code == 200
    request = chain.last(chain.openai_sim)
    assert request["body"].encode() == sent.replace(b'[ {"role"', b"[ " + added + b'{"role"')
    assert request["headers"]["content-length"] == str(len(sent) + len(added))


def test_filters_after_it_read_what_it_wrote(chain):
    """router, prompt, redact: the route is by the model, and the answer comes back with what was masked."""
    answer = chain.openai.chat.completions.create(model="gpt-4o-mini", messages=say("Tell Bluebird."))
    assert answer.choices[0].message.content == "You said: Tell Bluebird."
    system, (_, text) = prompt(chain, chain.openai_sim)
    assert system == ("system", "Be polite.") and "Bluebird" not in text and "[PROJECT-" in text


@pytest.mark.parametrize("bytes_sent", [1 << 20, 20 << 20], ids=["1 MB", "20 MB"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_large_bodies(chain, bytes_sent, chunked):
    content = json.dumps(body("x" * bytes_sent)).encode()
    answer = chain.post(CHAT, content, chunked)
    assert answer.status_code == 200
    added = len('{"role":"system","content":"Be polite."},')
    assert chain.last(chain.openai_sim)["body_bytes"] == len(content) + added


def test_what_cannot_be_decorated_is_refused(tmp_path):
    alone = Inside(tmp_path, [wasm("prompt", PROMPT)])
    try:
        packed = gzip.compress(json.dumps(body("hi")).encode())
        for content in (b"{not json", b"", b'{"model":"m","messages":"hi"}', packed):
            for path in (CHAT, MESSAGES):
                encoding = {"content-encoding": "gzip"} if content == packed else {}
                answer = alone.http.post(path, content=content, headers={"content-type": "application/json"} | encoding)
                assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), content
        assert alone.openai_sim.requests() == []
        # What is no chat passes as it is, whatever it is.
        assert alone.http.get("/v1/models").status_code == 200
        alone.http.post("/v1/files", content=b"\x00\xff", headers={"content-type": "application/octet-stream"})
        assert [request["body_bytes"] for request in alone.openai_sim.requests()] == [0, 2]
    finally:
        alone.stop()


def test_routes_have_prompts_of_their_own(tmp_path):
    """Envoy gives a WASM filter no configuration by route, but a route can switch instances on and off."""

    def instance(text: str) -> dict:
        return {"prompt": [{"name": "only", "system": {"prepend": text}}]}

    on = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
    own = {"match": {"prefix": "/", "headers": [{"name": "host", "string_match": {"exact": "search.example"}}]}}
    own |= {"route": {"cluster": "openai", "timeout": "0s"}, "typed_per_filter_config": {"prompt-search": on}}
    filters = [
        wasm("prompt", instance("For all.")),
        wasm("prompt", instance("For search."), instance="prompt-search", disabled=True),
    ]
    inside = Inside(tmp_path, filters, [own, *ROUTES])
    try:
        inside.http.post(CHAT, json=body("hi"))
        assert prompt(inside, inside.openai_sim) == [("system", "For all."), ("user", "hi")]
        inside.http.post(CHAT, json=body("hi"), headers={"host": "search.example"})
        both = [("system", "For search."), ("system", "For all."), ("user", "hi")]
        assert prompt(inside, inside.openai_sim) == both
    finally:
        inside.stop()


def test_a_refusal_reads_as_the_provider_s(chain):
    with pytest.raises(openai.BadRequestError, match="the header `x-team` says what it may not"):
        chain.openai.chat.completions.create(model="gpt-4o", messages=say("hi"), extra_headers={"x-team": "other"})
