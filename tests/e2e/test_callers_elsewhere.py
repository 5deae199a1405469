"""Callers that the configuration does not list: tokens of an issuer, trusted headers, keys made while it runs; and guessers."""

import base64
import json
import time

import httpx
import pytest
import stack
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from wire import PATHS, request

ADMIN_TOKEN = "the-admin-token-of-the-tests"


def encoded(data: bytes | dict) -> str:
    data = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Somebody who signs tokens with ES256."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        point = self.key.public_key().public_numbers()
        x, y = (encoded(number.to_bytes(32, "big")) for number in (point.x, point.y))
        self.key_set = {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": x, "y": y}]}

    def token(self, **claims) -> str:
        claims = {"iss": "https://idp.test", "aud": "gateway", "exp": int(time.time()) + 60} | claims
        message = f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded(claims)}"
        r, s = decode_dss_signature(self.key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{message}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def gateway(start, issuer, tmp_path):
    """Everybody must show a token of the issuer, or come through a mesh that says who it is, or have a key of the store."""
    key_set = tmp_path / "jwks.json"
    key_set.write_text(json.dumps(issuer.key_set))
    callers = f"""
callers:
  throttle: {{ failures: 3, per: 1m }}
  jwt:
    - {{ issuer: "https://idp.test", audiences: [gateway], jwks: {{ file: {key_set} }},
        claims: {{ caller: sub, team: team, keep: [tier] }}, prefix: "idp:" }}
  headers: {{ caller: x-mesh-user, team: x-mesh-team }}
teams: {{ search: {{ tags: {{ env: prod }} }} }}
rate_limits:
  tier: {{ by: ["claim:tier", caller], when: {{ "claim:tier": "*" }}, requests: 2/h }}
"""
    return start(extra=callers, service=f", admin_token: {ADMIN_TOKEN}")


def asked(stack, **headers) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.http.post(PATHS["openai"], json=request("openai", "openai-only", False), headers=headers)


def test_a_token_of_an_issuer_says_who_asks(gateway, issuer):
    token = issuer.token(sub="ann", team="search", tier="gold")
    answers = [asked(gateway, authorization=f"Bearer {token}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429], answers[-1].text
    caller = gateway.gateway.record(answers[0].headers["x-request-id"])["caller"]
    assert caller == {"name": "idp:ann", "source": "jwt", "team": "search", "tags": {"env": "prod"}}
    received = json.dumps(gateway.openai_sim.requests())
    assert token not in received and token.rsplit(".", 1)[1] not in gateway.gateway.attache.err()


def test_a_token_that_proves_nothing_is_refused(gateway, issuer):
    for token in (issuer.token(sub="ann", exp=int(time.time()) - 600), Issuer().token(sub="ann"), issuer.token(aud="x")):
        assert asked(gateway, authorization=f"Bearer {token}").status_code in (401, 429)
    assert gateway.openai_sim.requests() == []


def test_a_mesh_says_who_asks(gateway):
    answer = asked(gateway, x_mesh_user="bob", x_mesh_team="search")
    assert answer.status_code == 200, answer.text
    caller = gateway.gateway.record(answer.headers["x-request-id"])["caller"]
    assert (caller["name"], caller["source"]) == ("bob", "header")
    assert "x-mesh-user" not in json.dumps(gateway.openai_sim.requests())


def test_a_key_that_is_made_while_it_runs_counts_at_once_and_no_longer_than_it_shall(gateway):
    admin = httpx.Client(
        base_url=f"http://127.0.0.1:{gateway.gateway.admin_port}", headers={"authorization": f"Bearer {ADMIN_TOKEN}"}
    )
    made = admin.post("/keys", json={"name": "carol", "team": "search"})
    assert made.status_code == 201, made.text
    key = made.json()["key"]
    stack.wait_until(lambda: asked(gateway, x_api_key=key).status_code == 200, "welcome for the new key")
    assert key not in json.dumps(admin.get("/keys").json())
    assert admin.post("/keys/carol/disable").status_code == 200
    stack.wait_until(lambda: asked(gateway, x_api_key=key).status_code != 200, "end of the key")
    for text in (gateway.gateway.attache.err(), gateway.gateway.attache.out(), gateway.gateway.metrics()):
        assert key not in text and ADMIN_TOKEN not in text


def test_who_guesses_keys_must_wait_and_others_need_not(gateway, issuer):
    guesses = [asked(gateway, x_api_key=f"att-guess-number-{i}-xxxxxxxxxx").status_code for i in range(6)]
    assert guesses[0] == 401 and guesses[-1] == 429, guesses
    wait = asked(gateway, x_api_key="att-one-more-guess-xxxxxxxxxx").headers["retry-after"]
    assert int(wait) >= 1
    right = asked(gateway, authorization=f"Bearer {issuer.token(sub='dave', team='search')}")
    assert right.status_code == 200, "from the same address"
