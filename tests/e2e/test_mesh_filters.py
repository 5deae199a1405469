"""The WASM filters as Istio and Envoy Gateway configure them, in a real Envoy: with what patches Envoy's configuration, so that
they may hold headers (envoy/istio/wasm.yaml, envoy/envoy-gateway/wasm.yaml), and without (wasm-plugins.yaml,
wasm-policies.yaml)."""

import json
import pathlib

import control_planes
import openai
import pytest
import stack
import yaml
from conftest import CLIENT_KEY

ENVOY = stack.ROOT / "envoy"
EMAIL, CARD = "ann.miller@example.com", "4111111111111111"
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"


def of_kind(kind: str, name: str, manifest: pathlib.Path) -> dict:
    (found,) = [
        each for each in control_planes.documents(manifest) if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    return found


def of_istio(port: int) -> dict:
    resources = control_planes.istio("GATEWAY", port, [])
    extensions = {}
    envoy_filter = of_kind("EnvoyFilter", "attache-wasm", ENVOY / "istio/wasm.yaml")
    control_planes.apply_envoy_filter(resources, envoy_filter, "GATEWAY", port, extensions)
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    spellings = ("normalize_path", "merge_slashes", "path_with_escaped_slashes_action")
    assert [manager[each] for each in spellings] == [True, True, "KEEP_UNCHANGED"], "paths are read as they are meant"
    names = []
    for each in manager["http_filters"]:
        if discovery := each.pop("config_discovery", None):
            each["typed_config"] = extensions[each["name"]]
            assert [each["typed_config"]["@type"]] == discovery["type_urls"]
            names.append(each["name"])
    assert names == ["attache.guard", "attache.redact"]
    return resources


def of_istio_plugins(port: int) -> dict:
    """As istiod writes WasmPlugins (`pilot/pkg/model/extensions.go` of 1.31) and the settings of the gateway's connections."""
    resources = control_planes.istio("GATEWAY", port, [])
    (listener,) = resources["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    values = yaml.safe_load((ENVOY / "istio/gateway-values.yaml").read_text())
    settings = yaml.safe_load(values["podAnnotations"]["proxy.istio.io/config"])["connectionSettings"]
    listener["per_connection_buffer_limit_bytes"] = settings.pop("listenerPerConnectionBufferLimitBytes")
    manager["stream_idle_timeout"] = settings.pop("httpStreamIdleTimeout")
    manager["merge_slashes"] = settings.pop("httpMergeSlashes")
    manager["path_with_escaped_slashes_action"] = settings.pop("httpPathWithEscapedSlashesAction")
    assert settings == {}
    plugins = [each for each in control_planes.documents(ENVOY / "istio/wasm-plugins.yaml") if each["kind"] == "WasmPlugin"]
    for plugin in sorted(plugins, key=lambda plugin: -plugin["spec"]["priority"]):
        name, spec = f"{plugin['metadata']['namespace']}.{plugin['metadata']['name']}", plugin["spec"]
        assert spec["selector"]["matchLabels"] == values["labels"]
        config = {
            "name": name,
            "failure_policy": spec["failStrategy"],
            "vm_config": {"runtime": "envoy.wasm.runtime.v8"},
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json.dumps(spec["pluginConfig"]),
            },
        }
        typed = {"@type": WASM, "config": config}
        manager["http_filters"].insert(-1, {"name": f"extensions.istio.io/wasmplugin/{name}", "typed_config": typed})
    return resources


def of_envoy_gateway_policies(port: int) -> dict:
    return of_envoy_gateway(port, "envoy-gateway/wasm-policies.yaml")


def of_envoy_gateway(port: int, path: str = "envoy-gateway/wasm.yaml") -> dict:
    """As its translator writes them (`internal/xds/translator/wasm.go` of 1.9.1), which itself would fetch the files."""
    manifest = ENVOY / path
    resources = control_planes.istio("GATEWAY", port, [])
    (listener,) = resources["listeners"]
    listener["default_filter_chain"] = listener.pop("filter_chains")[0]
    listener["name"] = "attache/llm/http"
    listener["per_connection_buffer_limit_bytes"] = 16 << 20
    manager = listener["default_filter_chain"]["filters"][0]["typed_config"]
    policy = of_kind("EnvoyExtensionPolicy", "llm-wasm", manifest)
    for index, written in enumerate(policy["spec"]["wasm"]):
        name = f"envoyextensionpolicy/attache/llm-wasm/wasm/{index}"
        config = {
            "name": written["name"],
            "fail_open": written["failOpen"],
            "vm_config": {"vm_id": name, "runtime": "envoy.wasm.runtime.v8"},
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json.dumps(written["config"]),
            },
        }
        typed = {"@type": WASM, "config": config}
        manager["http_filters"].insert(-1, {"name": f"envoy.filters.http.wasm/{name}", "typed_config": typed})
    kinds = {each["kind"]: each["spec"] for each in control_planes.documents(manifest)}
    if "requestBuffer" in kinds["BackendTrafficPolicy"]:
        (order,) = kinds["EnvoyProxy"]["filterOrder"]
        assert order == {"name": "envoy.filters.http.buffer", "after": "envoy.filters.http.wasm"}
        assert kinds["BackendTrafficPolicy"]["requestBuffer"] == {"limit": "16Mi"}
        typed = {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 16 << 20}
        manager["http_filters"].insert(-1, {"name": order["name"], "typed_config": typed})
    by_type = {"type.googleapis.com/envoy.config.listener.v3.Listener": {listener["name"]: listener}}
    if "EnvoyPatchPolicy" in kinds:
        control_planes.apply_patch_policy(by_type, of_kind("EnvoyPatchPolicy", "llm-wasm", manifest))
    return {"listeners": [each for by_name in by_type.values() for each in by_name.values()], "clusters": []}


class Proxy:
    """A mesh's Envoy with the filters, before a simulator."""

    def __init__(self, folder: pathlib.Path, resources: dict, port: int):
        self.simulator = stack.Simulator("openai", folder)
        (listener,) = resources["listeners"]
        chain = listener.get("default_filter_chain") or listener["filter_chains"][0]
        manager = chain["filters"][0]["typed_config"]
        manager["route_config"]["virtual_hosts"][0]["routes"] = [
            {"match": {"prefix": "/"}, "route": {"cluster": "openai", "timeout": "0s"}}
        ]
        filters = [each["typed_config"]["config"] for each in manager["http_filters"] if each["typed_config"]["@type"] == WASM]
        for config in filters:
            code = stack.TARGET / "wasm-filters" / f"{config['name'].rpartition('.')[2]}.wasm"
            assert code.exists(), f"{code} is missing; run `make wasm`"
            config["vm_config"]["code"] = {"local": {"filename": str(code)}}
        self.admin_port = admin = stack.free_port()
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.simulator.port}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        provider = {"name": "openai", "load_assignment": {"cluster_name": "openai", "endpoints": endpoints}}
        bootstrap = {
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
            "static_resources": resources | {"clusters": [*resources["clusters"], provider]},
        }
        path = folder / "envoy.yaml"
        path.write_text(yaml.safe_dump(bootstrap))
        argv = [stack.envoy_binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
        self.envoy = stack.Process("envoy", argv, folder)
        ready = f"http://127.0.0.1:{admin}/ready"
        self.envoy.wait_for(lambda: stack.get(ready).startswith(b"LIVE"), "answer of Envoy's /ready", 60)
        base = f"http://127.0.0.1:{port}/v1"
        self.openai = openai.OpenAI(base_url=base, api_key=CLIENT_KEY, max_retries=0, timeout=30)

    def said(self, text: str) -> str:
        messages = [{"role": "user", "content": text}]
        answer = self.openai.chat.completions.create(model="gpt-4o-mini", messages=messages)
        return answer.choices[0].message.content

    def stop(self) -> None:
        self.openai.close()
        for process in (self.envoy, self.simulator):
            process.stop()


@pytest.mark.parametrize(
    "configured",
    [of_istio, of_istio_plugins, of_envoy_gateway, of_envoy_gateway_policies],
    ids=["istio", "istio-plugins", "envoy-gateway", "envoy-gateway-policies"],
)
def test_filters_of_a_mesh_mask_restore_and_stop(tmp_path, configured):
    port = stack.free_port()
    proxy = Proxy(tmp_path, configured(port), port)
    waits = "allow_on_headers_stop_iteration" in str((tmp_path / "envoy.yaml").read_text())
    assert waits == (configured in (of_istio, of_envoy_gateway))
    try:
        assert proxy.said(f"Write to {EMAIL}.") == f"You said: Write to {EMAIL}."
        assert EMAIL not in proxy.simulator.requests()[-1]["body"]
        with pytest.raises(openai.BadRequestError, match="policy `default`"):
            proxy.said(f"Pay with {CARD}.")
        assert proxy.said("Tell me about Project Bluebird.") == "I cannot talk about that."
        assert proxy.said("many words " * 300_000).startswith("You said: many words")
        if not waits:
            sent = proxy.simulator.requests()[0]
            assert json.loads(sent["body"])["messages"][0] == {"role": "system", "content": "Be polite."}
            stats = stack.get(f"http://127.0.0.1:{proxy.admin_port}/stats").decode().splitlines()
            assert any("attache_tokens" in line for line in stats)
            cut = [line for line in stats if line.startswith("cluster.openai.upstream_cx_destroy_local_with_active_rq: ")]
            has_length = "content-length" in dict(sent["headers"])
            # Envoy Gateway's buffer behind the filters: a refused request never reaches a provider.
            assert (cut[0].endswith(": 0"), has_length) == (configured == of_envoy_gateway_policies,) * 2
    finally:
        proxy.stop()
