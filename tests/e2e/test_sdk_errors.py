"""What goes wrong reaches the client as the exception that its SDK has for it, in the provider's words."""

import json

import anthropic
import httpx
import openai
import pytest
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY
from sdk import HELLO, Line

API_ERRORS = (openai.APIError, anthropic.APIError)


def refused(line: Line, script: dict | None = None, **params):
    """The exception with which the SDK answers."""
    with pytest.raises(API_ERRORS) as raised:
        line.ask(script, **params)
    return raised.value


def said(error) -> dict:
    """The error object of either dialect; fails if it has another dialect's shape."""
    if isinstance(error, openai.APIError):
        assert set(error.body) == {"message", "type", "param", "code"}
        return error.body
    assert error.body["type"] == "error"
    assert set(error.body) <= {"type", "error", "request_id"}
    assert set(error.body["error"]) == {"type", "message"}
    return error.body["error"]


# The provider's status → per front the status and the SDK's exception.
STATUSES = [
    (400, {"openai": (400, "BadRequestError"), "anthropic": (400, "BadRequestError")}),
    (404, {"openai": (404, "NotFoundError"), "anthropic": (404, "NotFoundError")}),
    (413, {"openai": (413, "APIStatusError"), "anthropic": (413, "ContentTooLargeError")}),
    (422, {"openai": (422, "UnprocessableEntityError"), "anthropic": (422, "UnprocessableEntityError")}),
    (429, {"openai": (429, "RateLimitError"), "anthropic": (429, "RateLimitError")}),
    (500, {"openai": (500, "InternalServerError"), "anthropic": (500, "InternalServerError")}),
    # What only one of the APIs says becomes the other's word for it; in the same dialect it stays.
    (529, {"openai": (503, "InternalServerError"), "anthropic": (529, "OverloadedError")}),
]


@pytest.mark.parametrize("status, expected", STATUSES)
def test_a_provider_s_error_becomes_the_sdk_s_exception(line, status, expected):
    error = refused(line, {"status": status, "error_message": "the provider's own words"})
    wanted = expected[line.front]
    if (line.front, line.provider, status) == ("openai", "openai", 529):
        wanted = (529, "InternalServerError")
    assert (error.status_code, type(error).__name__) == wanted
    assert said(error)["message"] == "the provider's own words"
    assert error.response.headers["x-attache-provider"] == line.provider


TYPES = {400: "invalid_request_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error"}


@pytest.mark.parametrize("status", TYPES)
def test_claude_clients_get_the_type_of_their_api(sidecar, status):
    for provider in ("openai", "claude"):
        error = refused(Line(sidecar, "anthropic", provider, False), {"status": status})
        assert said(error)["type"] == TYPES[status]


def test_retry_after_is_kept(line):
    headers = {"retry-after": "7", "retry-after-ms": "6500"}
    error = refused(line, {"status": 429, "headers": headers})
    assert {name: error.response.headers.get(name) for name in headers} == headers
    assert isinstance(error, (openai.RateLimitError, anthropic.RateLimitError))


@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_our_key_is_our_fault_and_nothing_leaks(line, status):
    words = f"Incorrect API key provided: {OPENAI_KEY} {CLAUDE_KEY}. Organization org-secret."
    error = refused(line, {"status": status, "error_message": words})
    assert error.status_code == 502
    assert f"provider `{line.provider}` did not accept the gateway's credentials" in said(error)["message"]
    everything = error.response.text + str(error.response.headers)
    for secret in (OPENAI_KEY, CLAUDE_KEY, CLIENT_KEY, "org-secret"):
        assert secret not in everything


@pytest.mark.parametrize(
    "script, status",
    [
        ({"status": 500, "raw_body": "<html><h1>oops</h1></html>", "content_type": "text/html"}, 500),
        ({"status": 502, "raw_body": ""}, 502),
        ({"status": 400, "raw_body": '{"error": {"mess'}, 400),
        ({"status": 400, "raw_body": '{"error": "in a word"}'}, 400),
        ({"raw_body": "<html>", "content_type": "text/html"}, 502),
        ({"raw_body": "", "content_type": "application/json"}, 502),
        ({"raw_body": '{"id": "cut', "content_type": "application/json"}, 502),
        ({"reset_before_headers": True}, 502),
    ],
    ids=["html", "empty", "cut", "a string", "200 html", "200 empty", "200 cut", "reset"],
)
def test_what_is_no_error_of_the_dialect_becomes_one(line, script, status):
    error = refused(line, script)
    assert error.status_code == status
    message = said(error)["message"]
    assert message and "html" not in message.replace("(HTML)", "") and " ?" not in message
    assert error.response.headers["content-type"] == "application/json"


# Errors inside a stream that began well. Each event's text is a word, so that what came before the end can be told.
WORDS = "a b c d e f g h"
BROKEN = {
    "an error event": (
        {"error_after_events": {"after": 5, "type": "overloaded_error", "message": "busy now"}},
        "busy now",
    ),
    "an event that is no JSON": ({"garbage_after_events": 5}, "cannot be read"),
    "an end in the middle": ({"close_after_events": 5}, "ended before the answer was complete"),
    "an end before anything": ({"close_after_events": 1}, "ended before the answer was complete"),
    "no last event": ({"omit_done": True}, "ended before the answer was complete"),
}


def streamed(line: Line, script: dict) -> tuple[str, Exception | None]:
    """The text that came, and how it ended."""
    text, ended = "", None
    headers = {"x-sim": json.dumps(script)}
    try:
        if line.front == "openai":
            for chunk in line.client.chat.completions.create(
                model=line.model, messages=HELLO, stream=True, extra_headers=headers
            ):
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
        else:
            with line.client.messages.stream(
                model=line.model, messages=HELLO, max_tokens=100, extra_headers=headers
            ) as stream:
                for piece in stream.text_stream:
                    text += piece
    except Exception as error:
        ended = error
    return text, ended


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_a_broken_stream_raises(sidecar, front, provider, how):
    script, message = BROKEN[how]
    line = Line(sidecar, front, provider, True)
    text, error = streamed(line, {"text": WORDS, "chunks": 8, **script})
    assert WORDS.startswith(text)
    assert isinstance(error, API_ERRORS), "a truncated answer must not look whole"
    assert message in said(error)["message"]
    if how == "an error event" and front == "anthropic":
        assert said(error)["type"] == "overloaded_error"
    if how == "an end in the middle":
        assert text, "what came before is not held back"


@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_a_reset_in_the_middle_raises(sidecar, front, provider):
    line = Line(sidecar, front, provider, True)
    text, error = streamed(line, {"text": WORDS, "chunks": 8, "reset_after_events": 5, "chunk_delay_ms": 20})
    assert WORDS.startswith(text) and text != WORDS
    assert error is not None, "a truncated answer must not look whole"
    # The Anthropic SDK lets its HTTP library's own exception through.
    assert isinstance(error, API_ERRORS) or type(error).__name__ == "RemoteProtocolError"


@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_the_error_event_of_a_stream_ends_it(sidecar, front, provider):
    """No `[DONE]` or `message_stop` comes behind it that would make it whole again, and the transfer ends properly."""
    path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[front]
    body = {"model": f"{provider}-only", "messages": HELLO, "max_tokens": 50, "stream": True}
    headers = {
        "openai": {"x-sim": '{"close_after_events": 4}'},
        "anthropic": {"x-sim": '{"close_after_events": 4}', "anthropic-version": "2023-06-01"},
    }[front]
    with sidecar.http.stream("POST", path, json=body, headers=headers) as response:
        events = response.read().decode().strip().split("\n\n")
    assert '"error"' in events[-1] and "ended before" in events[-1]
    assert not any("[DONE]" in event or "message_stop" in event for event in events)
    if front == "anthropic":
        assert events[-1].startswith("event: error\n")


# What clients do wrong.
def test_an_unknown_model(line):
    error = refused(line, model="no-such-model")
    assert (error.status_code, type(error).__name__) == (404, "NotFoundError")
    assert "`no-such-model` does not exist" in said(error)["message"]
    if line.front == "openai":
        assert (error.code, error.param) == ("model_not_found", "model")
    else:
        assert said(error)["type"] == "not_found_error"
    assert line.simulator.requests() == []


def test_a_provider_that_is_not_exposed_is_an_unknown_model(line):
    assert refused(line, model="claude/claude-haiku-4-5").status_code == 404


WRONG = {
    "messages of another type": ({"messages": "hello"}, "messages"),
    "no messages": ({"messages": None}, "messages"),
    "a role of tomorrow": ({"messages": [{"role": "narrator", "content": "x"}]}, "narrator"),
    "a limit in words": ({"max_tokens": "many"}, "max_tokens"),
    "tools as an object": ({"tools": {"name": "f"}}, "tools"),
    "content as a number": ({"messages": [{"role": "user", "content": 7}]}, "content"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_types_are_the_client_s_mistake(line, mistake):
    wrong, named = WRONG[mistake]
    error = refused(line, extra_body=wrong)
    assert (error.status_code, type(error).__name__) == (400, "BadRequestError")
    assert named in said(error)["message"]


@pytest.mark.parametrize(
    "body, message",
    [
        (b"{oops", "JSON"),
        (b"[1, 2]", "object"),
        (b'"hello"', "object"),
        (b"{}", "model"),
        (b'{"model": null}', "model"),
        (b'{"model": ""}', "model"),
        (b'{"model": 5}', "model"),
        (b'{"model": "openai-only", "stream": "yes"}', "stream"),
        (b"\xff\xfe{}", "UTF-8"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_body_that_cannot_be_read(sidecar, path, body, message):
    answer = sidecar.http.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert message in error["message"]
    assert (answer.json().get("type") == "error") == (path == "/v1/messages")
    assert "x-request-id" in answer.headers


def test_an_empty_body(sidecar):
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = sidecar.http.post(path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


# Models and other doors.
MODELS = {"openai-only", "claude-only", "fast", "smart", "strict"}


def test_the_openai_sdk_lists_models(sidecar):
    listed = list(sidecar.openai.models.list())
    assert {model.id for model in listed} == MODELS
    assert {model.object for model in listed} == {"model"}
    assert sidecar.openai.models.retrieve("fast").id == "fast"
    assert sidecar.openai.models.retrieve("openai/gpt-4o").id == "openai/gpt-4o"
    with pytest.raises(openai.NotFoundError) as missing:
        sidecar.openai.models.retrieve("no-such-model")
    assert missing.value.code == "model_not_found"


def test_the_anthropic_sdk_lists_models(sidecar):
    listed = list(sidecar.anthropic.models.list())
    assert {model.id for model in listed} == MODELS
    assert all(model.type == "model" and model.display_name and model.created_at for model in listed)
    assert sidecar.anthropic.models.retrieve("fast").id == "fast"
    with pytest.raises(anthropic.NotFoundError):
        sidecar.anthropic.models.retrieve("no-such-model")


def test_what_is_not_served_is_said_in_the_client_s_dialect(sidecar):
    with pytest.raises(openai.NotFoundError) as missing:
        sidecar.openai.fine_tuning.jobs.list()
    assert (missing.value.code, missing.value.type) == ("unknown_url", "invalid_request_error")
    assert "/v1/fine_tuning/jobs" in missing.value.message
    with pytest.raises(anthropic.NotFoundError) as missing:
        sidecar.anthropic.messages.batches.list()
    assert said(missing.value)["type"] == "not_found_error"
    with pytest.raises(anthropic.NotFoundError):
        list(sidecar.anthropic.beta.files.list())


@pytest.mark.parametrize(
    "method, path, allowed",
    [("GET", "/v1/chat/completions", "POST"), ("DELETE", "/v1/messages", "POST"), ("POST", "/v1/models", "GET")],
)
def test_a_wrong_method(sidecar, method, path, allowed):
    answer: httpx.Response = sidecar.http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert (answer.json().get("type") == "error") == path.startswith("/v1/messages")


def test_nothing_of_this_reaches_a_provider(sidecar):
    for method, path in [("GET", "/"), ("POST", "/v1/embeddings"), ("GET", "/v1/models"), ("PUT", "/v1/messages")]:
        sidecar.http.request(method, path)
    assert sidecar.openai_sim.requests() == sidecar.claude_sim.requests() == []
