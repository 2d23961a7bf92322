#!/usr/bin/env python3
"""A platform on this machine with certificates: mutual TLS between all of it, https at the router, nobody served without."""
import http.client
import os
import socket
import ssl
import subprocess
import sys
import unittest

from whole_platform import BIN, SOURCE, Platform, until


class TlsPlatform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform()
        cls.certificates = f"{cls.platform.folder}/certs"
        # The router's certificate stands for the apps' domain too.
        subprocess.run([f"{SOURCE}/tools/dev-certs", cls.certificates], check=True, capture_output=True)
        subprocess.run([f"{SOURCE}/tools/dev-certs", "--renew", cls.certificates, "router=*.apps.localhost"], check=True, capture_output=True)
        cls.tls_port = cls.platform.base_port + 18
        try:
            cls.platform.start("--tls", cls.certificates, "--router-tls-port", str(cls.tls_port))
            cls.platform.run_app("shop", instances=1, route="shop.apps.localhost")
        except Exception:
            cls.platform.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.platform.remove()

    def context(self, operator=True):
        context = ssl.create_default_context(cafile=f"{self.certificates}/ca.pem")
        if operator:
            context.load_cert_chain(f"{self.certificates}/operator.pem", f"{self.certificates}/operator.key")
        return context

    def get(self, link):
        try:
            link.request("GET", "/", headers={"Host": "shop.apps.localhost"})
            return link.getresponse().status
        finally:
            link.close()

    def test_an_app_answers_by_http_and_https(self):
        until(lambda: self.get(http.client.HTTPConnection("127.0.0.1", self.platform.router_port, timeout=30)) == 200, 60, "the app answers")
        context = self.context(operator=False)
        with socket.create_connection(("127.0.0.1", self.tls_port), 30) as plain:
            with context.wrap_socket(plain, server_hostname="shop.apps.localhost") as link:
                link.sendall(b"GET / HTTP/1.1\r\nHost: shop.apps.localhost\r\nConnection: close\r\n\r\n")
                self.assertTrue(link.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_the_command_line_finds_its_certificate_by_itself(self):
        self.assertEqual(self.platform.running("shop"), [0])
        self.assertIn("cell-1", self.platform.causeway("cells").stdout)
        self.platform.causeway("task", "run", "hi", "--command", "echo hello", "--wait")
        self.assertIn("cell-1", self.platform.causeway("dot", "cell-states").stdout)
        self.assertTrue(self.platform.causeway("logs", "shop").stdout is not None)

    def test_nobody_is_served_without_a_certificate(self):
        # In the order in which --ports-from hands them out.
        names = ["router_status", "router_routes", "router_metrics", "bbs", "bbs_health", "auctioneer", "auctioneer_health", "rep",
                 "rep_admin", "route_emitter_health", "nats", "redis"]
        port_of = {name: self.platform.base_port + at for at, name in enumerate(names)}
        for name, text in [("bbs", b"POST /v1/ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
                           ("auctioneer", b"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]"),
                           ("rep", b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                           ("redis", b"PING\r\n")]:
            with self.subTest(name):
                address = ("127.0.0.1", port_of[name])
                with self.context().wrap_socket(socket.create_connection(address, 30), server_hostname="localhost") as link:
                    link.sendall(text)
                    self.assertRegex(link.recv(4096), rb"^(HTTP/1.1 20|\+PONG)")
                with socket.create_connection(address, 30) as plain:
                    plain.sendall(text)
                    self.assertNotRegex(self.answer(plain), rb"HTTP/1.1 2|PONG")
                try:
                    with self.context(operator=False).wrap_socket(socket.create_connection(address, 30), server_hostname="localhost") as link:
                        link.sendall(text)
                        self.assertEqual(self.answer(link), b"")
                except (ssl.SSLError, ConnectionError):
                    pass
        with socket.create_connection(("127.0.0.1", port_of["nats"]), 30) as plain:
            self.assertIn(b'"tls_required":true', plain.recv(4096))
            plain.sendall(b"CONNECT {}\r\nPING\r\n")
            self.assertNotIn(b"PONG", self.answer(plain))

    def answer(self, link):
        try:
            return link.recv(4096)
        except (ssl.SSLError, ConnectionError):
            return b""

    def test_a_missing_file_is_named(self):
        done = subprocess.run([f"{BIN}/causeway", "--state", f"{self.platform.folder}/other", "platform", "start", "--tls",
                               f"{self.platform.folder}/nothing"], text=True, capture_output=True, timeout=60, env=dict(os.environ))
        self.assertEqual(done.returncode, 3)  # not there
        self.assertIn(f"{self.platform.folder}/nothing/ca.pem", done.stderr)
        self.assertIn("tools/dev-certs", done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
