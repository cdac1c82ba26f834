"""A token endpoint and a model on Vertex AI that take what Google's own library would send, and nothing else.

Writes a service account's and a user's file into the directory that is its first argument, and says on its first line where it
listens. The second argument is how many seconds its tokens last; with a third, it expects another key than that of the file.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import google.oauth2.credentials
import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization
from google.auth import jwt as google_jwt
from google.auth import transport
from google.oauth2 import service_account

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "https://oauth2.googleapis.com/token"
REPLY = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
}


class Capture(transport.Request):
    """What the library sends, which gets a token without a network."""

    def __call__(self, url, method="GET", body=None, headers=None, timeout=None, **_):
        self.sent = (url, method, dict(parse_qsl(body.decode())), headers["Content-Type"])

        class Response:
            status, headers = 200, {}
            data = b'{"access_token": "x", "expires_in": 3600, "token_type": "Bearer"}'

        return Response()


def expected(kind):
    """The library's own request for the same file."""
    capture = Capture()
    if kind == "service":
        credentials = service_account.Credentials.from_service_account_file(service_file, scopes=[SCOPE])
    else:
        credentials = google.oauth2.credentials.Credentials.from_authorized_user_file(user_file)
    credentials.refresh(capture)
    return capture.sent


def same(name, ours, theirs):
    if ours != theirs:
        raise ValueError(f"{name}: {ours!r} and not {theirs!r}")


def check_assertion(ours, theirs):
    google_jwt.decode(ours, certs=public_key, audience=AUDIENCE)
    claims = pyjwt.decode(ours, public_key, algorithms=["RS256"], audience=AUDIENCE)
    library = pyjwt.decode(theirs, options={"verify_signature": False})
    same("header", pyjwt.get_unverified_header(ours), pyjwt.get_unverified_header(theirs))
    same("lifetime", claims["exp"] - claims["iat"], library["exp"] - library["iat"])
    if abs(claims.pop("iat") - library.pop("iat")) > 10:
        raise ValueError("iat is not now")
    del claims["exp"], library["exp"]
    same("claims", claims, library)


def check_token_request(handler, body):
    ours = dict(parse_qsl(body))
    url, method, theirs, content_type = expected("service" if "assertion" in ours else "user")
    same("method", handler.command, method)
    same("content type", handler.headers["content-type"], content_type)
    if "assertion" in ours:
        same("address", f"http://{handler.headers['host']}{handler.path}", url)
        check_assertion(ours.pop("assertion"), theirs.pop("assertion"))
    same("form", ours, theirs)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, "application/json", json.dumps(log))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/token":
            return self.token(body)
        token = self.headers["authorization"].removeprefix("Bearer ")
        if token not in tokens:
            return self.answer(401, "application/json", '{"error": {"message": "no such token", "code": 401}}')
        log["asked"].append([self.path, self.headers["x-goog-user-project"]])
        self.answer(200, "text/event-stream", f"data: {json.dumps(REPLY)}\n\n")

    def token(self, body):
        with lock:
            log["tokens"] += 1
            token = f"ya29.planted-{log['tokens']}"
        try:
            check_token_request(self, body)
        except Exception as error:  # Whatever the libraries raise is why.
            refusal = {"error": "invalid_grant", "error_description": f"{error} {body}"}
            return self.answer(400, "application/json", json.dumps(refusal))
        tokens.add(token)
        answer = {"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}
        self.answer(200, "application/json", json.dumps(answer))


def pem(key):
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password).decode()


directory, lifetime = Path(sys.argv[1]), int(sys.argv[2])
tokens, log, lock = set(), {"tokens": 0, "asked": []}, threading.Lock()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
url = f"http://127.0.0.1:{server.server_port}"
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
other = rsa.generate_private_key(public_exponent=65537, key_size=2048) if len(sys.argv) > 3 else key
public_format = serialization.PublicFormat.SubjectPublicKeyInfo
public_key = other.public_key().public_bytes(serialization.Encoding.PEM, public_format)
service_file, user_file = directory / "service.json", directory / "user.json"
service = {
    "type": "service_account",
    "project_id": "p",
    "private_key_id": "key-1",
    "private_key": pem(key),
    "client_email": "flue@p.iam.gserviceaccount.com",
    "client_id": "1",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": f"{url}/token",
}
user = {
    "type": "authorized_user",
    "client_id": "1.apps.googleusercontent.com",
    "client_secret": "planted secret/+&",
    "refresh_token": "1//planted-refresh+/=",
    "quota_project_id": "quota-1",
    "account": "",
    "universe_domain": "googleapis.com",
}
service_file.write_text(json.dumps(service, indent=2))
user_file.write_text(json.dumps(user, indent=2))
print(url, flush=True)
server.serve_forever()
