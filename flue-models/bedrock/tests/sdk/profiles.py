"""Says what botocore, AWS's own library, finds in files of profiles, and whether a request is signed with it.

Its argument is a directory; each case is a directory beneath it, with `credentials`, `config` and the variables `env.json`.
`GET /CASE` answers with keys and region but no secret, or with the name of an error; a POST beneath `/CASE` with whether botocore signs it so.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

BASE = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"}
# What Flue takes when nothing names a region.
REGION = "us-east-1"
SIGNED = ["content-type", "host", "x-amz-security-token"]


def found(case):
    """The keys and the region of a case."""
    place = Path(sys.argv[1]) / case
    os.environ.clear()
    os.environ.update(BASE)
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(place / "credentials")
    os.environ["AWS_CONFIG_FILE"] = str(place / "config")
    os.environ.update(json.loads((place / "env.json").read_text()))
    session = botocore.session.Session()
    region = session.get_config_variable("region") or REGION
    keys = session.get_credentials()
    if keys is None:
        raise LookupError("no credentials")
    return keys.get_frozen_credentials(), region


def same(name, ours, theirs):
    if ours != theirs:
        raise ValueError(f"{name}: {ours!r} and not {theirs!r}")


def check(handler, body):
    keys, region = found(handler.path.split("/")[1])
    given = handler.headers["authorization"]
    time = handler.headers["x-amz-date"]
    same("token", handler.headers["x-amz-security-token"], keys.token)
    headers = {name: handler.headers[name] for name in SIGNED if name in handler.headers}
    url = f"http://{handler.headers['host']}{handler.path}"
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    request.context["timestamp"] = time
    signer = SigV4Auth(keys, "bedrock", region)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    names = ";".join(sorted([*headers, "x-amz-date"]))
    scope = f"{keys.access_key}/{time[:8]}/{region}/bedrock/aws4_request"
    expected = f"Credential={scope}, SignedHeaders={names}, Signature={signer.signature(text, request)}"
    same("authorization", given, f"AWS4-HMAC-SHA256 {expected}")


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        try:
            keys, region = found(self.path.strip("/"))
            self.answer(200, {"id": keys.access_key, "region": region, "token": keys.token})
        except Exception as error:  # Whatever the library raises is its answer.
            self.answer(200, {"error": f"{type(error).__name__}: {error}"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            check(self, body)
            self.answer(400, {"message": "signed as botocore signs"})
        except Exception as error:
            self.answer(400, {"message": f"{type(error).__name__}: {error}"})


server = HTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
