"""Budgets: who may spend how much in a period, and what happens to a request, or a stream, beyond it."""

import http.server
import json
import threading

import anthropic
import openai
import pytest
import stack
from conftest import Stack
from rules import LINES, limit_of, metric, own, simulator_of, tokens_of
from sdk import FRONTS, HELLO, Line
from wire import ask

RULES = """
  cheap: { targets: [ { provider: openai, model: gpt-4o-mini } ] }
  odd: { targets: [ { provider: openai, model: a-model-without-a-price } ] }
limits: { output_tokens_expected: 40 }
prices:
  built_in: false
  entries:
    openai/gpt-4o-mini: { input: 0.15, output: 0.60 }
rate_limits:
  narrow: { by: ["header:x-narrow"], when: { "header:x-narrow": "*" }, tokens: 60/h }
budgets:
  wide: { by: ["header:x-wide"], when: { "header:x-wide": "*" }, tokens: 2000, per: day, end_streams: true }
  hard: { by: ["header:x-hard"], when: { "header:x-hard": "*" }, tokens: 60, per: month }
  rolling: { by: ["header:x-rolling"], when: { "header:x-rolling": "*" }, tokens: 60, per: 2s }
  soft: { by: ["header:x-soft"], when: { "header:x-soft": "*" }, tokens: 60, per: day, hard: false, warn_at: [50, 100] }
  degrade:
    { by: ["header:x-degrade"], when: { "header:x-degrade": "*", model: openai-only }, tokens: 60, per: day,
      over_budget: { use: cheap } }
  degrade-cheap: { by: ["header:x-degrade"], when: { "header:x-degrade": "*", model: cheap }, tokens: 60, per: day }
  one-for-both:
    { by: ["header:x-both"], when: { "header:x-both": "*" }, tokens: 60, per: day, over_budget: { use: cheap } }
  exposed: { by: [model, "header:x-exposed"], when: { "header:x-exposed": "*", model: "openai/*" }, tokens: 60, per: day }
  ends: { by: ["header:x-ends"], when: { "header:x-ends": "*" }, tokens: 120, per: day, end_streams: true }
  ends-money:
    { by: ["header:x-ends-money"], when: { "header:x-ends-money": "*" }, cost: "0.0001", per: day, end_streams: true }
  money: { by: ["header:x-money"], when: { "header:x-money": "*" }, cost: "0.00012", per: day }
  guess:
    { by: ["header:x-guess"], when: { "header:x-guess": "*" }, cost: 1, per: day, unknown_price: allow }
"""

ENDLESS = {"chunks": 2000, "chunk_delay_ms": 5, "text_bytes": 20000}
# 40 tokens of answer, by the provider's own word.
FORTY = {"text_bytes": 160, "usage": {"prompt_tokens": 10, "completion_tokens": 40, "total_tokens": 50}}


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _each(request, tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp(request.param), request.param, RULES)
    yield started
    started.stop()


@pytest.fixture
def each(_each):
    """A gateway with budgets, in each topology."""
    _each.reset()
    return _each


def use_up(stack, header: dict) -> None:
    """One exchange of 50 tokens, which leaves no room in 60 for another of about as many."""
    stack.openai_sim.queue(FORTY)
    answer = ask(stack, "openai", "openai-only", headers=header)
    assert answer.status == 200, answer.body
    assert tokens_of(stack.gateway.record(answer.request_id)) == (10, 40)


# Hard, soft, and something else instead


def test_a_used_up_month_is_refused_and_sdks_do_not_try_again(each):
    header = own("x-hard")
    use_up(each, header)
    asked, began = len(each.openai_sim.requests()), stack.now_ms()
    with pytest.raises(openai.RateLimitError) as refused:
        patient = each.openai.with_options(max_retries=3)
        patient.chat.completions.create(model="openai-only", messages=HELLO, extra_headers=header)
    error, headers = refused.value, refused.value.response.headers
    assert (error.code, error.param, error.type) == ("insufficient_quota", "hard", "rate_limit_error")
    assert "hard" in error.message and "month" in error.message
    assert (headers["x-should-retry"], headers["x-attache-limit"]) == ("false", "hard")
    assert int(headers["retry-after"]) > 60 and "retry-after-ms" not in headers
    with pytest.raises(anthropic.RateLimitError) as refused:
        patient = each.anthropic.with_options(max_retries=3)
        patient.messages.create(model="openai-only", messages=HELLO, max_tokens=40, extra_headers=header)
    assert refused.value.body["error"]["type"] == "rate_limit_error"
    assert "hard" in refused.value.body["error"]["message"]
    last = each.gateway.record(refused.value.response.headers["x-request-id"])
    # Records are written in the order in which exchanges end: more than two would mean that an SDK tried again.
    refused = each.gateway.records(began)
    assert refused[-1] == last
    assert [(record["status"], record["ending"]) for record in refused] == [(429, "answered")] * 2
    assert all("tokens" not in record and "limits" not in record for record in refused)
    assert len(each.openai_sim.requests()) == asked, "a refused request must not reach a provider"


def test_a_rolling_budget_has_room_again(each):
    header = own("x-rolling")
    use_up(each, header)
    refused = ask(each, "openai", "openai-only", headers=header)
    assert refused.status == 429 and 0 < int(refused.headers["retry-after-ms"]) <= 2100
    patient = each.openai.with_options(max_retries=3)
    answer = patient.chat.completions.create(model="openai-only", messages=HELLO, extra_headers=header)
    assert answer.choices[0].message.content == "You said: hello"


def test_a_soft_budget_warns_once_for_each_threshold_and_never_refuses(each):
    header = own("x-soft")
    before = {at: warnings(each, at) for at in ("50", "100")}
    for _ in range(3):
        use_up(each, header)
    warned = {at: count + 1 for at, count in before.items()}
    stack.wait_until(lambda: {at: warnings(each, at) for at in before} == warned, "warning for each threshold")

    def said():
        log = [line for line in each.gateway.attache.err().splitlines() if "a budget fills up" in line]
        return any("soft" in line and "percent=100" in line and header["x-soft"] in line for line in log)

    stack.wait_until(said, "line in the log")


def warnings(stack, percent: str) -> float:
    return metric(stack.gateway.metrics(), "attache_budget_warnings_total", budget="soft", percent=percent)


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes warnings."""

    taken: list[dict] = []

    def do_POST(self):
        self.taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_webhook_reads_a_warning_and_nobody_reads_its_address(start):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hooks/very-secret-path"
        here = start(extra=f"budgets:\n  told: {{ tokens: 60, per: day, warn_at: [50], webhook: \"{url}\" }}\n")
        use_up(here, {})
        warning = stack.wait_until(lambda: Hook.taken, "call of the webhook")[0]
        server.shutdown()
    assert (warning["budget"], warning["percent"], warning["unit"]) == ("told", 50, "tokens")
    assert (warning["used"], warning["limit"]) == (50, 60)
    view = stack.get(f"http://127.0.0.1:{here.gateway.admin_port}/config").decode()
    assert "very-secret-path" not in view + here.gateway.attache.err() + here.gateway.metrics()


def test_beyond_a_budget_another_model_serves_until_that_has_none_left_either(each):
    header = own("x-degrade")
    use_up(each, header)
    each.openai_sim.queue(FORTY)
    answer = ask(each, "anthropic", "openai-only", headers=header, max_tokens=40)
    record = each.gateway.record(answer.request_id)
    assert (answer.status, record["model"]) == (200, "openai-only"), "the record says what was asked for"
    assert limit_of(record, "degrade-cheap") == (48, 50)
    assert [limit["name"] for limit in record["limits"]] == ["degrade-cheap"]
    refused = ask(each, "anthropic", "openai-only", headers=header, max_tokens=40)
    assert (refused.status, refused.headers["x-attache-limit"]) == (429, "degrade-cheap")


def test_a_used_up_budget_lets_the_model_pass_that_it_names_and_counts_it(each):
    header = own("x-both")
    use_up(each, header)
    for _ in range(2):
        each.openai_sim.queue(FORTY)
        answer = ask(each, "openai", "openai-only", headers=header, max_tokens=40)
        assert answer.status == 200, answer.body
        assert limit_of(each.gateway.record(answer.request_id), "one-for-both") == (48, 50)


def test_rules_know_a_model_of_an_exposed_provider_by_its_full_name(each):
    header = own("x-exposed")
    each.openai_sim.queue(FORTY)
    answer = ask(each, "openai", "openai/gpt-4o", headers=header, max_tokens=40)
    assert limit_of(each.gateway.record(answer.request_id), "exposed") == (48, 50)
    refused = ask(each, "openai", "openai/gpt-4o", headers=header, max_tokens=40)
    assert (refused.status, refused.headers["x-attache-limit"]) == (429, "exposed")
    assert ask(each, "openai", "openai/gpt-4o-mini", headers=header, max_tokens=40).status == 200, "another counter"


def test_money_is_held_and_settled_to_the_billionth(each):
    header = own("x-money")
    each.openai_sim.queue(FORTY)
    answer = ask(each, "openai", "openai-only", headers=header, max_tokens=100)
    record = each.gateway.record(answer.request_id)
    # gpt-4o-mini: 0.15 and 0.60 for a million; 8 and 100 expected, 10 and 40 used.
    assert limit_of(record, "money") == (8 * 150 + 100 * 600, 10 * 150 + 40 * 600)
    assert record["cost"]["currency"] == "USD" and record["cost"]["nanos"] == 25_500
    # 94,500 left: 150 tokens are 91,200, one more request of the size does not fit beside it.
    assert ask(each, "openai", "openai-only", headers=header, max_tokens=200).status == 429
    assert ask(each, "openai", "openai-only", headers=header, max_tokens=150).status == 200


def test_what_costs_nobody_knows_what_is_refused_unless_the_budget_allows_it(each):
    refused = ask(each, "openai", "odd", headers=own("x-money"))
    assert (refused.status, refused.error["code"], refused.error["param"]) == (403, "price_unknown", "model")
    assert "money" in refused.error["message"]
    assert each.gateway.record(refused.request_id)["refused_by"] == "money"
    answer = ask(each, "openai", "odd", headers=own("x-guess"))
    record = each.gateway.record(answer.request_id)
    assert (answer.status, record["price_unknown"], limit_of(record, "guess")) == (200, True, (0, 0))


# Streams


@pytest.mark.parametrize("front, provider", LINES)
@pytest.mark.parametrize("asks_for", [50, 5000], ids=["outgrown", "larger than the budget"])
def test_a_used_up_budget_ends_a_stream_as_its_token_limit_would(each, front, provider, asks_for):
    header = own("x-ends")
    line = Line(each, front, provider, True)
    # The provider does not care how much was asked for.
    reply = line.ask(ENDLESS, extra_headers=header, max_tokens=asks_for)
    assert reply.stop == ("length" if front == "openai" else "max_tokens")
    record = each.gateway.record(reply.headers["x-request-id"])
    assert (record["ending"], record["refused_by"], record["tokens_counted_here"]) == ("complete", "ends", True)
    held, settled = limit_of(record, "ends")
    assert held == 120 or asks_for < 120
    assert settled == sum(tokens_of(record))
    assert settled <= held + 12, "a piece of the stream at most beyond what was held"
    if front == "anthropic":
        assert reply.native.usage.output_tokens == record["tokens"]["output"]
    sent = stack.wait_until(lambda: ended(simulator_of(each, provider)), "end at the provider")
    assert sent["ended"] == "client_gone" and sent["events_sent"] < 200, "the provider is cut off"
    # The connection was not harmed: the next request on it is refused properly.
    assert ask(each, front, f"{provider}-only", True, headers=header, max_tokens=100).status == 429


def ended(simulator) -> dict | None:
    last = simulator.requests()[-1]
    return last if last["ended"] != "open" else None


@pytest.mark.parametrize("front", FRONTS)
def test_money_ends_a_stream_too(each, front):
    # 0.0001 dollars are 166 tokens of gpt-4o-mini.
    reply = Line(each, front, "openai", True).ask(ENDLESS, extra_headers=own("x-ends-money"), max_tokens=10_000)
    record = each.gateway.record(reply.headers["x-request-id"])
    held, settled = limit_of(record, "ends-money")
    assert (held, record["refused_by"]) == (100_000, "ends-money")
    assert 90_000 < settled == record["cost"]["nanos"] < 108_000


@pytest.mark.parametrize("front, provider", LINES)
def test_a_stream_within_a_budget_that_may_end_it_is_as_any_other(each, front, provider):
    script = {"text": "One, two, three.", "chunks": 8, "cut_bytes": 7}
    header = own("x-ends")
    reply = Line(each, front, provider, True).ask(script, extra_headers=header, max_tokens=60)
    assert reply.text == "One, two, three."
    record = each.gateway.record(reply.headers["x-request-id"])
    assert record["ending"] == "complete" and not record.get("tokens_counted_here") and "refused_by" not in record
    assert limit_of(record, "ends")[1] == sum(tokens_of(record))


@pytest.mark.parametrize("front, provider", LINES)
def test_a_reset_stays_a_reset_where_a_budget_may_end_streams(each, front, provider):
    script = {"reset_after_events": 5, "chunks": 20, "text_bytes": 80}
    began = stack.now_ms()
    with pytest.raises(Exception) as raised:
        Line(each, front, provider, True).ask(script, extra_headers=own("x-ends"), max_tokens=60)
    assert not isinstance(raised.value, (AssertionError, json.JSONDecodeError)), raised.value
    record = each.gateway.record_since(began)
    assert record["ending"] in ("cut", "failed")


@pytest.mark.parametrize("front", FRONTS)
def test_a_full_rate_limit_does_not_end_a_stream_in_a_budgets_name(each, front):
    header = own("x-narrow") | own("x-wide")
    # What comes in one piece need not be followed: it must not come so on a busy machine either.
    script = {"text_bytes": 1200, "chunks": 60, "chunk_delay_ms": 20}
    reply = Line(each, front, "openai", True).ask(script, extra_headers=header, max_tokens=40)
    record = each.gateway.record(reply.headers["x-request-id"])
    assert "refused_by" not in record and record["ending"] == "complete"
    assert limit_of(record, "narrow")[0] == 48 and limit_of(record, "wide")[0] > 200, "only one of them grew"


def test_a_budget_that_does_not_end_streams_lets_them_finish(each):
    reply = Line(each, "openai", "openai", True).ask({"text_bytes": 1200}, extra_headers=own("x-hard"), max_tokens=500)
    record = each.gateway.record(reply.headers["x-request-id"])
    held, settled = limit_of(record, "hard")
    assert (held, settled) == (60, sum(tokens_of(record))) and settled > 300
