"""A Playhouse and a Synapse over TLS on loopback, each with a user."""

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
PATIENCE_SECONDS = 40
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


class Refused(Exception):
    """A server refused what it should do."""


class NeverCame(Exception):
    """What was waited for did not come."""


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
        self.since = None

    def start(self, *command):
        self.command = command
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

    def kill_minus_nine(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.start(*self.command)

    def client(self, method, path, body=None, token=None, version="v3/"):
        return ask(method, f"http://127.0.0.1:{self.client_port}/_matrix/client/{version}{path}", token, body)

    def settle(self, user, alias):
        """A user with a display name, and a room with an alias."""
        body = {"username": user, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        registered = self.client("POST", "register", body)[1]
        self.token, self.device = registered["access_token"], registered["device_id"]
        self.user, self.display_name = f"@{user}:{self.name}", f"{user} äöü"
        path = f"profile/{segment(self.user)}/displayname"
        assert self.client("PUT", path, {"displayname": self.display_name}, self.token)[0] == 200
        self.alias = f"#{alias}:{self.name}"
        self.room = self.client("POST", "createRoom", {"room_alias_name": alias}, self.token)[1]["room_id"]

    def looks_up(self, path):
        return self.client("GET", path, token=self.token)

    def does(self, method, path, body=None):
        """The answer of a request that must succeed."""
        status, answer = self.client(method, path, {} if body is None and method != "GET" else body, self.token)
        if status != 200:
            raise Refused(f"{self.kind} answers {method} {path} with {status} {answer}")
        return answer

    def syncs(self):
        """What is new since the last time."""
        since = f"&since={self.since}" if self.since else ""
        answer = self.does("GET", f"sync?timeout=1000{since}")
        self.since = answer["next_batch"]
        return answer

    def sees(self, look, patience=PATIENCE_SECONDS):
        """The first thing that `look` finds in a sync."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if found := look(self.syncs()):
                return found
        raise NeverCame(f"{self.kind} never shows it")


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
        rate_limits = {{ enabled = false }}
        metrics = {{ address = "" }}
        federation = {{ ca_file = "ca.pem", allowed_networks = ["127.0.0.0/8"], share_public_rooms = true }}
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
        "log_config": "log.json", "trusted_key_servers": [], "allow_public_rooms_over_federation": True,
        "room_list_publication_rules": [{"action": "allow"}], "suppress_key_server_warning": True,
        "report_stats": False, "macaroon_secret_key": "the same after a restart", "enable_registration": True, "enable_registration_without_verification": True,
        "bcrypt_rounds": 4, "federation": {"max_short_retry_delay": "1s", "destination_min_retry_interval": "1s",
                                           "destination_max_retry_interval": "2s"},
        **{limit: {"per_second": 1000, "burst_count": 1000} for limit in
           ["rc_message", "rc_registration", "rc_room_creation", "rc_admin_redaction"]},
        "rc_joins": {"local": {"per_second": 1000, "burst_count": 1000},
                     "remote": {"per_second": 1000, "burst_count": 1000}},
        "rc_invites": {"per_room": {"per_second": 1000, "burst_count": 1000},
                       "per_user": {"per_second": 1000, "burst_count": 1000}},
    }))  # JSON is YAML
    (folder / "log.json").write_text(json.dumps({
        "version": 1, "handlers": {"out": {"class": "logging.StreamHandler"}},
        "root": {"level": "WARNING", "handlers": ["out"]},
    }))
    command = [sys.executable, "-m", "synapse.app.homeserver", "-c", "synapse.yaml"]
    subprocess.run([*command, "--generate-keys"], cwd=folder, check=True, capture_output=True)
    server.start(*command)
    return server
