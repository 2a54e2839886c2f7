"""A part of `make matrix`, for every run of the tests; and that it would see what is wrong."""

from __future__ import annotations

import shutil

import pytest

from conftest import REAL, name_of
from hosts import harness_hosts
from matrix import WASM, Matrix, Setup, faults_of

# Of each host the ways that the other tests do not take.
SETUPS = [Setup("native", "YAML", "filesystem", 4), Setup("WebAssembly", "YAML", "filesystem", 4), Setup("native", "classic", "filesystem", 4)]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    return Matrix(tmp_path_factory.mktemp("matrix"))


@pytest.fixture
def harness_run(matrix, tmp_path):
    """The samples through the harness host, and where its lake is."""
    done = harness_hosts()[1].run(matrix.records, [{"lake": str(tmp_path / "lake")}])
    return done, tmp_path


def test_every_way_to_spoil_a_lake_is_seen(matrix, harness_run):
    done, folder = harness_run
    reference: dict[str, dict] = {}

    def faults(labels=matrix.labels) -> str:
        return "; ".join(faults_of(done, folder, matrix.samples, labels, reference))

    assert faults() == ""
    assert len(reference) == len(matrix.samples)
    some = sorted((folder / "lake/type=error").rglob("*.parquet"))[0]
    shutil.move(some, folder / "kept")
    assert "records are missing" in faults()
    shutil.copy(folder / "kept", some)
    shutil.copy(folder / "kept", some.with_name("again.parquet"))
    assert "times" in faults()
    some.with_name("again.parquet").unlink()
    elsewhere = folder / "lake/type=app" / some.relative_to(folder / "lake/type=error")
    elsewhere.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(some, elsewhere)
    assert "rows differ" in faults() and "types: " in faults()
    shutil.move(elsewhere, some)
    assert faults() == ""
    assert "types: " in faults(matrix.labels | {"access_apache_combined.log:1": "audit"})


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_samples_are_in_the_lake_once_whole_and_of_their_type(host, matrix):
    there = [setup for setup in SETUPS if setup.is_there(host)]
    if any(setup.filter == "WebAssembly" for setup in there):
        assert WASM.exists(), "run 'make wasm' first"
    for setup in there[:2]:
        assert matrix.judge(host, setup) == []
