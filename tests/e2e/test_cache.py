"""The exact cache through a real Envoy, with every SDK: the same question is answered once, and by nobody's leave but the
caller's own."""

import concurrent.futures
import itertools
import json
import time

import pytest
import stack
from fronts import FRONTS, House, config
from redacted import EMAIL, OTHER_EMAIL, PLACEHOLDER
from rules import limit_of, metric, own
from test_endings import Open
from wire import KEYS, ask, request

ALICE, BOB, CAROL = (f"{name}-has-a-key-of-twenty-characters" for name in ("alice", "bob", "carol"))
CACHE = """
cache:
  entry_bytes_max: 65536
  rules:
    - { name: tools, when: { "header:x-cache": tools }, scope: shared, store_tool_calls: true }
    - { name: free, when: { "header:x-cache": free }, scope: shared, count_requests: false }
    - { name: strict, when: { "header:x-cache": strict }, scope: shared, client_controls: false }
    - { name: alone, when: { "header:x-cache": alone }, scope: shared, coalesce: "off" }
    - { name: nobody, when: { "header:x-cache": nobody } }
    - { name: all, scope: shared }
guards:
  - { name: no-canary, on: response, patterns: { deny_words: [canary] }, then: { message: "No birds." } }
budgets:
  poor:
    { by: ["header:x-poor"], when: { "header:x-poor": "*", model: openai }, tokens: 1, per: day,
      over_budget: { use: anthropic } }
rate_limits:
  few: { by: [ "header:x-few" ], when: { "header:x-few": "*" }, requests: 2/h }
"""
_numbers = itertools.count(1)

by_front = pytest.mark.parametrize("front", FRONTS)
by_model = pytest.mark.parametrize("model", ["openai", "anthropic"])
by_stream = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _house(request, tmp_path_factory):
    started = House(tmp_path_factory.mktemp(request.param), request.param, CACHE)
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.reset()
    return _house


def new() -> str:
    """A question that nobody has asked before."""
    return f"What is {next(_numbers)} and one?"


def said(house, text: str, rule: str = "", front: str = "openai", model: str = "openai", stream: bool = False, **more):
    headers = more.pop("headers", {}) | ({"x-cache": rule} if rule else {})
    return ask(house, front, model, stream, headers=headers, text=text, **more)


def outcome(answer) -> str | None:
    return answer.headers.get("x-attache-cache")


def asked(house) -> int:
    """How often the provider was asked."""
    return len(house.simulator.requests())


def twice(house, text: str | None = None, **how) -> tuple:
    """What becomes of a question that is asked two times."""
    text = text or new()
    return said(house, text, **how), said(house, text, **how)


@by_front
@by_model
@pytest.mark.parametrize("first", [False, True], ids=["whole", "streamed"])
def test_every_sdk_reads_from_the_cache_what_it_would_have_read(house, front, model, first):
    """Whole or streamed, whichever was asked first."""
    house.simulator.script(text="A sparrow, and then another one.", chunks=5)
    question = new()
    told = house.say(front, model, question, first)
    assert house.last_record()["cache"] == {"rule": "all", "outcome": "miss"}
    for stream in (first, not first):
        again = house.say(front, model, question, stream)
        assert (again.text, again.stop, again.output_tokens) == (told.text, told.stop, told.output_tokens)
        record = house.last_record()
        assert (record["cache"]["outcome"], record["cost"]["nanos"], record["ending"]) == ("hit", 0, "answered")
        assert "tokens" not in record and record.get("attempts", []) == []
    assert asked(house) == 1


def test_what_an_answer_says_of_the_cache(house):
    miss, hit = twice(house)
    assert (outcome(miss), outcome(hit)) == ("miss", "hit")
    assert int(hit.headers["age"]) < 30 and "age" not in miss.headers
    assert hit.body == miss.body and hit.headers["x-attache-provider"] == "openai"
    text = house.gateway.metrics()
    assert metric(text, "attache_cache_lookups_total", rule="all", outcome="hit") >= 1
    assert metric(text, "attache_cache_stored_total", rule="all") >= 1
    assert metric(text, "attache_cache_entries") >= 1


@by_stream
def test_usage_is_in_a_stream_only_if_it_was_asked_for(house, stream):
    question = new()
    said(house, question, stream=stream)
    plain = said(house, question, stream=True)
    counted = said(house, question, stream=True, stream_options={"include_usage": True})
    assert (outcome(plain), outcome(counted), asked(house)) == ("hit", "hit", 1)
    assert plain.whole and not any(event.get("usage") for event in plain.events)
    assert sum(1 for event in counted.events if event.get("usage")) == 1


@pytest.mark.parametrize("front", ["openai", "anthropic"])
@by_model
@by_stream
def test_calls_of_tools_are_kept_where_a_rule_says_so(house, front, model, stream):
    house.simulator.script(tool_calls=[{"name": "weather", "arguments": {"city": "Oslo"}}], argument_chunks=3)
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (
        [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
        if front == "openai"
        else [{"name": "weather", "input_schema": schema}]
    )
    question = new()
    asked_for = {"front": front, "model": model, "tools": tools}
    for rule, expected in (("", ["miss", "miss"]), ("tools", ["miss", "hit"])):
        answers = [said(house, question + rule, rule, stream=each, **asked_for) for each in (stream, not stream)]
        assert [outcome(answer) for answer in answers] == expected
        for answer in answers:
            assert answer.status == 200 and calls(answer) == [("weather", {"city": "Oslo"})]


def calls(answer) -> list:
    """Names and arguments of the calls in an answer."""
    if not answer.stream:
        whole = json.loads(answer.body)
        if answer.front == "anthropic":
            return [(block["name"], block["input"]) for block in whole["content"] if block["type"] == "tool_use"]
        found = [call["function"] for call in whole["choices"][0]["message"]["tool_calls"]]
        return [(call["name"], json.loads(call["arguments"])) for call in found]
    names, arguments = [], ""
    for event in answer.events:
        if answer.front == "anthropic":
            names += [event["content_block"]["name"]] if event.get("content_block", {}).get("type") == "tool_use" else []
            arguments += event.get("delta", {}).get("partial_json", "")
        else:
            for choice in event.get("choices", []):
                for call in choice["delta"].get("tool_calls", []):
                    names += [call["function"]["name"]] if call["function"].get("name") else []
                    arguments += call["function"].get("arguments", "")
    return [(name, json.loads(arguments)) for name in names]


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5},
        {"seed": 1},
        {"max_tokens": 50},
        {"user": "somebody"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]},
        {"response_format": {"type": "json_object"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_asked_otherwise_is_not_the_same(house, change):
    salt = {"x-attache-cache-key": new()}
    assert outcome(ask(house, "openai", "openai", headers=salt)) == "miss"
    assert outcome(ask(house, "openai", "openai", headers=salt, **change)) == "miss"
    assert outcome(ask(house, "openai", "openai", headers=salt)) == "hit"


@by_stream
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"status": 500}, "failed"),
        ({"status": 429}, "failed"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "content_filter"}, "refused"),
        ({"refusal": "I would rather not."}, "refused"),
        ({"text": "I saw a canary."}, "guard"),
        ({"text_bytes": 100_000}, "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_good_answer_is_not_kept(house, stream, script, reason):
    def not_kept():
        text = house.gateway.metrics()
        return sum(metric(text, "attache_cache_not_stored_total", reason=why) for why in (reason, "stopped"))

    before = not_kept()
    house.simulator.script(**script)
    first, second = twice(house, stream=stream)
    assert "hit" not in (outcome(first), outcome(second)) and asked(house) == 2
    stack.wait_until(lambda: not_kept() == before + 2, f"two answers that were not kept for {reason}")


def test_an_answer_that_breaks_off_is_not_kept(house):
    house.simulator.script(text="one two three four", chunks=4, omit_done=True, close_after_events=3)
    question = new()
    assert not said(house, question, stream=True).body.endswith(b"[DONE]\n\n")
    house.simulator.reset()
    assert outcome(said(house, question, stream=True)) == "miss"


@pytest.mark.parametrize(
    ("headers", "expected", "then"),
    [
        ({"cache-control": "no-store"}, "bypass", "miss"),
        ({"cache-control": "no-cache"}, "miss", "miss"),
        ({"x-attache-cache": "skip"}, "bypass", "miss"),
        ({"x-attache-cache": "refresh"}, "miss", "miss"),
        ({"x-attache-cache-key": "another"}, "miss", "miss"),
        ({"cf-aig-skip-cache": "true"}, "bypass", "miss"),
        ({"cf-aig-cache-key": "another"}, "miss", "miss"),
        ({"x-portkey-cache-force-refresh": "true"}, "miss", "miss"),
        ({"x-portkey-cache-namespace": "another"}, "miss", "miss"),
        ({"x-openrouter-cache": "false"}, "bypass", "miss"),
        ({"x-openrouter-cache-clear": "true"}, "miss", "miss"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_clients_say_what_the_cache_does_for_them(house, headers, expected, then):
    question = new()
    assert outcome(said(house, question, headers=headers)) == expected
    assert {"cache-control", *headers} & {name for name, _ in house.simulator.requests()[-1]["headers"]} == set()
    assert outcome(said(house, question)) == then


def test_the_words_of_litellm_never_reach_a_provider(house):
    question = new()
    body = {"extra_body": {"cache": {"no-store": True}}}
    for _ in range(2):
        house.openai.chat.completions.create(
            model="openai", messages=[{"role": "user", "content": question}], **body
        )
        assert "cache" not in house.sent()
    assert asked(house) == 2
    assert outcome(said(house, question, cache={"namespace": "n"})) == "miss"
    assert outcome(said(house, question, cache={"namespace": "n"}, stream=True)) == "hit"
    assert outcome(said(house, question)) == "miss"


def test_an_answer_may_be_too_old_and_no_other_may_do(house):
    question = new()
    only = said(house, question, headers={"x-attache-cache": "only-if-cached"})
    assert (only.status, only.error["code"], asked(house)) == (504, "not_cached", 0)
    first = said(house, question, headers={"x-attache-cache-ttl": "1"})
    assert outcome(said(house, question, headers={"x-attache-cache": "only-if-cached"})) == "hit"
    time.sleep(1.1)
    house.simulator.script(text="Something else.")
    for headers in ({"cache-control": "max-age=0"}, {"x-attache-cache": "refresh"}):
        assert outcome(said(house, question, headers=headers)) == "miss"
    last = said(house, question)
    assert (outcome(last), last.body) == ("hit", first.body), "others read what they have read"


@by_stream
def test_the_answer_of_a_model_that_a_budget_chose_is_not_the_asked_one_s(house, stream):
    used_up, question = own("x-poor"), new()
    said(house, new(), headers=used_up)
    poor = said(house, question, "free", headers=used_up, stream=stream)
    assert (outcome(poor), poor.headers["x-attache-provider"]) == ("miss", "anthropic")
    rich = said(house, question, "free", stream=stream)
    assert (outcome(rich), rich.headers["x-attache-provider"]) == ("miss", "openai")
    assert outcome(said(house, question, "free", stream=stream)) == "hit"


def test_what_nobody_understands_is_refused_unless_nobody_listens(house):
    refused = said(house, new(), headers={"x-attache-cache": "off"})
    assert refused.status == 400 and "skip, refresh or only-if-cached" in refused.error["message"]
    question = new()
    told = [said(house, question, "strict", headers={"x-attache-cache": word}) for word in ("off", "skip")]
    assert [outcome(answer) for answer in told] == ["miss", "hit"]


def test_a_hit_counts_as_a_request_unless_the_rule_says_no(house):
    for rule, statuses in (("", [200, 200, 429]), ("free", [200, 200, 200])):
        counter, question = own("x-few"), new()
        assert [said(house, question, rule, headers=counter).status for _ in range(3)] == statuses
    counter, question = own("x-few"), new()
    first, second = twice(house, question, headers=counter)
    records = [house.gateway.record(answer.request_id) for answer in (first, second)]
    assert [limit_of(record, "few") for record in records] == [(1, 1), (1, 1)]
    assert second.headers["x-ratelimit-remaining-requests"] == "0"


def test_nobody_in_particular_has_no_cache(house):
    first, second = twice(house, rule="nobody")
    assert (outcome(first), outcome(second)) == ("bypass", "bypass")


@by_stream
def test_a_hundred_at_once_ask_once(house, stream):
    house.simulator.script(text="There is only one.", latency_ms=400)
    question = new()
    body = request("openai", "openai", stream, text=question)
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        send = lambda _: house.http.post("/v1/chat/completions", json=body, headers=KEYS["openai"])  # noqa: E731
        answers = list(pool.map(send, range(100)))
    assert asked(house) == 1
    assert {answer.status_code for answer in answers} == {200}
    outcomes = [answer.headers["x-attache-cache"] for answer in answers]
    assert (outcomes.count("miss"), outcomes.count("hit")) == (1, 99)
    if not stream:
        assert len({answer.content for answer in answers}) == 1
    records = [house.gateway.record(answer.headers["x-request-id"]) for answer in answers]
    assert "coalesced" in {record["cache"]["outcome"] for record in records}, "some of them waited"


def test_who_hangs_up_while_leading_makes_room_for_the_next(house):
    house.simulator.script(text="Here I am.")
    house.simulator.queue({"never_answer": True})
    question = new()
    leader = Open(house, "openai", "openai", False, text=question)
    stack.wait_until(lambda: asked(house) == 1, "leader")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        others = [pool.submit(said, house, question) for _ in range(3)]
        stack.wait_until(lambda: metric(house.gateway.metrics(), "attache_open_exchanges") == 4, "three that wait")
        leader.leave()
        assert {other.result().text for other in others} == {"Here I am."}
    assert asked(house) == 2


def test_embeddings_and_rerankings_are_kept_as_they_are(house):
    text = new()
    vectors = [house.openai.embeddings.create(model="openai", input=text).data[0].embedding for _ in range(2)]
    assert vectors[0] == vectors[1] and asked(house) == 1
    body = {"model": "openai", "query": text, "documents": ["a", "b"]}
    ranked = [house.http.post("/v1/rerank", json=body, headers=KEYS["openai"]) for _ in range(2)]
    assert [answer.headers["x-attache-cache"] for answer in ranked] == ["miss", "hit"]
    assert ranked[0].content == ranked[1].content


def test_what_a_provider_remembers_is_not_asked_again(house):
    for _ in range(2):
        raw = house.http.post(
            "/v1/responses", json={"model": "openai", "input": "hi", "background": True}, headers=KEYS["openai"]
        )
        assert raw.headers.get("x-attache-cache") in ("bypass", None)


CALLERS = f"""
callers:
  keys:
    alice: {{ value: {ALICE}, team: search }}
    bob: {{ value: {BOB}, team: search }}
    carol: {{ value: {CAROL}, team: sales }}
teams: {{ search: {{}}, sales: {{}} }}
cache:
  key: "a key of more than sixteen bytes"
  rules:
    - {{ name: teams, when: {{ "header:x-cache": teams }}, scope: team }}
    - {{ name: route, when: {{ "header:x-cache": route }}, scope: route }}
    - {{ name: mine }}
redact:
  - {{ name: emails, tiers: [], entities: {{ email: mask }}, tenant: team }}
"""


@pytest.fixture(scope="module")
def tenants(tmp_path_factory):
    started = House(tmp_path_factory.mktemp("tenants"), "sidecar", CALLERS)
    yield started
    started.stop()


def by(house, key: str, text: str, rule: str = "", stream: bool = False):
    headers = {"authorization": f"Bearer {key}"} | ({"x-cache": rule} if rule else {})
    return ask(house, "openai", "openai", stream, headers=headers, text=text)


def test_two_tenants_never_read_each_other_s_answers(tenants):
    for rule, expected in (
        ("", ["miss", "miss", "miss"]),
        ("teams", ["miss", "hit", "miss"]),
        ("route", ["miss", "hit", "hit"]),
    ):
        question = new()
        assert [outcome(by(tenants, key, question, rule)) for key in (ALICE, BOB, CAROL)] == expected, rule
        assert [outcome(by(tenants, key, question, rule)) for key in (ALICE, BOB, CAROL)] == ["hit"] * 3, rule


def test_clients_renew_and_shorten_their_own_answers(tenants):
    def mine(headers: dict | None = None):
        return ask(tenants, "openai", "openai", False, headers=own_key | (headers or {}), text=question)

    own_key = {"authorization": f"Bearer {ALICE}"}
    for headers in ({"cache-control": "no-cache"}, {"x-attache-cache": "refresh"}, {"cache-control": "max-age=0"}):
        question = new()
        tenants.simulator.script(text="One.")
        mine()
        tenants.simulator.script(text="Another one.")
        time.sleep(0.01)
        assert [outcome(mine(headers)), outcome(last := mine()), last.text] == ["miss", "hit", "Another one."]
    question = new()
    mine({"x-attache-cache-ttl": "4"})
    assert outcome(mine()) == "hit"
    stack.wait_until(lambda: outcome(mine()) == "miss", "end of its time")
    tenants.reset()


@by_stream
def test_what_is_redacted_comes_back_to_whom_it_belongs(tenants, stream):
    """The masked request is the same only for the same address; what is kept holds none."""
    by(tenants, ALICE, f"{new()} {EMAIL}", "teams")
    (placeholder,) = PLACEHOLDER.findall(tenants.simulator.requests()[-1]["body"])
    tenants.reset()
    tenants.simulator.script(text=f"I wrote to {placeholder}.")
    question = f"{new()} Write to {EMAIL}."
    told = [by(tenants, key, question, "teams", each) for key, each in ((ALICE, stream), (BOB, False), (BOB, True))]
    assert [outcome(answer) for answer in told] == ["miss", "hit", "hit"]
    assert {answer.text for answer in told} == {f"I wrote to {EMAIL}."}
    assert EMAIL not in tenants.simulator.requests()[-1]["body"] and asked(tenants) == 1
    other = by(tenants, BOB, question.replace(EMAIL, OTHER_EMAIL), "teams")
    assert outcome(other) == "miss" and EMAIL not in other.text


def test_a_reload_keeps_what_is_cached_and_a_changed_policy_does_not_read_it(tmp_path):
    house = House(tmp_path, "sidecar", CACHE)
    try:
        question = new()
        assert outcome(said(house, question)) == "miss"
        for change, expected in (
            (("requests: 2/h", "requests: 3/h"), "hit"),
            (("deny_words: [canary]", "deny_words: [canary, heron]"), "miss"),
        ):
            reload(house, config(house.simulator.base, CACHE.replace(*change)))
            assert outcome(said(house, question)) == expected, change
    finally:
        house.stop()


def reload(house, text: str) -> None:
    """Gives the service this configuration, with a model that nobody had before, and waits until it knows that."""
    name = f"since-{next(_numbers)}"
    model = f"  {name}: {{ targets: [ {{ provider: openai, model: gpt-4o }} ] }}\n"
    house.gateway.write_config(text.replace("models:\n", f"models:\n{model}", 1))
    stack.wait_until(lambda: name in house.http.get("/v1/models", headers=KEYS["openai"]).text, "new configuration")


@by_stream
def test_what_passes_because_nobody_can_say_is_not_kept(tmp_path, stream):
    guard = '  - { name: away, on: response, fail: open, timeout: 300ms, webhook: { url: "http://127.0.0.1:9/" } }\n'
    house = House(tmp_path, "sidecar", CACHE.replace("guards:\n", "guards:\n" + guard))
    try:
        assert [outcome(answer) for answer in twice(house, stream=stream)] == ["miss", "miss"]
        metrics = house.gateway.metrics()
        assert metric(metrics, "attache_cache_not_stored_total", rule="all", reason="guard_undecided") >= 1
    finally:
        house.stop()


def test_a_stream_without_a_last_event_is_kept_where_its_provider_sends_none(tmp_path):
    house = House(tmp_path, "sidecar", CACHE)
    try:
        quiet = config(house.simulator.base, CACHE).replace("openai: { dialect:", "openai: { quirks: { done_event: false }, dialect:", 1)
        reload(house, quiet)
        house.simulator.script(text="A sparrow.", omit_done=True)
        assert [outcome(answer) for answer in twice(house, stream=True)] == ["miss", "hit"]
    finally:
        house.stop()


def test_the_configuration_view_shows_no_key(tenants):
    view = stack.get(f"http://127.0.0.1:{tenants.gateway.admin_port}/config").decode()
    assert "sixteen" not in view and '"cache"' in view
