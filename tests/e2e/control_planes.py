"""What a control plane makes of our manifests, as far as that can be had without one.

Istio: the patches of an EnvoyFilter, applied to a gateway's or a sidecar's configuration as its documentation says.
Envoy Gateway: what its own translator has made of gateway.yaml, with the patches of an EnvoyPatchPolicy applied as JSON Path
(RFC 9535) and JSON Patch (RFC 6902) say.
"""

import pathlib

import jsonpath
import yaml

MANAGER = "envoy.filters.network.http_connection_manager"
ROUTER = "envoy.filters.http.router"


def istio(context: str, port: int, clusters: list[dict]) -> dict:
    """What Istio makes of gateway.yaml or sidecar.yaml: a listener, and the route that answers 503."""
    types = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound",
        "use_remote_address": context == "GATEWAY",
        "normalize_path": True,
        "stream_idle_timeout": "0s",
        "route_config": {
            "name": f"http.{port}",
            "virtual_hosts": [
                {
                    "name": f"*:{port}",
                    "domains": ["*"],
                    "include_request_attempt_count": True,
                    "routes": [
                        {
                            "name": "unavailable",
                            "match": {"prefix": "/"},
                            "direct_response": {"status": 503, "body": {"inline_string": "away"}},
                        }
                    ],
                }
            ],
        },
        "http_filters": [
            # Istio's own filters are other ones; what matters is that some stand before the router.
            {"name": "envoy.filters.http.cors", "typed_config": {"@type": f"{types}.http.cors.v3.Cors"}},
            {"name": ROUTER, "typed_config": {"@type": f"{types}.http.router.v3.Router"}},
        ],
    }
    listener = {
        "name": f"0.0.0.0_{port}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "per_connection_buffer_limit_bytes": 32768,
        "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": manager}]}],
    }
    return {"listeners": [listener], "clusters": clusters}


def apply_envoy_filter(resources: dict, envoy_filter: dict, context: str, port: int, extensions: dict | None = None) -> None:
    """Applies every patch. What matches nothing is an error here, where Istio says nothing."""
    (listener,) = resources["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]
    for patch in envoy_filter["spec"]["configPatches"]:
        kind, where = patch["applyTo"], patch["match"]
        operation, value = patch["patch"]["operation"], patch["patch"]["value"]
        assert where["context"] == context
        for part in ("listener", "routeConfiguration"):
            assert where.get(part, {}).get("portNumber", port) == port
        match kind, operation:
            case "LISTENER", "MERGE":
                merge(listener, value)
            case "NETWORK_FILTER", "MERGE":
                assert where["listener"]["filterChain"]["filter"] == {"name": MANAGER} == {"name": value["name"]}
                merge(manager, value["typed_config"])
            case "HTTP_FILTER", "INSERT_BEFORE":
                chosen = {"name": MANAGER, "subFilter": {"name": ROUTER}}
                assert where["listener"]["filterChain"]["filter"] == chosen
                manager["http_filters"].insert(-1, value)
            case "VIRTUAL_HOST", "MERGE":
                merge(host, value)
            case "HTTP_ROUTE", "INSERT_FIRST":
                host["routes"].insert(0, value)
            case "CLUSTER", "ADD":
                resources["clusters"].append(value)
            case "EXTENSION_CONFIG", "ADD":
                extensions[value["name"]] = value["typed_config"]
            case _:
                raise AssertionError(f"nobody here knows {operation} of {kind}")


def merge(into: dict, value: dict) -> None:
    """As protobuf merges messages: lists grow, single values are replaced."""
    for key, new in value.items():
        if isinstance(new, dict) and isinstance(into.get(key), dict):
            merge(into[key], new)
        elif isinstance(new, list) and isinstance(into.get(key), list):
            into[key] = into[key] + new
        else:
            into[key] = new


def apply_patch_policy(resources: dict[str, dict[str, dict]], policy: dict) -> None:
    """Applies every JSON patch to resources by type and name. What matches nothing is an error, as in Envoy Gateway."""
    for patch in policy["spec"]["jsonPatches"]:
        kind, name, operation = patch["type"], patch["name"], patch["operation"]
        assert operation["op"] == "add"
        if not operation.get("path") and not operation.get("jsonPath"):
            resources[kind][name] = operation["value"]
            continue
        resource, path = resources[kind][name], operation.get("path", "")
        places = [path]
        if "jsonPath" in operation:
            found = [str(match.pointer()) for match in jsonpath.finditer(operation["jsonPath"], resource)]
            assert found, f"nothing is at {operation['jsonPath']}"
            places = [f"{place}/{path}" if path else place for place in found]
        for place in places:
            resources[kind][name] = jsonpath.patch.apply(
                [{"op": "add", "path": place, "value": operation["value"]}], resources[kind][name]
            )


def documents(path: pathlib.Path) -> list[dict]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]
