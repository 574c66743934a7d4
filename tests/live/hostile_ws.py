"""A table of hostile WebSocket frames on raw sockets: each row is answered as stated, and none hurts a neighbour.

A row: name, where the expectation comes from, what is sent behind the handshake, what comes back.  A section number alone is one of
RFC 6455; "ours" is a choice that the RFC leaves.  What is sent: bytes, or pieces one after the other, where END closes our half and
CUT resets.  What comes back: a list of
  TYPE or ERROR CODE   a text, with that type
  pong TEXT            a pong, with that payload; ones before it with other payloads are passed over
  close CODE           a close; "close" alone: without a code
and then: open (one more PING gets its own PONG, and nothing else comes), end, or cut.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import struct

import hostile
import live as l

END, CUT = "END", "CUT"
TEXT, BINARY, CONTINUED, CLOSE, PING, PONG, FIN = 1, 2, 0, 8, 9, 10, 0x80
CALL = b"{\"action\":\"PING\"}"
MESSAGE_MAX = 16384
BAD, NO_UTF8, TOO_LARGE, NO_BINARY = "close 1002; end", "close 1007; end", "close 1009; end", "close 1003; end"


def frame(opcode, payload=b"", *, fin=True, reserved=0, mask=b"\x12\x34\x56\x78", form=None, said=None):
    """form: bytes that the length takes, 0, 2 or 8; said: the length that is told, if it is another; mask None: not masked."""
    length = len(payload) if said is None else said
    form = (0 if length < 126 else 2 if length < 65536 else 8) if form is None else form
    head = bytes([(FIN if fin else 0) | reserved << 4 | opcode])
    masked = 0 if mask is None else 0x80
    head += {0: bytes([masked | length & 127]), 2: bytes([masked | 126]) + struct.pack(">H", length & 0xFFFF),
             8: bytes([masked | 127]) + struct.pack(">Q", length)}[form]
    if mask is None:
        return head + payload
    whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return head + mask + whole.to_bytes(len(payload), "big")


def text(payload, **more):
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **more)


def padded(payload):
    """A PING with a field that nobody knows."""
    return b"{\"action\":\"PING\",\"pad\":\"" + payload + b"\"}"


def fragments(payload, *cuts):
    """The payload as one message in pieces."""
    parts = [payload[a:b] for a, b in zip((0, *cuts), (*cuts, len(payload)))]
    last = len(parts) - 1
    return b"".join(frame(CONTINUED if i else TEXT, part, fin=i == last) for i, part in enumerate(parts))


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def slow(data):
    return [data[i:i + 1] for i in range(len(data))]


LARGE = padded(b"x" * (MESSAGE_MAX - len(padded(b""))))
SIGNS = padded("é€😀".encode())
FRAMES = [
    ("a text", "5.6", text(CALL), "PONG; open"),
    ("not masked", "5.1", text(CALL, mask=None), BAD),
    ("a ping not masked", "5.1", frame(PING, b"x", mask=None), BAD),
    ("a close not masked", "5.1", frame(CLOSE, b"\x03\xe8", mask=None), BAD),
    ("a mask of zeros", "5.3", text(CALL, mask=b"\0\0\0\0"), "PONG; open"),
    ("a mask that changes", "5.3", text(CALL, mask=b"\xff\0\xff\0") + text(CALL, mask=b"\1\2\3\4"), "PONG, PONG; open"),
    ("a mask that changes within a message", "5.3", frame(TEXT, CALL[:5], fin=False, mask=b"abcd") + frame(CONTINUED, CALL[5:], mask=b"\xff" * 4),
     "PONG; open"),
] + [(f"reserved bits {bits:03b} on {name}", "5.2", frame(opcode, payload, reserved=bits), BAD)
     for bits in (1, 2, 4, 7) for name, opcode, payload in (("text", TEXT, CALL), ("ping", PING, b"x"), ("close", CLOSE, b"\x03\xe8"))] + [
    ("a reserved bit on a continuation", "5.2", frame(TEXT, CALL[:5], fin=False) + frame(CONTINUED, CALL[5:], reserved=4), BAD),
] + [(f"opcode {opcode}", "5.2", frame(opcode, CALL), BAD) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)] + [
    (f"opcode {opcode} within a message", "5.2", frame(TEXT, CALL[:5], fin=False) + frame(opcode, b""), BAD) for opcode in (3, 11)] + [
    (f"{name} in fragments", "5.5", frame(opcode, b"\x03\xe8", fin=False), BAD) for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))] + [
    (f"{name} of 126", "5.5", frame(opcode, b"\x03\xe8" + b"x" * 124), BAD) for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))] + [
    (f"{name} of 64 KiB", "5.5", frame(opcode, b"\x03\xe8" + b"x" * 65534), BAD) for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))] + [
    ("a ping of 125", "5.5", frame(PING, b"x" * 125), "pong " + "x" * 125 + "; open"),
    ("a close of 125", "5.5", closing(1000, b"x" * 123), "close 1000; end"),
]
LENGTHS = [
    ("5 in 16 bits", "5.2", text(b"{   }", form=2), BAD),
    ("125 in 16 bits", "5.2", text(padded(b"x" * (125 - len(padded(b"")))), form=2), BAD),
    ("126 in 16 bits", "5.2", text(padded(b"x" * (126 - len(padded(b"")))), form=2), "PONG; open"),
    ("5 in 64 bits", "5.2", text(b"{   }", form=8), BAD),
    ("126 in 64 bits", "5.2", text(padded(b"x" * (126 - len(padded(b"")))), form=8), BAD),
    ("0 in 16 bits", "5.2", text(b"", form=2), BAD),
    ("0 in 64 bits", "5.2", text(b"", form=8), BAD),
    ("16 KiB in 64 bits", "5.2", text(LARGE, form=8), BAD),
    ("a ping of 5 in 16 bits", "5.2", frame(PING, b"hello", form=2), BAD),
    ("2^63", "5.2", text(CALL, form=8, said=1 << 63), BAD),
    ("2^64 - 1", "5.2", text(CALL, form=8, said=(1 << 64) - 1), BAD),
    ("2^63 - 1", "7.4.1", text(CALL, form=8, said=(1 << 63) - 1), TOO_LARGE),
    ("2^32", "7.4.1", text(CALL, form=8, said=1 << 32), TOO_LARGE),
    ("2^32 + 5", "7.4.1", text(b"{   }", form=8, said=(1 << 32) + 5), TOO_LARGE),
    ("64 KiB", "7.4.1", text(CALL, said=65536), TOO_LARGE),
    ("65,535", "7.4.1", text(b"x" * 65535), TOO_LARGE),
    ("16 KiB", "API 4", text(LARGE), "PONG; open"),
    ("16 KiB and a byte", "API 4", text(LARGE + b" "), TOO_LARGE),
    ("16 KiB and a byte, only told", "API 4", text(b"x", said=MESSAGE_MAX + 1), TOO_LARGE),
    ("16 KiB in two fragments", "API 4", fragments(LARGE, 8000), "PONG; open"),
    ("16 KiB and a byte in two fragments", "API 4", fragments(LARGE + b" ", 8000), TOO_LARGE),
    ("16 KiB in fragments of a byte", "API 4", fragments(LARGE, *range(1, 2000)), "PONG; open"),
    ("fragments that never end", "API 4", frame(TEXT, b"x" * 1000, fin=False) + frame(CONTINUED, b"x" * 1000, fin=False) * 17, TOO_LARGE),
    ("a binary above 16 KiB", "7.4.1", frame(BINARY, b"x" * (MESSAGE_MAX + 1)), TOO_LARGE),
]
FRAGMENTS = [
    ("two fragments", "5.4", fragments(CALL, 5), "PONG; open"),
    ("fragments of a byte", "5.4", fragments(CALL, *range(1, len(CALL))), "PONG; open"),
    ("empty fragments", "5.4", fragments(CALL, 0, 0, 5, 5, len(CALL), len(CALL)), "PONG; open"),
    ("1,000 empty fragments", "5.4", fragments(CALL, 5, *[5] * 1000), "PONG; open"),
    ("a fragment of nothing, and no more", "5.4", frame(TEXT, fin=False) + frame(CONTINUED), "ERROR VALIDATION_FAILED; open"),
    ("a continuation of nothing", "5.4", frame(CONTINUED, CALL), BAD),
    ("a continuation of nothing that goes on", "5.4", frame(CONTINUED, CALL, fin=False), BAD),
    ("a continuation behind a whole text", "5.4", text(CALL) + frame(CONTINUED, CALL), "PONG, " + BAD),
    ("a text within a text", "5.4", frame(TEXT, CALL[:5], fin=False) + text(CALL), BAD),
    ("the begin of a text within a text", "5.4", frame(TEXT, CALL[:5], fin=False) + frame(TEXT, CALL[5:], fin=False), BAD),
    ("a binary within a text", "5.4", frame(TEXT, CALL[:5], fin=False) + frame(BINARY, CALL), BAD),
    ("a ping between fragments", "5.4", frame(TEXT, CALL[:5], fin=False) + frame(PING, b"hi") + frame(CONTINUED, CALL[5:]), "pong hi, PONG; open"),
    ("pings between all fragments", "5.4", b"".join(frame(CONTINUED if i else TEXT, CALL[i:i + 1], fin=i == len(CALL) - 1) + frame(PING, b"%d" % i)
                                                   for i in range(len(CALL) - 1)) + frame(CONTINUED, CALL[-1:]), "pong 15, PONG; open"),
    ("a pong between fragments", "5.4", frame(TEXT, CALL[:5], fin=False) + frame(PONG, b"hi") + frame(CONTINUED, CALL[5:]), "PONG; open"),
    ("a close between fragments", "5.5.1", frame(TEXT, CALL[:5], fin=False) + closing(1000), "close 1000; end"),
    ("two texts in one packet", "5.4", text(CALL) * 2, "PONG, PONG; open"),
    ("200 texts in one packet", "5.4", text(CALL) * 200, ", ".join(["PONG"] * 200) + "; open"),
    ("a text and half of the next", "5.4", [text(CALL), text(CALL)[:9], text(CALL)[9:]], "PONG, PONG; open"),
]
CONTROLS = [
    ("a ping", "5.5.2", frame(PING, b"hi"), "pong hi; open"),
    ("a ping of nothing", "5.5.2", frame(PING), "pong ; open"),
    ("a ping of noise", "5.5.2", frame(PING, b"\xff\xfe"), "pong \xff\xfe; open"),
    ("1,000 pings", "5.5.3", b"".join(frame(PING, b"%d" % i) for i in range(1000)), "pong 999; open"),
    ("a pong nobody asked for", "5.5.3", frame(PONG, b"hi"), "; open"),
    ("1,000 pongs", "5.5.3", frame(PONG, b"x" * 125) * 1000, "; open"),
    ("a close of nothing", "5.5.1", frame(CLOSE), "close; end"),
    ("a close of a byte", "5.5.1", frame(CLOSE, b"\x03"), BAD),
    ("a text behind a close", "5.5.1", closing(1000) + text(CALL), "close 1000; end"),
    ("a ping behind a close", "5.5.1", closing(1000) + frame(PING, b"hi"), "close 1000; end"),
    ("noise behind a close", "5.5.1", closing(1000) + bytes(range(256)) * 16, "close 1000; end"),
    ("two closes", "5.5.1", closing(1000) + closing(1001), "close 1000; end"),
    ("a text before a close", "5.5.1", text(CALL) + closing(1000), "PONG, close 1000; end"),
    ("a close with a reason", "5.5.1", closing(1000, "żegnaj".encode()), "close 1000; end"),
] + [(f"a close with reason {reason!r}", "5.5.1", closing(1000, reason), NO_UTF8) for reason in (b"\xff", b"\xc0\xaf", b"ok\xe2\x82", b"\xed\xa0\x80")] + [
    (f"close code {code}", "7.4.2", closing(code), f"close {code}; end") for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)] + [
    (f"close code {code}", "7.4.2", closing(code), BAD) for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)]
WRONG_UTF8 = {"a lone continuation": b"\x80", "FF": b"\xff", "FE": b"\xfe", "an overlong slash": b"\xc0\xaf", "an overlong of 3": b"\xe0\x80\xaf",
              "an overlong of 4": b"\xf0\x80\x80\xaf", "C1": b"\xc1\xbf", "a surrogate": b"\xed\xa0\x80", "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
              "above 10FFFF": b"\xf4\x90\x80\x80", "F5": b"\xf5\x80\x80\x80", "5 bytes": b"\xf8\x88\x80\x80\x80", "6 bytes": b"\xfc\x84\x80\x80\x80\x80",
              "a sign cut of 2": b"\xc3", "a sign cut of 3": b"\xe2\x82", "a sign cut of 4": b"\xf0\x9f\x98", "Latin-1": "é".encode("latin-1")}
UTF8 = [(f"UTF-8 with {name}", "8.1", text(padded(wrong)), NO_UTF8) for name, wrong in WRONG_UTF8.items()] + [
    (f"UTF-8 that ends with {name}", "8.1", text(wrong), NO_UTF8) for name, wrong in WRONG_UTF8.items()] + [
    (f"UTF-8 in fragments with {name}", "8.1", fragments(padded(wrong), len(padded(b"")) - 1), NO_UTF8) for name, wrong in list(WRONG_UTF8.items())[:6]] + [
    (f"UTF-8 cut at byte {i}", "5.6", fragments(SIGNS, i), "PONG; open") for i in range(len(padded(b"")) - 2, len(SIGNS) - 1)] + [
    ("UTF-8 cut at every byte", "5.6", fragments(SIGNS, *range(1, len(SIGNS))), "PONG; open"),
    ("UTF-8 cut by a ping", "5.6", frame(TEXT, SIGNS[:25], fin=False) + frame(PING, b"\xff") + frame(CONTINUED, SIGNS[25:]), "pong \xff, PONG; open"),
    ("UTF-8 that is cut at the end of a message", "5.6", text(SIGNS[:25]) + text(SIGNS[25:]), NO_UTF8),
    ("UTF-8 of all lengths", "8.1", text(padded("\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff".encode())), "PONG; open"),
]
KINDS = [
    ("binary", "ours", frame(BINARY, CALL), NO_BINARY),
    ("binary of nothing", "ours", frame(BINARY), NO_BINARY),
    ("binary in fragments", "ours", frame(BINARY, CALL, fin=False), NO_BINARY),
    ("a text of nothing", "API 1", text(b""), "ERROR VALIDATION_FAILED; open"),
    ("a BOM", "8259 8.1", text(b"\xef\xbb\xbf" + CALL), "ERROR BAD_REQUEST; open"),
    ("NUL behind JSON", "8259 2", text(CALL + b"\0"), "ERROR BAD_REQUEST; open"),
    ("JSON too deep", "API 4", text(b"[" * 17 + b"]" * 17), "ERROR BAD_REQUEST; open"),
    ("JSON of 16,000 brackets", "API 4", text(b"[" * 16000), "ERROR BAD_REQUEST; open"),
    ("JSON with a key twice", "API 4", text(b"{\"action\":\"PING\",\"action\":\"PING\"}"), "ERROR BAD_REQUEST; open"),
    ("JSON that is no object", "API 1", text(b"[]"), "ERROR BAD_REQUEST; open"),
    ("an action of nobody", "API 1", text(b"{\"action\":\"SHUTDOWN\"}"), "ERROR UNKNOWN_ACTION; open"),
    ("an action of a number", "API 1", text(b"{\"action\":1}"), "ERROR VALIDATION_FAILED; open"),
    ("a request of HTTP", "5.2", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
    ("64 KB of FF", "5.2", b"\xff" * 65536, BAD),
    ("a text, and our half closed", "7.1.1", [text(CALL), END], "PONG; end"),
    ("our half closed", "7.1.1", [END], "; end"),
    ("half of a frame, and our half closed", "7.1.1", [text(CALL)[:7], END], "; end"),
    ("half of a message, and our half closed", "7.1.1", [frame(TEXT, CALL[:5], fin=False), END], "; end"),
    ("half of a frame, and a reset", "7.1.1", [text(CALL)[:7], CUT], "; cut"),
    ("half of a message, and a reset", "7.1.1", [frame(TEXT, CALL[:5], fin=False), CUT], "; cut"),
    ("a reset", "7.1.1", [CUT], "; cut"),
    ("a close, and a reset", "7.1.1", [closing(1000), CUT], "; cut"),
]
BYTES = [(f"byte by byte: {row[0]}", row[1], slow(row[2]), row[3])
         for row in FRAMES[:4] + LENGTHS[:4] + LENGTHS[9:12] + FRAGMENTS[:3] + FRAGMENTS[8:12] + CONTROLS[:2] + UTF8[:4] + KINDS[:2]]
ROWS = FRAMES + LENGTHS + FRAGMENTS + CONTROLS + UTF8 + KINDS + BYTES
FLOOD = ("60 texts in one packet", "API 1", text(CALL) * 60, "")


async def read_frame(wire):
    """(opcode, payload), or None at the end.  What a server sends is whole and not masked (5.1)."""
    try:
        first, second = await asyncio.wait_for(wire.reader.readexactly(2), hostile.ANSWER_S)
        assert first & 0xF0 == FIN and second < 127, (first, second)
        length = second if second < 126 else int.from_bytes(await wire.reader.readexactly(2), "big")
        return first & 15, await wire.reader.readexactly(length)
    except asyncio.TimeoutError:  # an OSError, too, for newer Pythons
        raise l.Failed("neither a frame nor an end") from None
    except (asyncio.IncompleteReadError, OSError):
        return None


def told(got):
    """A frame as the table writes it."""
    if got is None:
        return "end"
    opcode, payload = got
    if opcode == CLOSE:
        return f"close {int.from_bytes(payload[:2], 'big')}" if payload else "close"
    if opcode == PONG:
        return "pong " + payload.decode("latin-1")
    message = json.loads(payload)
    return f"ERROR {message['code']}" if message["type"] == "ERROR" else message["type"]


async def shake(port, sent):
    """A wire behind the handshake, which goes out in one packet with the first of what is sent."""
    wire = await hostile.Wire.open(port)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    hello = (f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             f"Sec-WebSocket-Key: {key}\r\n\r\n").encode()
    pieces = sent if isinstance(sent, list) else [sent]
    for piece in [hello + pieces[0], *pieces[1:]] if isinstance(pieces[0], bytes) else [hello, *pieces]:
        if piece == END:
            wire.writer.write_eof()
        elif piece == CUT:
            wire.cut()
            return wire
        else:
            await wire.send([piece])
    answer = await wire.answer()
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    if answer is None or answer.status != 101 or answer.header("sec-websocket-accept") != base64.b64encode(digest).decode():
        raise l.Failed(f"no handshake: {answer and (answer.status, answer.headers, answer.body)}")
    return wire


async def run_row(port, row):
    _, _, sent, stated = row
    wanted, _, then = stated.rpartition(";")
    wire = await shake(port, sent)
    try:
        if then.strip() == "cut":
            return None
        for one in [part.lstrip() for part in wanted.split(",")] if wanted else []:
            got = told(await read_frame(wire))
            while one.startswith("pong") and got.startswith("pong") and got != one:
                got = told(await read_frame(wire))
            if got != one:
                return f"{got[:80]!r} in place of {one[:80]!r}"
        if then.strip() == "open":
            mark = secrets.token_hex(8)
            await wire.send(text(json.dumps({"action": "PING", "id": mark})))
            got = await read_frame(wire)
            return None if got and json.loads(got[1]).get("re") == mark else f"does not go on: {got}"
        got = await read_frame(wire)
        return None if got is None else f"more after the end: {got}"
    finally:
        wire.cut()


async def flood(live, port):
    """A stranger to a gateway with keys: one warning, then the end."""
    wire = await shake(port, FLOOD[2])
    seen = []
    while got := await read_frame(wire):
        seen.append(told(got))
    wire.cut()
    live.equal((seen.count("ERROR RATE_LIMITED"), seen[-1], 5 <= len(seen) <= 20), (1, "close 4029", True),
               f"above the rate there is one warning, then 4029, among {len(seen)} frames")


async def keyed(live):
    code, out, err = await live.muster("key", "new", "--id", "shop")
    if code != 0:
        raise l.Failed(f"muster key: {err}")
    key, entry = out.splitlines()[0].strip(), out.splitlines()[1]
    with open(live.path("keys.yaml"), "w", encoding="ascii") as file:
        file.write(f"keys:\n{entry}\n")
    with open(live.path("key"), "w", encoding="ascii") as file:
        file.write(key + "\n")
    cluster = await l.Cluster(live, live.path("keyed"), "--bots", "0", "--matchers", "1", "--config", live.path("keys.yaml"),
                              "--key-file", live.path("key")).start()
    await flood(live, cluster.port)
    await cluster.stop()


async def run(live):
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--matchers", "1").start()
    await hostile.run_table(live, cluster, ROWS, run_row)
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "the cluster ends")
    await keyed(live)


if __name__ == "__main__":
    l.main(run)
