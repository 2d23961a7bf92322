"""Reads case files. One case:

    == name
    why: what is tried and what is to come of it
    send:
    | a line, which ends in CR LF
    > bytes as they are, without a line end
    await: 100 Continue        (a step: goes on when the client has received that text)
    await-backend: abc         (the same with what the backend has received)
    half-close:                (a step: the client sends no more)
    client: 200 close          (statuses in order, then `open`: a further request is answered, `close`, or `cut`: the last
                                reply does not get to its end)
    backend: POST /x abc       (a request that the backend must see: method, target, body; `(cut)` instead of
                                the body when it does not get to its end). None of these: it sees nothing.
    client-has: Content-Length: 2      (somewhere in what the client received)
    client-lacks: Via
    backend-has: TE: trailers          (somewhere in what the backend received)
    backend-lacks: X-Bad
    reply:                     (what the backend answers instead of a plain 200; lines as in `send:`, one such block for
                                each request; `reply-close:`, `reply-early:` ... and `reply-rest:` as said at Recorder)
    closes: yes                (an open connection is not tried with a further request)

Escapes in lines: \\r \\n \\t \\\\ \\xNN, and <<text*count>>. {case} is the name of the case.
"""
import re

ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|<<(.*?)\*(\d+)>>", re.S)
SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\", "<": "<", ">": ">", "*": "*"}


def unescape(text):
    def one(match):
        if match.group(1):
            return chr(int(match.group(1), 16))
        if match.group(2):
            return SIMPLE[match.group(2)]
        return unescape(match.group(3)).decode("latin-1") * int(match.group(4))
    return ESCAPE.sub(one, text).encode("latin-1")


def escape(data):
    out = []
    for byte in data:
        char = chr(byte)
        if char == "\\":
            out.append("\\\\")
        elif char in "\r\n\t":
            out.append({"\r": "\\r", "\n": "\\n", "\t": "\\t"}[char])
        elif 0x20 <= byte < 0x7f:
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out)


class Case:
    def __init__(self, name, place):
        self.name, self.place = name, place
        self.why = ""
        self.steps = []      # ("send", bytes), ("await", bytes), ("half-close", b"")
        self.statuses, self.end = [], ""
        self.backend = []    # (method, target, body) as bytes; body None: cut
        self.checks = {"client-has": [], "client-lacks": [], "backend-has": [], "backend-lacks": []}
        self.replies = []    # (bytes, kind, bytes that follow) for each request
        self.probes = True


def read_cases(path):
    cases, case, block = [], None, None
    with open(path, encoding="latin-1", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            place = f"{path}:{number}"
            if not line or line.startswith("#"):
                continue
            if line.startswith("== "):
                case, block = Case(line[3:].strip(), place), None
                cases.append(case)
                continue
            if line[0] in "|>":
                text = line[2:].replace("{case}", case.name)
                block.append(unescape(text) + (b"\r\n" if line[0] == "|" else b""))
                continue
            key, _, value = line.partition(":")
            value = value.strip().replace("{case}", case.name)
            if key == "why":
                case.why = value
            elif key == "send":
                block = []
                case.steps.append(["send", block])
            elif key in ("await", "await-backend", "half-close"):
                case.steps.append([key, unescape(value)])
            elif key in ("reply", "reply-close", "reply-reset", "reply-early", "reply-early-close"):
                block = []
                case.replies.append([block, key, []])
            elif key == "reply-rest":
                block = case.replies[-1][2]
            elif key == "client":
                words = value.split()
                case.statuses, case.end = [int(word) for word in words[:-1]], words[-1]
                assert case.end in ("open", "close", "cut"), place
            elif key == "backend":
                method, target, *body = value.split(" ", 2)
                text = unescape(body[0]) if body else b""
                case.backend.append((unescape(method), unescape(target), None if text == b"(cut)" else text))
            elif key == "closes":
                case.probes = False
            elif key in case.checks:
                case.checks[key].append(unescape(value))
            else:
                raise ValueError(f"{place}: {key}?")
    for case in cases:
        case.steps = [(kind, b"".join(value) if kind == "send" else value) for kind, value in case.steps]
        case.replies = [(b"".join(block), kind, b"".join(rest)) for block, kind, rest in case.replies]
        assert case.end, f"{case.place}: no `client:`"
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), f"{path}: two cases of one name: {[n for n in names if names.count(n) > 1]}"
    return cases
