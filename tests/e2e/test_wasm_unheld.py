"""The filters that can do without held headers, in an Envoy that does not let them hold any: what a WasmPlugin of Istio and an
EnvoyExtensionPolicy of Envoy Gateway make of them."""

import contextlib
import json
import socket
import threading

import anthropic
import httpx
import openai
import pytest
import stack
from inside import CHAT, MESSAGES, Inside, body, cluster, say, wasm

SECRET = "a made up key of these tests"
BYTES_MAX = 24_000_000
COMMON = {"hold_headers": False, "body_bytes_max": BYTES_MAX}
USAGE = {"usage": [{"name": "openai"}]} | COMMON
PROMPT = {
    "prompt": [{"name": "house", "system": {"prepend": "You work for {{team}}."}}],
    "variables": {"team": {"header": "x-team", "default": "us", "one_of": ["us", "them"]}},
} | COMMON
GUARD = {
    "guards": [{"name": "no-crows", "on": "both", "patterns": {"deny_words": ["crow"]}, "then": {"message": "No crows."}}]
} | COMMON
WORDS = [
    {"name": "project", "label": "PROJECT", "words": ["Bluebird"]},
    {"name": "secret", "label": "SECRET", "words": ["Nightjar"]},
]
REDACT = {
    "redact": [{"name": "words", "key": SECRET, "tiers": [], "words": WORDS, "entities": {"secret": {"request": "block", "response": "off"}}}]
} | COMMON
CROWS = {"name": "no-crows", "on": "response", "patterns": {"deny_words": ["crow"]}, "then": {"message": "No crows."}}
CHAIN = {"usage": USAGE, "prompt": PROMPT, "guard": GUARD, "redact": REDACT}
# What each does alone, before a provider that does not wait: its instance, its kind, its configuration.
ALONE = {
    "closed": ("guard", {"guards": [CROWS]}),
    "open": ("guard", {"guards": [CROWS | {"fail": "open"}]}),
    "masks": ("redact", {"redact": [{"name": "words", "key": SECRET, "tiers": [], "words": WORDS[:1], "unreadable": "pass"}]}),
    "counts": ("usage", {"usage": [{"name": "openai"}]}),
}


def filters() -> list[dict]:
    chain = [wasm(name, written, holds=False) for name, written in CHAIN.items()]
    return chain + [wasm(kind, written | COMMON, name, True, holds=False) for name, (kind, written) in ALONE.items()]


def only(name: str) -> dict:
    """A route before the hasty provider with this filter and no other."""
    config = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig"}
    switched = {other: config | {"disabled": True} for other in CHAIN} | {name: config | {"config": {}}}
    return route("hasty", x_only=name) | {"typed_per_filter_config": switched}


def route(cluster: str, **headers: str) -> dict:
    wanted = [{"name": name.replace("_", "-"), "string_match": {"exact": value}} for name, value in headers.items()]
    return {"match": {"prefix": "/", "headers": wanted}, "route": {"cluster": cluster, "timeout": "0s"}}


ROUTES = [
    route("claude-http2", x_attache_route="anthropic", x_to="http2"),
    route("claude", x_attache_route="anthropic"),
    route("openai-http2", x_to="http2"),
    *map(only, ALONE),
    route("hasty", x_to="hasty"),
    route("openai"),
]


class Hasty(threading.Thread):
    """A provider that answers as soon as it knows a request's head."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener, self.status = socket.create_server(("127.0.0.1", 0)), 401
        self.kind, self.says = "application/json", b"null"
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            self.heard, self.gone = b"", threading.Event()
            head = f"HTTP/1.1 {self.status} Hasty\r\ncontent-type: {self.kind}\r\ncontent-length: {len(self.says)}\r\n\r\n"
            with contextlib.suppress(OSError):
                while b"\r\n\r\n" not in self.heard and (more := connection.recv(65536)):
                    self.heard += more
                connection.sendall(head.encode() + self.says)
                while more := connection.recv(65536):
                    self.heard += more
            self.gone.set()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    hasty = Hasty()
    more = [cluster("hasty", hasty.port)]
    chain = Inside(tmp_path_factory.mktemp("unheld"), filters(), ROUTES, more=more)
    chain.hasty = hasty
    yield chain
    chain.stop()


@pytest.fixture(params=["http1", "http2"])
def chain(started, request):
    """`started`, and how it speaks to providers."""
    started.reset()
    started.spoken, spoken = request.param, {"x-to": request.param}
    started.http.headers.update(spoken)
    started.openai = started.openai.with_options(default_headers=spoken)
    started.anthropic = started.anthropic.with_options(default_headers=spoken)
    return started


def said(chain, text: str, **more) -> str:
    answer = chain.openai.chat.completions.create(model="gpt-4o-mini", messages=say(text), **more)
    return answer.choices[0].message.content


def streamed(chain, text: str) -> str:
    stream = chain.openai.chat.completions.create(model="gpt-4o-mini", messages=say(text), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


@pytest.mark.parametrize("say_it", [said, streamed], ids=["whole", "stream"])
def test_prompts_are_added_what_leaves_is_masked_and_comes_back(chain, say_it):
    assert say_it(chain, "Ask Bluebird.") == "You said: Ask Bluebird."
    sent = chain.last(chain.openai_sim)
    assert json.loads(sent["body"])["messages"][0] == {"role": "system", "content": "You work for us."}
    assert "Bluebird" not in sent["body"] and "PROJECT-" in sent["body"]
    assert sent["headers"]["accept-encoding"] == "identity"
    chain.quiet()
    tokens = [line for line in chain.admin("stats").splitlines() if "attache_tokens" in line and "kind.input" in line]
    assert tokens and int(tokens[0].rsplit(" ", 1)[1]) > 0


def test_another_dialect_passes_the_same_way(chain):
    routed = chain.anthropic.with_options(default_headers={"x-attache-route": "anthropic", "x-to": chain.spoken})
    answer = routed.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=say("Ask Bluebird."))
    assert answer.content[0].text == "You said: Ask Bluebird."
    assert json.loads(chain.last(chain.claude_sim)["body"])["system"] == "You work for us."


def test_a_refusal_reaches_the_client_and_nothing_the_provider(chain):
    """The provider may have got the head: Envoy breaks that off, a stream of HTTP/2 or a connection of HTTP/1."""
    cluster = "cluster.openai-http2" if chain.spoken == "http2" else "cluster.openai"
    assert said(chain, "Hello") == "You said: Hello"
    connections = chain.stat(f"{cluster}.upstream_cx_total")
    chain.reset()
    before = chain.openai_sim.stats()["requests"]
    for _ in range(3):
        refused = chain.http.post(CHAT, json=body("Ask Nightjar."))
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_blocked")
        wrong = chain.http.post(CHAT, json=body("Hello"), headers={"x-team": "no { template"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "prompt_variable")
        assert said(chain, "A crow?") == "No crows."
        assert streamed(chain, "A crow?") == "No crows."
    assert chain.openai_sim.stats()["requests"] == before
    assert chain.openai_sim.requests() == []
    with pytest.raises(anthropic.BadRequestError, match="withheld|not let out"):
        chain.anthropic.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=say("Ask Nightjar."))
    assert said(chain, "Hello") == "You said: Hello"
    chain.quiet()
    more = chain.stat(f"{cluster}.upstream_cx_total") - connections
    assert more == 0 if chain.spoken == "http2" else 0 < more <= 14
    stack.wait_until(lambda: chain.stat(f"{cluster}.upstream_rq_active") == 0, "end of all requests to the provider")


def test_answers_are_watched(chain):
    chain.openai_sim.script(text="Look, a crow!")
    assert said(chain, "What is it?") == "No crows."
    assert streamed(chain, "What is it?").endswith("No crows.")


def test_a_whole_answer_that_cannot_be_read_breaks_off(chain):
    chain.openai_sim.script(raw_body="[no JSON", content_type="application/json")
    with pytest.raises(httpx.RemoteProtocolError):
        chain.http.post(CHAT, json=body("Ask Bluebird."))
    with pytest.raises(openai.APIConnectionError):
        said(chain, "Ask Bluebird.")
    chain.openai_sim.reset()
    chain.openai_sim.script(gzip=True)
    packed = chain.http.post(CHAT, json=body("Ask Bluebird."))
    assert (packed.status_code, packed.json()["error"]["code"]) == (502, "answer_withheld"), "its head says it"


def test_answers_that_end_with_trailers_are_whole(chain):
    """Over HTTP/2, where no byte is marked as the last one then."""
    chain.openai_sim.script(trailers={"x-end": "1"})
    assert said(chain, "Ask Bluebird.") == "You said: Ask Bluebird."
    assert streamed(chain, "Ask Bluebird.") == "You said: Ask Bluebird."
    chain.openai_sim.script(trailers={"x-end": "1"}, text="Look, a crow!")
    assert said(chain, "What is it?") == "No crows."
    assert streamed(chain, "What is it?").endswith("No crows.")


def test_without_a_body_and_for_no_api(chain):
    assert chain.http.get("/v1/models").status_code == 200
    assert chain.http.get("/elsewhere").status_code == 404


def test_large_bodies_pass_both_ways(chain):
    text = "Bluebird " + "x" * 20_000_000
    chain.openai_sim.script(text_bytes=20_000_000)
    answer = chain.post(CHAT, json.dumps(body(text)).encode(), chunked=chain.spoken == "http2")
    assert (answer.status_code, len(answer.json()["choices"][0]["message"]["content"])) == (200, 20_000_000)
    assert chain.last(chain.openai_sim)["body_bytes"] > 20_000_000


def test_what_is_too_large_is_refused_in_the_client_s_dialect(chain):
    content = json.dumps(body("x" * (BYTES_MAX + 9))).encode()
    for chunked in (False, True):
        refused = chain.post(CHAT, content, chunked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "request_not_readable")
    assert chain.openai_sim.requests() == []


def test_what_outgrows_envoy_s_buffer_is_refused_in_the_client_s_dialect(tmp_path):
    chain = Inside(tmp_path, [wasm("redact", REDACT, holds=False)], buffer_bytes=100_000)
    try:
        refused = chain.post(MESSAGES, json.dumps(body("x" * 1_000_000)).encode(), True)
        assert (refused.status_code, refused.json()["error"]["type"]) == (413, "request_too_large")
        assert said(chain, "Ask Bluebird.") == "You said: Ask Bluebird."
    finally:
        chain.stop()


@pytest.mark.parametrize(("status", "seen"), [(401, b"401 Unauthorized"), (200, b"502 Bad Gateway")])
def test_a_provider_that_does_not_wait_for_the_question_gets_none(started, status, seen):
    """Its refusal passes, its answer does not."""
    started.hasty.status = status
    with socket.create_connection(("127.0.0.1", started.port), timeout=30) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-to: hasty\r\ncontent-length: 86\r\n\r\n"
        client.sendall(head.encode() + b'{"model": "gpt-4o-mini", "messages": [{"role": "user", ')
        # What a network may bring in several pieces.
        answer, says = b"", b"answer_withheld" if status == 200 else b"null"
        while says not in answer and (more := client.recv(65536)):
            answer += more
        assert answer.startswith(b"HTTP/1.1 " + seen) and says in answer, answer
        with contextlib.suppress(OSError):
            client.sendall(b'"content": "Ask Bluebird."}]}  ')
    assert started.hasty.gone.wait(30)
    assert started.hasty.heard.partition(b"\r\n\r\n")[2] == b""


EVENT = {
    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini", "usage": {"prompt_tokens": 70, "completion_tokens": 3},
    "choices": [{"index": 0, "delta": {"content": "A crow flies [PROJECT-1]."}, "finish_reason": "stop"}],
}  # fmt: skip
EVENTS = f"data: {json.dumps(EVENT)}\n\ndata: [DONE]\n\n".encode()


def answered_early(chain, name: str, asked: str) -> str:
    """What comes back while the request has not ended."""
    with socket.create_connection(("127.0.0.1", chain.port), timeout=30) as client:
        head = f"{asked} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-only: {name}\r\ntransfer-encoding: chunked\r\n\r\n"
        client.sendall(head.encode() + b'A\r\n{"model": \r\n')
        answer = b""
        while not answer.endswith(b"0\r\n\r\n") and b"answer_withheld" not in answer and (more := client.recv(65536)):
            answer += more
    return answer.decode()


@pytest.fixture
def early(started):
    """Its provider answers with a stream as soon as it knows a request's head."""
    hasty = started.hasty
    before = hasty.status, hasty.kind, hasty.says
    hasty.status, hasty.kind, hasty.says = 200, "text/event-stream", EVENTS
    yield started
    hasty.status, hasty.kind, hasty.says = before


@pytest.mark.parametrize(
    ("name", "asked", "status", "says"),
    [
        ("closed", f"POST {CHAT}", 502, "answer_withheld"),
        ("closed", "GET /v1/responses/resp_1", 502, "answer_withheld"),
        ("masks", f"POST {CHAT}", 502, "answer_withheld"),
        ("open", f"POST {CHAT}", 200, "No crows."),
        ("counts", f"POST {CHAT}", 200, "A crow flies"),
    ],
)
def test_an_answer_before_the_request_has_ended_is_looked_at_or_withheld(early, name, asked, status, says):
    answer = answered_early(early, name, asked)
    assert answer.startswith(f"HTTP/1.1 {status} "), answer
    assert says in answer and ("flies" in answer) == (name == "counts"), answer


def test_a_stream_before_the_request_has_ended_is_counted(early):
    def counted() -> int:
        lines = [line for line in early.admin("stats").splitlines() if "attache_tokens" in line and "kind.input" in line]
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines)

    early.quiet()
    before = counted()
    answered_early(early, "counts", f"POST {CHAT}")
    stack.wait_until(lambda: counted() == before + 70, "tokens that were counted")
