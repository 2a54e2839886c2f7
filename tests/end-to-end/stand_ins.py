"""What the configurations send to, on this machine: AWS' APIs behind TLS, as Fluent Bit insists on it, and takers of HTTP."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import random
import socket
import ssl
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

# Fluent Bit 1.9 speaks to AWS on this port only.
HTTPS_PORT = 443


def free_address() -> str | None:
    """A loopback address whose HTTPS port may be taken, or None when this user may not have such ports."""
    for _ in range(20):
        address = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
        with socket.socket() as probe:
            try:
                probe.bind((address, HTTPS_PORT))
            except PermissionError:
                return None
            except OSError:
                continue
            return address
    return None


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(folder: Path, *addresses: str) -> Path:
    """A certificate for some addresses, with its key in the same file. It is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()))
    path = folder / "stand-in.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def secure(server, certificate: Path) -> None:
    """Puts TLS before a server. Hands are shaken in the thread of the request, so that a silent client holds up nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


def with_request_id(application):
    """Gives answers the header that every one of AWS has. Fluent Bit 1.9 wants to see it, in just these letters."""

    def answering(environ, start_response):
        def start(status, headers, *rest):
            kept = [(name, value) for name, value in headers if name.lower() != "x-amzn-requestid"]
            return start_response(status, [*kept, ("x-amzn-RequestId", str(uuid.uuid4()))], *rest)

        return application(environ, start)

    return answering


class SecureAws:
    """moto behind TLS. It shares its state with every other moto of this process."""

    def __init__(self, address: str, certificate: Path) -> None:
        application = with_request_id(DomainDispatcherApplication(create_backend_app))
        self.server = make_server(address, HTTPS_PORT, application, threaded=True)
        secure(self.server, certificate)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Taken:
    """A request that a taker has taken."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Taker:
    """Takes what is posted to it, as OpenSearch does, and keeps it."""

    address: str
    certificate: Path
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {key.lower(): value for key, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                taken.append(Taken(self.path, headers, body))
                is_bulk = self.path.startswith("/_bulk")
                answer = b'{"took":1,"errors":false,"items":[]}' if is_bulk else b"{}"
                self.send_response(200 if is_bulk else 202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer((self.address, HTTPS_PORT), Handler)
        secure(self.server, self.certificate)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
