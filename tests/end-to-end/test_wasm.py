"""The WASM filter in real Fluent Bits, with their default heap and stack: every record comes out, sorted, in bounded memory."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import REAL, name_of
from docker import send, text
from hosts import DIST, ROOT, stop, wait_until
from test_pieces import free_port

MODULE = DIST / "shiwake.wasm"
UNBUILT = DIST / "shiwake-unbuilt.wasm"
AOT = DIST / "shiwake.aot"
COMMAND = ROOT / "target/debug/shiwake"
DATA = ROOT / "tests/data"
ACCESS_LOG = DATA / "access_apache_combined.log"
DEEP = DATA / "deep_nested_nginxplus_status.ndjson"
DEADLINE_SECONDS = 240
# What two runs of the same host, one with three times the records, may differ by.
RSS_SLACK_KIB = 12 * 1024


@dataclass
class Run:
    """What came out of a host, and how much memory it had at most."""

    records: list[dict]
    log: str
    peak_rss_kib: int


def has_wasm(host) -> bool:
    """Whether the host was built with the WASM filter."""
    return "WASM program filter" in subprocess.run([host.binary, "-h"], capture_output=True, text=True).stdout


def needs_wasm(host) -> None:
    """Skips a host without the WASM filter, as 1.9 is."""
    if not has_wasm(host):
        pytest.skip(f"{host.name} has no WASM filter")


def run(host, folder: Path, lines: Path, module: Path | None = MODULE, parser: str = "", keep: bool = True) -> Run:
    """Runs a file to its end through the filter, if one is given, and no setting of it but where it is."""
    folder.mkdir()
    (folder / "parsers.conf").write_text("[PARSER]\n    Name whole\n    Format json\n")
    filter_section = f"""
[FILTER]
    Name wasm
    Match *
    Wasm_Path {module}
    Function_Name filter_shiwake
"""
    output = f"Name file\n    Match *\n    Path {folder}\n    File out\n    Format plain" if keep else "Name null\n    Match *"
    (folder / "fluent-bit.conf").write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 2
    Log_Level info
    Parsers_File {folder}/parsers.conf
[INPUT]
    Name tail
    Path {lines}
    Read_from_Head on
    Exit_On_Eof on
    Buffer_Chunk_Size 64K
    Buffer_Max_Size 8M
    Mem_Buf_Limit 20M
    Key log
    Tag app
    {parser}
{filter_section if module else ""}
[OUTPUT]
    {output}
""")
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen([host.binary, "-c", folder / "fluent-bit.conf"], stdout=sink, stderr=subprocess.STDOUT)
        peak_rss_kib = watch(process)
    said = log.read_text(errors="replace")
    assert process.returncode == 0, said[-2000:]
    written = (folder / "out").read_text(errors="surrogateescape").splitlines() if keep else []
    return Run([json.loads(line) for line in written], said, peak_rss_kib)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def watch(process: subprocess.Popen) -> int:
    """Waits for the end of a process; its peak of resident memory as it was seen last, in KiB."""
    peak, end = 0, time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None:
        assert time.monotonic() < end, "the host does not end"
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.02)
    return peak


def own_fields(before: dict, after: dict) -> bool:
    """Whether a record still has all that it had, but for a line that gave way to the fields that it names."""
    line = str(before.get("log", ""))
    gives_way = line.lstrip().startswith("{") or ("=" in line and "log" not in after)
    return all(after.get(name) == value or (name == "log" and gives_way) for name, value in before.items())


def assert_all_there(plain: Run, sorted_: Run, records: int) -> None:
    """Every record came out, in its order, with its own fields and a type."""
    assert len(plain.records) == records, plain.log[-2000:]
    assert len(sorted_.records) == records, sorted_.log[-2000:]
    assert "wasm" not in "".join(line for line in sorted_.log.splitlines() if "error" in line or "warn" in line)
    for before, after in zip(plain.records, sorted_.records, strict=True):
        assert "log_type" in after, str(after)[:500]
        assert own_fields(before, after), f"{before!s:.500} became {after!s:.500}"


def repeated(source: Path, target: Path, lines: int) -> Path:
    """A file with so many lines, the same over and over."""
    sample = source.read_bytes().splitlines(keepends=True)
    with target.open("wb") as out:
        whole, rest = divmod(lines, len(sample))
        for _ in range(whole):
            out.writelines(sample)
        out.writelines(sample[:rest])
    return target


def odd_lines(target: Path) -> int:
    """Lines from ten bytes to a megabyte: text, escapes, invalid UTF-8, other alphabets, control characters, zero bytes."""
    chance = random.Random(7)
    texts = [b"error: ", b"x\\y\"z\" ", b"\xff\xfe\x80 ", "日本語 é 😀 ".encode(), b"\x01\x1b[31m\x7f ", b"\t\b\f ",
             b'{"a":"\\u0000","b":[1,{}]} ', b"\xed\xa0\x80 ", b"\xc3", b"a=1 b=\"2\" "]
    sizes = [10, 100, 1_000, 8_000, 8_192, 8_300, 16_384, 65_536, 300_000, 1_000_000]
    lines = 0
    with target.open("wb") as out:
        for size in sizes * 3:
            for text in texts:
                line = (text * (size // len(text) + 1))[:size] if chance.random() < 0.7 else chance.randbytes(size // 8)
                out.write(line.replace(b"\n", b" ").replace(b"\0", b" ") + b"!\n")
                lines += 1
        # Zero bytes: a host may cut the text there, as it does without the filter too.
        for _ in range(20):
            out.write(b"zero \0 byte !\n")
            lines += 1
    return lines


@pytest.fixture(scope="module")
def modules() -> list[Path]:
    """The module, and what WAMR's compiler made of it when there is one."""
    assert MODULE.exists() and UNBUILT.exists(), "run 'make wasm' first"
    return [MODULE, *([AOT] if AOT.exists() and AOT.stat().st_mtime >= MODULE.stat().st_mtime else [])]


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_access_lines_come_out_sorted(host, tmp_path, modules):
    needs_wasm(host)
    lines = repeated(ACCESS_LOG, tmp_path / "access.log", 20_000)
    plain = run(host, tmp_path / "plain", lines, module=None)
    for module in modules:
        sorted_ = run(host, tmp_path / module.suffix[1:], lines, module)
        assert_all_there(plain, sorted_, 20_000)
        assert {record["log_type"] for record in sorted_.records} == {"access"}
        assert all(record["status"] >= 200 and record["method"] for record in sorted_.records)


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_deep_records_and_all_sample_lines_come_out(host, tmp_path):
    needs_wasm(host)
    lines = repeated(DEEP, tmp_path / "deep.ndjson", 500)
    plain = run(host, tmp_path / "plain", lines, None, "Parser whole")
    assert_all_there(plain, run(host, tmp_path / "sorted", lines, parser="Parser whole"), 500)
    samples = [path for path in sorted([*DATA.glob("*.log"), *DATA.glob("*.ndjson"), *(DATA / "formats").iterdir()]) if path.is_file()]
    whole = b"".join(path.read_bytes() for path in samples)
    lines.write_bytes(b"".join(line + b"\n" for line in whole.split(b"\n") if line))
    count = lines.read_bytes().count(b"\n")
    assert_all_there(run(host, tmp_path / "plain2", lines, None), run(host, tmp_path / "sorted2", lines), count)


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_odd_and_large_lines_come_out(host, tmp_path):
    needs_wasm(host)
    lines = tmp_path / "odd.log"
    count = odd_lines(lines)
    assert_all_there(run(host, tmp_path / "plain", lines, None), run(host, tmp_path / "sorted", lines), count)


# Values of MessagePack that the host writes as text which its own reader refuses, or takes for something else.
ODD_VALUES = {
    "NaN": b"\xa1v\xcb\x7f\xf8\0\0\0\0\0\0",
    "infinity": b"\xa1v\xcb\x7f\xf0\0\0\0\0\0\0",
    "minus infinity in a list": b"\xa1v\x92\x01\xcb\xff\xf0\0\0\0\0\0\0",
    "extension": b"\xa1v\xc7\x03\x05\x01\xff\x22",
    "number for a name": b"\x07\xa1x",
    "nothing for a name": b"\xc0\xa1x",
    "name in a map": b"\xa1v\x81\xcd\x01\x00\xc3",
    "bytes": b"\xa1v\xc4\x04\0\xff\x22\\",
    "zero bytes": b"\xa1v\xa3a\0b",
    "control characters": b"\xa1v\xa3\x01\x1f\x7f",
    "no UTF-8": b"\xa1v\xa4\xff\xc3\x28\xed",
    "large number": b"\xa1v\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    "small float": b"\xa1v\xcb\x00\x00\x00\x00\x00\x00\x00\x01",
    "empty name": b"\xa0\xa1x",
}


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_values_that_json_has_no_word_for_come_out(host, tmp_path):
    needs_wasm(host)
    port, out = free_port(), tmp_path / "out"
    (tmp_path / "fluent-bit.conf").write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 2
[INPUT]
    Name forward
    Listen 127.0.0.1
    Port {port}
# 5.1 calls filters behind this input in a thread of its own, in which no WASM filter runs (docs/wasm.md).
[FILTER]
    Name rewrite_tag
    Match app
    Rule $log .* sorted.$TAG false
[FILTER]
    Name wasm
    Match sorted.*
    Wasm_Path {MODULE}
    Function_Name filter_shiwake
[OUTPUT]
    Name file
    Match *
    Path {tmp_path}
    File out
    Format plain
""")
    bodies = [b"\x83" + text("id") + text(name) + text("log") + text("hello") + pair for name, pair in ODD_VALUES.items()]
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen([host.binary, "-c", tmp_path / "fluent-bit.conf"], stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: is_listening(port), "the host listens")
            send(port, [b"\x93" + text("app") + b"\xce\x65\x53\xf1\x00" + body for body in bodies])
            wait_until(lambda: out.exists() and len(out.read_bytes().splitlines()) >= len(bodies), "all are out", 20)
        finally:
            stop(process)
    came = [json.loads(line) for line in out.read_text(errors="replace").splitlines()]
    assert [record["id"] for record in came] == list(ODD_VALUES), log.read_text(errors="replace")
    assert all(record["log_type"] == "app" for record in came), came
    values = {record["id"]: record.get("v") for record in came}
    assert (values["NaN"], values["infinity"], values["minus infinity in a list"]) == ("NaN", "Infinity", [1, "-Infinity"])


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_memory_does_not_grow_with_the_records(host, tmp_path):
    needs_wasm(host)
    peaks = []
    for count in (20_000, 60_000):
        lines = repeated(ACCESS_LOG, tmp_path / f"{count}.log", count)
        peaks.append(run(host, tmp_path / str(count), lines, keep=False).peak_rss_kib)
    assert peaks[1] - peaks[0] < RSS_SLACK_KIB, f"{peaks} KiB"


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_rules_of_the_users_own_are_put_in_without_a_compiler(host, tmp_path):
    needs_wasm(host)
    rules, module = tmp_path / "rules.toml", tmp_path / "own.wasm"
    rules.write_text("[[rule]]\nname = 'pictures'\nmatch = 'GET \\S+\\.png'\ndrop = true\n\n"
                     "[[rule]]\nname = 'blog'\nmatch = 'GET /blog/'\nset = { team = 'blog' }\n")
    made = subprocess.run([COMMAND, "wasm", "--rules", rules, "--module", UNBUILT, "--env", "prod", "-o", module],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    lines = repeated(ACCESS_LOG, tmp_path / "access.log", 3_000)
    dropped = sum(b".png" in line.split(b'"')[1] and line.split(b'"')[1].startswith(b"GET ")
                  for line in lines.read_bytes().splitlines())
    sorted_ = run(host, tmp_path / "own", lines, module)
    assert dropped > 0 and len(sorted_.records) == 3_000 - dropped
    assert all(record["env"] == "prod" for record in sorted_.records)
    blog = [record for record in sorted_.records if record.get("method") == "GET" and record["path"].startswith("/blog/")]
    assert blog and all(record["team"] == "blog" for record in blog)


def test_what_is_wrong_with_rules_or_module_is_said(tmp_path, modules):
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nname = 'a'\nmatsch = 'x'\ntype = 'app'\n")
    out = tmp_path / "out.wasm"
    made = subprocess.run([COMMAND, "wasm", "--rules", rules, "--module", UNBUILT, "-o", out], capture_output=True, text=True)
    assert made.returncode == 2 and "rules.toml:3:1" in made.stderr and "match" in made.stderr, made.stderr
    rules.write_text("[[rule]]\nname = 'a'\nmatch = 'x'\ntype = 'app'\n")
    for module, why in [(tmp_path / "none.wasm", "cannot read the module"), (rules, "is no"), (MODULE, "--module")]:
        made = subprocess.run([COMMAND, "wasm", "--rules", rules, "--module", module, "-o", out], capture_output=True, text=True)
        assert made.returncode == 2 and not out.exists(), f"{module}: {made.stdout} {made.stderr}"
        assert "module" in made.stderr, f"{why}: {made.stderr}"
    shutil.copy(UNBUILT, tmp_path / "cut.wasm")
    with (tmp_path / "cut.wasm").open("r+b") as cut:
        cut.truncate(200_000)
    made = subprocess.run([COMMAND, "wasm", "--module", tmp_path / "cut.wasm", "-o", out], capture_output=True, text=True)
    assert made.returncode == 2 and not out.exists(), made.stderr
