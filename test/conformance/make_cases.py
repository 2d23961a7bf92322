#!/usr/bin/env python3
"""Writes the cases of test/conformance/smuggling that are one idea with many spellings (generated.cases).

usage: make_cases.py          writes the file
       make_cases.py --check  fails when the file is not what it would write
"""
import os
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "smuggling", "generated.cases")
OUT = []
# What would be a request of its own if somebody read the framing differently.
SMUGGLED = ["| GET /smuggled HTTP/1.1", "| Host: app.example", "|"]


def case(name, why, lines, client, backend=(), more=()):
    OUT.append(f"== {name}")
    OUT.append(f"why: {why}")
    OUT.append("send:")
    OUT.extend(lines)
    OUT.append(f"client: {client}")
    OUT.extend(f"backend: {one}" for one in backend)
    OUT.extend(more)
    OUT.append("")


def post(*fields):
    return ["| POST /{case} HTTP/1.1", "| Host: app.example"] + [f"| {field}" for field in fields] + ["|"]


def get(*fields):
    return ["| GET /{case} HTTP/1.1", "| Host: app.example"] + [f"| {field}" for field in fields] + ["|"]


def lengths():
    bad = {
        "empty": "", "blank": "   ", "plus": "+5", "minus": "-5", "minus_zero": "-0", "hex": "0x5", "letters": "five",
        "hex_digit": "a", "inner_blank": "5 5", "inner_tab": "5\\t5", "list_same": "5, 5", "list_differ": "5, 6", "list_empty": "5,",
        "comma_first": ",5", "semicolon": "5;", "parameter": "5;a=1", "dot": "5.0", "exponent": "5e0", "underscore": "1_0",
        "quoted": '"5"', "single_quoted": "'5'", "nul": "5\\x00", "nul_first": "\\x005", "vertical_tab": "\\x0b5", "form_feed": "5\\x0c",
        "delete": "5\\x7f", "nbsp": "\\xa05", "utf8_digit": "\\xd9\\xa5", "fullwidth_digit": "\\xef\\xbc\\x95", "over_64_bits": "18446744073709551616",
        "far_over_64_bits": "99999999999999999999999999", "wraps_to_5": "18446744073709551621", "infinity": "inf", "not_a_number": "NaN",
        "percent": "%35", "bare_cr": "5\\r", "cr_inside": "5\\r5", "chunked": "chunked", "octal_o": "0o5", "binary": "0b101",
    }
    for name, value in bad.items():
        case(f"cl_bad_{name}", "a Content-Length that is not digits only is refused", post(f"Content-Length: {value}") + SMUGGLED, "400 close")
    good = {"leading_zeros": "0005", "blank_before": "    5", "blank_after": "5    ", "tab_before": "\\t5", "no_blank": None}
    for name, value in good.items():
        field = "Content-Length:5" if value is None else f"Content-Length: {value}"
        case(f"cl_good_{name}", "blanks around the value and zeros before it change nothing", post(field) + ["> 12345"] + ["| GET /{case}/next HTTP/1.1", "| Host: app.example", "|"],
             "200 200 open", ["POST /{case} 12345", "GET /{case}/next"])
    for name, (first, second) in {"differ": ("5", "6"), "zero_first": ("0", "44"), "zero_second": ("44", "0"), "sign": ("5", "+5"),
                                  "spelling": ("5", "05"), "empty_second": ("5", ""), "empty_first": ("", "5"), "list": ("5", "5,5")}.items():
        case(f"cl_twice_{name}", "two lengths that are not the same text are refused",
             post(f"Content-Length: {first}", f"Content-Length: {second}") + SMUGGLED, "400 close")
    case("cl_twice_same", "identical lengths become one", post("Content-Length: 5", "Content-Length: 5") + ["> 12345"], "200 open", ["POST /{case} 12345"],
         ["backend-lacks: Content-Length: 5\\r\\nContent-Length"])
    case("cl_three_same", "identical lengths become one, whatever their case and place",
         post("Content-Length: 5", "X-A: 1", "content-length: 5", "CONTENT-LENGTH:5") + ["> 12345"], "200 open", ["POST /{case} 12345"])
    case("cl_three_last_differs", "the last of three counts as well", post("Content-Length: 5", "Content-Length: 5", "Content-Length: 50") + SMUGGLED, "400 close")


def refusal(coding):
    """Something behind chunked is malformed, a coding that is not known is not implemented."""
    return 400 if coding.startswith("chunked,") else 501


def codings():
    bad = {
        "identity": "identity", "gzip": "gzip", "gzip_chunked": "gzip, chunked", "chunked_gzip": "chunked, gzip", "chunked_identity": "chunked, identity",
        "identity_chunked": "identity, chunked", "twice_in_list": "chunked, chunked", "xchunked": "xchunked", "chunkedx": "chunkedx", "chunk": "chunk",
        "quoted": '"chunked"', "single_quoted": "'chunked'", "parameter": "chunked;q=1", "semicolon": "chunked;", "comma_after": "chunked,",
        "comma_before": ",chunked", "empty": "", "blank": "  ", "hyphen": "chun-ked", "inner_blank": "chun ked", "brackets": "[chunked]", "zero": "0", "nbsp": "\\xa0chunked",
        "nbsp_after": "chunked\\xa0", "kelvin_sign": "chun\\xe2\\x84\\xaaed", "null_word": "null", "false": "false", "braces": "{chunked}", "equals": "chunked=1", "slash": "chunked/1.1",
    }
    for name, value in bad.items():
        case(f"te_bad_{name}", "a coding other than exactly `chunked` is refused",
             post(f"Transfer-Encoding: {value}") + ["| 0", "|"] + SMUGGLED, f"{refusal(value)} close")
        case(f"te_bad_{name}_with_cl", "the same beside a length: the length is no way out",
             post("Content-Length: 5", f"Transfer-Encoding: {value}") + ["| 0", "|"] + SMUGGLED, f"{refusal(value)} close")
    controls = {"nul": "\\x00", "vertical_tab": "\\x0b", "form_feed": "\\x0c", "delete": "\\x7f", "escape": "\\x1b", "backspace": "\\x08", "unit_separator": "\\x1f"}
    for name, char in controls.items():
        case(f"te_control_{name}_before", "control characters in a value are refused",
             post("Content-Length: 5", f"Transfer-Encoding: {char}chunked") + ["| 0", "|"] + SMUGGLED, "400 close")
        case(f"te_control_{name}_after", "control characters in a value are refused",
             post("Content-Length: 5", f"Transfer-Encoding: chunked{char}") + ["| 0", "|"] + SMUGGLED, "400 close")
    for name, value in {"upper": "CHUNKED", "mixed": "ChUnKeD", "blanks": "   chunked   ", "tabs": "\\tchunked\\t", "no_blank": None}.items():
        field = "Transfer-Encoding:chunked" if value is None else f"Transfer-Encoding: {value}"
        case(f"te_good_{name}", "case and blanks around the coding change nothing", post(field) + ["| 5", "| 12345", "| 0", "|"],
             "200 open", ["POST /{case} 12345"], ["backend-has: Transfer-Encoding: chunked\\r\\n"])
    names = {"blank_before_colon": "Transfer-Encoding :", "tab_before_colon": "Transfer-Encoding\\t:", "nul_in_name": "Transfer-Enc\\x00oding:", "nul_before_colon": "Transfer-Encoding\\x00:",
             "latin1_name": "Transfer-Encoding\\xa0:", "blank_in_name": "Transfer Encoding:", "colon_missing": "Transfer-Encoding", "quote": '"Transfer-Encoding":',
             "brace": "Transfer-Encoding}:", "slash": "Transfer/Encoding:", "at": "@Transfer-Encoding:", "parenthesis": "(x)Transfer-Encoding:", "cr_in_name": "Transfer-\\rEncoding:",
             "vt_before_name": "\\x0bTransfer-Encoding:", "del_before_name": "\\x7fTransfer-Encoding:"}
    for name, text in names.items():
        case(f"te_name_{name}", "a field name that is no token is refused", post("Content-Length: 5", f"{text} chunked") + ["| 0", "|"] + SMUGGLED, "400 close")
    others = {"underscore": "Transfer_Encoding", "prefix": "X-Transfer-Encoding", "suffix": "Transfer-Encoding-X", "dot": "Transfer.Encoding", "no_hyphen": "TransferEncoding", "content": "Content-Transfer-Encoding"}
    for name, text in others.items():
        case(f"te_other_name_{name}", "a field of another name frames nothing: the length counts", post("Content-Length: 5", f"{text}: chunked") + ["> 0\\r\\n\\r\\n"],
             "200 open", ["POST /{case} 0\\r\\n\\r\\n"])
    for name, text in {"underscore": "Content_Length", "no_hyphen": "ContentLength", "prefix": "X-Content-Length", "old": "Content-Len"}.items():
        case(f"cl_other_name_{name}", "a field of another name frames nothing: what follows is a request", post(f"{text}: 5") + ["| GET /{case}/next HTTP/1.1", "| Host: app.example", "|"],
             "200 200 open", ["POST /{case}", "GET /{case}/next"])
    for name, text in {"blank_before_colon": "Content-Length :", "tab_before_colon": "Content-Length\\t:", "nul": "Content-Length\\x00:", "blank_in_name": "Content Length:", "colon_missing": "Content-Length"}.items():
        case(f"cl_name_{name}", "a field name that is no token is refused", post(f"{text} 5") + SMUGGLED, "400 close")


def both():
    for name, fields in {
            "cl_first": ["Content-Length: 5", "Transfer-Encoding: chunked"], "te_first": ["Transfer-Encoding: chunked", "Content-Length: 5"],
            "cl_zero": ["Content-Length: 0", "Transfer-Encoding: chunked"], "cl_huge": ["Content-Length: 9999999", "Transfer-Encoding: chunked"],
            "far_apart": ["Content-Length: 5"] + [f"X-{i}: {i}" for i in range(40)] + ["Transfer-Encoding: chunked"],
            "te_upper": ["Content-Length: 5", "TRANSFER-ENCODING: CHUNKED"], "te_folded": ["Content-Length: 5", "Transfer-Encoding:", " chunked"],
            "te_tab": ["Content-Length: 5", "Transfer-Encoding:\\tchunked"], "cl_twice": ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5"]}.items():
        case(f"both_{name}", "chunked wins, the length is not forwarded, and nothing behind the request is read", post(*fields) + ["| 3", "| abc", "| 0", "|"] + SMUGGLED,
             "200 close", ["POST /{case} abc"], ["backend-lacks: ontent-Length", "backend-has: Transfer-Encoding: chunked\\r\\n", "client-has: Connection: close"])
    for name, (first, second) in {"same": ("chunked", "chunked"), "identity": ("chunked", "identity"), "identity_first": ("identity", "chunked"), "x": ("chunked", "x"), "empty": ("chunked", ""),
                                  "gzip_then_chunked": ("gzip", "chunked"), "cow": ("chunked", "cow"), "upper": ("chunked", "CHUNKED")}.items():
        case(f"te_twice_{name}", "two lines of codings are refused", post(f"Transfer-Encoding: {first}", f"Transfer-Encoding: {second}") + ["| 0", "|"] + SMUGGLED,
             f"{refusal(first + ',') if second else 501} close")


def chunks():
    head = post("Transfer-Encoding: chunked")
    bad_first = {
        "empty_line": [">  \\r\\n"], "letters": ["| xyz"], "minus": ["| -3", "| abc"], "plus": ["| +3", "| abc"], "hex_prefix": ["| 0x3", "| abc"], "blank_before": ["|  3", "| abc"], "tab_before": ["> \\t3\\r\\nabc\\r\\n"],
        "underscore": ["| 0_3", "| abc"], "over_64_bits": ["| 10000000000000000", "| abc"], "wraps": ["| 10000000000000003", "| abc"], "64_bits": ["| ffffffffffffffff", "| abc"],
        "comma": ["| 3,3", "| abc"], "nul": ["> \\x003\\r\\nabc\\r\\n"], "bare_lf": ["> 3\\nabc\\r\\n0\\r\\n\\r\\n"], "bare_cr": ["> 3\\rabc\\r\\n0\\r\\n\\r\\n"], "lf_cr": ["> 3\\n\\rabc\\r\\n"],
        "cr_cr_lf": ["> 3\\r\\r\\nabc\\r\\n"], "vertical_tab_after": ["> 3\\x0b\\r\\nabc\\r\\n"], "utf8_digit": ["> \\xd9\\xa3\\r\\nabc\\r\\n"], "dot": ["| 3.0", "| abc"], "colon": ["| 3:", "| abc"], "two_sizes": ["| 3 3", "| abc"],
        "quote": ['| "3"', "| abc"], "long": ["> <<0*40000>>g\\r\\n"], "ext_nul": ["> 3;a=\\x00\\r\\nabc\\r\\n"], "ext_lf": ["> 3;a=b\\nabc\\r\\n0\\r\\n\\r\\n"], "ext_cr": ["> 3;a=\\rb\\r\\nabc\\r\\n"], "ext_del": ["> 3;a=\\x7f\\r\\nabc\\r\\n"],
        "ext_huge": ["> 3;a=<<x*20000>>\\r\\nabc\\r\\n"], "ext_escape": ["> 3;\\x1b\\r\\nabc\\r\\n"], "http_request": ["| GET / HTTP/1.1"],
    }
    for name, lines in bad_first.items():
        if name != "ext_huge":  # too long to be sure of one packet
            case(f"chunk_size_{name}", "a broken chunk in one packet with the head: the backend hears nothing", head + lines + SMUGGLED, "400 close")
        case(f"chunk_size_{name}_later", "a broken chunk ends both connections; the backend gets no end of the body",
             head + ["| 2", "| ok", "await-backend: ok\\r\\n", "send:"] + lines + SMUGGLED, "400 close", ["POST /{case} (cut)"], ["backend-lacks: smuggled"])
    bad_later = {
        "no_cr_lf": ["| 3", "> abc3\\r\\nabc\\r\\n0\\r\\n\\r\\n"], "bare_lf": ["| 3", "> abc\\n0\\r\\n\\r\\n"], "bare_cr": ["| 3", "> abc\\r0\\r\\n\\r\\n"], "too_long": ["| 3", "| abcd", "| 0", "|"], "too_short": ["| 5", "| abc", "| 0", "|"],
        "lf_cr": ["| 3", "> abc\\n\\r0\\r\\n\\r\\n"], "blank_after": ["| 3", "| abc ", "| 0", "|"], "nul_after": ["| 3", "> abc\\x00\\r\\n0\\r\\n\\r\\n"], "cr_cr": ["| 3", "> abc\\r\\r\\n0\\r\\n\\r\\n"],
    }
    for name, lines in bad_later.items():
        case(f"chunk_end_{name}", "what follows a chunk is exactly CR LF", head + lines + SMUGGLED, "400 close")
        case(f"chunk_end_{name}_later", "the same when the backend has begun to read",
             head + ["| 2", "| ok", "await-backend: ok\\r\\n", "send:"] + lines + SMUGGLED, "400 close", ["POST /{case} (cut)"], ["backend-lacks: smuggled"])
    bad_trailers = {
        "bare_cr_end": ["> 0\\r\\n\\r\\r\\n"], "lf_end": ["> 0\\n\\n"], "no_colon": ["| 0", "| nonsense", "|"], "blank_before_colon": ["| 0", "| X-T : 1", "|"], "nul": ["> 0\\r\\nX-T: \\x00\\r\\n\\r\\n"], "cr_in_value": ["> 0\\r\\nX-T: a\\rb\\r\\n\\r\\n"],
        "huge": ["| 0", "> X-T: <<a*70000>>\\r\\n\\r\\n"], "fold_first": ["> 0\\r\\n X: 1\\r\\n\\r\\n"],
    }
    for name, lines in bad_trailers.items():
        case(f"trailer_{name}", "broken trailers end both connections", head + ["| 3", "| abc", "await-backend: abc\\r\\n", "send:"] + lines + SMUGGLED,
             "400 close", ["POST /{case} (cut)"], ["backend-lacks: smuggled"])
    good = {
        "upper_hex": (["| A", "| 0123456789", "| 0", "|"], "0123456789"), "lower_hex": (["| a", "| 0123456789", "| 0", "|"], "0123456789"), "leading_zeros": (["| 0003", "| abc", "| 000", "|"], "abc"),
        "extension": (["| 3;name=value", "| abc", "| 0;last", "|"], "abc"), "quoted_extension": (['| 3;a="b;c"', "| abc", "| 0", "|"], "abc"), "blank_after": (["| 3  ", "| abc", "| 0", "|"], "abc"),
        "extension_blank": (["| 3 ; a = b", "| abc", "| 0", "|"], "abc"), "request_as_data": (["| 2d"] + ["> GET /smuggled HTTP/1.1\\r\\nHost: app.example\\r\\n\\r\\n" , "> \\r\\n", "| 0", "|"], None),
        "two_chunks": (["| 3", "| abc", "| 2", "| de", "| 0", "|"], "abcde"), "empty": (["| 0", "|"], ""), "chunk_like_data": (["| 5", "| 0\\r\\n\\r\\n", "| 0", "|"], "0\\r\\n\\r\\n"),
    }
    for name, (lines, body) in good.items():
        if body is None:
            body = "GET /smuggled HTTP/1.1\\r\\nHost: app.example\\r\\n\\r\\n"
        case(f"chunk_good_{name}", "the body arrives as it was meant, framed anew", head + lines, "200 open", ["POST /{case} " + body])
    for name, field in {"length": "Content-Length: 50", "coding": "Transfer-Encoding: gzip", "host": "Host: other.example", "connection": "Connection: close", "forwarded_for": "X-Forwarded-For: 6.6.6.6",
                        "client_cert": "X-Forwarded-Client-Cert: forged", "app_instance": "X-CF-App-Instance: a:1", "cookie": "Cookie: a=b", "authorization": "Authorization: Basic Zm9v", "trailer": "Trailer: x"}.items():
        case(f"trailer_forbidden_{name}", "a trailer that frames, routes or vouches is left out; others pass", head + ["| 3", "| abc", "| 0", f"| {field}", "| X-Fine: yes", "|"], "200 open", ["POST /{case} abc"],
             [f"backend-lacks: 0\\r\\n{field}", "backend-has: 0\\r\\nX-Fine: yes\\r\\n\\r\\n"])


def characters():
    for code in list(range(0x20)) + [0x7f]:
        if code in (0x09, 0x0a, 0x0d):
            continue
        case(f"value_control_{code:02x}", "control characters in a field value are refused", get(f"X-A: before\\x{code:02x}after"), "400 close")
    for code in list(range(0x21)) + [0x7f]:
        if code in (0x0a, 0x0d, 0x20):
            continue
        case(f"target_control_{code:02x}", "control characters in the target are refused", [f"| GET /a\\x{code:02x}b HTTP/1.1", "| Host: app.example", "|"], "400 close")
    for char in '()<>@,;\\"/[]?={} \t':
        code = ord(char)
        case(f"name_separator_{code:02x}", "a separator in a field name is refused", get(f"X\\x{code:02x}A: 1"), "400 close")
        if char != " ":
            case(f"method_separator_{code:02x}", "a separator in the method is refused", [f"| G\\x{code:02x}T /{{case}} HTTP/1.1", "| Host: app.example", "|"], "400 close")
    for code in (0x80, 0xa0, 0xff):
        case(f"name_high_{code:02x}", "a byte above 0x7f in a field name is refused", get(f"X\\x{code:02x}A: 1"), "400 close")
        case(f"value_high_{code:02x}", "a byte above 0x7f in a field value passes as it is", get(f"X-High: a\\x{code:02x}b"), "200 open", ["GET /{case}"], [f"backend-has: X-High: a\\x{code:02x}b\\r\\n"])
        case(f"target_high_{code:02x}", "a byte above 0x7f in the target passes as it is", [f"| GET /{{case}}/\\x{code:02x} HTTP/1.1", "| Host: app.example", "|"], "200 open", [f"GET /{{case}}/\\x{code:02x}"])


def versions():
    for name, text in {"0.9": "HTTP/0.9", "1.2": "HTTP/1.2", "1.9": "HTTP/1.9", "2.0": "HTTP/2.0", "2.1": "HTTP/2.1", "lower": "http/1.1", "mixed": "Http/1.1", "no_minor": "HTTP/1", "no_dot": "HTTP/11", "comma": "HTTP/1,1",
                       "two_digits": "HTTP/1.10", "two_majors": "HTTP/01.1", "minus": "HTTP/-1.1", "plus": "HTTP/+1.1", "blank_inside": "HTTP/ 1.1", "blank_after": "HTTP/1.1 ", "tab_after": "HTTP/1.1\\t", "x": "HTTP/1.x", "other": "ICY/1.1",
                       "https": "HTTPS/1.1", "twice": "HTTP/1.1 HTTP/1.1", "nul": "HTTP/1.1\\x00", "cr": "HTTP/1.1\\r", "missing_slash": "HTTP1.1", "sip": "SIP/2.0", "empty": ""}.items():
        status = "505" if name in ("0.9",) else "400"
        case(f"version_{name}", "1.0 and 1.1 are spoken; a major version that does not exist is 505, the rest is malformed", [f"| GET /{{case}} {text}", "| Host: app.example", "|"], f"{status} close")
    for text in ("HTTP/3.0", "HTTP/9.9"):
        case(f"version_{text[5:]}", "a major version above 2 is 505", [f"| GET /{{case}} {text}", "| Host: app.example", "|"], "505 close")


def main():
    lengths()
    codings()
    both()
    chunks()
    characters()
    versions()
    text = "# Written by test/conformance/make_cases.py. Format: test/conformance/cases.py.\n\n" + "\n".join(OUT)
    if "--check" in sys.argv:
        with open(PATH, encoding="latin-1", newline="\n") as file:
            same = file.read() == text
        print("generated.cases is as make_cases.py writes it" if same else "generated.cases is not what make_cases.py writes: run it")
        sys.exit(0 if same else 1)
    with open(PATH, "w", encoding="latin-1", newline="\n") as file:
        file.write(text)
    print(f"{sum(line.startswith('== ') for line in OUT)} cases")


main()
