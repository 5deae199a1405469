"""Writes vectors.json: requests as botocore, Amazon's own signer for Python, signs them at a fixed time.

    pip install botocore && python vectors.py > vectors.json
"""

import datetime
import hashlib
import json

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 2, 28, 23, 59, 58, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW

CLAUDE = "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0"
PROFILE = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
CHAT = '{"messages":[{"role":"user","content":[{"text":"Grüße, 世界"}]}]}'
REQUESTS = [
    {"name": "a model's name with a colon, encoded", "path": f"{CLAUDE}/converse"},
    {"name": "the same, not encoded", "path": "/model/anthropic.claude-3-5-haiku-20241022-v1:0/converse"},
    {"name": "a stream", "path": f"{CLAUDE}/converse-stream"},
    {"name": "temporary keys", "path": f"{CLAUDE}/invoke", "session_token": "FwoGZXIvYXdzEBYaD+/=EXAMPLETOKEN"},
    {"name": "an inference profile by its ARN", "path": f"/model/{PROFILE}/converse"},
    {"name": "a query", "path": "/foundation-models?byProvider=Amazon&byOutputModality=TEXT%20ONLY&a=", "method": "GET", "body": ""},
    {"name": "a port of its own", "path": f"{CLAUDE}/converse", "authority": "127.0.0.1:8001"},
    {"name": "further headers", "path": f"{CLAUDE}/converse", "headers": {"x-amz-meta-b": "two  spaces", "x-amz-a": "1"}},
    {"name": "another service and region", "path": "/v1/embed", "service": "sagemaker", "region": "ap-northeast-1",
     "authority": "runtime.sagemaker.ap-northeast-1.amazonaws.com"},
    {"name": "odd characters in a path", "path": "/model/a%20b~c-d_e.f%2Bg+h/invoke"},
    {"name": "dots in a path", "path": "/model/../model/./x//invoke"},
]


def signed(request):
    body = request.setdefault("body", CHAT).encode()
    digest = hashlib.sha256(body).hexdigest()
    headers = {"content-type": "application/json", **request.setdefault("headers", {}), "x-amz-content-sha256": digest}
    authority = request.setdefault("authority", "bedrock-runtime.us-east-1.amazonaws.com")
    url = f"https://{authority}{request['path']}"
    made = AWSRequest(method=request.setdefault("method", "POST"), url=url, data=body, headers=headers)
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", request.get("session_token"))
    region, service = request.setdefault("region", "us-east-1"), request.setdefault("service", "bedrock")
    botocore.auth.SigV4Auth(keys, service, region).add_auth(made)
    names = ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]
    return {**request, "signed": {name: made.headers[name] for name in names if name in made.headers}}


if __name__ == "__main__":
    vectors = {"unix_seconds": int(NOW.timestamp()), "requests": [signed(request) for request in REQUESTS]}
    print(json.dumps(vectors, indent=1, ensure_ascii=False))
