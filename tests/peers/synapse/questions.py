"""Playhouse and Synapse ask each other for keys, profiles and aliases: each check in both directions."""

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 20
ANY = ssl.create_default_context()
ANY.check_hostname, ANY.verify_mode = False, ssl.CERT_NONE


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(method, url, token=None, body=None):
    """Status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30, context=ANY) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def segment(text):
    return urllib.parse.quote(text, safe="")


class Authority:
    """Signs the certificates of both servers."""

    def __init__(self, folder):
        self.folder = folder
        self.run("req", "-x509", "-subj", "/CN=authority", "-days", "2", *self.new_key("ca"), "-out", "ca.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @staticmethod
    def new_key(name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"

    def certify(self, name, subject):
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={subject}\n")
        self.run("req", "-subj", f"/CN={name}", *self.new_key(name), "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                 "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Server:
    """A server process in a folder, with a user."""

    def __init__(self, folder, host, kind):
        self.folder, self.kind = folder, kind
        self.client_port, self.port = free_port(), free_port()
        self.name = f"{host}:{self.port}"

    def start(self, *command):
        self.log = open(self.folder / f"{self.kind}.log", "a")
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.client("GET", "versions", version="")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"{self.kind} does not start:\n{(self.folder / f'{self.kind}.log').read_text()[-4000:]}")
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def client(self, method, path, body=None, token=None, version="v3/"):
        return ask(method, f"http://127.0.0.1:{self.client_port}/_matrix/client/{version}{path}", token, body)

    def settle(self, user, alias):
        """A user with a display name, and a room with an alias."""
        body = {"username": user, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        self.token = self.client("POST", "register", body)[1]["access_token"]
        self.user, self.display_name = f"@{user}:{self.name}", f"{user} äöü"
        path = f"profile/{segment(self.user)}/displayname"
        assert self.client("PUT", path, {"displayname": self.display_name}, self.token)[0] == 200
        self.alias = f"#{alias}:{self.name}"
        self.room = self.client("POST", "createRoom", {"room_alias_name": alias}, self.token)[1]["room_id"]

    def looks_up(self, path):
        return self.client("GET", path, token=self.token)


def playhouse(folder):
    server = Server(folder, "localhost", "playhouse")
    (folder / "playhouse.toml").write_text(f"""
        server_name = "{server.name}"
        data_dir = "data"
        listener = [
            {{ address = "127.0.0.1:{server.client_port}", parts = ["client"] }},
            {{ address = "127.0.0.1:{server.port}", parts = ["federation"],
               tls_certificate = "playhouse.pem", tls_key = "playhouse.key" }},
        ]
        registration = {{ open = true }}
        passwords = {{ cost = "test" }}
        metrics = {{ address = "" }}
        federation = {{ ca_file = "ca.pem", allowed_networks = ["127.0.0.0/8"] }}
    """)
    server.start(os.environ["PLAYHOUSE_BIN"], "serve", "--config", "playhouse.toml")
    return server


def synapse(folder):
    server = Server(folder, "127.0.0.1", "synapse")
    listener = {"type": "http", "bind_addresses": ["127.0.0.1"]}
    (folder / "synapse.yaml").write_text(json.dumps({
        "server_name": server.name,
        "listeners": [
            {**listener, "port": server.client_port, "resources": [{"names": ["client"]}]},
            {**listener, "port": server.port, "tls": True, "resources": [{"names": ["federation"]}]},
        ],
        "tls_certificate_path": "synapse.pem", "tls_private_key_path": "synapse.key",
        "federation_custom_ca_list": ["ca.pem"], "ip_range_blacklist": [], "federation_ip_range_blacklist": [],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "synapse.db")}},
        "media_store_path": "media", "signing_key_path": "synapse.signing", "pid_file": "synapse.pid",
        "log_config": "log.json", "trusted_key_servers": [], "suppress_key_server_warning": True,
        "report_stats": False, "enable_registration": True, "enable_registration_without_verification": True,
        "bcrypt_rounds": 4,
    }))  # JSON is YAML
    (folder / "log.json").write_text(json.dumps({
        "version": 1, "handlers": {"out": {"class": "logging.StreamHandler"}},
        "root": {"level": "WARNING", "handlers": ["out"]},
    }))
    command = [sys.executable, "-m", "synapse.app.homeserver", "-c", "synapse.yaml"]
    subprocess.run([*command, "--generate-keys"], cwd=folder, check=True, capture_output=True)
    server.start(*command)
    return server


def checks(asker, asked):
    """Each check of one direction: what it is, what was got, what is right."""
    profile = f"profile/{segment(asked.user)}"
    name = {"displayname": asked.display_name}
    yield "a display name", asker.looks_up(f"{profile}/displayname"), (200, name)
    status, whole = asker.looks_up(profile)
    yield "a whole profile", (status, whole.get("displayname")), (200, asked.display_name)
    status, refusal = asker.looks_up(f"profile/{segment('@nobody:' + asked.name)}")
    yield "the profile of nobody", (status, refusal["errcode"]), (404, "M_NOT_FOUND")
    status, found = asker.looks_up(f"directory/room/{segment(asked.alias)}")
    yield "an alias", (status, found), (200, {"room_id": asked.room, "servers": [asked.name]})
    status, refusal = asker.looks_up(f"directory/room/{segment('#nowhere:' + asked.name)}")
    yield "an alias that leads nowhere", (status, refusal["errcode"]), (404, "M_NOT_FOUND")
    query = f"https://127.0.0.1:{asker.port}/_matrix/key/v2/query/{segment(asked.name)}"
    status, answer = ask("GET", query)
    signers = [sorted(keys["signatures"]) for keys in answer.get("server_keys", [])]
    yield "keys, as a notary", (status, signers), (200, [sorted([asker.name, asked.name])])


def main():
    results = []
    with tempfile.TemporaryDirectory(prefix="playhouse-synapse-") as name:
        folder = Path(name)
        authority = Authority(folder)
        authority.certify("playhouse", "DNS:localhost")
        authority.certify("synapse", "IP:127.0.0.1")
        servers = []
        try:
            servers.append(playhouse(folder))
            servers.append(synapse(folder))
            ours, theirs = servers
            ours.settle("alice", "here")
            theirs.settle("bob", "there")
            for asker, asked in [(ours, theirs), (theirs, ours)]:
                for what, got, right in checks(asker, asked):
                    results.append(got == right)
                    verdict = "ok" if got == right else f"FAILED: {got}, not {right}"
                    print(f"{asker.kind} asks {asked.kind} for {what}: {verdict}")
        finally:
            for server in servers:
                server.stop()
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
