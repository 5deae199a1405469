"""`attache doctor` and a real Envoy: what it finds in one that has traps, and that it finds nothing in ours."""

import json
import subprocess

import httpx
import pytest
import stack
import yaml
from test_docs import blocks

PAGE = stack.ROOT / "docs/doctor.md"
SAMPLES = (
    "envoy/envoy.yaml",
    "envoy/by-hand.yaml",
    "envoy/envoy-wasm.yaml",
    "examples/wasm/envoy.yaml",
    "examples/wasm/translate.yaml",
)


def doctor(*options, cwd=None) -> subprocess.CompletedProcess:
    argv = [stack.binary("attache"), "doctor", *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd=cwd)


def found(done: subprocess.CompletedProcess) -> dict[str, dict]:
    """The findings by rule and place."""
    return {(each["rule"], each["at"].split(":")[0]): each for each in json.loads(done.stdout)}


def test_a_running_gateway_of_ours_is_sound(both):
    gateway = both.gateway
    admin = f"http://127.0.0.1:{gateway.envoy_admin_port}"
    done = doctor("--admin", admin, "--config", gateway.config_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "no errors, no warnings\n", "")


def with_traps(printed: str) -> str:
    """A bootstrap of ours, with what others forgot."""
    bootstrap = yaml.safe_load(printed)
    (listener,) = bootstrap["static_resources"]["listeners"]
    http = listener["filter_chains"][0]["filters"][0]["typed_config"]
    exchange = http["http_filters"][0]["typed_config"]
    clusters = {cluster["name"]: cluster for cluster in bootstrap["static_resources"]["clusters"]}
    listener["per_connection_buffer_limit_bytes"] = 32768
    del exchange["message_timeout"]
    del exchange["mutation_rules"]
    del clusters["attache"]["circuit_breakers"]
    clusters["openai"]["load_assignment"]["endpoints"].pop()
    return yaml.safe_dump(bootstrap)


def test_traps_are_found_in_a_running_envoy_with_what_they_did(start):
    trapped = start(edit_bootstrap=with_traps)
    large = {"model": "openai-only", "messages": [{"role": "user", "content": "x" * 100_000}]}
    assert trapped.http.post("/v1/chat/completions", json=large).status_code == 413
    done = doctor("--admin", f"http://127.0.0.1:{trapped.gateway.envoy_admin_port}", "--format", "json")
    findings = found(done)
    assert done.returncode == 1
    assert findings.keys() == {
        ("listener-buffer", "listener gateway"),
        ("message-timeout", "listener gateway"),
        ("mutation-rules", "listener gateway"),
        ("no-refusing-endpoint", "cluster openai"),
        ("service-circuit-breakers", "cluster attache"),
        ("seen-too-large", "http.attache.downstream_rq_too_large"),
    }
    finding = findings["message-timeout", "listener gateway"]
    assert (finding["severity"], finding["found"], finding["fix"]) == ("error", "not set", {"set": "10s"})


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_have_none(sample):
    done = doctor("--envoy-config", stack.ROOT / sample)
    assert (done.returncode, done.stdout) == (0, "no errors, no warnings\n")


def test_a_saved_dump_says_the_same(sidecar, tmp_path):
    dump = httpx.get(f"http://127.0.0.1:{sidecar.gateway.envoy_admin_port}/config_dump?include_eds").text
    (tmp_path / "dump.json").write_text(dump)
    assert doctor("--envoy-config", tmp_path / "dump.json").stdout == "no errors, no warnings\n"


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / "text.yaml").write_text("hello: [")
    (tmp_path / "other.yaml").write_text("hello: you")
    closed = f"http://127.0.0.1:{stack.free_port()}"
    for options, expected in (
        (("--envoy-config", tmp_path / "missing.yaml"), "missing.yaml: No such file"),
        (("--envoy-config", tmp_path / "text.yaml"), "neither JSON nor YAML"),
        (("--envoy-config", tmp_path / "other.yaml"), "neither a bootstrap"),
        (("--admin", closed), "onnection refused"),
        (("--admin", "https://127.0.0.1:9901"), "expected something like http://127.0.0.1:9901"),
        (("--admin", "http://192.0.2.1:9901"), "is another machine"),
        (("--config", tmp_path / "missing.yaml"), "missing.yaml"),
    ):
        done = doctor(*options)
        assert done.returncode == 2 and expected in done.stderr, done.stderr


def test_the_page_shows_what_is_printed(tmp_path):
    bootstrap = yaml.safe_load((stack.ROOT / "envoy/by-hand.yaml").read_text())
    http = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del http["http_filters"][0]["typed_config"]["message_timeout"]
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(bootstrap))
    shown = blocks(PAGE, "text")
    assert doctor("--envoy-config", tmp_path / "envoy.yaml").stdout == f"{shown[0]}\n1 error, no warnings\n"


def test_every_command_of_the_page_runs(sidecar):
    """As written, in the project's folder; only the ports and the configuration are another gateway's."""
    (commands,) = blocks(PAGE, "sh")
    gateway = sidecar.gateway
    for command in commands.splitlines():
        words = command.split("#")[0].split()[1:]
        ours = {"http://127.0.0.1:15000": f"http://127.0.0.1:{gateway.envoy_admin_port}", "attache.yaml": gateway.config_path}
        words = [ours.get(word, word) for word in words]
        if not {"--admin", "--envoy-config"} & set(words):
            words += ["--admin", f"http://127.0.0.1:{gateway.envoy_admin_port}"]
        done = doctor(*words[1:], cwd=stack.ROOT)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
