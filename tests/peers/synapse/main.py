"""Playhouse and Synapse deal with each other: each check in both directions. Prints 'N passed, N failed'."""

import sys
import tempfile
import traceback
from pathlib import Path

from questions import checks
from rooms import LAWS
from servers import Authority, playhouse, synapse


def ask_each_other(one, other):
    for asker, asked in [(one, other), (other, one)]:
        for what, got, right in checks(asker, asked):
            verdict = "ok" if got == right else f"FAILED: {got}, not {right}"
            print(f"{asker.kind} asks {asked.kind} for {what}: {verdict}", flush=True)
            yield got == right


def share_rooms(one, other, wanted):
    for law in LAWS:
        if wanted and law.__name__ not in wanted:
            continue
        for host, guest in [(one, other), (other, one)]:
            verdict = "ok"
            try:
                law(host, guest)
            except Exception:
                verdict = f"FAILED:\n{traceback.format_exc(limit=-2)}"
            print(f"{law.__name__}, at {host.kind}: {verdict}", flush=True)
            yield verdict == "ok"


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
            servers[0].settle("alice", "here")
            servers[1].settle("bob", "there")
            if not sys.argv[1:]:
                results += ask_each_other(*servers)
            results += share_rooms(*servers, sys.argv[1:])
            if not all(results):
                print("".join(f"--- {s.kind}\n{(folder / f'{s.kind}.log').read_text()[-6000:]}\n" for s in servers))
        finally:
            for server in servers:
                server.stop()
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
