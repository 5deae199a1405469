"""Callers: who asks, what that one may use, and that no key shows up anywhere."""

import hashlib

import anthropic
import openai
import pytest
import stack
from conftest import Stack
from rules import limit_of
from sdk import FRONTS, HELLO
from wire import PATHS, ask, headers_of, request

ANN, BOB, OLD = (f"att-{name}-{'0123456789abcdef' * 2}" for name in ("ann", "bob", "old"))
SECRETS = [ANN, BOB, OLD, *(hashlib.sha256(key.encode()).hexdigest() for key in (ANN, BOB, OLD))]

CALLERS = f"""
callers:
  throttle: {{ failures: 1000, per: 1m }}
  keys:
    ann: {{ sha256: {SECRETS[3]}, team: search, tags: {{ env: prod }} }}
    bob: {{ value: {BOB}, team: search, allow: {{ models: ["openai-*"] }} }}
    old: {{ sha256: {SECRETS[5]}, expires: "2020-01-01T00:00:00Z" }}
orgs: {{ acme: {{}} }}
teams:
  search: {{ org: acme }}
rate_limits:
  each: {{ by: [caller], tokens: 5000/h }}
  team: {{ by: [team], tokens: 9000/h }}
  prod: {{ by: ["tag:env"], when: {{ "tag:env": prod }}, requests: 3/h }}
"""
CARRIERS = [
    lambda key: {"authorization": f"Bearer {key}"},
    lambda key: {"x-api-key": key},
    lambda key: {"api-key": key},
    lambda key: {"x-goog-api-key": key},
]


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _each(request, tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp(request.param), request.param, CALLERS)
    yield started
    started.stop()


@pytest.fixture
def each(_each):
    _each.reset()
    return _each


def ask_as(stack, carried: dict, front: str = "openai", model: str = "openai-only"):
    version = {"anthropic-version": "2023-06-01"} if front == "anthropic" else {}
    return stack.http.post(PATHS[front], json=request(front, model, False), headers=carried | version)


@pytest.mark.parametrize("carry", CARRIERS, ids=["bearer", "anthropic", "azure", "google"])
@pytest.mark.parametrize("front", FRONTS)
def test_a_key_is_known_wherever_it_comes_and_never_goes_on(each, front, carry):
    answer = ask_as(each, carry(BOB), front)
    assert answer.status_code == 200, answer.text
    record = each.gateway.record(answer.headers["x-request-id"])
    assert {name: record["caller"][name] for name in ("name", "source", "team", "org")} == {
        "name": "bob",
        "source": "key",
        "team": "search",
        "org": "acme",
    }
    assert BOB not in " ".join(headers_of(each.openai_sim.requests()[-1]).values())


@pytest.mark.parametrize("key", ["", "sk-anything", ANN[:-1], OLD], ids=["none", "another's", "nearly", "expired"])
@pytest.mark.parametrize("front", FRONTS)
def test_a_stranger_reads_401_and_nothing_else(each, front, key):
    asked = len(each.openai_sim.requests())
    carried = {"authorization": f"Bearer {key}"} if key else {}
    answer = ask_as(each, carried, front)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] in ("invalid_request_error", "authentication_error")
    assert not [secret for secret in SECRETS if secret in answer.text] and "openai-only" not in answer.text
    assert len(each.openai_sim.requests()) == asked


def test_sdks_raise_their_own_error(each):
    with pytest.raises(openai.AuthenticationError):
        each.openai.chat.completions.create(model="openai-only", messages=HELLO)
    with pytest.raises(anthropic.AuthenticationError):
        each.anthropic.messages.create(model="openai-only", messages=HELLO, max_tokens=9)


@pytest.mark.parametrize("front", FRONTS)
def test_what_a_caller_may_not_use_does_not_exist_for_him(each, front):
    forbidden, missing = (ask_as(each, {"authorization": f"Bearer {BOB}"}, front, m) for m in ("claude-only", "no-such"))
    assert forbidden.status_code == missing.status_code == 404
    assert forbidden.text.replace("claude-only", "no-such") == missing.text
    listed = each.http.get("/v1/models", headers={"authorization": f"Bearer {BOB}"}).json()["data"]
    assert {model["id"] for model in listed} == {"openai-only"}


def test_callers_have_counters_of_their_own_and_share_their_teams(each):
    def left(key: str) -> tuple[str, dict]:
        answer = ask(each, "openai", "openai-only", headers={"authorization": f"Bearer {key}"}, max_tokens=10)
        return answer.headers, each.gateway.record(answer.request_id)

    _, before = left(BOB)
    headers, record = left(ANN)
    assert [limit["name"] for limit in record["limits"]] == ["each", "prod", "team"]
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert limit_of(record, "team") == limit_of(record, "each") == limit_of(before, "each")
    view = stack.get(f"http://127.0.0.1:{each.gateway.admin_port}/limits/each?caller=ann").decode()
    assert f'"each/tokens.3600000|ann"' in view or "ann" in view
    assert not [secret for secret in SECRETS if secret in view]


def test_no_key_and_no_hash_shows_up_anywhere(each):
    """After all the tests above, and one of each kind of mistake."""
    for carry in CARRIERS:
        for key in (ANN, BOB, OLD, ANN + "x"):
            ask_as(each, carry(key))
    gateway = each.gateway
    admin = f"http://127.0.0.1:{gateway.admin_port}"
    written = {
        "log": gateway.attache.err(),
        "records": gateway.attache.out(),
        "metrics": gateway.metrics(),
        "config": stack.get(f"{admin}/config").decode(),
        "Envoy's log": gateway.envoy.err(),
        "access log": gateway.envoy.out(),
        "bootstrap": gateway.bootstrap_path.read_text(),
    }
    assert all(written[what] for what in ("records", "metrics", "config", "access log"))
    shown = {what: [secret for secret in SECRETS if secret in text] for what, text in written.items()}
    assert not any(shown.values()), shown
