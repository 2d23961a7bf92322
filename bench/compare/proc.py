"""What /proc and the process's own limits say."""
import os
import random
import resource
import socket
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


class Failure(Exception):
    """Ends the command, or the mode that needs what is missing; its text is for people."""


def free_port():
    """One that nobody listens on, below those that the kernel hands out: no other program's connection takes it before
    its server does."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    while True:
        port = random.randrange(min(10000, first - 1000), min(20000, first))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE


def scheduled(pid):
    """{thread: (ns on a CPU, ns waiting for one, times it was given one)}"""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            found[task] = tuple(int(number) for number in file.read().split())
    return found


def load_average():
    return os.getloadavg()[0]


def raise_descriptor_limit():
    """As many as the hard limit allows, for us and what we start; answers how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def wait_port(port, process, name, log, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failure(f"{name} ended at once with status {process.returncode}: {last_line(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failure(f"{name} does not listen on port {port}: {last_line(log)}")


def last_line(path):
    try:
        with open(path, errors="replace") as file:
            lines = [line.strip() for line in file.read().splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"
