"""An app behind the router under load, and what its clients say: plain requests, WebSockets, a long download."""
import asyncio
import struct

PIECE = b"d" * 20000
HEAD = b"GET /%s HTTP/1.1\r\nHost: app.example\r\n%s\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
CLOSE = b"\x88"  # the first byte of a frame that says goodbye
GOING_AWAY = struct.pack(">H", 1001)


async def read_frame(reader):
    """(first byte, payload unmasked)"""
    first, second = await reader.readexactly(2)
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    payload = await reader.readexactly(second & 0x7f)
    return bytes([first]), bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def masked_frame(payload, first=b"\x82"):
    """As a client has to send it."""
    return first + bytes([0x80 | len(payload)]) + b"mask" + bytes(byte ^ b"mask"[i % 4] for i, byte in enumerate(payload))


async def open_websocket(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD % (b"ws", UPGRADE))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return reader, writer


class App:
    """Answers `ok`; /ws echoes frames, /download takes its time. Counts the plain requests by their X-Kind."""

    def __init__(self, download_seconds):
        self.pieces = int(download_seconds * 10)
        self.server, self.answered = None, {}

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20)
        return self

    @property
    def port(self):
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/ws " in head:
                    await self.echo_frames(reader, writer)
                    return
                if b"/download " in head:
                    await self.send_download(writer)
                    continue
                kind = head.partition(b"X-Kind: ")[2].partition(b"\r\n")[0].decode()
                self.answered[kind] = self.answered.get(kind, 0) + 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def echo_frames(reader, writer):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE + b"\r\n")
        first = b""
        while first != CLOSE:
            first, payload = await read_frame(reader)
            writer.write(first + bytes([len(payload)]) + payload)

    async def send_download(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (self.pieces * len(PIECE)))
        for _ in range(self.pieces):
            writer.write(PIECE)
            await writer.drain()
            await asyncio.sleep(0.1)

    async def read_download(self, port):
        """The reply's head; raises when the body does not come whole."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(HEAD % (b"download", b""))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(self.pieces * len(PIECE))
            return head
        finally:
            writer.close()
