#!/usr/bin/env python3
"""PROXY protocol headers of those who connect, and to instances behind TCP routes: with haproxy and curl as peers where they can, byte
by byte where they cannot."""
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import PATIENCE, Accepting, Program, Router, free_port, until  # noqa: E402

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n"


def binary(command, family, body):
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(body)) + body


TOLD_V4 = binary(0x21, 0x11, socket.inet_aton("203.0.113.7") + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 12345, 443))
TOLD_V6 = binary(0x21, 0x21, socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
                 + struct.pack(">HH", 12345, 443) + b"\x04\x00\x02no")


class App(Accepting):
    """Answers with the request's head."""

    def __init__(self):
        super().__init__()
        self.start()

    def serve(self, peer):
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = peer.recv(65536)
            if not piece:
                return
            heard += piece
        peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(heard), heard))
        peer.close()


def say(router, pieces, port=None):
    """What comes back for the pieces, each a packet of its own; "" when the connection is closed."""
    with socket.create_connection(("127.0.0.1", port or router.port)) as client:
        client.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        heard = b""
        try:
            for piece in pieces:
                client.sendall(piece)
            while piece := client.recv(65536):
                heard += piece
        except ConnectionError:
            pass
        return heard.decode()


def forwarded_for(answer):
    found = re.search(r"(?im)^X-Forwarded-For: (.*?)\r?$", answer)
    return found[1] if found else None


def access_lines(router, count):
    def lines():
        with open(f"{router.folder}/access.log") as log:
            return log.read().splitlines()
    until(lambda: len(lines()) >= count, f"{count} lines in the access log")
    return lines()


def headers(router):
    for header, client in ((b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n", "203.0.113.7"),
                           (b"PROXY TCP6 2001:db8::7 ::1 12345 443\r\n", "2001:db8::7"),
                           (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (TOLD_V4, "203.0.113.7"), (TOLD_V6, "2001:db8::7"),
                           (binary(0x20, 0, b""), "127.0.0.1"), (binary(0x21, 0x31, bytes(216)), "127.0.0.1"), (b"", "127.0.0.1")):
        together = say(router, [header + GET])
        apart = say(router, [header[i:i + 1] for i in range(len(header))] + [GET[:5], GET[5:]])
        for answer in (together, apart):
            assert answer.startswith("HTTP/1.1 200 ") and forwarded_for(answer) == client, (header, answer)
    last = access_lines(router, 1)
    assert any('"203.0.113.7:12345"' in line and 'x_forwarded_for:"203.0.113.7"' in line for line in last), last[-3:]


def bad_headers(router):
    before = router.metrics()
    bad = [b"PROXY TCP4 203.0.113.7 10.0.0.1 012345 443\r\n", b"PROXY TCP9 x\r\n", b"PROXY " + b"x" * 200,
           binary(0x22, 0x11, bytes(12)), binary(0x21, 0x11, bytes(3))]
    for header in bad:
        assert say(router, [header + GET]) == "", header
    until(lambda: any("proxy" in name and count - before.get(name, 0) == len(bad) for name, count in router.metrics().items()),
          f"{len(bad)} refused headers are counted")
    until(lambda: "proxy-header-refused" in router.program.output(), "a line of the log")


def slow_headers(router):
    with socket.create_connection(("127.0.0.1", router.port)) as client:
        client.settimeout(PATIENCE)
        client.sendall(b"PROXY TCP4 203")
        assert client.recv(100) == b"", "its time is limited"
    # Silence is no header that is late.
    with socket.create_connection(("127.0.0.1", router.port)) as quiet, \
            socket.create_connection(("127.0.0.1", router.port)) as late:
        for client in (quiet, late):
            client.settimeout(PATIENCE)
        late.sendall(b"PROXY TCP4 203")
        assert late.recv(100) == b""
        quiet.sendall(TOLD_V4 + GET)
        assert forwarded_for(quiet.recv(65536).decode()) == "203.0.113.7"


def with_curl(router):
    done = subprocess.run(["curl", "-s", "--haproxy-protocol", "-H", "Host: app.example", f"http://127.0.0.1:{router.port}/"],
                          stdout=subprocess.PIPE, timeout=60, check=True)
    assert forwarded_for(done.stdout.decode()) == "127.0.0.1", done.stdout


def with_haproxy(router):
    """The client's own port is in the access log: haproxy has told it."""
    for words in ("send-proxy", "send-proxy-v2"):
        port = free_port()
        with open(f"{router.folder}/haproxy.cfg", "w") as file:
            file.write(f"defaults\n mode tcp\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n"
                       f"listen front\n bind 127.0.0.1:{port}\n server router 127.0.0.1:{router.port} {words}\n")
        haproxy = Program(["haproxy", "-db", "-f", f"{router.folder}/haproxy.cfg"], f"{router.folder}/haproxy.log")
        try:
            until(lambda: Router._accepts(port), "haproxy listens")
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(PATIENCE)
                own = client.getsockname()[1]
                client.sendall(GET)
                assert forwarded_for(client.recv(65536).decode()) == "127.0.0.1"
            until(lambda: any(f'"127.0.0.1:{own}"' in line for line in access_lines(router, 1)), "haproxy's client is logged")
        finally:
            haproxy.stop()


def untrusted(app):
    """Who is not on the list sends requests, not headers."""
    router = Router("enable_proxy: true\nproxy_protocol: {trusted: [192.0.2.0/24, '2001:db8::/32']}\n")
    try:
        router.register(["app.example"], app.port)
        assert say(router, [TOLD_V4 + GET]).startswith("HTTP/1.1 400 ")
        assert say(router, [b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n" + GET]).startswith("HTTP/1.1 400 ")
        assert forwarded_for(say(router, [GET])) == "127.0.0.1"
    finally:
        router.stop()


def off(app):
    router = Router()
    try:
        router.register(["app.example"], app.port)
        assert say(router, [TOLD_V4 + GET]).startswith("HTTP/1.1 400 ")
    finally:
        router.stop()


def to_instances(app):
    """haproxy believes what the router tells it of a TCP route's client."""
    for version in ("v1", "v2"):
        external, inside = free_port(), free_port()
        router = Router(f"tcp_router: {{reservable_ports: '{external}', send_proxy: {version}}}\n")
        with open(f"{router.folder}/haproxy.cfg", "w") as file:
            file.write("defaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n"
                       f"frontend inside\n bind 127.0.0.1:{inside} accept-proxy\n option forwardfor\n"
                       " http-request set-header X-Told-Port %[src_port]\n"
                       f" default_backend app\nbackend app\n server app 127.0.0.1:{app.port}\n")
        haproxy = Program(["haproxy", "-db", "-f", f"{router.folder}/haproxy.cfg"], f"{router.folder}/haproxy.log")
        try:
            until(lambda: Router._accepts(inside), "haproxy listens")
            router.tell("router.tcp.register", {"external_port": external, "host": "127.0.0.1", "port": inside})
            until(lambda: Router._accepts(external), "the route's port is open")
            with socket.create_connection(("127.0.0.1", external)) as client:
                client.settimeout(PATIENCE)
                client.sendall(GET)
                answer = client.recv(65536).decode()
                assert answer.startswith("HTTP/1.1 200 "), answer
                assert re.search(r"(?i)x-told-port: (\d+)", answer)[1] == str(client.getsockname()[1]), answer
        finally:
            haproxy.stop()
            router.stop()


def before_tls(app):
    """A header, then the client's hello, also in one packet or in many; both versions."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="causeway-proxy-tls.")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                    f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    router = Router("enable_proxy: true\nproxy_protocol: {trusted: [127.0.0.1/32], header_timeout: 500ms}\nenable_ssl: true\n"
                    f"ssl_port: {port}\nclient_cert_validation: none\ncipher_suites: ECDHE-RSA-AES128-GCM-SHA256\n"
                    f"tls_pem:\n- {{cert_chain_file: {folder}/cert.pem, private_key_file: {folder}/key.pem}}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask(header, piece_bytes):
        """The answer over TLS; the hello goes together with the header's last piece."""
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(PATIENCE)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            to_router, from_router = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(from_router, to_router, server_hostname="localhost")
            say_first, heard = header, b""
            asked = False
            try:
                while True:
                    try:
                        if not asked:
                            tls.do_handshake()
                            tls.write(GET)
                            asked = True
                        while piece := tls.read(65536):
                            heard += piece
                        return heard.decode()
                    except ssl.SSLWantReadError:
                        pass
                    except ssl.SSLError:
                        return heard.decode()
                    out = say_first + to_router.read()
                    say_first = b""
                    for at in range(0, len(out), piece_bytes):
                        client.sendall(out[at:at + piece_bytes])
                    if not (piece := client.recv(65536)):
                        return heard.decode()
                    from_router.write(piece)
            except OSError:
                return heard.decode()

    try:
        router.register(["app.example"], app.port)
        told = [(b"", "127.0.0.1"), (TOLD_V4, "203.0.113.7"), (TOLD_V6, "2001:db8::7"),
                (b"PROXY TCP4 203.0.113.8 10.0.0.1 12345 443\r\n", "203.0.113.8"),
                (b"PROXY TCP6 2001:db8::8 ::1 12345 443\r\n", "2001:db8::8"),
                (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (binary(0x20, 0, b""), "127.0.0.1")]
        for header, client in told:
            for piece_bytes in (100_000, 3):
                answer = ask(header, piece_bytes)
                assert forwarded_for(answer) == client, (header, piece_bytes, answer)
                assert "x-forwarded-proto: https" in answer.lower(), answer
        before = router.metrics()
        for header in (b"PROXY TCP4 nonsense\r\n", binary(0x22, 0x11, bytes(12))):
            assert ask(header, 100_000) == "", header
        # A second header is no client's hello.
        assert ask(TOLD_V4 + TOLD_V4, 100_000) == ""
        until(lambda: router.metrics()["proxy_headers_refused"] - before["proxy_headers_refused"] == 2, "refusals are counted")
        with socket.create_connection(("127.0.0.1", port)) as late:
            late.settimeout(PATIENCE)
            late.sendall(TOLD_V4[:14])
            assert late.recv(100) == b"", "its time is limited"
    finally:
        router.stop()
        shutil.rmtree(folder, ignore_errors=True)


def of_tcp_routes(app):
    """A routed port believes those it is told to believe, and tells its instances."""
    external = free_port()
    for trusted, client in (("", "203.0.113.7:12345"), ("trusted: [127.0.0.0/8], ", "203.0.113.7:12345")):
        router = Router(f"tcp_router: {{reservable_ports: '{external}', enable_proxy: true, log_connections: true, "
                        f"proxy_protocol: {{{trusted}header_timeout: 500ms}}}}\n")
        try:
            router.tell("router.tcp.register", {"external_port": external, "host": "127.0.0.1", "port": app.port})
            until(lambda: Router._accepts(external), "the route's port is open")
            for header in (TOLD_V4, b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n"):
                for pieces in ([header + GET], [bytes([byte]) for byte in header] + [GET]):
                    assert say(router, pieces, external).startswith("HTTP/1.1 200 "), (header, pieces)
            assert say(router, [GET], external).startswith("HTTP/1.1 200 ")
            until(lambda: router.program.output().count(client) == 4, "the clients that were told are logged")
            assert say(router, [b"PROXY nonsense\r\n" + GET], external) == ""
            until(lambda: router.metrics().get(f'tcp_proxy_headers_refused{{port="{external}"}}') == 1, "the refusal is counted")
        finally:
            router.stop()


def main():
    app = App()
    router = Router("enable_proxy: true\nproxy_protocol: {header_timeout: 500ms}\n")
    try:
        router.register(["app.example"], app.port)
        for step in (headers, bad_headers, slow_headers, with_curl, with_haproxy):
            step(router)
            print(f"{step.__name__}: as it should be", flush=True)
    finally:
        router.stop()
    for step in (untrusted, off, before_tls, of_tcp_routes, to_instances):
        step(app)
        print(f"{step.__name__}: as it should be", flush=True)


main()
