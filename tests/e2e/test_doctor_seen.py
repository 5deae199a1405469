"""What `attache doctor` finds in a real Envoy that is in trouble: by its `/stats` and its `/clusters`."""

import threading

import conftest
import httpx
import pytest
import stack
import yaml
from test_doctor import doctor, found

NOWHERE = '  nowhere: { dialect: openai, url: "http://does-not-exist.invalid/v1" }\n'
MODELS = "".join(
    f"  {name}: {{ targets: [ {{ provider: {name}, model: gpt-4o-mini }} ] }}\n" for name in ("nowhere", "stranger", "plain")
)


def seen(admin_port: int) -> dict[tuple[str, str], dict]:
    """What is found beyond the configuration."""
    done = doctor("--admin", f"http://127.0.0.1:{admin_port}", "--format", "json")
    return {key: each for key, each in found(done).items() if key[0].startswith("seen-")}


def ask(gateway, model: str) -> httpx.Response:
    question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return gateway.http.post("/v1/chat/completions", json=question)


def test_providers_that_cannot_be_reached(start, tmp_path, certificates):
    https = stack.Simulator("https", tmp_path, args=certificates.issue("provider.test"), tls=True)
    other = conftest.Certificates(tmp_path)
    providers = NOWHERE + (
        f"  stranger: {{ dialect: openai, url: '{https.base}/v1', tls: {{ ca_file: {other.ca_file} }} }}\n"
        f"  plain: {{ dialect: openai, url: 'http://127.0.0.1:{https.port}/v1' }}\n"
    )
    gateway = start(extra=MODELS, providers=providers)
    try:
        assert {ask(gateway, model).status_code for model in ("nowhere", "stranger", "plain")} == {502}
    finally:
        https.stop()
    assert seen(gateway.gateway.envoy_admin_port).keys() == {
        ("seen-no-host", "cluster nowhere"),
        ("seen-certificates", "cluster.stranger.ssl.fail_verify_error"),
        ("seen-protocol-errors", "cluster.plain.upstream_cx_protocol_error"),
    }


def test_a_circuit_breaker_that_is_open(start):
    def narrow(printed: str) -> str:
        bootstrap = yaml.safe_load(printed)
        clusters = {cluster["name"]: cluster for cluster in bootstrap["static_resources"]["clusters"]}
        clusters["openai"]["circuit_breakers"]["thresholds"][0] |= {"max_requests": 1}
        return yaml.safe_dump(bootstrap)

    gateway = start(edit_bootstrap=narrow)
    gateway.openai_sim.script(never_answer=True)
    waiting = threading.Thread(target=lambda: pytest.raises(httpx.HTTPError, ask, gateway, "openai-only"), daemon=True)
    waiting.start()
    stack.wait_until(gateway.openai_sim.requests, "request at the provider")
    assert seen(gateway.gateway.envoy_admin_port).keys() == {
        ("seen-breakers-open", "cluster.openai.circuit_breakers.default.rq_open")
    }


def test_a_service_that_is_away(start):
    gateway = start(edit_bootstrap=lambda printed: printed.replace("grpc.sock", "nothing.sock"))
    assert ask(gateway, "openai-only").status_code == 503
    findings = seen(gateway.gateway.envoy_admin_port)
    assert findings.keys() == {
        ("seen-service-away", "cluster attache"),
        ("seen-failed-streams", "http.attache.ext_proc.streams_failed"),
    }
    assert "start the service" in findings["seen-service-away", "cluster attache"]["fix"]["do"]


def test_a_filter_that_crashes(tmp_path):
    (tmp_path / "usage.wasm").write_bytes(trapping())
    port, admin_port = stack.free_port(), stack.free_port()
    bootstrap = yaml.safe_load((stack.ROOT / "examples/wasm/envoy.yaml").read_text())
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = admin_port
    (listener,) = bootstrap["static_resources"]["listeners"]
    listener["address"]["socket_address"]["port_value"] = port
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    plugin = filters[0]["typed_config"]["config"]
    plugin["name"] = "usage"
    plugin["vm_config"]["code"]["local"]["filename"] = str(tmp_path / "usage.wasm")
    filters[:] = [filters[0], filters[-1]]
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(bootstrap))
    argv = [stack.envoy_binary(), "-c", tmp_path / "envoy.yaml", "--concurrency", 1, "--disable-hot-restart"]
    envoy = stack.Process("envoy", [*argv, "--log-level", "warning"], tmp_path)
    try:
        envoy.wait_for(lambda: stack.get(f"http://127.0.0.1:{admin_port}/ready"), "answer of Envoy's /ready", 60)
        assert not seen(admin_port)
        statuses = [httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json={}).status_code for _ in range(2)]
        findings = seen(admin_port)
    finally:
        envoy.stop()
    assert set(statuses) == {503}
    # The first request of the two loads it again, or comes too early for that.
    assert {rule for rule, _ in findings} == {"seen-vm-crashes"}


def trapping() -> bytes:
    """A module that a host of proxy-wasm takes, and that traps at its first request."""

    def vector(items: list[bytes]) -> bytes:
        return bytes([len(items)]) + b"".join(items)

    def sized(content: bytes) -> bytes:
        return bytes([len(content)]) + content

    i32, end, unreachable, one = 0x7F, b"\x0b", b"\x00", b"\x41\x01"
    types = [(0, 0), (1, 1), (2, 1), (3, 1), (2, 0)]
    functions = [
        ("proxy_abi_version_0_2_1", 0, b""),
        ("proxy_on_memory_allocate", 1, b"\x41\x00"),
        ("proxy_on_vm_start", 2, one),
        ("proxy_on_configure", 2, one),
        ("proxy_on_context_create", 4, b""),
        ("proxy_on_request_headers", 3, unreachable),
    ]
    sections = {
        1: vector([b"\x60" + vector([bytes([i32])] * takes) + vector([bytes([i32])] * gives) for takes, gives in types]),
        3: vector([bytes([kind]) for _, kind, _ in functions]),
        5: vector([b"\x00\x01"]),
        7: vector(
            [sized(name.encode()) + bytes([0, i]) for i, (name, _, _) in enumerate(functions)] + [sized(b"memory") + b"\x02\x00"]
        ),
        10: vector([sized(b"\x00" + code + end) for _, _, code in functions]),
    }
    return b"\0asm\x01\0\0\0" + b"".join(bytes([number]) + long(len(body)) + body for number, body in sections.items())


def long(number: int) -> bytes:
    """LEB128."""
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + long(high) if high else bytes([low])
