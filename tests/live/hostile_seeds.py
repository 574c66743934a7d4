"""Writes the rows of hostile_http.py into a folder, as seeds for tests/fuzz/fuzz_http_scan.c.  usage: hostile_seeds.py FOLDER"""

import os
import sys

import hostile_http

CUT_EVERY = b"\x00"  # fuzz_http_scan's first byte: into how small pieces it cuts


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for number, (_, _, sent, _) in enumerate(hostile_http.ROWS):
        pieces = sent if isinstance(sent, list) else [sent]
        data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        with open(os.path.join(sys.argv[1], f"row-{number:03}"), "wb") as file:
            file.write(CUT_EVERY + data[:8192])


if __name__ == "__main__":
    main()
