"""The manifests for Istio and Envoy Gateway do in a real Envoy what they say, as far as that goes without a cluster."""

import hashlib
import json
import os
import pathlib
import signal
import subprocess

import anthropic
import conftest
import control_planes
import pytest
import stack
import yaml

ENVOY = stack.ROOT / "envoy"
PRINTED = {
    "istio-gateway": (ENVOY / "attache.yaml", ENVOY / "istio/ext-proc-gateway.yaml"),
    "istio-sidecar": (ENVOY / "istio/sidecar-attache.yaml", ENVOY / "istio/ext-proc-sidecar.yaml"),
    "envoy-gateway": (ENVOY / "attache.yaml", ENVOY / "envoy-gateway/ext-proc.yaml"),
}
KEYS = {"OPENAI_API_KEY": conftest.OPENAI_KEY, "ANTHROPIC_API_KEY": conftest.CLAUDE_KEY}
QUESTION = [{"role": "user", "content": "hello"}]


def printed(form: str, config: pathlib.Path) -> str:
    argv = [stack.binary("attache"), "envoy", "--for", form, "--config", config]
    done = subprocess.run(argv, env=KEYS | {"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert not any(key in done.stdout for key in KEYS.values())
    return done.stdout


@pytest.mark.parametrize("form", PRINTED)
def test_the_manifests_are_what_is_printed_for_their_configuration(form):
    config, manifest = PRINTED[form]
    assert manifest.read_text() == printed(form, config), f"attache envoy --for {form} --config {config} > {manifest}"


def test_what_a_control_plane_made_was_made_of_this_manifest():
    """Whoever changes the manifest has Envoy Gateway translate it again, by the command in that file."""
    made = yaml.safe_load((stack.ROOT / "tests/e2e/mesh/envoy-gateway.yaml").read_text())
    manifest = (ENVOY / "envoy-gateway/gateway.yaml").read_bytes()
    assert made["made_of"] == hashlib.sha256(manifest).hexdigest()


def test_a_file_can_be_written_instead(tmp_path):
    config, manifest = PRINTED["istio-gateway"]
    argv = [stack.binary("attache"), "envoy", "--for", "istio-gateway", "--config", config, "--output"]
    for name, status in (("there.yaml", 0), ("no/such/folder.yaml", 1)):
        done = subprocess.run([*argv, tmp_path / name], env=KEYS, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert (tmp_path / "there.yaml").read_text() == manifest.read_text()


class Mesh(conftest.Stack):
    """A gateway whose Envoy a control plane has configured, with our manifest in it."""

    def __init__(self, folder: pathlib.Path, form: str):
        self.form, self.grpc_port = form, stack.free_port()
        self.config = folder / "gateway/attache.yaml"
        super().__init__(
            folder,
            "sidecar" if form == "istio-sidecar" else "shared",
            extra='envoy: { admin: "ENVOY_ADMIN", version: "1.39" }\n',
            grpc=f"127.0.0.1:{self.grpc_port}",
            edit_bootstrap=self.configured,
        )

    def configured(self, bootstrap: str) -> str:
        ours = yaml.safe_load(bootstrap)
        address = ours["static_resources"]["listeners"][0]["address"]
        manifest = yaml.safe_load(printed(self.form, self.config))
        if self.form == "envoy-gateway":
            resources = self.of_envoy_gateway(address, manifest)
        else:
            resources = self.of_istio(address["socket_address"]["port_value"], manifest)
        return yaml.safe_dump({"admin": ours["admin"], "static_resources": resources})

    def of_istio(self, port: int, manifest: dict) -> dict:
        gateway = self.form == "istio-gateway"
        context = "GATEWAY" if gateway else "SIDECAR_OUTBOUND"
        service = self.service(f"outbound|{self.grpc_port}||127.0.0.1")
        resources = control_planes.istio(context, port, [service] if gateway else [])
        control_planes.apply_envoy_filter(resources, manifest, context, port)
        return resources

    def of_envoy_gateway(self, address: dict, manifest: dict) -> dict:
        made = yaml.safe_load((stack.ROOT / "tests/e2e/mesh/envoy-gateway.yaml").read_text())
        cluster = made["cluster"]
        assert cluster.pop("eds_cluster_config")
        cluster |= {"type": "STATIC", "load_assignment": self.service(cluster["name"])["load_assignment"]}
        (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        admin = yaml.safe_load(self.config.read_text())["service"]["admin"].rsplit(":", 1)[1]
        endpoint["endpoint"]["health_check_config"] = {"port_value": int(admin)}
        resources = {
            part["@type"]: {part["name"]: part} for part in (made["listener"], made["routes"], made["cluster"])
        }
        control_planes.apply_patch_policy(resources, manifest)
        listeners, routes, clusters = (list(by_name.values()) for by_name in resources.values())
        for part in (*listeners, *routes, *clusters):
            part.pop("@type", None)
        (listener,), (route_config,) = listeners, routes
        manager = listener["default_filter_chain"]["filters"][0]["typed_config"]
        assert manager.pop("rds")
        manager["route_config"] = route_config
        return {"listeners": [listener | {"address": address}], "clusters": clusters}

    def service(self, name: str) -> dict:
        """The mesh's own cluster for the service."""
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.grpc_port}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        http2 = {"explicit_http_config": {"http2_protocol_options": {}}}
        return {
            "name": name,
            "type": "STATIC",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
            "typed_extension_protocol_options": {options: {"@type": f"type.googleapis.com/{options}"} | http2},
        }


@pytest.fixture(scope="module", params=PRINTED)
def _mesh(request, tmp_path_factory):
    started = Mesh(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def mesh(_mesh):
    _mesh.reset()
    return _mesh


def test_both_sdks_are_served_by_both_providers_and_fall_over(mesh):
    mesh.openai_sim.script(status=503)
    for model in ("fast", "smart", "claude-only"):
        answer = mesh.openai.chat.completions.create(model=model, messages=QUESTION)
        assert answer.choices[0].message.content == "You said: hello"
        with mesh.anthropic.messages.stream(model=model, max_tokens=50, messages=QUESTION) as stream:
            assert stream.get_final_text() == "You said: hello"
    assert mesh.openai_sim.requests() and mesh.claude_sim.requests()


def test_nobody_steers_it_nor_sees_keys_of_others(mesh):
    mesh.openai_sim.script(status=503)
    spoofed = {"x-attache-target": "openai", "x-envoy-max-retries": "9", "cookie": "session=1"}
    headers = spoofed | {"authorization": f"Bearer {conftest.CLIENT_KEY}", "x-gateway-destination-endpoint": "127.0.0.1:1"}
    answer = mesh.http.post("/v1/chat/completions", json={"model": "fast", "messages": QUESTION}, headers=headers)
    assert (answer.status_code, answer.headers["x-attache-attempts"]) == (200, "2")
    (first,), (second,) = mesh.openai_sim.requests(), mesh.claude_sim.requests()
    keys = conftest.OPENAI_KEY, conftest.CLAUDE_KEY
    for seen, (key, other) in ((first, keys), (second, reversed(keys))):
        seen = json.dumps(seen["headers"])
        assert key in seen and other not in seen and conftest.CLIENT_KEY not in seen
        hidden = ("x-attache-", "x-envoy-", "x-forwarded-", "x-gateway-", "cookie", "x-request-id")
        assert [name for name in hidden if name in seen] == []


def test_large_prompts_pass(mesh):
    text = "many words " * 300_000
    answer = mesh.openai.chat.completions.create(model="claude-only", messages=[{"role": "user", "content": text}])
    assert answer.choices[0].message.content.startswith("You said: many words")


def test_what_nobody_planned_goes_nowhere(mesh):
    assert mesh.http.post("/v1/nowhere", json={}).status_code == 404
    assert mesh.http.get("/v1/models").json()["object"] == "list"
    assert mesh.openai_sim.requests() == mesh.claude_sim.requests() == []


def test_usage_is_booked_once(mesh):
    answer = mesh.openai.chat.completions.with_raw_response.create(model="fast", messages=QUESTION)
    record = mesh.gateway.record(answer.headers["x-request-id"])
    (attempt,) = record["attempts"]
    assert (record["model"], attempt["provider"], record["status"]) == ("fast", "openai", 200)


def test_without_the_service_clients_read_why_in_their_dialect(_mesh):
    """The last test: nothing serves after it."""
    _mesh.reset()
    _mesh.gateway.attache.stop(signal.SIGKILL)
    with pytest.raises(anthropic.APIStatusError) as raised:
        _mesh.anthropic.messages.create(model="fast", max_tokens=50, messages=QUESTION)
    assert raised.value.status_code == 503
    assert raised.value.response.json()["type"] == "error" and "policy service" in raised.value.message
    assert _mesh.openai_sim.requests() == _mesh.claude_sim.requests() == []
