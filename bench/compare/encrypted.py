"""Modes over TLS and HTTP/2: the same certificate, TLS 1.3 with AES-128-GCM and X25519 for all."""
import os
import subprocess
import time

from measure import limits_of, round_of
from modes import BULK, Mode, load_shape
from proc import Failure, raise_descriptor_limit, resident_bytes
from servers import HOST

PATIENCE = 60  # seconds


class Encrypted(Mode):
    """The servers of their `tls` kind, under their plain names. The floor cannot."""

    def __init__(self, name, about, shape, goals, columns=None):
        super().__init__(name, about, {**shape, "tls": True}, ("router", "haproxy", "nginx"), goals, columns)

    def measure(self, stage, options, done):
        servers = {name: stage.server(f"{name}:tls") for name in self.wanted(options)}
        self.rounds(stage, options, done, servers, self.shape)
        for name, record in done["records"].items():
            made = record["handshakes"]
            done["notes"].append(f"{name}: {made['full']} full handshakes, {made['resumed']} resumed")
        done["notes"] += limits_of(done["medians"], False)


class IdleEncrypted(Encrypted):
    """Memory of connections that have shaken hands and say nothing."""

    def measure(self, stage, options, done):
        count = min(options.idle, 2000, (raise_descriptor_limit() - 1500) // 2)
        done["notes"].append(f"{count} idle connections")
        done["rounds"] = {}
        for name in self.wanted(options):
            server = stage.start(f"{name}:tls", f"idle-tls-{name}", stage.proxy_cpus)
            try:
                metrics, record = round_of(stage, server, options, self.shape)  # what active ones need is there
                metrics["idle_bytes"] = self.hold(stage, server, count)
            finally:
                stage.end_server(server)
            done["rounds"][name], done["medians"][name], done["records"][name] = [metrics], metrics, record

    @staticmethod
    def hold(stage, server, count):
        files = lambda: len(os.listdir(f"/proc/{server.pid}/fd"))
        before, open_before = resident_bytes(server.pid), files()
        holder = subprocess.Popen(["taskset", "-c", ",".join(map(str, stage.generator_cpus)), f"{stage.bin}/causeway-bench",
                                   "http", f"https://{HOST}/", "--connect", f"127.0.0.1:{server.port}", "--ca",
                                   stage.certificate(), "--hold", "-c", str(count), "-d", "300s", "--timeout", "60s"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + PATIENCE
            while files() - open_before < count * 0.95 or IdleEncrypted.grows(server.pid):
                if time.monotonic() > deadline or holder.poll() is not None:
                    raise Failure(f"{server.name} holds {files() - open_before} of {count} idle connections"
                                  f"{server.end_as_text()}")
            return (resident_bytes(server.pid) - before) / count
        finally:
            holder.kill()
            holder.wait()

    @staticmethod
    def grows(pid):
        before = resident_bytes(pid)
        time.sleep(0.5)
        return resident_bytes(pid) != before


CHEAPER = (("cpu_us", "haproxy", 1.0), ("cpu_us", "nginx", 1.0))
MODES = [
    Encrypted("tls-64", "TLS, 64 keep-alive connections, 128 B replies", load_shape(64), CHEAPER),
    Encrypted("tls-1m-16", "TLS, 16 keep-alive connections, 1 MiB replies", load_shape(16, 1 << 20),
              (("mb_per_cpu_s", "nginx", 1.0),), BULK),
    Encrypted("tls-full", "a TLS connection with a full handshake (ECDSA P-256) per request", load_shape(16, close=True), CHEAPER),
    Encrypted("tls-resumed", "a TLS connection that resumes a session per request",
              # The generator keeps eight sessions of a server: more connections at once would find none.
              {**load_shape(4, close=True), "resume": True}, CHEAPER),
    Encrypted("h2-100", "HTTP/2 over TLS, 4 connections with 100 streams each, 128 B replies",
              {**load_shape(4), "streams": 100}, CHEAPER),
    IdleEncrypted("tls-idle", "idle TLS connections", load_shape(16), (("idle_bytes", None, 16384),),
                  ("idle_bytes", "cpu_us", "rss_mb", "errors")),
]
