"""Local files that count the bytes which DuckDB asks for, as it would ask an object store for them."""

from __future__ import annotations

from fsspec.implementations.local import LocalFileSystem

PREFIX = "counted://"


class CountedFiles(LocalFileSystem):
    """Files under `counted://`."""

    protocol = "counted"
    cachable = False

    def __init__(self):
        super().__init__()
        self.bytes_read = 0

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix(PREFIX))

    def _open(self, path, mode="rb", **_):
        return CountedFile(self, open(path, mode, buffering=0))


class CountedFile:
    """A file of which every byte that is read is counted."""

    def __init__(self, files: CountedFiles, file):
        self.files, self.file = files, file

    def read(self, length: int = -1) -> bytes:
        data = self.file.read(length)
        self.files.bytes_read += len(data)
        return data

    def __getattr__(self, name):
        return getattr(self.file, name)
