"""Providers by https: certificates are checked, a wrong one is no connection; HTTP/2 is spoken where it is offered."""

import conftest
import httpx
import pytest
import stack

MODELS = """
models:
  good: { targets: [ { provider: good, model: gpt-4o-mini } ] }
  wrong-name: { targets: [ { provider: wrong-name, model: gpt-4o-mini } ] }
  wrong-name-then-good: { targets: [ { provider: wrong-name, model: m }, { provider: good, model: gpt-4o-mini } ] }
  unknown-ca: { targets: [ { provider: unknown-ca, model: gpt-4o-mini } ] }
  unknown-ca-then-good: { targets: [ { provider: unknown-ca, model: m }, { provider: good, model: gpt-4o-mini } ] }
  by-address: { targets: [ { provider: by-address, model: gpt-4o-mini } ] }
"""


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def https(request, tmp_path_factory, certificates):
    """A provider as provider.test and 127.0.0.1, and several ways to reach it."""
    folder = tmp_path_factory.mktemp("https")
    other = conftest.Certificates(tmp_path_factory.mktemp("other"))
    simulator = stack.Simulator("https", folder, args=certificates.issue("provider.test", "127.0.0.1"), tls=True)

    def provider(name: str, ca_file, server_name: str | None) -> str:
        tls = f"ca_file: {ca_file}" + (f", server_name: {server_name}" if server_name else "")
        url = f"https://127.0.0.1:{simulator.port}/v1"
        return f"  {name}: {{ dialect: openai, url: '{url}', auth: {{ bearer: key-of-{name} }}, tls: {{ {tls} }} }}\n"

    providers = [
        provider("good", certificates.ca_file, "provider.test"),
        provider("wrong-name", certificates.ca_file, "another.test"),
        provider("unknown-ca", other.ca_file, "provider.test"),
        provider("by-address", certificates.ca_file, None),
    ]
    gateway = stack.Gateway(folder / "gateway", "providers:\n" + "".join(providers) + MODELS, request.param)
    yield gateway, simulator
    gateway.stop()
    simulator.stop()


def ask(https, model: str) -> httpx.Response:
    question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return httpx.post(f"{https[0].base}/v1/chat/completions", json=question, timeout=30)


@pytest.mark.parametrize("model", ["good", "by-address"])
def test_a_provider_is_reached_by_http_2(https, model):
    gateway, simulator = https
    assert ask(https, model).json()["choices"][0]["message"]["content"] == "You said: hello"
    clusters = stack.get(f"http://127.0.0.1:{gateway.envoy_admin_port}/stats?filter=upstream_cx_http2_total").decode()
    assert f"cluster.{model}.upstream_cx_http2_total: 1" in clusters


@pytest.mark.parametrize("wrong", ["wrong-name", "unknown-ca"])
def test_a_wrong_certificate_is_a_clear_error_without_details_of_the_house(https, wrong):
    answer = ask(https, wrong)
    assert answer.status_code == 502
    error = answer.json()["error"]
    assert error["message"] == f"provider `{wrong}` could not be reached"
    assert "127.0.0.1" not in answer.text and "CERTIFICATE" not in answer.text

    def logged() -> list[dict]:
        return [line for line in https[0].access_log() if line["request_id"] == answer.headers["x-request-id"]]

    log = stack.wait_until(logged, "line in the access log")
    assert "CERTIFICATE_VERIFY_FAILED" in log[0]["upstream_failure"], log


@pytest.mark.parametrize("wrong", ["wrong-name", "unknown-ca"])
def test_after_a_wrong_certificate_the_next_target_is_tried(https, wrong):
    answer = ask(https, f"{wrong}-then-good")
    assert (answer.status_code, answer.headers["x-attache-attempts"]) == (200, "2"), answer.text
    seen = dict(https[1].requests()[-1]["headers"])
    assert seen["authorization"] == "Bearer key-of-good"
