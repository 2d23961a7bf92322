#!/usr/bin/env python3
"""Holds idle client connections: idle.py PORT HOST COUNT...

Opens connections up to each COUNT in turn; each has asked once and got its reply. Says "open COUNT" and goes on when a
line comes; ends with its standard input.
"""
import socket
import sys


def open_one(port, request):
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        piece = client.recv(65536)
        if not piece:
            raise OSError("closed before its reply")
        got += piece
    head, body = got.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(f"answered {head.splitlines()[0].decode(errors='replace')}")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        piece = client.recv(65536)
        if not piece:
            raise OSError("closed within its reply")
        body += piece
    return client


def main():
    port, host, counts = int(sys.argv[1]), sys.argv[2], [int(one) for one in sys.argv[3:]]
    request = f"GET /bytes/128 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: idle\r\n\r\n".encode()
    held = []
    for count in counts:
        try:
            while len(held) < count:
                held.append(open_one(port, request))
        except OSError as error:
            print(f"failed after {len(held)}: {error}", flush=True)
            return 1
        print(f"open {count}", flush=True)
        if not sys.stdin.readline():
            return 0
    sys.stdin.read()
    return 0


sys.exit(main())
