"""A certificate authority of a test's own, and an HTTP proxy that opens tunnels (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import datetime
import ipaddress
import select
import socket
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: str, key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1)))


class Authority:
    """An authority, and a server's certificate for 127.0.0.1 that it has signed."""

    def __init__(self, folder: Path):
        key, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = f"authority of {folder.name}"
        own = (_builder(name, name, key)
               .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
               .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
               .sign(key, hashes.SHA256()))
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = (_builder("intake", name, server).add_extension(address, critical=False)
                  .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                  .sign(key, hashes.SHA256()))
        #: What a client is to trust.
        self.certificate = folder / "authority.pem"
        self.certificate.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        chain = folder / "server.pem"
        chain.write_bytes(server.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()) + signed.public_bytes(serialization.Encoding.PEM))
        #: What the server speaks with.
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)


class TunnelProxy:
    """Opens a tunnel for each CONNECT, and keeps what was asked for."""

    def __init__(self):
        self.heads: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return
            head += part
        self.heads.append(head.decode())
        method, target, _ = self.heads[-1].split(" ", 2)
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 tunnels only\r\nContent-Length: 0\r\n\r\n")
            return
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 open\r\n\r\n")
        ends = {client: server, server: client}
        while ends:
            for end in select.select(list(ends), [], [], 60)[0]:
                part = end.recv(65_536)
                if not part:
                    return
                ends[end].sendall(part)
