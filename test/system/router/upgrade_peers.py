"""What the tests of upgrades share: the messages of the upgrade socket, spoken from Python, and a router whose process changes."""
import array
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import PATIENCE, Router, free_port, until  # noqa: E402,F401

PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)


class Gone(Exception):
    """The other end has closed the connection."""


class Channel:
    """One end of a connection to an upgrade socket: packets, the first byte of which says whether more of the message follow."""

    def __init__(self, peer):
        self.peer = peer
        self.peer.settimeout(PATIENCE)

    @staticmethod
    def connect(path):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        peer.connect(path)
        return Channel(peer)

    def say(self, what, descriptors=(), **more):
        text = json.dumps(dict({"say": what}, **more)).encode()
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.peer.sendmsg([b"l" + text], control)

    def hear(self):
        """The next message and the descriptors that came with it."""
        text, descriptors = b"", []
        while True:
            packet, control, _, _ = self.peer.recvmsg(1 << 16, socket.CMSG_SPACE(4 * 64))
            if not packet:
                raise Gone
            for _, _, data in control:
                descriptors += array.array("i", data[:len(data) - len(data) % 4])
            text += packet[1:]
            if packet[:1] == b"l":
                return json.loads(text), descriptors

    def ask(self, what, **more):
        self.say(what, **more)
        return self.hear()[0]

    def close(self):
        self.peer.close()


class Upgradable(Router):
    """A router that hands over to its successors. This process collects them all: they are children of its children."""

    pem_folder = "/nonexistent"

    def __init__(self, settings="", workers=1, timeout="30s", tls_port=None):
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.path = f"/tmp/causeway-upgrade.{os.getpid()}.{id(self)}.sock"
        super().__init__(f"upgrade: {{socket: {self.path}, timeout: {timeout}}}\ndrain_timeout: 30s\n"
                         + settings + self.tls(tls_port), workers)
        self.pid = self.program.process.pid
        self.pids = [self.pid]

    def tls(self, port):
        """The https listener's keys; the certificate is its own authority."""
        self.tls_port = port
        if port is None:
            return ""
        self.pem_folder = tempfile.mkdtemp(prefix="causeway-upgrade.")
        certificate, key = f"{self.pem_folder}/cert.pem", f"{self.pem_folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", certificate, "-days", "2", "-subj", "/CN=app.example", "-addext", "subjectAltName=DNS:app.example"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def indented(path):
            with open(path) as file:
                return "".join(f"    {line}" for line in file)
        return (f"enable_ssl: true\nssl_port: {port}\nclient_cert_validation: none\nenable_http2: true\n"
                "cipher_suites: ECDHE-ECDSA-AES128-GCM-SHA256\n"
                f"tls_pem:\n- cert_chain: |\n{indented(certificate)}  private_key: |\n{indented(key)}")

    def upgrade(self, **more):
        """What became of it: the last message, and the successor's process."""
        channel = Channel.connect(self.path)
        answer = channel.ask("upgrade", **more)
        started = answer.get("pid")
        if answer["say"] == "started":
            self.pids.append(started)
            answer = channel.hear()[0]
        channel.close()
        if answer["say"] == "done":
            self.pid = answer["pid"]
        return answer

    def until_listens(self, port):
        until(lambda: self._accepts(port), f"somebody listens on {port}")

    def is_running(self, pid):
        if pid == self.program.process.pid:
            return self.program.process.poll() is None
        try:
            return os.waitpid(pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    return stat.read().rpartition(")")[2].split()[0] != "Z"
            except FileNotFoundError:
                return False

    def until_ended(self, pid, seconds=PATIENCE):
        until(lambda: not self.is_running(pid), f"the end of process {pid}", seconds)

    def stop(self):
        for pid in self.pids:
            if pid != self.program.process.pid and self.is_running(pid):
                os.kill(pid, signal.SIGTERM)
                self.until_ended(pid)
        super().stop()
        if os.path.exists(self.path):
            os.unlink(self.path)
        shutil.rmtree(self.pem_folder, ignore_errors=True)
