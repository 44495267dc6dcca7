#!/usr/bin/env python3
"""drop_keyspace.py HOST:PORT NAME: drops a keyspace of a test, over the native protocol."""

import socket
import struct
import sys

ERROR, STARTUP, QUERY = 0x00, 0x01, 0x07
CONSISTENCY_ONE = 1
CONNECT_SECONDS = 2
# Dropping a schema of forty tables takes seconds on a busy machine.
PATIENCE_SECONDS = 60


def receive(peer: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = peer.recv(length - len(received))
        if not part:
            raise ConnectionError("the node closed the connection")
        received += part
    return received


def exchange(peer: socket.socket, opcode: int, body: bytes) -> None:
    peer.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
    *_, answer, length = struct.unpack(">BBhBi", receive(peer, 9))
    body = receive(peer, length)
    if answer == ERROR:
        raise RuntimeError(f"the node refused: {body[6:].decode()}")


def main(node: str, keyspace: str) -> None:
    host, port = node.rsplit(":", 1)
    statement = f"DROP KEYSPACE IF EXISTS {keyspace}".encode()
    text = lambda value: struct.pack(">H", len(value)) + value.encode()
    with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as peer:
        peer.settimeout(PATIENCE_SECONDS)
        exchange(peer, STARTUP, struct.pack(">H", 1) + text("CQL_VERSION") + text("3.0.0"))
        exchange(peer, QUERY, struct.pack(">i", len(statement)) + statement + struct.pack(">HB", CONSISTENCY_ONE, 0))


main(*sys.argv[1:])
