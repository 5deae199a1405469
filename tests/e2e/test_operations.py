"""What an operator sees: health, metrics, the running configuration, logs, usage records."""

import json
import re

import conftest
import httpx
import pytest
import stack
from prometheus_client.parser import text_string_to_metric_families
from wire import ask

SECRET_WORDS = "the quick brown fox of the customer"


def admin(here, path: str, method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{here.gateway.admin_port}{path}")


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/healthz", 200, "text/plain", "ok\n"),
        ("/readyz", 200, "text/plain", "ready\n"),
        ("/", 404, "text/plain", "there is /healthz, /readyz, /metrics, /config, /limits, /cache and /keys\n"),
        ("/metricsx", 404, "text/plain", "there is /healthz, /readyz, /metrics, /config, /limits, /cache and /keys\n"),
    ],
)
def test_the_admin_interface_answers(sidecar, path, status, kind, body):
    answer = admin(sidecar, path)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-type"].startswith(kind)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/config"])
def test_the_admin_interface_is_only_read(sidecar, path):
    for method in ("POST", "PUT", "DELETE"):
        refused = admin(sidecar, path, method)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD"), method
    head = admin(sidecar, path, "HEAD")
    assert (head.status_code, head.content) == (200, b"")


def test_the_configuration_is_shown_without_its_secrets(sidecar):
    answer = admin(sidecar, "/config")
    shown = answer.json()
    assert shown["providers"]["openai"]["auth"] == {"bearer": "[redacted]"}
    assert shown["providers"]["claude"]["auth"] == {"header": "x-api-key", "value": "[redacted]"}
    assert [target["provider"] for target in shown["models"]["fast"]["targets"]] == ["openai", "claude"]
    assert conftest.OPENAI_KEY not in answer.text and conftest.CLAUDE_KEY not in answer.text


def families(here) -> dict:
    return {family.name: family for family in text_string_to_metric_families(here.gateway.metrics())}


def label_values(here, label: str) -> set[str]:
    samples = [sample for family in families(here).values() for sample in family.samples]
    return {sample.labels[label] for sample in samples if label in sample.labels}


def test_metrics_have_names_that_dashboards_know(sidecar):
    for model, stream in (("openai-only", True), ("claude-only", False), ("nobody's", False)):
        answer = ask(sidecar, "openai", model, stream)
        sidecar.gateway.record(answer.request_id)
    answer = admin(sidecar, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = families(sidecar)
    for family in found.values():
        assert re.fullmatch(r"(attache|gen_ai_client)_[a-z_]+", family.name), family.name
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
    assert {
        "attache_exchanges", "attache_attempts", "attache_open_exchanges", "attache_usage_records_dropped",
        "gen_ai_client_operation_duration_seconds", "gen_ai_client_token_usage",
        "gen_ai_client_operation_time_to_first_chunk_seconds",
    } <= found.keys()  # fmt: skip
    tokens = {sample.labels["gen_ai_token_type"] for sample in found["gen_ai_client_token_usage"].samples}
    assert tokens == {"input", "output"}
    of = found["gen_ai_client_operation_duration_seconds"].samples[0].labels
    assert of.keys() >= {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"}


def test_clients_cannot_add_label_values(sidecar):
    ask(sidecar, "openai", "openai-only")
    ask(sidecar, "anthropic", "nobody's")
    ask(sidecar, "openai", "openai/exposed")
    labels = ("model", "gen_ai_request_model", "provider", "gen_ai_provider_name", "front", "status", "field", "ending")
    before = {label: label_values(sidecar, label) for label in labels}
    for i in range(50):
        answer = ask(sidecar, "openai", f"nobody's-{i}")
        assert answer.status == 404
        assert ask(sidecar, "openai", f"openai/exposed-{i}").status == 200
        assert sidecar.http.post(f"/v1/nowhere-{i}", json={}).status_code == 404
    sidecar.gateway.record(answer.request_id)
    assert {label: label_values(sidecar, label) for label in labels} == before


IMPATIENT = """  impatient:
    targets: [ { provider: openai, model: gpt-4o-mini }, { provider: claude, model: claude-haiku-4-5 } ]
    retry: { per_try_timeout: 1s }
"""


def logged(here) -> str:
    """What the service wrote to stderr when everything had happened that may tempt it to talk."""
    here.openai_sim.queue({"status": 500, "error_message": SECRET_WORDS}, {"reset_after_events": 2})
    ask(here, "openai", "openai-only", text=SECRET_WORDS)
    with pytest.raises(httpx.HTTPError):
        ask(here, "openai", "openai-only", True, text=SECRET_WORDS)
    ask(here, "anthropic", "openai-only", True, text=SECRET_WORDS)
    ask(here, "anthropic", SECRET_WORDS)
    here.http.post("/v1/chat/completions", content=f'{{"model": "fast", "messages": "{SECRET_WORDS}')
    here.openai_sim.queue({"never_answer": True})
    here.claude_sim.queue({"never_answer": True})
    assert ask(here, "openai", "impatient", text=SECRET_WORDS).status == 504
    return here.gateway.attache.wait_for_log("no provider answered")


@pytest.mark.parametrize("level", ["info", "trace"])
def test_the_log_holds_neither_bodies_nor_secrets(start, level):
    here = start(extra=f"{IMPATIENT}log: {{ level: 'warn,attache={level}' }}")
    log = logged(here)
    assert [word for word in (SECRET_WORDS, "sk-openai", "sk-ant", conftest.CLIENT_KEY) if word in log] == []


def test_a_log_for_machines_is_json(start):
    here = start(extra=f"{IMPATIENT}log: {{ format: json }}")
    lines = [json.loads(line) for line in logged(here).splitlines()]
    assert {"timestamp", "level", "target", "message"} <= lines[0].keys()
    assert lines[0]["message"] == "attache serves"
    warning = next(line for line in lines if line["message"] == "no provider answered")
    assert (warning["level"], warning["model"], warning["attempts"]) == ("WARN", "impatient", 2)


def test_a_level_that_is_none_is_explained(tmp_path):
    config = tmp_path / "attache.yaml"
    config.write_text(conftest.config("http://127.0.0.1:1", "http://127.0.0.1:1", "log: { level: 'attache=loud' }"))
    service = stack.Process("attache", [stack.binary("attache"), "serve", "--config", config], tmp_path)
    assert service.child.wait(10) == 1
    assert "log.level: `attache=loud`" in service.err()


def test_usage_records_go_to_a_file_that_is_appended_to(start, tmp_path):
    path = tmp_path / "usage.jsonl"
    path.write_text('{"request_id": "of an earlier run"}\n')
    here = start(extra=f"usage: {{ to: {path} }}")
    answer = ask(here, "openai", "openai-only")

    def records() -> list[dict]:
        return [json.loads(line) for line in stack.whole_lines(path).splitlines()]

    stack.wait_until(lambda: len(records()) == 2, "record")
    assert [record["request_id"] for record in records()] == ["of an earlier run", answer.request_id]
    assert here.gateway.attache.out() == ""


def test_usage_records_can_be_off(start):
    here = start(extra="usage: { to: off }")
    ask(here, "openai", "openai-only")
    here.gateway.attache.child.terminate()
    assert here.gateway.attache.child.wait(10) == 0
    assert here.gateway.attache.out() == ""


def test_a_usage_file_that_cannot_be_written_is_explained(tmp_path):
    config = tmp_path / "attache.yaml"
    usage = "usage: { to: /nowhere/usage.jsonl }"
    config.write_text(conftest.config("http://127.0.0.1:1", "http://127.0.0.1:1", usage))
    service = stack.Process("attache", [stack.binary("attache"), "serve", "--config", config], tmp_path)
    assert service.child.wait(10) == 1
    assert service.err() == "attache: usage.to: /nowhere/usage.jsonl: No such file or directory (os error 2)\n"


@pytest.mark.parametrize("part", ["admin", "grpc"])
def test_an_address_in_use_is_explained(sidecar, tmp_path, part):
    taken = f"127.0.0.1:{sidecar.gateway.admin_port}"
    other = f"127.0.0.1:{stack.free_port()}"
    addresses = {"admin": other, "grpc": f"127.0.0.1:{stack.free_port()}", part: taken}
    config = tmp_path / "attache.yaml"
    service = f"service: {{ grpc: '{addresses['grpc']}', admin: '{addresses['admin']}' }}\n"
    config.write_text(service + conftest.config("http://127.0.0.1:1", "http://127.0.0.1:1"))
    process = stack.Process("attache", [stack.binary("attache"), "serve", "--config", config], tmp_path)
    assert process.child.wait(10) == 1
    assert process.err().splitlines()[-1] == f"attache: service.{part}: {taken}: Address already in use (os error 98)"
