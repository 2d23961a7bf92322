"""One round of load, and what is counted in it."""
import json
import os
import re
import signal
import statistics
import subprocess
import time

from proc import Failure, last_line, resident_bytes
from servers import HOST

WARM_UP_SECONDS = 0.3
BUSY = 0.85  # of a CPU: from here on it is the limit

# name -> (title, format, which way is better)
METRICS = {
    "rps": ("req/s", "{:.0f}", "up"),
    "cpu_us": ("CPU us/req", "{:.2f}", "down"),
    "mb_per_cpu_s": ("MB/CPU s", "{:.0f}", "up"),
    "p50_ms": ("p50 ms", "{:.3f}", "down"),
    "p99_ms": ("p99 ms", "{:.3f}", "down"),
    "p99_alone_ms": ("p99 alone", "{:.3f}", "down"),
    "p99_x": ("p99/alone", "{:.2f}", "down"),
    "wait_us": ("waits us", "{:.1f}", "down"),
    "conn_bytes": ("B/slow conn", "{:.0f}", "down"),
    "routable_s": ("routable s", "{:.2f}", "down"),
    "idle_bytes": ("B/idle conn", "{:.0f}", "down"),
    "rss_mb": ("RSS MB", "{:.1f}", "down"),
    "busy": ("busy", "{:.0%}", None),
    "load_busy": ("load busy", "{:.0%}", None),
    "errors": ("errors", "{:.0f}", None),
    "io_calls": ("I/O calls", "{:.3f}", "down"),
    "wait_calls": ("epoll calls", "{:.3f}", "down"),
    "other_calls": ("other calls", "{:.3f}", "down"),
}


def load(stage, server, options, shape):
    """One run of the generator. `shape`: connections, bytes, and optional close, rate, seconds, warm_up,
    tls, resume, streams (HTTP/2)."""
    record = f"{stage.folder}/record.json"
    argv = ["taskset", "-c", ",".join(map(str, stage.generator_cpus)), f"{stage.bin}/causeway-bench", "http",
            f"http{'s' if shape.get('tls') else ''}://{HOST}/bytes/{shape['bytes']}", "--connect", f"127.0.0.1:{server.port}",
            "--connections", str(shape["connections"]), "--duration",
            f"{shape.get('seconds', options.seconds) * 1000:.0f}ms",
            "--warm-up", f"{shape.get('warm_up', min(WARM_UP_SECONDS, options.seconds)) * 1000:.0f}ms",
            "--label", server.name,
            "--json", record, "--watch", f"proxy={server.pid}", "--watch", f"backend={stage.backend.pid}"]
    if shape.get("close"):
        argv.append("--close")
    if shape.get("tls"):
        argv += ["--ca", stage.certificate()]
    if shape.get("resume"):
        argv.append("--resume")
    if shape.get("streams"):
        argv += ["--http2", "--streams", str(shape["streams"])]
    argv += ["--rate", f"{shape['rate']:.0f}"] if "rate" in shape else ["--closed"]
    ran = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ran.returncode != 0:
        said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise Failure(f"load on {server.name} ended with status {ran.returncode}: {said}"
                      f"{server.end_as_text()}")
    with open(record) as file:
        return json.load(file)


def round_of(stage, server, options, shape):
    """Metrics of one round, and its record."""
    record = load(stage, server, options, shape)
    watched = {one["name"]: one for one in record["watched"]}
    proxy, seconds = watched["proxy"], record["plan"]["duration_s"]
    generator_busy = sum(record["generator"]["thread_busy"])
    shares_cpu = stage.generator_cpus == stage.backend_cpus
    backend_busy = watched["backend"]["cpu_seconds"] / seconds
    metrics = {
        "rps": record["replies_per_second"], "cpu_us": proxy["cpu_us_per_request"],
        "mb_per_cpu_s": record["replies"] * shape["bytes"] / 1e6 / max(proxy["cpu_seconds"], 1e-9),
        "p50_ms": record["latency"]["percentiles_us"]["p50"] / 1000,
        "p99_ms": record["latency"]["percentiles_us"]["p99"] / 1000,
        "rss_mb": resident_bytes(server.pid) / 1e6, "busy": proxy["cpu_seconds"] / seconds,
        # In an open loop the thread polls the schedule: only what it does counts.
        "load_busy": generator_busy + backend_busy if shares_cpu else max(generator_busy, backend_busy),
        "errors": record["failures"],
    }
    return metrics, record


def middle(rounds):
    """The medians, and the index of the round whose CPU per request is the median."""
    medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    order = sorted(range(len(rounds)), key=lambda i: rounds[i]["cpu_us"])
    return medians, order[len(order) // 2]


def limits_of(medians, rate_is_given):
    """Who was the limit where it was not the proxy."""
    said = []
    for name, one in medians.items():
        if rate_is_given or one["busy"] >= BUSY:
            continue
        if one["load_busy"] >= BUSY:
            said.append(f"{name}: generator and backend were the limit ({one['load_busy']:.0%} busy, the proxy "
                        f"{one['busy']:.0%}): compare CPU, not req/s")
        else:
            said.append(f"{name}: nobody was at its limit (proxy {one['busy']:.0%}, load {one['load_busy']:.0%} busy): "
                        "round trips or other work of the machine; compare CPU, not req/s")
    return said


IO_CALLS = {"read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg", "splice", "sendfile"}
WAIT_CALLS = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "io_uring_enter"}


def syscalls(stage, server, options, shape, seconds_least):
    """System calls per request, by strace; the proxy is slowed by it, so nothing else is measured."""
    table = f"{stage.folder}/strace.txt"
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(server.pid), "-o", table], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while not is_traced(server.pid):
            if tracer.poll() is not None or time.monotonic() > deadline:
                said = (tracer.stderr.read() if tracer.poll() is not None else "").strip()
                raise Failure(f"strace cannot attach to {server.name}: {said or 'it does not say why'}")
            time.sleep(0.02)
        record = load(stage, server, options, {**shape, "warm_up": 0, "seconds": max(options.seconds, seconds_least)})
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait()
    calls = {}
    with open(table) as file:
        for line in file:
            found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*$", line)
            if found and found.group(2) != "total":
                calls[found.group(2)] = int(found.group(1))
    if not calls:
        raise Failure(f"strace counted nothing: {last_line(table)}")
    requests = record["replies"] + record["failures"] + record["unfinished"]
    of = lambda names: sum(count for name, count in calls.items() if name in names) / requests
    return {"io_calls": of(IO_CALLS), "wait_calls": of(WAIT_CALLS),
            "other_calls": of(set(calls) - IO_CALLS - WAIT_CALLS),
            "calls": dict(sorted(calls.items(), key=lambda one: -one[1])), "requests": requests,
            "cpu_us": 0.0}, record


def is_traced(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return all("TracerPid:\t0\n" not in open(f"/proc/{pid}/task/{task}/status").read() for task in tasks)
    except OSError as error:
        raise Failure(f"process {pid} is gone: {error}") from error
