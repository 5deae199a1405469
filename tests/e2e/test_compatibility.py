"""What docs/compatibility.md says of each version of Envoy is what that Envoy does: every cell of its table is tried."""

import functools
import json
import pathlib
import subprocess

import envoys
import httpx
import pytest
import stack
import yaml
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY, Stack
from test_envoy_config import CONFIGS, validate
from wire import FRONTS, KEYS, PATHS, ask, headers_of, request

PAGE = stack.ROOT / "docs/compatibility.md"
TOPOLOGIES = ("sidecar", "shared")
LIMITED = """
rate_limits:
  few: { by: ["header:x-few"], when: { "header:x-few": "*" }, requests: 1/m }
"""
MODELS = """
  again:
    targets: [ { provider: openai, model: gpt-4o-mini }, { provider: claude, model: claude-haiku-4-5 } ]
    retry: { attempts: 4 }
  nameless-first: { targets: [ { provider: nameless, model: x }, { provider: claude, model: claude-haiku-4-5 } ] }
  then-https: { targets: [ { provider: openai, model: gpt-4o-mini }, { provider: https, model: gpt-4o } ] }
  spread:
    select: weighted
    targets: [ { provider: openai, model: gpt-4o-mini }, { provider: claude, model: claude-haiku-4-5 } ]"""
PROVIDERS = """
  nameless: {{ dialect: openai, url: "http://does-not-exist.invalid/v1" }}
  https:
    dialect: openai
    url: "{url}/v1"
    auth: {{ bearer: {key} }}
    tls: {{ ca_file: {ca_file}, server_name: provider.test }}
"""
HTTPS_KEY = "sk-https-secret-of-the-gateway"


def printed(config: pathlib.Path, *options: str) -> subprocess.CompletedProcess:
    argv = [stack.binary("attache"), "envoy", "--config", config, *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done


class Another:
    """An Envoy of some version, before the service and the providers of another stack."""

    def __init__(self, first: Stack, folder: pathlib.Path, version: str, topology: str, service: str = "", written="", edit=None):
        self.first, self.folder, self.version, self.topology = first, folder, version, topology
        self.openai_sim, self.claude_sim, self.gateway = first.openai_sim, first.claude_sim, first.gateway
        folder.mkdir()
        port, admin_port = stack.free_port(), stack.free_port()
        config = first.gateway.config_path.read_text()
        for before, after in (
            (f"127.0.0.1:{first.gateway.port}", f"127.0.0.1:{port}"),
            (f"127.0.0.1:{first.gateway.envoy_admin_port}", f"127.0.0.1:{admin_port}"),
            (first.gateway.grpc, service or first.gateway.grpc),
        ):
            config = config.replace(before, after)
        (folder / "attache.yaml").write_text(config)
        options = ("--topology", topology, "--envoy-version", written or envoys.minor(version))
        self.printed = printed(folder / "attache.yaml", *options)
        (folder / "envoy.yaml").write_text(edit(self.printed.stdout) if edit else self.printed.stdout)
        self.admin = f"http://127.0.0.1:{admin_port}"
        self.envoy = running(version, folder)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def wait(self) -> "Another":
        self.envoy.wait_for(lambda: is_ready(self.admin), "answer of Envoy's /ready", 60)
        return self

    def stop(self) -> None:
        self.http.close()
        self.envoy.stop()


def running(version: str, folder: pathlib.Path) -> stack.Process:
    """An Envoy with the `envoy.yaml` in a folder."""
    argv = [envoys.binary(version), "-c", folder / "envoy.yaml", "--concurrency", 1, "--disable-hot-restart"]
    return stack.Process("envoy", [*argv, "--log-level", "warning"], folder)


def is_ready(admin: str) -> bool:
    return stack.get(f"{admin}/ready").startswith(b"LIVE")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, certificates):
    """One service, and before it an Envoy of every version in both topologies."""
    folder = tmp_path_factory.mktemp("fleet")
    https = stack.Simulator("https", folder, args=certificates.issue("provider.test"), tls=True)
    providers = PROVIDERS.format(url=https.base, key=HTTPS_KEY, ca_file=certificates.ca_file)
    first = Stack(folder, extra=MODELS + LIMITED, providers=providers)
    first.https_sim = https
    every = [(version, topology) for version in envoys.VERSIONS for topology in TOPOLOGIES]
    fleet = {each: Another(first, folder / "-".join(each), *each) for each in every}
    for another in fleet.values():
        another.wait()
    yield fleet
    for each in (*fleet.values(), first, https):
        each.stop()


@pytest.fixture(params=[(version, topology) for version in envoys.VERSIONS for topology in TOPOLOGIES], ids="-".join)
def another(request, fleet):
    """Each of them, with fresh providers."""
    another = fleet[request.param]
    for simulator in (another.openai_sim, another.claude_sim, another.first.https_sim):
        simulator.reset()
    return another


# What is tried: each gives what the table's cell must say.


def answers(another, stream: bool) -> str:
    for front, model in (("openai", "openai-only"), ("anthropic", "claude-only")):
        answer = ask(another, front, model, stream)
        assert answer.text == "You said: hello" and (not stream or answer.whole)
    return "yes"


def translates(another) -> str:
    for front, model in (("openai", "claude-only"), ("anthropic", "openai-only")):
        for stream in (False, True):
            answer = ask(another, front, model, stream)
            assert answer.text == "You said: hello" and (not stream or answer.whole)
            assert another.gateway.record(answer.request_id)["tokens"]["output"] > 0
    return "yes"


def moves_on(another) -> str:
    another.openai_sim.script(status=503)
    answers = [ask(another, front, "fast", stream) for front in FRONTS for stream in (False, True)]
    results = {(answer.status == 200, answer.provider, answer.attempts) for answer in answers}
    assert results in ({(True, "claude", 2)}, {(False, "openai", 2)})
    assert OPENAI_KEY not in str(another.claude_sim.requests()) and CLAUDE_KEY not in str(another.openai_sim.requests())
    return "yes" if {answer.status for answer in answers} == {200} else "no"


def moves_on_by_weight(another) -> str:
    another.openai_sim.script(status=503)
    # Enough that each provider comes first.
    answers = [ask(another, "openai", "spread") for _ in range(20)]
    assert OPENAI_KEY not in str(another.claude_sim.requests()) and CLAUDE_KEY not in str(another.openai_sim.requests())
    assert {answer.provider for answer in answers if answer.status == 200} <= {"claude"}
    return "yes" if {answer.status for answer in answers} == {200} else "no"


def moves_on_to_https(another) -> str:
    """The certificate is checked for the name of its provider, and HTTP/2 spoken, which it offers."""
    another.openai_sim.script(status=503)
    answer = ask(another, "openai", "then-https")
    if answer.status != 200:
        return "no"
    (received,) = another.first.https_sim.requests()
    assert dict(received["headers"])["authorization"] == f"Bearer {HTTPS_KEY}"
    spoken = stack.get(f"{another.admin}/stats?filter=cluster.https.upstream_cx_http2_total").decode()
    assert spoken == "cluster.https.upstream_cx_http2_total: 1\n"
    return "yes"


def moves_on_from_nowhere(another) -> str:
    answer = ask(another, "openai", "nameless-first")
    return "yes" if (answer.status, answer.provider) == (200, "claude") else "no"


def tries_again(another) -> str:
    """The last target's provider alone: two attempts, both there."""
    another.claude_sim.queue({"status": 503}, {})
    another.openai_sim.queue({"status": 503}, {"status": 503})
    answer = ask(another, "anthropic", "again")
    return "yes" if answer.text == "You said: hello" else "no"


def tells_errors(another) -> str:
    another.openai_sim.script(status=400, error_message="that is wrong")
    for front in FRONTS:
        answer = ask(another, front, "openai-only")
        assert (answer.status, answer.error["message"]) == (400, "that is wrong")
        assert ask(another, front, "no-such-model").status == 404
    return "yes"


def tells_of_absence(another) -> str:
    """The service's socket is not there."""
    folder = another.folder.with_name(f"{another.folder.name}-alone")
    alone = Another(another.first, folder, another.version, another.topology, "unix:/nowhere/at/all.sock").wait()
    try:
        for front in FRONTS:
            answer = ask(alone, front, "openai-only")
            assert answer.status == 503 and "policy service" in answer.error["message"]
    finally:
        alone.stop()
    return "yes"


def carries_big_bodies(another) -> str:
    answer = ask(another, "openai", "openai-only", text="x" * (5 << 20), headers={"x-sim": '{"text": "it is long"}'})
    return "yes" if answer.text == "it is long" else "no"


def books_hang_ups(another) -> str:
    another.openai_sim.script(chunks=300, chunk_delay_ms=100)
    body = request("openai", "openai-only", True)
    with another.http.stream("POST", PATHS["openai"], json=body, headers=KEYS["openai"]) as answer:
        assert next(answer.iter_bytes())
        request_id = answer.headers["x-request-id"]
    stack.wait_until(lambda: [each["ended"] for each in another.openai_sim.requests()] == ["client_gone"], "hang-up")
    return "yes" if another.gateway.record(request_id)["ending"] == "cut" else "no"


def limits(another) -> str:
    named = {"x-few": another.admin}
    statuses = [ask(another, "openai", "openai-only", headers=named).status for _ in range(2)]
    return "yes" if statuses == [200, 429] else "no"


def keeps_what_is_internal(another) -> str:
    sent = {"x-attache-stage": "attempt", "x-envoy-max-retries": "9", "x-envoy-attempt-count": "2"}
    answer = ask(another, "openai", "openai-only", headers=sent)
    assert answer.status == 200
    (received,) = another.openai_sim.requests()
    names = headers_of(received)
    assert not [name for name in names if name.startswith(("x-attache-", "x-envoy-", "x-forwarded-"))], names
    assert CLIENT_KEY not in str(received)
    return "yes"


def is_sound(another) -> str:
    argv = [stack.binary("attache"), "doctor", "--admin", another.admin, "--format", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    found = [(each["rule"], each["at"]) for each in json.loads(done.stdout)]
    is_all = (done.returncode, found) == (0, [("seen-no-host", "cluster nameless")])
    return "yes" if is_all else done.stdout + done.stderr


def runs_filters(another) -> str:
    """`redact` in Envoy itself: the provider reads no address, the client its own."""
    folder = another.folder.with_name(f"{another.folder.name}-wasm")
    folder.mkdir()
    port, admin_port = stack.free_port(), stack.free_port()
    envoy = yaml.safe_load((stack.ROOT / "examples/wasm/envoy.yaml").read_text())
    envoy["admin"]["address"]["socket_address"]["port_value"] = admin_port
    (listener,) = envoy["static_resources"]["listeners"]
    listener["address"]["socket_address"]["port_value"] = port
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    filters[:] = [each for each in filters if each["name"] != "guard"]
    code = filters[0]["typed_config"]["config"]["vm_config"]["code"]["local"]
    code["filename"] = str(stack.TARGET / "wasm-filters/redact.wasm")
    for cluster in envoy["static_resources"]["clusters"]:
        del cluster["transport_socket"]
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": another.openai_sim.port}
    (folder / "envoy.yaml").write_text(yaml.safe_dump(envoy))
    process = running(another.version, folder)
    try:
        try:
            process.wait_for(lambda: is_ready(f"http://127.0.0.1:{admin_port}"), "answer of Envoy's /ready", 60)
        except RuntimeError as ended:
            assert "compiled without support" in str(ended)
            return "not in this build"
        body = request("openai", "gpt-4o-mini", False, text="write to ann.miller@example.com")
        answer = httpx.post(f"http://127.0.0.1:{port}{PATHS['openai']}", json=body, headers=KEYS["openai"], timeout=30)
    finally:
        process.stop()
    (received,) = another.openai_sim.requests()
    assert "ann.miller" not in received["body"]
    return "yes" if "ann.miller@example.com" in answer.text else "no"


CHECKS = {
    "chat, same dialect": lambda another: answers(another, stream=False),
    "chat, same dialect, streamed": lambda another: answers(another, stream=True),
    "chat, other dialect, whole and streamed": translates,
    "another attempt at the same provider": tries_again,
    "on to another provider, whatever its dialect": moves_on,
    "on to another provider, of targets by weight": moves_on_by_weight,
    "on to another provider, by https": moves_on_to_https,
    "on from a provider whose name is gone": moves_on_from_nowhere,
    "errors in the client's dialect": tells_errors,
    "the service is away: told in the client's dialect": tells_of_absence,
    "a body of 5 MB": carries_big_bodies,
    "a hang-up is passed on and booked": books_hang_ups,
    "limits": limits,
    "what is internal stays inside": keeps_what_is_internal,
    "`attache doctor` reads it and finds the provider without an address, nothing else": is_sound,
}


@functools.cache
def table() -> dict[tuple[str, str], str]:
    """What the page says, by row and version."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    first = next(i for i, row in enumerate(rows) if row[-1] == envoys.VERSIONS[-1])
    versions = rows[first]
    body = [row for row in rows[first + 2 :] if len(row) == len(versions) + 1]
    return {(row[0], version): cell for row in body for version, cell in zip(versions, row[1:])}


def test_the_table_speaks_of_all_that_is_tried():
    rows, versions = [dict.fromkeys(cells) for cells in zip(*table())]
    assert set(rows) == {*CHECKS, WASM} and tuple(versions) == envoys.VERSIONS


@pytest.mark.parametrize("row", CHECKS)
def test_it_does_what_the_table_says(another, row):
    assert CHECKS[row](another) == table()[row, another.version]


WASM = "filters for WASM"


@pytest.mark.parametrize("another", [(version, "sidecar") for version in envoys.VERSIONS], ids="-".join, indirect=True)
def test_filters_run_where_the_table_says(another):
    assert runs_filters(another) == table()[WASM, another.version]


OLDER = envoys.VERSIONS[:-1]


@pytest.mark.parametrize("version", OLDER)
def test_it_takes_whatever_is_printed(tmp_path, certificates, version):
    """The newest one is asked about many more configurations, in test_envoy_config.py."""
    for name in ("a service by name", "pass to anthropic", "all about tls"):
        for topology in TOPOLOGIES:
            config, bootstrap = tmp_path / "attache.yaml", tmp_path / "envoy.yaml"
            config.write_text(CONFIGS[name].replace("CA_FILE", str(certificates.ca_file)))
            options = ("--topology", topology, "--envoy-version", envoys.minor(version))
            bootstrap.write_text(printed(config, *options).stdout)
            validate(bootstrap, envoys.binary(version))


COMPOSITE = ("1.37.0", "1.38.3")


@pytest.mark.parametrize("another", [(v, t) for v in COMPOSITE for t in TOPOLOGIES], ids="-".join, indirect=True)
def test_nobody_gets_what_was_made_for_another(another, tmp_path):
    """The cluster that leads from one provider to the other leads the wrong way: whoever is reached is not asked."""

    def swapped(text: str) -> str:
        envoy = yaml.safe_load(text)
        (order,) = [each for each in envoy["static_resources"]["clusters"] if each["name"].startswith("attache_order+openai+claude")]
        order["cluster_type"]["typed_config"]["clusters"].reverse()
        return yaml.safe_dump(envoy)

    wrong = Another(another.first, tmp_path / "wrong", another.version, another.topology, edit=swapped).wait()
    try:
        for front in FRONTS:
            answer = ask(wrong, front, "fast")
            assert (answer.status, "lost track of this request" in answer.error["message"]) == (500, True)
    finally:
        wrong.stop()
    assert another.openai_sim.requests() == another.claude_sim.requests() == []


def test_the_newest_takes_what_is_printed_for_the_one_before(fleet, tmp_path):
    first = fleet[envoys.VERSIONS[-1], "sidecar"].first
    another = Another(first, tmp_path / "newest", envoys.VERSIONS[-1], "sidecar", written="1.39").wait()
    try:
        first.reset()
        assert (moves_on(another), is_sound(another)) == ("yes", "yes")
    finally:
        another.stop()


def test_what_an_envoy_cannot_do_is_said(fleet):
    for (version, _), another in fleet.items():
        stays = table()["on to another provider, whatever its dialect", version] == "no"
        assert ("cannot move on to another provider" in another.printed.stderr) == stays, version
        assert ("`fast`" in another.printed.stderr) == stays


def test_the_configuration_may_say_the_version(tmp_path):
    """YAML takes 1.40 for a number; it means the version all the same."""
    for written in ("1.40", '"1.40"', "1.39"):
        config = tmp_path / "attache.yaml"
        config.write_text(f"envoy: {{ version: {written} }}\n{CONFIGS['all about tls'].replace('CA_FILE', 'x.pem')}")
        assert f"For Envoy {written.strip(chr(34))}." in printed(config).stdout
