"""HPACK (RFC 7541), as far as a test's client needs it: blocks are written plainly, so that a case says every byte it means, and
read with all that a server may use: both tables and the Huffman code."""

STATIC = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
]
# Lengths of the Huffman code of each octet and of the end (appendix B); the code is canonical.
LENGTHS = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
]


def huffman_codes():
    codes, code, last = {}, 0, 0
    for symbol in sorted(range(257), key=lambda each: (LENGTHS[each], each)):
        code <<= LENGTHS[symbol] - last if last else 0
        last = LENGTHS[symbol]
        codes[last, code] = symbol
        code += 1
    return codes


HUFFMAN = huffman_codes()


class Malformed(Exception):
    """A block that is no HPACK."""


def unhuffman(data):
    text, length, code = bytearray(), 0, 0
    for octet in data:
        for bit in range(7, -1, -1):
            code, length = code << 1 | octet >> bit & 1, length + 1
            symbol = HUFFMAN.get((length, code))
            if symbol is not None:
                text.append(symbol)
                length, code = 0, 0
    if length > 7 or code != (1 << length) - 1:
        raise Malformed("padding of a Huffman string")
    return bytes(text)


def integer(value, prefix_bits, first=0):
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return integer(len(data), 7) + data


def field(name, value):
    """Literal, without a table."""
    return b"\0" + string(name) + string(value)


def indexed_field(name, value):
    """Literal, and the table is to remember it."""
    return b"\x40" + string(name) + string(value)


def block(fields):
    return b"".join(field(name, value) for name, value in fields)


class Decoder:
    """The state of one direction of a connection."""

    def __init__(self):
        self.dynamic, self.size_max = [], 4096

    def decode(self, data):
        fields, at = [], 0

        def number(prefix_bits):
            nonlocal at
            most = (1 << prefix_bits) - 1
            value = data[at] & most
            at += 1
            if value < most:
                return value
            shift = 0
            while True:
                octet = data[at]
                at += 1
                value += (octet & 127) << shift
                shift += 7
                if octet < 128:
                    return value

        def text():
            nonlocal at
            is_huffman = data[at] & 128
            size = number(7)
            piece = data[at:at + size]
            if len(piece) < size:
                raise Malformed("string beyond its block")
            at += size
            return unhuffman(piece) if is_huffman else piece

        while at < len(data):
            octet = data[at]
            if octet & 128:
                fields.append(self.entry(number(7)))
            elif octet & 0xe0 == 0x20:
                self.size_max = number(5)
                self.shrink()
            else:
                remembers = octet & 64
                index = number(6 if remembers else 4)
                name = self.entry(index)[0] if index else text()
                fields.append((name, text()))
                if remembers:
                    self.dynamic.insert(0, fields[-1])
                    self.shrink()
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]

    def entry(self, index):
        if index == 0 or index > len(STATIC) + len(self.dynamic):
            raise Malformed(f"index {index}")
        if index <= len(STATIC):
            name, value = STATIC[index - 1]
            return name.encode(), value.encode()
        return self.dynamic[index - len(STATIC) - 1]

    def shrink(self):
        while sum(len(name) + len(value) + 32 for name, value in self.dynamic) > self.size_max:
            self.dynamic.pop()
