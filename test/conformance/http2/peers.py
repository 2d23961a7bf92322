#!/usr/bin/env python3
"""Other people's clients of HTTP/2 before the real router: curl, nghttp and h2load. What is not installed is named and left out."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "support")]
from h2_backend import Backend  # noqa: E402
from router_peers import Router, until  # noqa: E402


def run(*words, **more):
    return subprocess.run(words, capture_output=True, timeout=60, **more)


def curl(router, *words):
    return run("curl", "--silent", "--http2-prior-knowledge", "--write-out", "\n%{http_code} %{http_version}", *words)


def check_curl(router, base):
    got = curl(router, f"{base}/a?b=c").stdout.decode()
    assert got.endswith("200 2") and '"GET /a?b=c HTTP/1.1"' in got, got
    body = "0123456789" * 300_000
    got = run("curl", "--silent", "--http2-prior-knowledge", "--data-binary", "@-", f"{base}/echo", input=body.encode()).stdout.decode()
    assert f'"body": "{body}"' in got, f"{len(got)} bytes"
    got = run("curl", "--silent", "--http2-prior-knowledge", f"{base}/big/30000000").stdout
    assert len(got) == 30_000_000 and got.count(b"x") == len(got), len(got)
    got = curl(router, "--head", f"{base}/").stdout.decode()
    assert got.startswith("HTTP/2 200") and got.endswith("200 2"), got
    got = curl(router, "--include", f"{base}/trailers").stdout.decode()
    assert "grpc-status: 0" in got and "hello" in got, got
    # Thirty at a time.
    words = ["--write-out", "%{http_version} %{size_download}\\n"]
    for _ in range(30):
        words += ["--output", "/dev/null", f"{base}/big/100000"]
    got = run("curl", "--silent", "--http2-prior-knowledge", "--parallel", "--parallel-immediate", "--parallel-max", "30", *words).stdout.decode()
    assert got.splitlines() == ["2 100000"] * 30, got
    # And who knows no HTTP/2 is served at the same port.
    got = run("curl", "--silent", "--write-out", "%{http_version}", f"{base}/status/204").stdout.decode()
    assert got == "1.1", got


def check_nghttp(router, base):
    got = run("nghttp", "--no-dep", "--null-out", "--stat", "--multiply=50", f"{base}/a", f"{base}/big/50000").stdout.decode()
    assert len(re.findall(r" 200 ", got)) == 100, got
    got = run("nghttp", "--verbose", "--data", os.path.abspath(__file__), "--trailer", "x-sum: 1", f"{base}/echo").stdout.decode()
    assert '"trailers": [["x-sum", "1"]]' in got, got[-2000:]
    got = run("nghttp", "--verbose", "--null-out", f"{base}/a").stdout.decode()  # with a tree of priorities
    assert "recv GOAWAY" not in got and ":status: 200" in got, got


def check_h2load(router, base):
    for words in (["-n", "5000", "-c", "5", "-m", "100", f"{base}/a"],
                  ["-n", "200", "-c", "2", "-m", "20", "-w", "10", "-W", "12", f"{base}/big/100000"],
                  ["-n", "500", "-c", "2", "-m", "20", "-d", os.path.abspath(__file__), f"{base}/echo"]):
        got = run("h2load", *words).stdout.decode()
        done = int(re.search(r"(\d+) succeeded, (\d+) failed", got).group(1))
        assert done == int(words[1]), got


def check_drain(router, base):
    """Nothing is lost while the router drains under load."""
    load = subprocess.Popen(["h2load", "-D", "4", "-c", "4", "-m", "10", f"{base}/a"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(2)
    router.program.process.send_signal(signal.SIGUSR1)
    got = load.communicate(timeout=60)[0].decode()
    done, failed, errored = map(int, re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", got).groups())
    assert router.program.process.wait(30) == 0
    line = re.search(r"requests: .*", got).group(0)
    assert done > 0, got
    return line


def main():
    failed = 0
    for name, check in (("curl", check_curl), ("nghttp", check_nghttp), ("h2load", check_h2load), ("h2load", check_drain)):
        if shutil.which(name) is None:
            print(f"left out: {name} is not installed")
            continue
        backend, router = Backend(), Router("enable_h2c: true\ndrain_timeout: 20s\n")
        router.register(["localhost"], backend.port)
        try:
            said = check(router, f"http://localhost:{router.port}")
            print(f"good   {name}: {check.__name__} {said or ''}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED {name}: {check.__name__} {error!r}", flush=True)
        finally:
            backend.gate.set()
            router.stop()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
