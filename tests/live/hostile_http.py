"""A table of hostile HTTP/1.1 on raw sockets: each row is answered as stated, and none hurts a neighbour.

A row: name, where the expectation comes from, what is sent, what is answered.  A section number alone is one of RFC 9112; "ours"
is a choice that the RFC leaves, see gateway/http_scan.h and docs/OPERATIONS.md.  What is sent: bytes, or pieces one after the
other, where END closes our half, CUT resets, and CROWD lets many others begin.  What is answered: "STATUS [CODE], ...; then", where then is
  open  the connection goes on: one more request on it gets its own answer, and nothing else comes
  end   the gateway closes, and nothing else comes
  any   it may do either
  cut   we left
"""

import secrets

import hostile
import live as l

END, CUT, CROWD = "END", "CUT", "CROWD"
CROWD_SIZE = 300
REGISTER = "/v1/players/register"
SMUGGLED = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
HELLO = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
BAD = "400 BAD_REQUEST; end"
EMPTY = "400 VALIDATION_FAILED; open"  # the body {} was read, and lacks all fields
NAMES = '"username":"a b","region":"us-east-1"'


def request(first, *lines, body=b""):
    """A request with Host; lines as text or bytes."""
    lines = [line if isinstance(line, bytes) else line.encode() for line in (first, "Host: x", *lines)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(*lines, path="/livez"):
    return request(f"GET {path} HTTP/1.1", *lines)


def post(*lines, body=b"{}"):
    """A POST without a length of its own."""
    return request(f"POST {REGISTER} HTTP/1.1", "Content-Type: application/json", *lines, body=body)


def sized(body, *lines):
    body = body.encode() if isinstance(body, str) else body
    return post(f"Content-Length: {len(body)}", *lines, body=body)


def chunked(body):
    return post("Transfer-Encoding: chunked", body=body)


def slow(data):
    return [data[i:i + 1] for i in range(len(data))]


def bare(head):
    """A request without our Host."""
    return head.replace("\n", "\r\n").encode("latin-1")


SMUGGLING = [
    ("CL and TE", "6.3", post("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE and CL", "6.3", post("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE and CL 0", "6.3", post("Transfer-Encoding: chunked", "Content-Length: 0", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("two lengths", "6.3", post("Content-Length: 2", "Content-Length: 37", body=b"{}" + SMUGGLED), BAD),
    ("two equal lengths", "6.3", post("Content-Length: 2", "Content-Length: 2"), BAD),
    ("a list of lengths", "6.3", post("Content-Length: 2, 2"), BAD),
    ("a list of lengths without space", "6.3", post("Content-Length: 2,2"), BAD),
    ("TE twice", "6.1", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE twice in one line", "6.1", post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE xchunked", "6.3", post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE chunkedx", "6.3", post("Transfer-Encoding: chunkedx", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE chunked, identity", "6.3", post("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE identity", "6.3", post("Transfer-Encoding: identity", "Content-Length: 2"), BAD),
    ("TE gzip", "6.3", post("Transfer-Encoding: gzip", body=SMUGGLED), BAD),
    ("TE gzip, chunked", "6.1", post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + SMUGGLED), "501 NOT_IMPLEMENTED; end"),
    ("TE of 300 letters, chunked", "6.1", post("Transfer-Encoding: " + "g" * 300 + ", chunked"), "501 NOT_IMPLEMENTED; end"),
    ("TE of nothing, chunked", "ours", post("Transfer-Encoding: , chunked", body=b"0\r\n\r\n"), BAD),
    ("TE chunked with a parameter", "7", post("Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n"), BAD),
    ("TE in quotes", "6.3", post("Transfer-Encoding: \"chunked\"", body=b"0\r\n\r\n"), BAD),
    ("TE empty", "6.3", post("Transfer-Encoding:", body=b"0\r\n\r\n"), BAD),
    ("TE behind a tab", "9110 5.5", post("Transfer-Encoding:\tchunked", body=b"2\r\n{}\r\n0\r\n\r\n"), EMPTY),
    ("TE before a tab", "9110 5.5", post("Transfer-Encoding: chunked\t ", body=b"2\r\n{}\r\n0\r\n\r\n"), EMPTY),
    ("TE in upper case", "7", post("TRANSFER-ENCODING: CHUNKED", body=b"2\r\n{}\r\n0\r\n\r\n"), EMPTY),
    ("TE behind a vertical tab", "9110 5.5", post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"), BAD),
    ("TE with a vertical tab in its name", "5.1", post(b"Transfer-Encoding\x0b: chunked", body=b"0\r\n\r\n"), BAD),
    ("TE before a colon with space", "5.1", post("Transfer-Encoding : chunked", body=b"0\r\n\r\n"), BAD),
    ("TE behind a lone CR", "2.2", post(b"X: y\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"), BAD),
    ("TE folded", "5.2", post("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), BAD),
    ("TE in a folded line of another", "5.2", post("X: y\r\n Transfer-Encoding: chunked", body=b"0\r\n\r\n"), BAD),
    ("TE in HTTP/1.0", "6.1", bare(f"POST {REGISTER} HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n"), BAD),
    ("a space before the first header", "2.2", bare("GET /livez HTTP/1.1\n Transfer-Encoding: chunked\nHost: x\n\n"), BAD),
    ("a header TE means nothing here", "9110 10.1.4", get("TE: chunked"), "200; open"),
    ("an underscore is no hyphen", "5.1", post("Content_Length: 2"), "400 VALIDATION_FAILED, 400 BAD_REQUEST; end"),
    ("a body behind HEAD", "ours", request("HEAD /livez HTTP/1.1", "Content-Length: 37", body=SMUGGLED), "HEAD 400; end"),
    ("a request in a GET's body", "9110 9.3.1", get(f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, "200; open"),
    ("chunks in a GET's body", "9110 9.3.1", get("Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n", "200; open"),
    ("a request in a DELETE's body", "9110 9.3.5", request("DELETE /v1/lobbies/x HTTP/1.1", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
     "405 METHOD_NOT_ALLOWED; open"),
]
LENGTHS = [(f"a length {text!r}", "9110 8.6", post(f"Content-Length: {text}"), BAD) for text in (
    "+2", "-2", "0x2", "2 2", "", "2.0", "2e0", "2;", "two", "\"2\"", "1_0", "99999999999999999999", "0" * 30 + "2")] + [
    ("a length with zeros before it", "9110 8.6", post("Content-Length: 0002"), EMPTY),
    ("a length with spaces around it", "9110 5.5", post("Content-Length: \t 2 \t"), EMPTY),
    ("a length with space before its colon", "5.1", post("Content-Length : 2"), BAD),
    ("a length with NUL", "9110 5.5", post(b"Content-Length: 2\x00"), BAD),
    ("a length above 64 KiB", "9110 15.5.14", post("Content-Length: 65537"), "413 PAYLOAD_TOO_LARGE; end"),
    ("a length of 2^63", "9110 15.5.14", post("Content-Length: 922337203685477580"), "413 PAYLOAD_TOO_LARGE; end"),
    ("64 KiB", "API 4", sized(b" " * 65536), "400 BAD_REQUEST; open"),
    ("a body shorter than said", "8", [post("Content-Length: 10"), END], "; end"),
    ("a body longer than said", "6.3", post("Content-Length: 2", body=b"{}garbage\r\n\r\n"), "400 VALIDATION_FAILED, 400 BAD_REQUEST; end"),
    ("no body, and none said", "6.3", post(body=b""), EMPTY),
]
CHUNKS = [(f"a chunk size {text!r}", "7.1", chunked(text + b"\r\n{}\r\n0\r\n\r\n"), BAD) for text in (
    b"+2", b"-2", b"0x2", b"2 ", b" 2", b"", b"g", b"2\t", b"\x002", b"100000000", b"2,2", b"000000002")] + [
    ("chunks", "7.1", chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), EMPTY),
    ("a chunk size in upper case", "7.1", chunked(b"A\r\n{        }\r\n0\r\n\r\n"), EMPTY),
    ("a chunk size with zeros before it", "7.1", chunked(b"00000002\r\n{}\r\n000\r\n\r\n"), EMPTY),
    ("a chunk size above all", "9110 15.5.14", chunked(b"FFFFFFFF\r\n{}\r\n0\r\n\r\n"), "413 PAYLOAD_TOO_LARGE; end"),
    ("a chunk extension", "ours", chunked(b"2;a=b\r\n{}\r\n0\r\n\r\n"), BAD),
    ("a chunk extension of 100 KB", "ours", chunked(b"2;" + b"a" * 100000 + b"\r\n{}\r\n0\r\n\r\n"), BAD),
    ("a chunk without its CRLF", "7.1", chunked(b"2\r\n{}0\r\n\r\n"), BAD),
    ("a chunk longer than said", "7.1", chunked(b"2\r\n{ }\r\n0\r\n\r\n"), BAD),
    ("a chunk shorter than said", "7.1", chunked(b"4\r\n{}\r\n0\r\n\r\n"), BAD),
    ("a chunk size before a bare LF", "ours", chunked(b"2\n{}\r\n0\r\n\r\n"), BAD),
    ("a chunk before a bare LF", "ours", chunked(b"2\r\n{}\n0\r\n\r\n"), BAD),
    ("the last chunk before a bare LF", "ours", chunked(b"2\r\n{}\r\n0\n\n"), BAD),
    ("a trailer", "ours", chunked(b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"), BAD),
    ("a trailer with a length", "6.5.1 of 9110", chunked(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"), BAD),
    ("a trailer with a Host", "6.5.1 of 9110", chunked(b"2\r\n{}\r\n0\r\nHost: y\r\n\r\n"), BAD),
    ("a trailer with Authorization", "6.5.1 of 9110", chunked(b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"), BAD),
    ("chunks without a last one", "8", [chunked(b"2\r\n{}\r\n"), END], "; end"),
    ("chunks with half of the last one", "8", [chunked(b"2\r\n{}\r\n0\r\n"), END], "; end"),
    ("chunks of 64 KiB together", "API 4", chunked(b"4000\r\n" + b" " * 16384 + b"\r\n") + (b"4000\r\n" + b" " * 16384 + b"\r\n") * 3 + b"0\r\n\r\n",
     "400 BAD_REQUEST; open"),
    ("chunks above 64 KiB together", "API 4", chunked(b"4000\r\n" + b" " * 16384 + b"\r\n") + (b"4000\r\n" + b" " * 16384 + b"\r\n") * 3
     + b"1\r\n \r\n0\r\n\r\n", "413 PAYLOAD_TOO_LARGE; end"),
    ("2,000 chunks of a byte", "7.1", chunked(b"1\r\n{\r\n" + b"1\r\n \r\n" * 2000 + b"1\r\n}\r\n0\r\n\r\n"), EMPTY),
]
FIELDS = [
    ("bare LF ends lines", "2.2", b"GET /livez HTTP/1.1\nHost: x\n\n", "200; open"),
    ("CR ends lines", "2.2", b"GET /livez HTTP/1.1\rHost: x\r\r", BAD),
    ("LF CR ends lines", "2.2", b"GET /livez HTTP/1.1\n\rHost: x\n\r\n\r", BAD),
    ("a lone CR in a value", "2.2", get(b"X: a\rb"), BAD),
    ("obs-fold", "5.2", get("X: a\r\n b"), BAD),
    ("obs-fold by tab", "5.2", get("X: a\r\n\tb"), BAD),
    ("a space before the colon", "5.1", get("X : a"), BAD),
    ("a tab before the colon", "5.1", get("X\t: a"), BAD),
    ("a header without a name", "5", get(": a"), BAD),
    ("a header without a colon", "5", get("X"), BAD),
    ("a header without a value", "9110 5.5", get("X:"), "200; open"),
    ("NUL in a name", "9110 5.1", get(b"X\0Y: a"), BAD),
    ("DEL in a name", "9110 5.1", get(b"X\x7f: a"), BAD),
    ("8 bits in a name", "9110 5.1", get(b"X\xe9: a"), BAD),
    ("a slash in a name", "9110 5.1", get(b"X/Y: a"), BAD),
    ("NUL in a value", "9110 5.5", get(b"X: a\0b"), BAD),
    ("DEL in a value", "9110 5.5", get(b"X: a\x7fb"), BAD),
    ("ESC in a value", "9110 5.5", get(b"X: a\x1bb"), BAD),
    ("8 bits in a value", "9110 5.5", get(b"X: \xe9\xff"), "200; open"),
    ("a tab in a value", "9110 5.5", get("X: a\tb"), "200; open"),
    ("every letter of a name", "9110 5.6.2", get("!#$%&'*+-.^_`|~0Aa: x"), "200; open"),
    ("no Host", "3.2", bare("GET /livez HTTP/1.1\n\n"), BAD),
    ("two Hosts", "3.2", get("Host: y"), BAD),
    ("the same Host twice", "3.2", get("Host: x"), BAD),
    ("Authorization twice", "9110 5.3", get("Authorization: Bearer a", "Authorization: Bearer b"), BAD),
    ("Content-Type twice", "9110 5.3", sized("{}", "Content-Type: text/plain"), BAD),
    ("Idempotency-Key twice", "9110 5.3", sized("{}", "Idempotency-Key: a", "Idempotency-Key: b"), BAD),
    ("an Idempotency-Key of nothing", "ours", sized("{}", "Idempotency-Key:"), EMPTY),
    ("an Idempotency-Key of 255", "API 2", sized("{}", "Idempotency-Key: " + "k" * 255), EMPTY),
    ("an Idempotency-Key of 256", "API 2", sized("{}", "Idempotency-Key: " + "k" * 256), "400 BAD_REQUEST; open"),
    ("an Idempotency-Key of 8 bits", "API 2", sized("{}", b"Idempotency-Key: \xff"), "400 BAD_REQUEST; open"),
    ("an Idempotency-Key with a tab", "API 2", sized("{}", "Idempotency-Key: a\tb"), "400 BAD_REQUEST; open"),
    ("100 headers", "ours", get(*(f"X{i}: a" for i in range(99))), "200; open"),
    ("101 headers", "6585 5", get(*(f"X{i}: a" for i in range(100))), "431 HEADERS_TOO_LARGE; end"),
    ("2,000 headers", "6585 5", get(*(f"X{i}: a" for i in range(2000))), "431 HEADERS_TOO_LARGE; end"),
    ("100 headers of the same name", "9110 5.3", get(*["X: a"] * 99), "200; open"),
    ("headers of 16 KiB", "API 4", get("X: " + "a" * (16384 - len(get("X: ")))), "200; open"),
    ("headers of 16 KiB and a byte", "6585 5", get("X: " + "a" * (16385 - len(get("X: ")))), "431 HEADERS_TOO_LARGE; end"),
    ("a header of 1 MB", "6585 5", get("X: " + "a" * 1000000), "431 HEADERS_TOO_LARGE; end"),
    ("a name of 17 KB", "6585 5", get("X" * 17000 + ": a"), "431 HEADERS_TOO_LARGE; end"),
    ("headers without an end", "8", [b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", *[b"a"] * 200, END], "; end"),
] + [(f"Host {text!r}", "9110 7.2", b"GET /livez HTTP/1.1\r\nHost:" + text + b"\r\n\r\n", BAD if bad else "200; open") for text, bad in (
    (b"", True), (b" ", True), (b" x y", True), (b" x,y", True), (b" a@x", True), (b" x/y", True), (b" x\\y", True), (b" x?y", True),
    (b" x#y", True), (b" \xe9", True), (b" x\0", True), (b" <x>", True), (b"x", False), (b"\tx\t", False), (b" X.Example.:80", False),
    (b" [::1]:80", False), (b" 127.0.0.1", False))]
LINES = [(f"the line {text!r}", where, text + b"\r\nHost: x\r\n\r\n", BAD) for where, text in (
    ("3", b"GET /livez"), ("3", b"GET"), ("3", b""), ("3", b" GET /livez HTTP/1.1"), ("3", b"GET  /livez HTTP/1.1"),
    ("3", b"GET /livez  HTTP/1.1"), ("3", b"GET\t/livez\tHTTP/1.1"), ("3", b"GET /livez HTTP/1.1 "), ("3", b"GET /li vez HTTP/1.1"),
    ("2.3", b"GET /livez http/1.1"), ("2.3", b"GET /livez HTTP/11"), ("2.3", b"GET /livez HTTP/1.01"), ("2.3", b"GET /livez HTTP/1."),
    ("2.3", b"GET /livez HTTP/-1.1"), ("2.3", b"GET /livez HTTPS/1.1"), ("3.1", b"G\xc9T /livez HTTP/1.1"), ("3.1", b"G\0T /livez HTTP/1.1"),
    ("3.1", b"GET, /livez HTTP/1.1"), ("3.2", b"GET livez HTTP/1.1"), ("3.2.3", b"GET x:80 HTTP/1.1"), ("3.2.4", b"GET * HTTP/1.1"),
    ("ours", b"OPTIONS * HTTP/1.1"), ("3.2.2", b"GET ftp://x/livez HTTP/1.1"), ("3.2", b"GET /livez#a HTTP/1.1"), ("3.2", b"GET /l\xefvez HTTP/1.1"),
    ("3.2", b"GET /livez\0 HTTP/1.1"), ("3986 2.1", b"GET /livez/%zz HTTP/1.1"), ("3986 2.1", b"GET /livez/%4 HTTP/1.1"),
    ("3986 2.1", b"GET /livez/% HTTP/1.1"), ("3986 2.1", b"GET /livez/%%34 HTTP/1.1"), ("3986 2.1", b"GET /livez?a=%g0 HTTP/1.1"),
    ("ours", b"GET /v1/players/%00 HTTP/1.1"), ("ours", b"GET /livez?a=%00 HTTP/1.1"))] + [
    (f"the method {text[:20]}", "9110 9.1", request(f"{text} /livez HTTP/1.1"), "501 NOT_IMPLEMENTED; end")
    for text in ("get", "Get", "GETX", "GE", "TRACE", "PROPFIND", "M" * 300, "N" * 17000)] + [
    ("CONNECT", "9110 9.3.6", request("CONNECT x:80 HTTP/1.1"), "501 NOT_IMPLEMENTED; end"),
    ("a path of 20 KB", "3", get(path="/" + "a" * 20000), "414 URI_TOO_LONG; end"),
    ("a query of 20 KB", "3", get(path="/livez?" + "a" * 20000), "414 URI_TOO_LONG; end"),
    ("a path of 8 KB", "3", get(path="/" + "a" * 8000), "404 NOT_FOUND; open"),
] + [(f"version {text}", "9110 15.6.6", request(f"GET /livez {text}"), "505 HTTP_VERSION_NOT_SUPPORTED; end")
     for text in ("HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/1.2", "HTTP/9.9")] + [
    ("HTTP/1.0 without Host", "9.3", bare("GET /livez HTTP/1.0\n\n"), "200; end"),
    ("HTTP/1.0 that stays", "9.3", bare("GET /livez HTTP/1.0\nConnection: keep-alive\n\n"), "200; open"),
    ("HTTP/1.1 that goes", "9.6", get("Connection: close"), "200; end"),
    ("HTTP/1.1 that goes, in a list", "9110 7.6.1", get("Connection: foo, Close"), "200; end"),
    ("HTTP/1.1 that goes, in a second line", "9110 7.6.1", get("Connection: foo", "Connection: close"), "200; end"),
    ("the preface of HTTP/2", "ours", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", "501 NOT_IMPLEMENTED; end"),
    ("TLS", "ours", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD),
    ("SSH", "ours", b"SSH-2.0-OpenSSH_9.2\r\n", BAD),
    ("RESP", "ours", b"*1\r\n$4\r\nPING\r\n", BAD),
    ("64 KB of NUL", "ours", bytes(65536), BAD),
    ("64 KB of noise", "ours", bytes((i * 37 + 200) % 256 for i in range(65536)), BAD),
    ("absolute-form", "3.2.2", get(path="http://x/livez"), "200; any"),
    ("absolute-form of another host", "3.2.2", get(path="http://other.example:99/livez"), "200; any"),
    ("absolute-form without a path", "3.2.2", get(path="http://x"), "400; any"),
    ("dots, escaped", "3986 6.2.2", get(path="/v1/players/%2e%2e"), "404 PLAYER_NOT_FOUND; open"),
    ("dots", "3986 6.2.2", get(path="/v1/../livez"), "404 NOT_FOUND; open"),
    ("a slash, escaped", "3986 2.2", get(path="/v1/players/a%2Fb"), "400 VALIDATION_FAILED; open"),
    ("a letter of a fixed path, escaped", "ours", get(path="/live%7A"), "404 NOT_FOUND; open"),
    ("an escape, escaped", "3986 2.4", get(path="/v1/players/%2541"), "400 VALIDATION_FAILED; open"),
    ("CR LF, escaped", "3986 2.2", get(path="/v1/players/a%0d%0aX:%20y"), "404 NOT_FOUND; open"),
    ("bad UTF-8, escaped", "API 4", get(path="/v1/players/%ff%c0%af"), "400 VALIDATION_FAILED; open"),
    ("two slashes", "3986 3.3", get(path="//livez"), "404 NOT_FOUND; open"),
    ("a slash at the end", "3986 3.3", get(path="/livez/"), "404 NOT_FOUND; open"),
    ("a backslash", "ours", get(path="/\\livez"), "404 NOT_FOUND; open"),
    ("a query of nothing", "3986 3.4", get(path="/livez?"), "200; open"),
    ("a query of everything", "3986 3.4", get(path="/livez?&&=&a&a=&=b&a=b=c;?/:@!$'()*+,%20%26"), "200; open"),
    ("a query not escaped", "ours", get(path="/livez?a={b}|<c>\"`^\\"), "200; open"),
]
PIPELINES = [
    ("50 requests", "9.3.2", get() * 50, ", ".join(["200"] * 50) + "; open"),
    ("50 requests, one not found", "9.3.2", get() * 25 + get(path="/none") + get() * 24, ", ".join(["200"] * 25 + ["404"] + ["200"] * 24) + "; open"),
    ("50 requests, one malformed", "9.3.2", get() * 25 + get("X : y") + get() * 24, ", ".join(["200"] * 25) + ", " + BAD),
    ("50 requests, one too large", "9.3.2", get() * 25 + post("Content-Length: 65537") + get() * 24,
     ", ".join(["200"] * 25) + ", 413 PAYLOAD_TOO_LARGE; end"),
    ("50 requests, one that goes", "9.6", get() * 25 + get("Connection: close") + get() * 24, ", ".join(["200"] * 26) + "; end"),
    ("requests of all kinds", "9.3.2", get() + sized("{}") + chunked(b"2\r\n{}\r\n0\r\n\r\n") + request("HEAD /livez HTTP/1.1") + get(),
     "200, 400 VALIDATION_FAILED, 400 VALIDATION_FAILED, HEAD 200, 200; open"),
    ("calls of an actor, in order", "9.3.2", get(path="/v1/players/ply_a") + get() + get(path="/v1/lobbies/lob_a") + get(),
     "404 PLAYER_NOT_FOUND, 200, 404 LOBBY_NOT_FOUND, 200; open"),
    ("20 requests, and our half closed", "ours", [get() * 20, END], "200; any"),
    ("a request, and our half closed", "9.6", [get(), END], "200; end"),
    ("a request, and a reset", "9.5", [get(), CUT], "; cut"),
    ("a request to an actor, and a reset", "9.5", [get(path="/v1/players/ply_a"), CUT], "; cut"),
    ("50 requests, and a reset", "9.5", [get() * 50, CUT], "; cut"),
    ("half of a line, and a reset", "9.5", [b"GET /liv", CUT], "; cut"),
    ("half of a body, and a reset", "9.5", [post("Content-Length: 10"), CUT], "; cut"),
    ("nothing, and our half closed", "9.5", [END], "; end"),
    ("nothing, and a reset", "9.5", [CUT], "; cut"),
    ("an empty line before a request", "ours", b"\r\n" + get(), BAD),
]
UPGRADES = [
    ("Expect: 100-continue", "9110 10.1.1", sized("{}", "Expect: 100-continue"), EMPTY),
    ("Expect in upper case", "9110 10.1.1", sized("{}", "EXPECT: 100-CONTINUE"), EMPTY),
    ("Expect something else", "9110 10.1.1", sized("{}", "Expect: 200-ok"), "417 EXPECTATION_FAILED; end"),
    ("Expect two things", "9110 10.1.1", sized("{}", "Expect: 100-continue, x"), "417 EXPECTATION_FAILED; end"),
    ("Expect with too large a body", "9110 10.1.1", post("Content-Length: 70000", "Expect: 100-continue", body=b""), "413 PAYLOAD_TOO_LARGE; end"),
    ("Expect in HTTP/1.0", "9110 10.1.1", bare("GET /livez HTTP/1.0\nExpect: 100-continue\n\n"), "200; end"),
    ("h2c", "9110 7.8", get("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"), "200; open"),
    ("an upgrade elsewhere", "9110 7.8", get(*HELLO), "200; open"),
    ("/ws without an upgrade", "9110 15.5.22", get(path="/ws"), "426 UPGRADE_REQUIRED; end"),
    ("/ws to something else", "6455 4.2.1", get("Upgrade: h2c", *HELLO[1:], path="/ws"), "426 UPGRADE_REQUIRED; end"),
    ("/ws without Connection", "6455 4.2.1", get(HELLO[0], *HELLO[2:], path="/ws"), "426 UPGRADE_REQUIRED; end"),
    ("/ws of version 8", "6455 4.4", get(*HELLO[:2], "Sec-WebSocket-Version: 8", HELLO[3], path="/ws"), "426 UPGRADE_REQUIRED; end"),
    ("/ws without a version", "6455 4.2.1", get(*HELLO[:2], HELLO[3], path="/ws"), "426 UPGRADE_REQUIRED; end"),
    ("/ws of two versions", "6455 11.3.5", get(*HELLO, HELLO[2], path="/ws"), BAD),
    ("/ws without a key", "6455 4.2.1", get(*HELLO[:3], path="/ws"), BAD),
    ("/ws with two keys", "6455 11.3.1", get(*HELLO, HELLO[3], path="/ws"), BAD),
    ("/ws with a key too short", "6455 4.2.1", get(*HELLO[:3], "Sec-WebSocket-Key: AAAA", path="/ws"), BAD),
    ("/ws with a key that is no base64", "6455 4.2.1", get(*HELLO[:3], "Sec-WebSocket-Key: **********************==", path="/ws"), BAD),
    ("/ws with a body", "ours", get(*HELLO, "Content-Length: 2", path="/ws") + b"{}", BAD),
    ("/ws in HTTP/1.0", "6455 4.2.1", bare("GET /ws HTTP/1.0\nHost: x\n" + "\n".join(HELLO) + "\n\n"), BAD),
    ("POST /ws", "6455 4.1", request("POST /ws HTTP/1.1", *HELLO, "Content-Length: 0"), "404 NOT_FOUND; open"),
    ("a strange page's /ws", "6455 10.2", get(*HELLO, "Origin: https://evil.example", path="/ws"), "403 FORBIDDEN; open"),
]
BODIES = [(f"JSON {text[:24]!r}", where, sized(text), "400 BAD_REQUEST; open") for where, text in (
    ("API 4", b"[" * 17 + b"]" * 17), ("API 4", b"{\"a\":" * 17 + b"1" + b"}" * 17), ("API 4", b"[" * 65000), ("API 4", b"{\"a\":1,\"a\":1}"),
    ("API 4", b"{\"a\":1,\"\\u0061\":2}"), ("8259 8.1", b"{\"a\":\"\xc0\xaf\"}"), ("8259 8.1", b"{\"a\":\"\xe0\x80\xaf\"}"),
    ("8259 8.1", b"{\"a\":\"\xed\xa0\x80\"}"), ("8259 8.1", b"{\"a\":\"\xf4\x90\x80\x80\"}"), ("8259 8.1", b"{\"a\":\"\xf8\x88\x80\x80\x80\"}"),
    ("8259 8.1", b"{\"a\":\"\xe2\x82"), ("8259 8.1", b"{\"a\":\"\xe2\x82\"}"), ("8259 8.1", b"{\"a\":\"\x80\"}"), ("8259 8.1", b"{\"a\":\"\xff\"}"),
    ("8259 8.1", b"\xef\xbb\xbf{}"), ("8259 8.1", "{}".encode("utf-16")), ("8259 8.2", b"{\"a\":\"\\ud800\"}"), ("8259 8.2", b"{\"a\":\"\\udc00\\ud800\"}"),
    ("8259 6", b"{\"a\":1e999}"), ("8259 6", b"{\"a\":-1e999}"), ("8259 6", b"{\"a\":NaN}"), ("8259 6", b"{\"a\":01}"), ("8259 6", b"{\"a\":+1}"),
    ("8259 6", b"{\"a\":.5}"), ("8259 6", b"{\"a\":5.}"), ("8259 6", b"{\"a\":0x5}"), ("8259 7", b"{\"a\":\"\n\"}"), ("8259 7", b"{\"a\":\"\0\"}"),
    ("8259 7", b"{\"a\":\"\\x41\"}"), ("8259 7", b"{'a':1}"), ("8259 4", b"{\"a\":1,}"), ("8259 4", b"{a:1}"), ("8259 2", b"{} {}"), ("8259 2", b"{}\0"),
    ("8259 2", b"/**/{}"), ("8259 2", b"{"), ("API 1", b"[]"), ("API 1", b"null"), ("API 1", b"\"\""))] + [
    ("a number of 2^63", "8259 6", sized(f"{{{NAMES},\"maxAcceptableLatency\":9223372036854775808}}"), "400; open"),
    ("a number of -2^63 - 1", "8259 6", sized(f"{{{NAMES},\"maxAcceptableLatency\":-9223372036854775809}}"), "400; open"),
    ("a number of 2^53 + 1", "8259 6", sized(f"{{{NAMES},\"maxAcceptableLatency\":9007199254740993}}"), "400 VALIDATION_FAILED; open"),
    ("a number with a point", "API 4", sized(f"{{{NAMES},\"maxAcceptableLatency\":1.5}}"), "201; open"),
    ("a text of -0", "8259 6", sized("{\"username\":-0}"), EMPTY),
    ("a depth of 16", "API 4", sized("{\"a\":" + "[" * 15 + "]" * 15 + "}"), EMPTY),
    ("10,000 members", "API 4", sized("{" + ",".join(f"\"{i:x}\":1" for i in range(6000)) + "}"), "400; open"),
    ("gzip", "9110 15.5.16", sized(b"\x1f\x8b\x08\0\0\0\0\0", "Content-Encoding: gzip"), "400 BAD_REQUEST; open"),
    ("no JSON", "9110 15.5.16", request(f"POST {REGISTER} HTTP/1.1", "Content-Type: text/html", "Content-Length: 2", body=b"{}"),
     "415 UNSUPPORTED_MEDIA_TYPE; open"),
]
VALID = [get(), get("Connection: close"), sized("{}"), chunked(b"2\r\n{}\r\n0\r\n\r\n"), sized("{\"a\":\"\xe9\"}".encode()), get() * 2, get(path="/version?a=b"),
         get(path="/v1/players/ply_none"), request("OPTIONS /v1/lobbies HTTP/1.1"), request("HEAD /livez HTTP/1.1"), get(*HELLO), get(path="/none"),
         bare("GET /livez HTTP/1.0\n\n"), b"GET /livez HTTP/1.1\nHost: x\n\n", sized("{}", "Expect: 100-continue")]
ANSWERS = ["200; open", "200; end", EMPTY, EMPTY, EMPTY, "200, 200; open", "200; open", "404 PLAYER_NOT_FOUND; open", "204; open", "HEAD 200; open",
           "200; open", "404 NOT_FOUND; open", "200; end", "200; open", EMPTY]
BYTES = [(f"byte by byte: {data[:36]!r} {i}", "2.2", slow(data), said) for i, (data, said) in enumerate(zip(VALID, ANSWERS))] + [
    (f"byte by byte: {row[0]}", row[1], slow(row[2]), row[3]) for row in SMUGGLING[:8] + CHUNKS[12:15]]

ROWS = SMUGGLING + LENGTHS + CHUNKS + FIELDS + LINES + PIPELINES + UPGRADES + BODIES + BYTES + [
    ("after 300 halves of requests", "API 4", [CROWD, get()], "200; open")]


async def crowd(port):
    """Connections on which half of a request waits for the rest."""
    halves = [get()[:-2], post("Content-Length: 100"), chunked(b"40\r\n{")]
    wires = [await hostile.Wire.open(port) for _ in range(CROWD_SIZE)]
    for i, wire in enumerate(wires):
        await wire.send(halves[i % len(halves)])
    return wires


async def send(wire, sent):
    for piece in sent if isinstance(sent, list) else [sent]:
        if piece == END:
            wire.writer.write_eof()
        elif piece == CUT:
            wire.cut()
        elif piece != CROWD:
            await wire.send([piece])


async def goes_on(wire):
    """One more request gets its own answer."""
    mark = secrets.token_hex(16)
    await wire.send(get(f"traceparent: 00-{mark}-00f067aa0ba902b7-01"))
    answer = await wire.answer()
    if answer is None:
        return "it was closed"
    trace = (answer.header("traceparent") or "--").split("-")[1]
    return None if (answer.status, trace) == (200, mark) else f"one answer too many: {answer.status} {answer.headers} {answer.body[:120]!r}"


def differs(answer, wanted):
    """What is wrong with an answer, or None."""
    status, _, code = wanted.replace("HEAD ", "").partition(" ")
    if answer is None:
        return f"an end in place of {wanted}"
    if answer.status != int(status) or (code and answer.code != code):
        return f"{answer.status} {answer.body[:200]!r} in place of {wanted}"
    return hostile.problem_of(answer) if answer.status >= 400 and not wanted.startswith("HEAD") else None


async def run_row(port, row):
    _, _, sent, stated = row
    answers, _, then = stated.rpartition(";")
    wire = await hostile.Wire.open(port)
    others = await crowd(port) if isinstance(sent, list) and CROWD in sent else []
    try:
        await send(wire, sent)
        if then.strip() == "cut":
            return None
        for number, wanted in enumerate(filter(None, (part.strip() for part in answers.split(","))), 1):
            fault = differs(await wire.answer(head=wanted.startswith("HEAD")), wanted)
            if fault:
                return f"answer {number}: {fault}"
        if then.strip() == "open":
            return await goes_on(wire)
        if then.strip() == "end":
            more = await wire.answer()
            return more and f"another answer: {more.status} {more.body[:120]!r}"
        return None
    finally:
        for each in [wire, *others]:
            each.cut()


async def run(live):
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--matchers", "1").start()
    await hostile.run_table(live, cluster, ROWS, run_row)
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "the cluster ends")


if __name__ == "__main__":
    l.main(run)
