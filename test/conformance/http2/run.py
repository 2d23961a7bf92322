#!/usr/bin/env python3
"""Asks the real router every rule of HTTP/2 that a server can be asked about (rules.py), or floods it (attacks.py), frame by frame.

usage: run.py rules|attacks [NAME...]      only those whose text holds one of the names
"""
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "support")]
from h2_backend import Backend  # noqa: E402
from h2_client import Client  # noqa: E402
from router_peers import Router  # noqa: E402

SETTINGS = ("enable_h2c: true\nmax_request_header_bytes: 65536\nendpoint_timeout: 60s\nread_header_timeout: 3s\n"
            "frontend_idle_timeout: 20s\n")
# Times that attackers have to wait for are short; what is bounded is not.
ATTACK_SETTINGS = SETTINGS.replace("20s", "5s") + "http2: {stall_timeout: 5s}\n"


def check_rules(names):
    from rules import RULES
    backend, router = Backend(), Router(SETTINGS)
    router.register(["app.example"], backend.port)
    failed = 0
    chosen = [each for each in RULES if not names or any(name in each[1] or name == each[0] for name in names)]
    for section, text, check in chosen:
        client = None
        try:
            client = Client(router.port)
            check(client)
        except Exception as error:  # a case that fails must not keep others from being asked
            failed += 1
            print(f"FAILED {section}: {text}\n  {error!r}", flush=True)
            if names:
                traceback.print_exc()
        finally:
            if client:
                client.close()
            if backend.gate.is_set() is False:
                backend.gate.set()
                backend.gate.clear()
    backend.gate.set()
    code = router.stop()
    print(f"{len(chosen) - failed} of {len(chosen)} rules hold; the router exited with {code}")
    return failed > 0 or code != 0


def check_attack(text, check, is_talkative):
    """One of them, before a router of its own; true: it was held."""
    backend, router = Backend(), Router(ATTACK_SETTINGS)
    router.register(["app.example"], backend.port)
    began, is_held = time.monotonic(), True
    try:
        bound = check(router, backend)
        print(f"held   {text}: {bound} ({time.monotonic() - began:.1f} s)", flush=True)
    except Exception as error:  # a case that fails must not keep others from being tried
        is_held = False
        print(f"FAILED {text}\n  {error!r}", flush=True)
        if is_talkative:
            traceback.print_exc()
    backend.gate.set()
    if router.stop() != 0:
        is_held = False
        print(f"FAILED {text}: the router did not end well", flush=True)
    return is_held


def check_attacks(names):
    from attacks import ATTACKS
    chosen = [each for each in ATTACKS if not names or any(name in each[0] for name in names)]
    with ThreadPoolExecutor(max_workers=8) as waiting, ThreadPoolExecutor(max_workers=1) as busy:
        results = [(waiting if waits else busy).submit(check_attack, text, check, bool(names)) for text, check, waits in chosen]
        return not all(result.result() for result in results)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("rules", "attacks"):
        sys.exit(__doc__)
    sys.exit({"rules": check_rules, "attacks": check_attacks}[sys.argv[1]](sys.argv[2:]))
