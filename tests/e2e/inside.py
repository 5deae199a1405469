"""A real Envoy with WASM filters before two scripted providers, and no process beside it."""

from __future__ import annotations

import json
import pathlib

import httpx
import stack
import yaml
from clients import CLIENT_KEY, Clients

FILTERS = stack.TARGET / "wasm-filters"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HEADERS = {"authorization": f"Bearer {CLIENT_KEY}"}
INTERNAL = ["x-attache-route", "x-attache-cluster", "x-attache-model", "x-attache-front", "x-attache-stream"]
# By what the router says; where it says nothing, OpenAI's.
ROUTES = [
    {"match": {"prefix": "/", "headers": [{"name": "x-attache-route", "string_match": {"exact": "anthropic"}}]}, "route": {"cluster": "claude", "timeout": "0s"}},
    {"match": {"prefix": "/", "headers": [{"name": "x-attache-cluster", "present_match": True}]}, "route": {"cluster_header": "x-attache-cluster", "timeout": "0s"}},
    {"match": {"prefix": "/"}, "route": {"cluster": "openai", "timeout": "0s"}},
]


def wasm(name: str, configuration, instance: str = "", disabled: bool = False, holds: bool = True) -> dict:
    """A filter in the chain. `instance`: its name, where there are several of one kind. `holds`: it may hold headers."""
    code = FILTERS / f"{name}.wasm"
    assert code.exists(), f"{code} is missing; run `make wasm`"
    written = configuration if isinstance(configuration, str) else json.dumps(configuration)
    plugin = {
        "name": instance or name,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(code)}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": written},
    }
    if holds:
        plugin["allow_on_headers_stop_iteration"] = True
    typed = {"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": plugin}
    return {"name": instance or name, "typed_config": typed} | ({"disabled": True} if disabled else {})


def cluster(name: str, port: int, http2: bool = False) -> dict:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
    spoken = {"explicit_http_config": {"http2_protocol_options": {}}}
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {"typed_extension_protocol_options": {kind: {"@type": f"type.googleapis.com/{kind}"} | spoken}} if http2 else {}
    endpoints = {"load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}
    return {"name": name, "type": "STATIC"} | endpoints | options


def listener(port: int, filters: list[dict], routes: list[dict], buffer_bytes: int) -> dict:
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    host = {"name": "all", "domains": ["*"], "request_headers_to_remove": INTERNAL, "routes": routes}
    manager = {
        "@type": f"type.googleapis.com/{kind}",
        "stat_prefix": "llm",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [*filters, {"name": "envoy.filters.http.router", "typed_config": router}],
    }
    return {
        "name": "llm",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "per_connection_buffer_limit_bytes": buffer_bytes,
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }


class Inside(Clients):
    """An Envoy with these filters; its listener comes from a file that Envoy watches."""

    def __init__(
        self,
        folder: pathlib.Path,
        filters: list[dict],
        routes: list[dict] = ROUTES,
        buffer_bytes: int = 64 << 20,
        more: list[dict] | None = None,
    ):
        """`more`: further clusters."""
        self.folder, self.routes, self.buffer_bytes = folder, routes, buffer_bytes
        self.openai_sim, self.claude_sim = stack.Simulator("openai", folder), stack.Simulator("claude", folder)
        self.port, self.admin_port = stack.free_port(), stack.free_port()
        self.listeners = folder / "listeners" / "all.yaml"
        self.listeners.parent.mkdir()
        self.listen(filters)
        watched = {"path": str(self.listeners), "watched_directory": {"path": str(self.listeners.parent)}}
        ports = {"openai": self.openai_sim.port, "claude": self.claude_sim.port}
        clusters = [cluster(name, port) for name, port in ports.items()] + (more or [])
        clusters += [cluster(f"{name}-http2", port, http2=True) for name, port in ports.items()]
        envoy = {
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": self.admin_port}}},
            "dynamic_resources": {"lds_config": {"path_config_source": watched}},
            "static_resources": {"clusters": clusters},
        }
        path = folder / "envoy.yaml"
        path.write_text(yaml.safe_dump(envoy))
        argv = [stack.envoy_binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart"]
        argv += ["--log-level", "warning", "--component-log-level", "wasm:info", "--drain-time-s", "2"]
        self.envoy = stack.Process("envoy", argv, folder)
        self.envoy.wait_for(lambda: self.admin("ready").startswith("LIVE"), "answer of Envoy's /ready", 60)
        super().__init__(f"http://127.0.0.1:{self.port}", headers=HEADERS)

    def listen(self, filters: list[dict]) -> None:
        """Gives Envoy these filters, as a file's new name: the way that it watches."""
        resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"}
        resource |= listener(self.port, filters, self.routes, self.buffer_bytes)
        new = self.folder / "all.new"
        new.write_text(yaml.safe_dump({"resources": [resource]}))
        new.rename(self.listeners)

    def admin(self, page: str) -> str:
        return stack.get(f"http://127.0.0.1:{self.admin_port}/{page}").decode()

    def stat(self, name: str) -> int:
        """A counter of Envoy's by its whole name; 0 while it is not there."""
        lines = [line for line in self.admin("stats").splitlines() if line.startswith(f"{name}: ")]
        return int(lines[0].rsplit(" ", 1)[1]) if lines else 0

    def quiet(self) -> None:
        """Waits until no request is under way: filters count what they have seen at its end, which clients need not wait for."""
        stack.wait_until(lambda: self.stat("http.llm.downstream_rq_active") == 0, "end of all requests")

    def last(self, simulator) -> dict:
        """The last request that reached a provider; its headers are a dictionary."""
        request = simulator.requests()[-1]
        assert [name for name, _ in request["headers"] if name in INTERNAL] == [], "internal headers stay here"
        return request | {"headers": dict(request["headers"])}

    def post(self, path: str, content: bytes, chunked: bool) -> httpx.Response:
        """A body whose length is announced, or one in pieces."""
        pieces = (content[at : at + 262_144] for at in range(0, len(content), 262_144))
        headers = {"content-type": "application/json"}
        return self.http.post(path, content=pieces if chunked else content, headers=headers)

    def reset(self) -> None:
        self.openai_sim.reset()
        self.claude_sim.reset()

    def stop(self) -> None:
        self.close()
        for process in (self.envoy, self.openai_sim, self.claude_sim):
            process.stop()


def say(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def body(text: str, **more) -> dict:
    return {"model": "gpt-4o-mini", "messages": say(text)} | more
