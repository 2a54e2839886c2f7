"""An S3 server that fails: seeded faults, outages, and a line of little width. Objects are files below a folder.

    python faulty_s3.py --folder /tmp/lake --port 9900 --seed 7 --faults 0.05 --outage-every 600 --outage-seconds 120

Keys are paths (`/bucket/key`), signatures are not looked at. Every PUT is a line on standard output, as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import socket
import struct
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

# How a PUT may fail, and how often of a hundred faults. Those with "lost" store the object all the same.
FAULTS = {"500": 28, "503 SlowDown": 28, "reset in the body": 18, "answer lost": 10, "answer late and lost": 4, "slow": 8, "hang": 4}
HANG_SECONDS = 45
LATE_SECONDS = 5
SLOW_BYTES_PER_SECOND = 200_000
PIECE_BYTES = 16_384
# What a client may send before anybody reads, so that a narrow line is felt by it.
RECEIVE_BUFFER_BYTES = 65_536


class FaultyS3(ThreadingHTTPServer):
    """The server; `puts` has what happened to every PUT, in order. Setting `fate` makes all of them fail that way."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, port: int = 0, seed: int = 1, faults: float = 0.0, outage_every: float = 0.0,
                 outage_seconds: float = 0.0, bytes_per_second: int = 0, log=None, keep_puts: bool = True):
        self.folder, self.faults, self.log, self.keep_puts = folder, faults, log, keep_puts
        self.outage_every, self.outage_seconds, self.bytes_per_second = outage_every, outage_seconds, bytes_per_second
        self.random, self.lock, self.began = random.Random(seed), threading.Lock(), time.monotonic()
        self.line_is_free_at, self.fate, self.puts = time.monotonic(), None, []
        self.counts: dict[str, int] = {}
        super().__init__(("127.0.0.1", port), Handler, bind_and_activate=False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.allow_reuse_address = True
        self.server_bind()
        self.server_activate()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> FaultyS3:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def outage(self) -> str | None:
        """How the server is out at this moment, if it is: an outage ends every period of time."""
        if not self.outage_every:
            return None
        number, into = divmod(time.monotonic() - self.began, self.outage_every)
        if into < self.outage_every - self.outage_seconds:
            return None
        return ["503 SlowDown", "refused", "hang"][int(number) % 3]

    def fault(self) -> str | None:
        with self.lock:
            if self.random.random() >= self.faults:
                return None
            return self.random.choices(list(FAULTS), list(FAULTS.values()))[0]

    def wait_for_line(self, size: int) -> None:
        """Lets bytes pass at the line's width, which all connections share."""
        if not self.bytes_per_second:
            return
        with self.lock:
            self.line_is_free_at = max(self.line_is_free_at, time.monotonic()) + size / self.bytes_per_second
            until = self.line_is_free_at
        time.sleep(max(0.0, until - time.monotonic()))

    def note(self, key: str, size: int, fate: str) -> None:
        entry = {"at": round(time.monotonic() - self.began, 3), "key": key, "bytes": size, "fate": fate}
        with self.lock:
            self.counts[fate] = self.counts.get(fate, 0) + 1
            if self.keep_puts:
                self.puts.append(entry)
            if self.log:
                print(json.dumps(entry), file=self.log, flush=True)

    def handle_error(self, request, client_address) -> None:
        """A client that goes away is no news here."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: FaultyS3

    def log_message(self, *arguments) -> None:
        """Nothing on standard error."""

    def do_PUT(self) -> None:
        key, size = unquote(urlsplit(self.path).path).lstrip("/"), int(self.headers.get("Content-Length", 0))
        fate = self.server.fate or self.server.outage() or self.server.fault()
        if fate == "refused":
            self.server.note(key, size, fate)
            return self.reset()
        if fate == "hang":
            self.server.note(key, size, fate)
            # Nobody is told anything; the client has to give up by itself.
            time.sleep(HANG_SECONDS)
            return self.reset()
        if fate == "reset in the body":
            self.read_body(size // 2)
            self.server.note(key, size, fate)
            return self.reset()
        body = self.read_body(size, SLOW_BYTES_PER_SECOND if fate == "slow" else 0)
        if len(body) < size:
            self.server.note(key, size, "client went away")
            return self.reset()
        if fate in ("500", "503 SlowDown"):
            self.server.note(key, size, fate)
            code = "SlowDown" if fate.startswith("503") else "InternalError"
            return self.answer(int(fate[:3]), error(code, "Please reduce your request rate."), "application/xml")
        self.store(key, body)
        self.server.note(key, size, fate or "stored")
        if fate == "answer late and lost":
            time.sleep(LATE_SECONDS)
        if fate in ("answer lost", "answer late and lost"):
            return self.reset()
        self.answer(200, b"", extra={"ETag": tag(body)})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        if "list-type" in query:
            return self.list(unquote(parts.path).strip("/"), query)
        self.give(with_body=True)

    def do_HEAD(self) -> None:
        self.give(with_body=False)

    def give(self, with_body: bool) -> None:
        file = self.file(unquote(urlsplit(self.path).path).lstrip("/"))
        if not file.is_file():
            return self.answer(404, error("NoSuchKey", "not there"), "application/xml")
        body, status, extra = file.read_bytes(), 200, {}
        if wanted := self.headers.get("Range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            start = int(first) if first else len(body) - int(last)
            end = min(int(last), len(body) - 1) if first and last else len(body) - 1
            extra["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            status, whole, body = 206, body, body[start:end + 1]
            extra["ETag"] = tag(whole)
        else:
            extra["ETag"] = tag(body)
        extra["Last-Modified"] = formatdate(file.stat().st_mtime, usegmt=True)
        self.answer(status, body, "application/octet-stream", extra, with_body)

    def list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix = query.get("prefix", [""])[0]
        root = self.server.folder / bucket
        keys = sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file() and ".part-" not in file.name)
        after = query.get("continuation-token", [""])[0]
        keys = [key for key in keys if key.startswith(prefix) and key > after]
        page, rest = keys[:1000], keys[1000:]
        entries = []
        for key in page:
            state = (root / key).stat()
            when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(state.st_mtime))
            entries.append(f"<Contents><Key>{escape(key)}</Key><LastModified>{when}</LastModified><ETag>\"0\"</ETag>"
                           f"<Size>{state.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>")
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        text = (f'<?xml version="1.0"?><ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>'
                f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}"
                f"{''.join(entries)}</ListBucketResult>")
        self.answer(200, text.encode(), "application/xml")

    def read_body(self, size: int, bytes_per_second: int = 0) -> bytes:
        parts, left = [], size
        while left:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            if not piece:
                break
            self.server.wait_for_line(len(piece))
            if bytes_per_second:
                time.sleep(len(piece) / bytes_per_second)
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def store(self, key: str, body: bytes) -> None:
        file = self.file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part-{threading.get_ident()}")
        part.write_bytes(body)
        os.replace(part, file)

    def file(self, key: str) -> Path:
        file = (self.server.folder / key).resolve()
        if not file.is_relative_to(self.server.folder.resolve()):
            raise ValueError(f"key {key!r} leaves the folder")
        return file

    def answer(self, status: int, body: bytes, kind: str = "text/plain", extra: dict[str, str] | None = None,
               with_body: bool = True) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": kind, **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def reset(self) -> None:
        """Ends the connection with a reset and no word."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def tag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def error(code: str, message: str) -> bytes:
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
            "<RequestId>0</RequestId></Error>").encode()


def main() -> None:
    import sys

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=9900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=float, default=0.0, help="part of the PUTs that fail")
    parser.add_argument("--outage-every", type=float, default=0.0, help="seconds from the end of an outage to the end of the next")
    parser.add_argument("--outage-seconds", type=float, default=0.0)
    parser.add_argument("--bytes-per-second", type=int, default=0)
    given = parser.parse_args()
    server = FaultyS3(given.folder, given.port, given.seed, given.faults, given.outage_every, given.outage_seconds,
                      given.bytes_per_second, sys.stdout, keep_puts=False)
    try:
        server.serve_forever()
    finally:
        print(json.dumps({"counts": server.counts}), flush=True)


if __name__ == "__main__":
    main()
