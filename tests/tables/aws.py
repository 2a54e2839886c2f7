"""AWS' Glue as it is where two commit at once, and the API that Lambda has for its functions."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto.core.exceptions import JsonRESTError
from moto.glue.responses import GlueResponse

UPDATE = GlueResponse.update_table


class VersionedGlue:
    """Compares the version that a table is updated on, as Glue does and moto does not; fails, when it is told to."""

    def __init__(self) -> None:
        self.lock, self.refused, self.failing = threading.Lock(), 0, False

    def update_table(self, response: GlueResponse):
        with self.lock:
            if self.failing:
                raise JsonRESTError("AccessDeniedException", "not today")
            asked = response.parameters
            current = response.glue_backend.get_table(asked["DatabaseName"], asked["TableInput"]["Name"]).as_dict()["VersionId"]
            # https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html: without a version it is not compared.
            if asked.get("VersionId", current) != current:
                self.refused += 1
                raise JsonRESTError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
            return UPDATE(response)


class RuntimeApi(ThreadingHTTPServer):
    """Gives events one after the other, and keeps the answers; https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html."""

    def __init__(self, events: list[dict]) -> None:
        super().__init__(("127.0.0.1", 0), RuntimeHandler)
        self.events, self.answers, self.given = list(events), [], 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class RuntimeHandler(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        assert self.path == "/2018-06-01/runtime/invocation/next", self.path
        if not self.server.events:
            self.send_error(410)
            return
        body = json.dumps(self.server.events.pop(0)).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", f"event-{self.server.given}")
        self.send_header("Lambda-Runtime-Deadline-Ms", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.given += 1

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append((self.path.removeprefix("/2018-06-01/runtime/invocation/"), json.loads(said)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


@contextmanager
def runtime_api(events: list[dict]):
    api = RuntimeApi(events)
    thread = threading.Thread(target=api.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.shutdown()
        thread.join()
        api.server_close()
