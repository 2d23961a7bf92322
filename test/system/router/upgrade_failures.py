#!/usr/bin/env python3
"""Whatever goes wrong with an upgrade, requests are served: by the old router as long as it lives, by the new one when the old one has
died. A Python peer plays the router that fails."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from upgrade_peers import Channel, Gone, Upgradable, free_port  # noqa: E402
from router_peers import BIN, Recorder, Router, until  # noqa: E402

HELLO = {"protocol": 1, "version": "test", "pid": os.getpid()}


def expect_serving(router):
    assert router.status_of("app.example") == 200
    assert router.is_running(router.pid)


def fetch(channel, what):
    """All pages, and the descriptors."""
    pages, descriptors, start = [], [], 0
    while start is not None:
        channel.say(what, **{"from": start})
        page, some = channel.hear()
        assert page["say"] == what, page
        pages.append(page)
        descriptors += some
        start = page.get("next")
    return pages, descriptors


def bad_successors(router):
    """Processes that do not become a router."""
    answer = router.upgrade(binary="/nonexistent/router")
    assert answer["say"] == "refused" and "/nonexistent/router" in answer["reason"], answer
    expect_serving(router)
    answer = router.upgrade(binary="/bin/false")
    assert answer == {"say": "failed", "reason": "the new router exited with 1"}, answer
    expect_serving(router)
    config = f"{router.folder}/bad.yml"
    with open(config, "w") as file:
        file.write("port: none\n")
    answer = router.upgrade(config=config)
    assert answer == {"say": "failed", "reason": "the new router exited with 1"}, answer
    expect_serving(router)
    answer = router.upgrade(binary="/bin/cat")  # ends at once as well: it knows no -c
    assert answer["say"] == "failed", answer
    expect_serving(router)


def other_protocol(router):
    channel = Channel.connect(router.path)
    answer = channel.ask("hello", protocol=2, version="later", pid=os.getpid())
    assert answer["say"] == "refused" and "protocol 2" in answer["reason"], answer
    expect_serving(router)


def dies_with_everything(router):
    """It has the table and the sockets, but does not say that it serves."""
    channel = Channel.connect(router.path)
    assert channel.ask("hello", **HELLO)["say"] == "welcome"
    pages, _ = fetch(channel, "routes")
    routes = [entry["message"] for page in pages for entry in page["http"]]
    assert [route["uris"] for route in routes] == [["app.example"]], routes
    _, descriptors = fetch(channel, "sockets")
    ports = []
    for descriptor in descriptors:
        with socket.socket(fileno=descriptor) as listener:
            assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            ports.append(listener.getsockname()[1])
    assert sorted(ports) == sorted([router.port] * 2 + [router.status_port, router.routes_port, router.metrics_port]), ports
    second = Channel.connect(router.path)
    answer = second.ask("hello", **HELLO)
    assert answer["say"] == "refused" and "under way" in answer["reason"], answer
    answer = Channel.connect(router.path).ask("upgrade")
    assert answer["say"] == "refused" and "under way" in answer["reason"], answer
    channel.close()
    until(lambda: "the new router has gone" in router.program.output(), "the failure is logged")
    for _ in range(20):
        expect_serving(router)


def says_nothing(router):
    """It hangs: its time is limited."""
    channel = Channel.connect(router.path)
    assert channel.ask("hello", **HELLO)["say"] == "welcome"
    answer = channel.hear()[0]
    assert answer == {"say": "refused", "reason": "it took too long"}, answer
    expect_serving(router)


def speaks_nonsense(router):
    for text in (b"lnonsense", b'l{"say":"routes"}', b"l{}", b"x", b"l" + b"[" * 1000, b"m" * 1000):
        channel = Channel.connect(router.path)
        channel.peer.send(text)
        try:
            answer = channel.hear()[0]
            assert answer["say"] == "refused", answer
        except Gone:
            pass
        channel.close()
    channel = Channel.connect(router.path)
    assert channel.ask("hello", **HELLO)["say"] == "welcome"
    assert channel.ask("routes", **{"from": 10 ** 9})["say"] == "routes"
    channel.say("goodnight")
    assert channel.hear()[0]["say"] == "refused"
    expect_serving(router)


def other_users(router):
    mode = os.stat(router.path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, oct(mode)
    if os.geteuid() != 0:
        return
    os.chmod(router.path, 0o666)  # even then
    code = ("import socket,os\nos.setuid(65534)\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\ns.settimeout(30)\n"
            f"s.connect({router.path!r})\ntry:\n s.send(b'l'+b'{{\"say\":\"upgrade\"}}')\n print(len(s.recv(100)))\n"
            "except OSError:\n print(0)\n")
    heard = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60, check=True).stdout
    os.chmod(router.path, 0o600)
    assert heard.strip() == b"0", heard
    expect_serving(router)


def priorities(pid):
    """Of all threads, in order: niceness and scheduling policy."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            found.append((int(fields[16]), int(fields[38])))
    return sorted(found)


def goes_well_after_all(router):
    before = priorities(router.pid)
    answer = router.upgrade()
    assert answer["say"] == "done", (answer, router.program.output()[-2000:])
    expect_serving(router)
    assert priorities(router.pid) == before, "the new router's threads have the old one's priorities"


class Predecessor(threading.Thread):
    """Plays a running router that dies after so many answers."""

    def __init__(self, path, router_port, routes, answers):
        super().__init__(daemon=True)
        self.routes, self.answers, self.failure = routes, answers, None
        self.listener = socket.create_server(("0.0.0.0", router_port), reuse_port=True)
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(path)
        self.door.listen(1)

    def run(self):
        channel = Channel(self.door.accept()[0])
        try:
            for _ in range(self.answers):
                said = channel.hear()[0]["say"]
                if said == "hello":
                    channel.say("welcome")
                elif said == "routes":
                    channel.say("routes", http=self.routes, tcp=[])
                elif said == "sockets":
                    channel.say("sockets", [self.listener.fileno()], count=1)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
        self.door.close()
        channel.close()
        self.listener.close()


def predecessor_dies(backend, answers):
    """The new router serves all the same: with what it got, or after learning from NATS."""
    folder = tempfile.mkdtemp(prefix="causeway-upgrade.")
    path = f"{folder}/upgrade.sock"
    port = free_port()
    routes = [{"age_ms": 1000, "message": {"host": "127.0.0.1", "port": backend.port, "uris": ["app.example"]}}]
    old = Predecessor(path, port, routes, answers)
    old.start()
    router = Router(f"upgrade: {{socket: {path}}}\n", 1, words=["--take-over"], port=port)
    old.join(30)
    assert old.failure is None and not old.is_alive(), old.failure
    if answers < 2:
        router.register(["app.example"], backend.port)
    assert router.status_of("app.example") == 200, router.program.output()
    if answers < 3:
        until(lambda: "upgrade-predecessor-died" in router.program.output(), "a line of the log")
    else:
        assert "upgrade-predecessor-died" not in router.program.output(), router.program.output()
    assert Channel.connect(path).ask("hello", protocol=9)["say"] == "refused", "it can be replaced in its turn"
    assert router.stop() == 0
    os.unlink(path)
    os.rmdir(folder)


def nobody_before(backend):
    folder = tempfile.mkdtemp(prefix="causeway-upgrade.")
    path = f"{folder}/upgrade.sock"
    router = Router(f"upgrade: {{socket: {path}}}\n", 1, words=["--take-over"])
    assert "upgrade-without-predecessor" in router.program.output()
    router.register(["app.example"], backend.port)
    router.stop()
    os.unlink(path)
    os.rmdir(folder)


def command_line(router):
    causeway = f"{BIN}/causeway"
    if not os.path.exists(causeway):
        return
    done = subprocess.run([causeway, "--json", "router", "upgrade", "--config", router.config], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=90)
    assert done.returncode == 0, (done, router.program.output()[-2000:])
    router.pid = json.loads(done.stdout)["pid"]
    router.pids.append(router.pid)
    expect_serving(router)
    failed = subprocess.run([causeway, "router", "upgrade", "--config", router.config, "--binary", "/bin/false"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90)
    assert failed.returncode == 1 and b"exited with 1" in failed.stderr, failed
    nobody = subprocess.run([causeway, "router", "upgrade", "--socket", f"{router.folder}/none"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=90)
    assert nobody.returncode == 3 and b"upgrade.socket" in nobody.stderr, nobody
    expect_serving(router)


def killed_with_its_successor(router):
    """kill -9 of the router that serves is nothing an upgrade could help; the next start finds the path free."""
    os.kill(router.pid, signal.SIGKILL)
    router.until_ended(router.pid)


def main():
    backend = Recorder()
    router = Upgradable(workers=2, timeout="3s")
    try:
        router.register(["app.example"], backend.port)
        for step in (bad_successors, other_protocol, dies_with_everything, says_nothing, speaks_nonsense, other_users,
                     goes_well_after_all, command_line, killed_with_its_successor):
            step(router)
            print(f"{step.__name__}: as it should be", flush=True)
    finally:
        router.stop()
    for answers in (1, 2, 3):
        predecessor_dies(backend, answers)
        print(f"a predecessor that dies after {answers} answers: as it should be", flush=True)
    nobody_before(backend)


main()
