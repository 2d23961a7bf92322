"""The HTTP/1.1 backend behind the router: tells what it got, or answers as the path says."""
import base64
import hashlib
import json
import threading
import time

from router_peers import Accepting


class Backend(Accepting):
    def __init__(self):
        super().__init__(backlog=512)
        self.requests = 0
        self.gate = threading.Event()  # paths under /held wait for it
        self.eaten = 0  # bytes of bodies of /slow-upload
        self.start()

    def serve(self, peer):
        kept = b""
        try:
            while True:
                while b"\r\n\r\n" not in kept:
                    piece = peer.recv(65536)
                    if not piece:
                        return
                    kept += piece
                head, _, kept = kept.partition(b"\r\n\r\n")
                with self.lock:
                    self.requests += 1
                kept = self.answer(peer, head.decode("latin-1"), kept)
                if kept is None:
                    return
        except OSError:
            pass
        finally:
            peer.close()

    def body(self, peer, fields, kept):
        """The whole of it and trailers."""
        def more():
            piece = peer.recv(65536)
            if not piece:
                raise OSError
            return piece
        lower = {name.lower(): value for name, value in fields}
        if "chunked" not in lower.get("transfer-encoding", ""):
            size = int(lower.get("content-length", 0))
            while len(kept) < size:
                kept += more()
            return kept[:size], [], kept[size:]
        body = b""
        while True:
            while b"\r\n" not in kept:
                kept += more()
            line, _, kept = kept.partition(b"\r\n")
            size = int(line, 16)
            if size == 0:
                trailers = []
                while True:
                    while b"\r\n" not in kept:
                        kept += more()
                    line, _, kept = kept.partition(b"\r\n")
                    if not line:
                        return body, trailers, kept
                    trailers.append(line.decode("latin-1").split(": ", 1))
            while len(kept) < size + 2:
                kept += more()
            body, kept = body + kept[:size], kept[size + 2:]

    def answer(self, peer, head, kept):
        line, *lines = head.split("\r\n")
        method, target, _ = line.split(" ")
        fields = [tuple(each.split(": ", 1)) for each in lines]
        path = target.split("?")[0]
        lower = {name.lower(): value for name, value in fields}
        if path == "/early":
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            time.sleep(0.2)
            return None
        if path == "/slow-upload":
            self.gate.wait(60)
            body, _, kept = self.body(peer, fields, kept)
            self.eaten = len(body)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return kept
        if lower.get("expect") == "100-continue":
            peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "upgrade" in lower:
            key = lower.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            if path == "/bad-websocket":
                accept = "bm9uc2Vuc2U="
            if path == "/no-websocket":
                peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
                return kept
            peer.sendall(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {lower['upgrade']}\r\n"
                         f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            while True:
                if kept:
                    peer.sendall(kept)
                kept = peer.recv(65536)
                if not kept:
                    return None
        body, trailers, kept = self.body(peer, fields, kept)
        if path.startswith("/held"):
            self.gate.wait(60)
        if path.startswith("/big/"):
            size = int(path[5:])
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, 65536):
                peer.sendall(b"x" * min(65536, size - at))
            return kept
        if path == "/trailers":
            peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n"
                         b"5\r\nhello\r\n0\r\ngrpc-status: 0\r\nX-CF-Evil: 1\r\n\r\n")
        elif path == "/hints":
            peer.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        elif path == "/status/204":
            peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif path == "/status/304":
            peer.sendall(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n")
        elif path == "/hop":
            peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok")
        elif path == "/cut":
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            return None
        else:
            text = json.dumps({"line": line, "fields": fields, "body": body.decode("latin-1"), "trailers": trailers}).encode()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text)
                         + (b"" if method == "HEAD" else text))
        return kept
