"""A real Playhouse and a real Prometheus that scrapes it, each on ports of its own and gone afterwards."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.parse
import urllib.request

# Long enough for the tables of a new keyspace on a slow cluster.
START_DEADLINE_S = 240
DROP_KEYSPACE = pathlib.Path(__file__).parents[1] / "cql/drop_keyspace.py"


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url):
    """What a URL answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


@contextlib.contextmanager
def running(name, command, ready_url, folder, **options):
    """A process from its first good answer on."""
    log = pathlib.Path(folder, f"{name}.log")
    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, **options)
    try:
        until_ready(name, process, ready_url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def until_ready(name, process, url, log):
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        with contextlib.suppress(OSError):
            fetch(url)
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start:\n{log.read_text()}")
        time.sleep(0.05)


@contextlib.contextmanager
def keyspace():
    """A keyspace of its own on the CQL server of the tests, as the server's settings."""
    node, name = os.environ["PLAYHOUSE_TEST_CQL"].split(",")[0], f"playhouse_board_{os.getpid()}"
    try:
        yield f"""
        store = "scylla"
        scylla = {{ contact_points = ["{node}"], keyspace = "{name}", replication_factor = 1 }}
        """
    finally:
        subprocess.run([DROP_KEYSPACE, node, name], check=False)


def certify(folder):
    """A certificate and its key, signed by itself."""
    certificate, key = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=board.test", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


@contextlib.contextmanager
def playhouse(binary, store, folder):
    """A server on a store of its own: its client API and its metrics."""
    client, secure, metrics = free_port(), free_port(), free_port()
    settings = pathlib.Path(folder, "playhouse.toml")
    certificate, key = certify(folder)
    with keyspace() if store == "scylla" else contextlib.nullcontext('store = "fjall"') as rows:
        settings.write_text(f"""
        {rows}
        server_name = "board.test"
        data_dir = "data"
        listener = [
            {{ address = "127.0.0.1:{client}", parts = ["client", "health"] }},
            {{ address = "127.0.0.1:{secure}", parts = ["health"], tls_certificate = "{certificate}", tls_key = "{key}" }},
        ]
        registration.open = true
        passwords.cost = "test"
        # The users share an address; the limits that mistyped passwords meet stay.
        rate_limits.address = {{ per_second = 1000.0, burst = 1000 }}
        metrics.address = "127.0.0.1:{metrics}"
        """)
        # The tests' own variables are no keys of the server, which refuses them.
        own = {name: value for name, value in os.environ.items() if not name.startswith("PLAYHOUSE_")}
        command = [binary, "serve", "--config", settings]
        with running("playhouse", command, f"http://127.0.0.1:{client}/ready", folder, env=own):
            yield f"http://127.0.0.1:{client}", f"127.0.0.1:{metrics}"


class Prometheus:
    """Questions to a Prometheus."""

    def __init__(self, url):
        self.url = url

    def api(self, path, **query):
        """What its API says, or why it says nothing."""
        try:
            answer = json.loads(fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"))
        except urllib.error.HTTPError as refusal:
            raise ValueError(json.load(refusal)["error"]) from refusal
        return answer["data"]

    def values(self, query):
        """The numbers that a query brings now."""
        result = self.api("query", query=query)
        if result["resultType"] == "scalar":
            return [float(result["result"][1])]
        return [float(sample["value"][1]) for sample in result["result"]]

    def names(self):
        """Every metric that it has seen."""
        return set(self.api("label/__name__/values"))

    def rules(self):
        """Every rule that it evaluates."""
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]


@contextlib.contextmanager
def prometheus(config, target, folder):
    """A Prometheus by the configuration in ops/, only nearer and faster."""
    text = config.read_text()
    for shipped, here in [
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ("- rules/*.yml", f"- {config.parent}/rules/*.yml"),
        ("playhouse:9008]", f"'{target}']"),
    ]:
        if shipped not in text:
            raise RuntimeError(f"{config} does not say {shipped!r}")
        text = text.replace(shipped, here)
    settings = pathlib.Path(folder, "prometheus.yml")
    settings.write_text(text)
    port = free_port()
    command = ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder}/tsdb",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    url = f"http://127.0.0.1:{port}"
    with running("prometheus", command, f"{url}/-/ready", folder):
        yield Prometheus(url)
