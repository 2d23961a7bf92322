#!/usr/bin/env python3
"""OpenSSL's client against the https listener in every combination of version, suite, key and ALPN, with and without tickets; and what an
idle TLS connection costs."""
import os
import re
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import Router, free_port, until  # noqa: E402

SUITES = {"ECDHE-ECDSA-AES128-GCM-SHA256": "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256": "TLSv1.2",
          "ECDHE-ECDSA-CHACHA20-POLY1305": "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384": "TLSv1.2",
          "ECDHE-RSA-AES128-SHA": "TLSv1", "AES256-SHA": "TLSv1"}
SUITES_1_3 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
REFUSED = ["ECDHE-ECDSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA"]
IDLE_KIB_MAX = 16


def make_pair(folder, name, kind):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"- {{cert_chain_file: {folder}/{name}.pem, private_key_file: {folder}/{name}.key}}\n"


def settings(folder, port):
    return (f"enable_ssl: true\nssl_port: {port}\nclient_cert_validation: none\nmin_tls_version: TLSv1.0\n"
            f"cipher_suites: {':'.join(SUITES)}\ntls_pem:\n" + make_pair(folder, "rsa", ["rsa:2048"])
            + make_pair(folder, "ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]))


def shake(port, *words, reconnects=False):
    """What openssl says of one connection (or of six, each with the session of the one before)."""
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *words]
    done = subprocess.run(words + (["-reconnect"] if reconnects else []), input=b"", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False)
    return done.stdout.decode(errors="replace")


def agreed(text):
    found = re.search(r"^(?:New|Reused), (\S+), Cipher is (\S+)$", text, re.MULTILINE)
    return found.groups() if found else None


def versions_and_suites(port):
    for suite, since in SUITES.items():
        for flag, version in (("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2")):
            text = shake(port, flag, "-cipher", suite + ":@SECLEVEL=0")
            if since == "TLSv1.2" and version != "TLSv1.2":
                assert "no ciphers available" in text or agreed(text) in (None, ("(NONE)", "(NONE)")), (suite, version, text)
                continue
            assert (agreed(text) or ("", ""))[1] == suite, (suite, version, text)
            assert re.search(rf"Protocol *: {re.escape(version)}$", text, re.MULTILINE), (suite, version, text)
    for suite in SUITES_1_3:
        assert agreed(shake(port, "-tls1_3", "-ciphersuites", suite)) == ("TLSv1.3", suite), suite
    for suite in REFUSED:
        text = shake(port, "-tls1_2", "-cipher", suite)
        assert agreed(text) in (None, ("(NONE)", "(NONE)")) and "alert handshake failure" in text, text


def protocols(port):
    for flag in ("-tls1_2", "-tls1_3"):
        assert "ALPN protocol: http/1.1" in shake(port, flag, "-alpn", "http/1.1"), flag
        assert "ALPN protocol: http/1.1" in shake(port, flag, "-alpn", "unheard/of,http/1.1"), flag
        assert "No ALPN negotiated" in shake(port, flag), flag
        assert "alert no application protocol" in shake(port, flag, "-alpn", "unheard/of"), flag


def tickets(port):
    text = shake(port, "-tls1_2", reconnects=True)
    assert text.count("Reused, ") == 5, text
    assert "Reused, " not in shake(port, "-tls1_2", "-no_ticket", reconnects=True)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session = None
    for attempt in range(3):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost", session=session) as client:
            assert client.version() == "TLSv1.3" and client.session_reused == (attempt > 0), attempt
            client.sendall(b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 404")
            session = client.session


def nothing_insecure(port):
    assert "Secure Renegotiation IS supported" in shake(port, "-tls1_2")
    assert "Compression: NONE" in shake(port, "-tls1_2", "-comp")


def memory(router, port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def idle(count):
        clients = []
        for _ in range(count):
            clients.append(context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"))
            clients[-1].sendall(b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n")
            assert clients[-1].recv(4096).startswith(b"HTTP/1.1 404")
        return clients

    kept = idle(50)
    before = router.memory_kib()
    kept += idle(300)
    each = (router.memory_kib() - before) / 300
    print(f"{each:.1f} KiB for each idle TLS connection")
    assert each <= IDLE_KIB_MAX, each
    for client in kept:
        client.close()
    until(lambda: router.metrics()["client_connections"] == 0, "the connections are gone")


def main():
    port = free_port()
    folder = subprocess.run(["mktemp", "-d"], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    router = Router(settings(folder, port))
    try:
        memory(router, port)
        versions_and_suites(port)
        protocols(port)
        tickets(port)
        nothing_insecure(port)
    finally:
        code = router.stop()
        subprocess.run(["rm", "-rf", folder], check=True)
    assert code == 0, code


if __name__ == "__main__":
    main()
