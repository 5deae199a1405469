"""What `attache envoy` prints is what the real Envoy takes, and what lies in envoy/ is what it prints."""

import os
import pathlib
import subprocess

import conftest
import pytest
import stack

QUICKSTART = stack.ROOT / "examples/quickstart/attache.yaml"
TOPOLOGIES = ("sidecar", "shared")


def printed(config: pathlib.Path, *options: str, **env: str) -> str:
    argv = [stack.binary("attache"), "envoy", "--config", config, *options]
    env = {"PATH": os.environ["PATH"], **env}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def validate(bootstrap: pathlib.Path, envoy: pathlib.Path | None = None) -> None:
    argv = [envoy or stack.envoy_binary(), "--mode", "validate", "-c", bootstrap]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    complaints = [line for line in done.stderr.splitlines() if "][warning]" in line or "deprecated" in line.lower()]
    assert complaints == []


def test_the_sample_is_what_is_printed_for_the_quickstart():
    assert (stack.ROOT / "envoy/envoy.yaml").read_text() == printed(QUICKSTART)


@pytest.mark.parametrize("name", ["envoy.yaml", "by-hand.yaml"])
def test_envoy_takes_the_samples(name):
    validate(stack.ROOT / "envoy" / name)


PLAIN = "  p: { dialect: openai, url: http://127.0.0.1:8001/v1 }"
MODELS = "models: { m: { targets: [ { provider: p, model: x } ] } }"

CONFIGS = {
    "the tests' own": conftest.config("http://127.0.0.1:8001", "http://127.0.0.1:8002"),
    "a service in the network": f'service: {{ grpc: "0.0.0.0:9002" }}\nproviders:\n{PLAIN}\n{MODELS}',
    "a service by name": f'service: {{ grpc: "attache.example:9002" }}\nproviders:\n{PLAIN}\n{MODELS}',
    "a service elsewhere": f"envoy: {{ service: attache.svc:9002 }}\nproviders:\n{PLAIN}\n{MODELS}",
    "pass to openai": f"envoy: {{ on_service_failure: {{ pass_to: p }} }}\nproviders:\n{PLAIN}\n{MODELS}",
    "pass to anthropic": f"""
envoy: {{ on_service_failure: {{ pass_to: p }}, idle_timeout: 1h 30m, connect_timeout: 250ms, access_log: off }}
providers:
  p: {{ dialect: anthropic, url: https://api.anthropic.com }}
{MODELS}""",
    "addresses of both kinds": f"""
listen: "[::1]:10000"
providers:
  p: {{ dialect: openai, url: "https://[::1]:8443/deep/path/v1" }}
  q: {{ dialect: anthropic, url: "https://127.0.0.1" }}
{MODELS}""",
    "all about tls": f"""
providers:
  p: {{ dialect: openai, url: "https://10.0.0.1/v1", tls: {{ server_name: api.example.com, ca_file: CA_FILE }} }}
{MODELS}""",
    "words that yaml could misread": f"""
limits: {{ body_bytes_max: 1073741824 }}
providers:
  p: {{ dialect: openai, url: "http://no", cluster: "off", auth: {{ header: x-y, value: "null" }} }}
  "1e3": {{ dialect: openai, url: "http://1.2.3.4:80", expose: true }}
  "007": {{ dialect: openai, url: "http://1.2.3.4:80", cluster: "~" }}
{MODELS}""",
}


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("name", CONFIGS)
def test_envoy_takes_whatever_is_printed(tmp_path, certificates, name, topology):
    config, bootstrap = tmp_path / "attache.yaml", tmp_path / "envoy.yaml"
    config.write_text(CONFIGS[name].replace("CA_FILE", str(certificates.ca_file)))
    bootstrap.write_text(printed(config, "--topology", topology))
    validate(bootstrap)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_secret_is_printed(topology):
    keys = {"OPENAI_API_KEY": "sk-secret-1", "ANTHROPIC_API_KEY": "sk-secret-2"}
    text = printed(QUICKSTART, "--topology", topology, **keys)
    assert "sk-secret" not in text
    assert text == printed(QUICKSTART, "--topology", topology)
