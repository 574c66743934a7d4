"""A peer of the bus that does not behave, by libzmq alone: runs on a host of the lab.

peer.py hello ENDPOINT BROKER_KEY KEY_FILE SERVICE PARTITION INCARNATION   registers as that, with that key; "own": as itself
peer.py order ENDPOINT BROKER_KEY KEY_FILE SERVICE OP DESTINATION          registers rightly, then sends a request of that number
peer.py endless HOST PORT SECONDS       no keys: the greeting of ZMTP without security, then one message without end, again and again
peer.py silent HOST PORT COUNT SECONDS  opens connections and says nothing

Prints what was answered as JSON: hello and order a list of [operation, text] until nothing came for ANSWER_MS; endless and silent
[bytes or connections taken, how often the line was closed].
"""

import ctypes
import json
import os
import select
import socket
import struct
import sys
import time

ANSWER_MS = 1500
LISTEN_S = 3
DEALER = 5
OPTIONS = {"linger": 17, "receive_timeout": 27, "server_key": 50, "public_key": 48, "secret_key": 49}
DONTWAIT, SNDMORE = 1, 2
REQUEST, CONTROL = 1, 4
HELLO, HELLO_OK, ERROR = 2, 3, 9
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
READY = b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
MORE_FRAME = b"\x03" + struct.pack("!Q", 4096) + bytes(4096)  # long, and another one follows


def pack(values):
    """A msgpack array of numbers and texts."""
    out = bytes([0x90 | len(values)]) if len(values) < 16 else b"\xdc" + struct.pack("!H", len(values))
    for value in values:
        if isinstance(value, str):
            text = value.encode()
            out += b"\xd9" + bytes([len(text)]) + text
        else:
            out += b"\xcf" + struct.pack("!Q", value)
    return out


def unpack(data, at=0):
    """One msgpack value: (value, where it ends).  Only what brokers say."""
    kind = data[at]
    if kind < 0x80:
        return kind, at + 1
    if 0x90 <= kind < 0xA0:
        values, at = [], at + 1
        for _ in range(kind & 15):
            value, at = unpack(data, at)
            values.append(value)
        return values, at
    if 0xA0 <= kind < 0xC0 or kind == 0xD9:
        size, at = (kind & 31, at + 1) if kind < 0xC0 else (data[at + 1], at + 2)
        return data[at:at + size].decode(), at + size
    if kind in (0xC0, 0xC2, 0xC3):
        return kind == 0xC3, at + 1
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}[kind]
    return int.from_bytes(data[at + 1:at + 1 + size], "big"), at + 1 + size


def envelope(frame, op, incarnation, sequence=0, destination="", budget_ms=0):
    return pack([1, frame, op, "", destination, incarnation, sequence, 0, 0, "", budget_ms, "", 0])


class Peer:
    """A DEALER with a key."""

    def __init__(self, endpoint, broker_key, key_file):
        self.zmq = ctypes.CDLL("libzmq.so.5", use_errno=True)
        self.zmq.zmq_ctx_new.restype = self.zmq.zmq_socket.restype = ctypes.c_void_p
        self.zmq.zmq_socket.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.zmq.zmq_setsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
        self.zmq.zmq_connect.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.zmq.zmq_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        self.zmq.zmq_recv.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        self.socket = self.zmq.zmq_socket(self.zmq.zmq_ctx_new(), DEALER)
        with open(key_file, encoding="ascii") as file:
            halves = dict(line.split() for line in file if not line.startswith("#"))
        self.incarnation = int(halves["public"][:8] + os.urandom(4).hex(), 16) | 1  # with its key's mark
        self.set("linger", struct.pack("i", 0))
        self.set("receive_timeout", struct.pack("i", ANSWER_MS))
        self.set("server_key", bytes.fromhex(broker_key))
        self.set("public_key", bytes.fromhex(halves["public"]))
        self.set("secret_key", bytes.fromhex(halves["secret"]))
        if self.zmq.zmq_connect(self.socket, endpoint.encode()) != 0:
            raise OSError(ctypes.get_errno(), "zmq_connect")

    def set(self, name, value):
        if self.zmq.zmq_setsockopt(self.socket, OPTIONS[name], value, len(value)) != 0:
            raise OSError(ctypes.get_errno(), name)

    def send(self, header, body):
        # A line that was refused for good takes nothing: what is sent there is lost, and nothing is answered.
        if self.zmq.zmq_send(self.socket, header, len(header), SNDMORE | DONTWAIT) >= 0:
            self.zmq.zmq_send(self.socket, body, len(body), DONTWAIT)

    def receive(self):
        """A frame, or None when none comes."""
        buffer = ctypes.create_string_buffer(1 << 20)
        size = self.zmq.zmq_recv(self.socket, buffer, len(buffer), 0)
        return None if size < 0 else buffer.raw[:size]

    def answers(self, last=None):
        """What comes until nothing does, or the operation `last`: [[operation, text of an error or goodbye], ...]"""
        found = []
        end = time.monotonic() + LISTEN_S
        while time.monotonic() < end and (not found or found[-1][0] != last) and (header := self.receive()) is not None:
            body = self.receive()
            values = unpack(body)[0] if body else []
            found.append([unpack(header)[0][2], " ".join(value for value in values if isinstance(value, str) and value)])
        return found

    def hello(self, service, partition, incarnation):
        self.send(envelope(CONTROL, HELLO, incarnation), pack([1, 1, service, partition, 1 << 40, 100, "peer.py"]))


def endless(host, port, seconds):
    """Pushes one message without end for so long."""
    taken = closed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection((host, port), timeout=1) as line:
                line.sendall(GREETING)
                line.sendall(READY)
                while time.monotonic() < end:
                    line.sendall(MORE_FRAME)
                    taken += len(MORE_FRAME)
        except OSError:
            closed += 1
    return [taken, closed]


def silent(host, port, count, seconds):
    lines = []
    for _ in range(count):
        lines.append(socket.create_connection((host, port), timeout=1))
    end = time.monotonic() + seconds
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN | select.POLLHUP)
    closed = 0
    while (left := end - time.monotonic()) > 0 and closed < count:
        for number, _ in poll.poll(left * 1000):
            line = next(line for line in lines if line.fileno() == number)
            try:
                ended = line.recv(4096) == b""
            except OSError:
                ended = True
            if ended:
                poll.unregister(number)
                closed += 1
    return [count, closed]


def main():
    what, *words = sys.argv[1:]
    if what == "endless":
        return endless(words[0], int(words[1]), float(words[2]))
    if what == "silent":
        return silent(words[0], int(words[1]), int(words[2]), float(words[3]))
    peer = Peer(*words[:3])
    if what == "hello":
        peer.hello(words[3], words[4], int(words[5], 16) if words[5] != "own" else peer.incarnation)
        return peer.answers()
    peer.hello(words[3], "", peer.incarnation)
    first = peer.answers(HELLO_OK)
    peer.send(envelope(REQUEST, int(words[4]), peer.incarnation, 1, words[5], 1000), pack([]))
    return first + peer.answers(ERROR)


if __name__ == "__main__":
    print(json.dumps(main()))
