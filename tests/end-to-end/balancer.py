"""Stands in for a network load balancer: each connection goes to one of the servers that are there, for as long as it lives."""

from __future__ import annotations

import random
import socket
import threading

from hosts import wait_until

PART_BYTES = 64 * 1024


class Balancer:
    """Listens on a port of its own."""

    def __init__(self, ports: list[int], chance: random.Random) -> None:
        self._ports, self._chance = ports, chance
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        # Whether a part is handed on; the connection ends with one that is not.
        self.lets_pass = lambda part: True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._server()
            if server is None:
                client.close()
                continue
            self.connections += 1
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _server(self) -> socket.socket | None:
        for port in self._chance.sample(self._ports, len(self._ports)):
            try:
                server = socket.create_connection(("127.0.0.1", port), timeout=5)
            except OSError:
                continue
            server.settimeout(None)
            return server
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """One way of a connection; when it ends, both do, as when one end is killed."""
        try:
            while (part := source.recv(PART_BYTES)) and self.lets_pass(part):
                target.sendall(part)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def stop(self) -> None:
        self._listener.close()


def wait_until_listening(port: int, what: str) -> None:
    """Waits until somebody takes connections."""

    def takes() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    wait_until(takes, f"{what} listens")
