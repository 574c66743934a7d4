"""Reads every byte that crosses the switch, and looks for words in it.

capture.py PORTS STRANGER DEVICE... runs in the switch.  Each line of stdin is a word to look for from then on; at the end of stdin it
prints what it saw as JSON and ends:

    {"edge": [bytes, {word: count}], "bus": [bytes, {word: count}], "packets": all, "lost": how many more came too fast}

Edge is TCP from or to one of PORTS (80,81): HTTP, which is plain.  Bus is all the rest.  A word that is cut in two by packets of
one stream is found, too.  What the address STRANGER sends is not looked at: it pushes more than an eye can take, and knows no names.
"""

import ctypes
import json
import os
import selectors
import socket
import struct
import sys

EVERYTHING = 0x0003  # ETH_P_ALL
IPV4 = 0x0800
TCP = 6
PACKET_BYTES = 1 << 17
BUFFER_BYTES = 64 << 20
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
SOL_PACKET = 263
PACKET_STATISTICS = 6
WORD_MAX = 64  # bytes


def filter_of(stranger):
    """A program for the kernel: each packet once, as it comes in at a line, and none of the stranger's."""
    accept, drop = 0xFFFFFFFF, 0
    program = [  # code, jump if true, jump if false, operand; see linux/filter.h
        (0x20, 0, 0, 0xFFFFF004),  # load the packet's type
        (0x15, 5, 0, 4),  # outgoing: drop
        (0x28, 0, 0, 12),  # load the protocol
        (0x15, 0, 2, IPV4),
        (0x20, 0, 0, 26),  # load the source
        (0x15, 1, 0, struct.unpack("!I", socket.inet_aton(stranger))[0]),
        (0x06, 0, 0, accept),
        (0x06, 0, 0, drop),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in program), len(program)


class Capture:
    def __init__(self, ports, stranger, devices):
        self.ports = ports
        self.devices = devices
        self.words = []
        self.bytes = {"edge": 0, "bus": 0}
        self.found = {"edge": {}, "bus": {}}
        self.tails = {}  # stream -> its last bytes
        self.packets = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(EVERYTHING))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        code, count = filter_of(stranger)
        self.code = ctypes.create_string_buffer(code)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxQ", count, ctypes.addressof(self.code)))
        self.packet = bytearray(PACKET_BYTES)

    def take(self):
        """Takes the packets that are there."""
        while True:
            try:
                size, address = self.socket.recvfrom_into(self.packet)
            except BlockingIOError:
                return
            self.packets += 1
            if address[0] in self.devices:
                self.look(bytes(self.packet[:size]))

    def look(self, packet):
        kind, stream, payload = "bus", None, packet
        if len(packet) >= 34 and struct.unpack_from("!H", packet, 12)[0] == IPV4 and packet[23] == TCP:
            header = 14 + 4 * (packet[14] & 15)
            end = 14 + struct.unpack_from("!H", packet, 16)[0]
            source, target = struct.unpack_from("!HH", packet, header)
            payload = packet[header + 4 * (packet[header + 12] >> 4):end]
            stream = (packet[26:34], source, target)
            if source in self.ports or target in self.ports:
                kind = "edge"
        self.bytes[kind] += len(packet)
        if not payload:
            return
        text = self.tails.get(stream, b"") + payload if stream is not None else payload
        for word in self.words:
            if word in text:
                self.found[kind][word] = self.found[kind].get(word, 0) + 1
        if stream is not None:
            self.tails[stream] = payload[-WORD_MAX:]

    def seen(self):
        drops = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        return {kind: [self.bytes[kind], {word.decode(): count for word, count in self.found[kind].items()}]
                for kind in self.bytes} | {"packets": self.packets, "lost": drops}


def main():
    capture = Capture({int(port) for port in sys.argv[1].split(",")}, sys.argv[2], set(sys.argv[3:]))
    selector = selectors.DefaultSelector()
    selector.register(capture.socket, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in selector.select():
            if key.fileobj is capture.socket:
                capture.take()
                continue
            text = os.read(sys.stdin.fileno(), 4096)
            *lines, rest = (rest + text).split(b"\n")
            capture.words += [line[:WORD_MAX] for line in lines if line]
            if not text:
                capture.take()
                print(json.dumps(capture.seen()), flush=True)
                return


if __name__ == "__main__":
    main()
