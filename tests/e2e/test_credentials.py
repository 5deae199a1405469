"""Credentials through a real Envoy: pools, tokens of Google and Entra, signatures of AWS, and what happens without them."""

import collections
import json
import re
import time

import conftest
import httpx
import pytest
import stack
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

POOL = ["sk-pool-key-1-of-3", "sk-pool-key-2-of-3", "sk-pool-key-3-of-3"]
CLIENT_SECRET = "entra-secret-of-the-gateway"
AWS_SECRET = "aws-secret-of-the-gateway"
QUERY_KEY = "query-key/of the gateway"
# Tokens live so long that several are issued while a test runs.
TOKEN_SECONDS = 3


def service_account(token_url: str) -> str:
    """A key file as Google writes it, with a fresh key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "attache@simulated.iam.gserviceaccount.com",
            "private_key_id": "key-1",
            "private_key": pem.decode(),
            "token_uri": token_url,
        }
    )


class Clouds(conftest.Stack):
    """Providers with every kind of credentials, and the token endpoints that theirs come from."""

    def __init__(self, folder, topology: str):
        self.account_file = folder / "account.json"
        port = stack.free_port()
        self.account_file.write_text(service_account(f"http://127.0.0.1:{port}/token"))
        seconds = ["--token-seconds", str(TOKEN_SECONDS)]
        self.google = stack.Simulator("google", folder, port, [*seconds, "--service-account", str(self.account_file)])
        self.entra = stack.Simulator("entra", folder, args=[*seconds, "--client-secret", CLIENT_SECRET])
        self.machine = stack.Simulator("machine", folder, args=seconds)
        self.guarded = stack.Simulator("guarded", folder, args=["--issued-tokens"])
        self.open = stack.Simulator("open", folder)
        self.key_file = folder / "key"
        self.key_file.write_text("sk-key-of-a-file-0\n")
        url, guarded = f"{self.open.base}/v1", f"{self.guarded.base}/v1"
        azure = f"tenant_id: contoso, client_id: app, authority: {self.entra.base}"
        keys = f"access_key_id: AKIDGATEWAY, secret_access_key: {AWS_SECRET}, session_token: session-of-the-gateway"
        auths = {
            "pool": (url, f"{{ bearer: [{', '.join(POOL)}] }}"),
            "query": (url, f"{{ query: key, value: '{QUERY_KEY}' }}"),
            "file": (url, f"{{ bearer: {{ file: {self.key_file} }} }}"),
            "aws": (url, f"{{ aws: {{ region: us-east-1, {keys} }} }}"),
            "aws-chain": (url, "{ aws: { region: us-east-1 } }"),
            "google": (guarded, f"{{ gcp: {{ service_account: {{ file: {self.account_file} }} }} }}"),
            "google-machine": (guarded, "{ gcp: {} }"),
            "entra": (guarded, f"{{ azure: {{ {azure}, client_secret: {CLIENT_SECRET} }} }}"),
            "entra-wrong": (guarded, f"{{ azure: {{ {azure}, client_secret: another-secret-of-the-gateway }} }}"),
            "azure-machine": (guarded, f"{{ azure: {{ managed_identity: true, authority: {self.machine.base} }} }}"),
        }
        providers = "\n".join(
            f'  {name}: {{ dialect: openai, url: "{base}", auth: {auth} }}' for name, (base, auth) in auths.items()
        )
        models = "\n".join(
            f"  {name}: {{ targets: [ {{ provider: {name}, model: gpt-4o }} ] }}\n"
            f"  {name}-or-claude: {{ targets: [ {{ provider: {name}, model: gpt-4o }}, "
            "{ provider: claude, model: claude-haiku-4-5 } ] }\n"
            f"  claude-or-{name}: {{ targets: [ {{ provider: claude, model: claude-haiku-4-5 }}, "
            f"{{ provider: {name}, model: gpt-4o }} ] }}"
            for name in auths
        )
        env = {
            "GCE_METADATA_HOST": self.machine.base.removeprefix("http://"),
            "HOME": str(folder),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.machine.base}/v2/credentials",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }
        super().__init__(folder, topology, models, providers, env=env)

    @property
    def simulators(self) -> list[stack.Simulator]:
        return [self.google, self.entra, self.machine, self.guarded, self.open]

    def reset(self) -> None:
        super().reset()
        for simulator in self.simulators:
            simulator.reset()

    def stop(self) -> None:
        super().stop()
        for simulator in self.simulators:
            simulator.stop()

    def ask(self, model: str) -> httpx.Response:
        question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"authorization": f"Bearer {conftest.CLIENT_KEY}"}
        return self.http.post("/v1/chat/completions", json=question, headers=headers)

    def served_by(self, model: str) -> str:
        """Who answered in the end."""
        response = self.ask(model)
        assert response.status_code == 200, response.text
        return response.headers["x-attache-provider"]

    def metric(self, name: str, **labels: str) -> float:
        for line in self.gateway.metrics().splitlines():
            if line.startswith(name) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _clouds(request, tmp_path_factory):
    started = Clouds(tmp_path_factory.mktemp(f"credentials-{request.param}"), request.param)
    yield started
    started.stop()


@pytest.fixture
def clouds(_clouds):
    _clouds.reset()
    return _clouds


def keys_seen(simulator: stack.Simulator) -> list[str]:
    return [dict(request["headers"])["authorization"].removeprefix("Bearer ") for request in simulator.requests()]


def test_the_keys_of_a_pool_take_turns_and_one_that_had_enough_rests(clouds):
    for _ in range(6):
        assert clouds.served_by("pool") == "pool"
    assert collections.Counter(keys_seen(clouds.open)) == {key: 2 for key in POOL}
    before = clouds.metric("attache_credential_rests_total", provider="pool", reason="429")
    clouds.reset()
    clouds.open.queue({"status": 429, "headers": {"retry-after": "5"}})
    # Another provider answers this one; the key rests all the same.
    assert clouds.served_by("pool-or-claude") == "claude"
    [tired] = keys_seen(clouds.open)
    for _ in range(6):
        clouds.served_by("pool")
    assert tired not in keys_seen(clouds.open)[1:]
    assert clouds.metric("attache_credential_rests_total", provider="pool", reason="429") == before + 1
    stack.wait_until(lambda: clouds.served_by("pool") and keys_seen(clouds.open)[-1] == tired, "key that has rested")


def test_a_key_that_is_refused_rests_and_is_told_by_its_position(clouds):
    clouds.open.queue({"status": 401})
    assert clouds.ask("pool").status_code == 502
    [refused] = keys_seen(clouds.open)
    for _ in range(4):
        clouds.served_by("pool")
    assert refused not in keys_seen(clouds.open)[1:]
    position = POOL.index(refused) + 1
    log = stack.wait_until(lambda: re.findall(r".*refuses this key.*", clouds.gateway.attache.err()), "line in the log")
    assert any(f"key={position}" in re.sub(r"\x1b\[[0-9;]*m", "", line) or f'"key":{position}' in line for line in log)


@pytest.mark.parametrize("name", ["google", "google-machine", "entra", "azure-machine"])
def test_tokens_are_fetched_and_renewed_before_they_expire(clouds, name):
    deadline = time.monotonic() + 2.5 * TOKEN_SECONDS
    while time.monotonic() < deadline:
        assert clouds.served_by(f"{name}-or-claude") == name
        time.sleep(0.05)
    tokens = list(dict.fromkeys(keys_seen(clouds.guarded)))
    # Each serves for four fifths of its life.
    assert 2 <= len(tokens) <= 5, tokens
    assert all(token.startswith("sim-token.") for token in tokens)


def test_a_later_attempt_has_the_credentials_of_its_own_provider(clouds):
    clouds.claude_sim.script(status=503)
    # It asks for a bearer otherwise.
    clouds.open.script(validate=False)
    for name in ["google", "entra", "pool", "aws", "query"]:
        assert clouds.served_by(f"claude-or-{name}") == name
    for request in clouds.open.requests() + clouds.guarded.requests():
        assert conftest.CLAUDE_KEY not in json.dumps(request["headers"])
    for request in clouds.claude_sim.requests():
        headers = dict(request["headers"])
        assert headers["x-api-key"] == conftest.CLAUDE_KEY
        assert "authorization" not in headers and not any(name.startswith("x-amz-") for name in headers)


def test_requests_for_aws_are_signed(clouds):
    clouds.open.script(validate=False)
    assert clouds.served_by("aws") == "aws"
    [request] = clouds.open.requests()
    headers = dict(request["headers"])
    pattern = (
        r"AWS4-HMAC-SHA256 Credential=AKIDGATEWAY/\d{8}/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;"
        r"x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}"
    )
    assert re.fullmatch(pattern, headers["authorization"])
    assert headers["x-amz-security-token"] == "session-of-the-gateway"
    assert signature_of(request, clouds.open, AWS_SECRET) == headers["authorization"].rsplit("=", 1)[1]


def test_keys_for_aws_come_from_the_standard_chain(clouds):
    clouds.open.script(validate=False)
    assert clouds.served_by("aws-chain") == "aws-chain"
    [request] = clouds.open.requests()
    headers = dict(request["headers"])
    assert "Credential=ASIASIMULATOR/" in headers["authorization"]
    assert headers["x-amz-security-token"].startswith("sim-token.")
    expected = signature_of(request, clouds.open, "simulator/secret+access+key")
    assert headers["authorization"].rsplit("=", 1)[1] == expected


def signature_of(request: dict, simulator: stack.Simulator, secret: str) -> str:
    """Signs what came in once more, by the book."""
    import hashlib
    import hmac

    headers = dict(request["headers"])
    headers.setdefault("host", simulator.base.removeprefix("http://"))
    body = request["body"] if isinstance(request["body"], str) else json.dumps(request["body"])
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert headers["x-amz-content-sha256"] == digest, "the body is not the one that was signed"
    names = re.search(r"SignedHeaders=([^,]+)", headers["authorization"])[1]
    canonical = "\n".join(
        [
            request["method"],
            request["path"],
            "",
            *(f"{name}:{headers[name]}" for name in names.split(";")),
            "",
            names,
            digest,
        ]
    )
    time_, scope = headers["x-amz-date"], re.search(r"Credential=[^/]+/([^,]+)", headers["authorization"])[1]
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time_, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def test_a_key_in_the_query_stays_out_of_the_log(clouds):
    clouds.open.script(validate=False)
    response = clouds.http.post(
        "/v1/chat/completions?key=the-clients-own",
        json={"model": "query", "messages": [{"role": "user", "content": "hello"}]},
    )
    assert (response.status_code, response.headers["x-attache-provider"]) == (200, "query")
    [request] = clouds.open.requests()
    path, query = request["path"].split("?")
    assert (path, httpx.QueryParams(query).multi_items()) == ("/v1/chat/completions", [("key", QUERY_KEY)])
    request_id = response.headers["x-request-id"]
    logged = stack.wait_until(
        lambda: [line for line in clouds.gateway.access_log() if line["request_id"] == request_id], "line in the log"
    )
    assert logged[0]["path"] == "/v1/chat/completions"


def test_without_a_token_the_next_provider_serves_and_the_log_says_why(clouds):
    assert clouds.served_by("entra-wrong-or-claude") == "claude"
    response = clouds.ask("entra-wrong")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "provider_credentials")
    assert "secret" not in response.text and "AADSTS" not in response.text
    assert not clouds.guarded.requests(), "nothing was sent without a token"
    clouds.gateway.attache.wait_for_log("the token endpoint answered 401 invalid_client (AADSTS7000215")
    clouds.claude_sim.script(status=503)
    assert clouds.ask("claude-or-entra-wrong").status_code in (502, 503)


def test_a_token_endpoint_that_is_away_matters_to_nobody_while_a_token_is_good(clouds):
    assert clouds.served_by("entra-or-claude") == "entra"
    clouds.entra.script(status=503)
    seen = []
    deadline = time.monotonic() + 2 * TOKEN_SECONDS
    while time.monotonic() < deadline:
        began = time.monotonic()
        seen.append(clouds.served_by("entra-or-claude"))
        assert time.monotonic() - began < 10, "nobody waits for longer than two seconds"
        time.sleep(0.05)
    # First the old token, then the next provider: no request fails.
    assert seen[0] == "entra" and seen[-1] == "claude" and seen == sorted(seen, reverse=True)
    clouds.entra.script()
    stack.wait_until(lambda: clouds.served_by("entra-or-claude") == "entra", "token again")


def test_a_key_file_that_changes_under_load_fails_no_request(clouds):
    statuses, n = [], 0
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if len(statuses) % 20 == 0:
            n += 1
            new = clouds.key_file.with_suffix(".new")
            new.write_text(f"sk-key-of-a-file-{n}\n")
            new.rename(clouds.key_file)
        statuses.append(clouds.ask("file").status_code)
        time.sleep(0.02)
    assert set(statuses) == {200}

    def newest() -> bool:
        clouds.served_by("file")
        return keys_seen(clouds.open)[-1] == f"sk-key-of-a-file-{n}"

    stack.wait_until(newest, "newest key")
    assert len(set(keys_seen(clouds.open))) >= 2


def test_no_secret_is_in_any_log(clouds):
    gateway = clouds.gateway
    view = stack.get(f"http://127.0.0.1:{gateway.admin_port}/config").decode()
    bootstrap = gateway.bootstrap_path.read_text()
    everything = [gateway.attache.err(), gateway.attache.out(), gateway.metrics(), view, bootstrap]
    everything += [gateway.envoy.out(), gateway.envoy.err()]
    private_key = json.loads(clouds.account_file.read_text())["private_key"].splitlines()[1]
    secrets = [*POOL, CLIENT_SECRET, AWS_SECRET, QUERY_KEY, private_key, "another-secret-of-the-gateway"]
    secrets += ["session-of-the-gateway", "sim-token.", "sk-key-of-a-file"]
    for text in everything:
        for secret in secrets:
            assert secret not in text, secret
