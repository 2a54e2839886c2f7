"""What takes from Fluent Bit, in processes of their own on the other core: S3 as files in a folder, and Datadog's intake.

    python servers.py intake FOLDER     keeps each payload as a file, named by when it came
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

END_TO_END = Path(__file__).resolve().parents[1] / "end-to-end"


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, seconds: float = 20) -> None:
    """Waits until somebody listens."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


@contextmanager
def s3(folder: Path, core: int):
    """An S3 server whose objects are files below the folder; gives its port."""
    port = free_port()
    command = [sys.executable, str(END_TO_END / "faulty_s3.py"), "--folder", str(folder), "--port", str(port)]
    # It says a line for each object, and would wait for somebody to read them.
    with _running(["taskset", "-c", str(core), *command], subprocess.DEVNULL):
        wait_for(port)
        yield port


@contextmanager
def intake(folder: Path, core: int):
    """Datadog's intake, which keeps each payload as a file; gives its port."""
    folder.mkdir(parents=True, exist_ok=True)
    with _running(["taskset", "-c", str(core), sys.executable, __file__, "intake", str(folder)]) as process:
        yield int(process.stdout.readline())


@contextmanager
def counting_intake(core: int, found: dict):
    """Datadog's intake, which looks into each payload; gives its port, and leaves in `found` what it has seen."""
    command = ["taskset", "-c", str(core), sys.executable, str(END_TO_END / "fake_intake.py"), "count", "lax"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
        found.update(json.loads(process.communicate("")[0]))
    finally:
        process.kill()
        process.wait()


@contextmanager
def _running(command: list[str], out: int = subprocess.PIPE):
    process = subprocess.Popen(command, stdout=out, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


class Keeper(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "plain")
        (self.folder / f"{time.time_ns()}.{encoding}").write_bytes(body)
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> None:
    _, what, folder = sys.argv
    if what != "intake":
        raise SystemExit(__doc__)
    Keeper.folder = Path(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
