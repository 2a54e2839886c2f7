"""Datadog's logs API in a few lines: looks at every payload with the limits that Datadog documents
(https://docs.datadoghq.com/api/latest/logs/#send-logs), keeps what it accepts, and fails when it is told to.

As a program, for a process of its own: prints its port, takes `faults N` on its standard input, prints a line of JSON at the end
of it."""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow

MAX_PAYLOAD_BYTES = 5_000_000
MAX_ENTRIES = 1_000
MAX_ENTRY_BYTES = 1_000_000
KEY = "0123456789abcdef0123456789abcdef"
#: What one request in twenty each gets: statuses, and connections that are gone before the payload was read.
FAULTS = (400, 401, 403, 408, 413, 429, 500, 502, 503, 504, "reset")


class Intake:
    """What a fake intake has seen, and what it shall do."""

    def __init__(self, faults: bool = False, keep: str | None = "message", strict: bool = True, status: int = 202, most: int = 3,
                 tls: ssl.SSLContext | None = None):
        self.faults, self.keep, self.strict, self.status, self.most = faults, keep, strict, status, most
        self.lock = threading.Lock()
        self.kept: Counter[str] = Counter()
        self.samples: list[dict] = []
        self.entries = 0
        self.requests = 0
        self.answers: Counter[str] = Counter()
        self.violations: list[str] = []
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                intake.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            # Shaken hands in the connection's thread, so that one who breaks it off holds up nobody.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.server.handle_error = lambda *_: None
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        with self.lock:
            number = self.requests
            self.requests += 1
        # Each kind is one request in twenty; the rest, nine in twenty, is taken.
        fault = FAULTS[number % 20] if self.faults and number % 20 < len(FAULTS) else None
        if fault == "reset":
            with self.lock:
                self.answers["reset"] += 1
            request.close_connection = True
            request.connection.close()
            return
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        status = fault or self.status
        violation = self.take(request, body, status < 300)
        with self.lock:
            self.answers[str(status)] += 1
            if violation:
                self.violations.append(violation)
        text = b"{}" if status < 300 else b'{"errors":["told to"]}'
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        if status == 429:
            request.send_header("Retry-After", "0")
        request.end_headers()
        request.wfile.write(text)

    def take(self, request: BaseHTTPRequestHandler, body: bytes, is_accepted: bool) -> str | None:
        """Looks at a payload and keeps its entries; what of it is against the API."""
        if request.path != "/api/v2/logs" or request.headers.get("DD-API-KEY") != KEY:
            return f"{request.path} with a {'right' if request.headers.get('DD-API-KEY') == KEY else 'wrong'} key"
        encoding = request.headers.get("Content-Encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "zstd":
            body = pyarrow.CompressedInputStream(pyarrow.BufferReader(body), "zstd").read()
        elif encoding:
            return f"encoding {encoding}"
        entries = json.loads(body)
        if self.strict:
            if len(body) > MAX_PAYLOAD_BYTES:
                return f"payload of {len(body)} bytes"
            if not 1 <= len(entries) <= MAX_ENTRIES:
                return f"payload of {len(entries)} entries"
            longest = max(len(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()) for entry in entries)
            if longest > MAX_ENTRY_BYTES:
                return f"entry of {longest} bytes"
        if is_accepted:
            with self.lock:
                self.entries += len(entries)
                if self.keep:
                    self.kept.update(entry.get(self.keep, "") for entry in entries)
                self.samples += entries[:self.most - len(self.samples)]
        return None


def main() -> None:
    intake = Intake(faults="faults" in sys.argv, keep=None if "count" in sys.argv else "message",
                    strict="lax" not in sys.argv)
    print(intake.port, flush=True)
    sys.stdin.read()
    print(json.dumps({"entries": intake.entries, "requests": intake.requests, "answers": intake.answers,
                      "violations": intake.violations[:5], "samples": intake.samples[:1]}))


if __name__ == "__main__":
    main()
