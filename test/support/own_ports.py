"""Loopback ports for the servers of a test, out of blocks of fifty. A block belongs to one test program at a time: a lock on
a file of its number, held until the program ends, keeps the others away (own_ports.h does the same)."""
import fcntl
import os
import random
import socket
import tempfile
import threading

FROM = 20000  # below the range of outgoing connections
BLOCKS = 240
BLOCK = 50

held = []  # the locks' files
lock = threading.Lock()
next_port = end = 0


def _lock_block():
    """The first port of a block that is ours now."""
    folder = os.path.join(tempfile.gettempdir(), f"causeway-test-ports-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for _ in range(100 * BLOCKS):
        block = random.randrange(BLOCKS)
        file = open(os.path.join(folder, str(block)), "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        held.append(file)
        return FROM + block * BLOCK
    raise RuntimeError("no free ports")


def _is_free(port):
    with socket.socket() as one:
        try:
            one.bind(("0.0.0.0", port))
            return True
        except OSError:
            return False


def free_ports(count):
    """So many in a row that nobody listens on; the first is answered. Never the same twice."""
    global next_port, end
    assert count <= BLOCK
    with lock:
        while True:
            if next_port + count > end:
                next_port = _lock_block()
                end = next_port + BLOCK
            first, next_port = next_port, next_port + count
            if all(map(_is_free, range(first, first + count))):
                return first


def free_port():
    return free_ports(1)
