"""The whole way in a real Fluent Bit: from a file or a connection to objects, beside out_s3 with gzip JSON and out_datadog."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import arrived
import growth
import measure
import plot
import servers
from fluent_bit import CREDENTIALS, INTAKE, NOT_RUN, FluentBit, Sections, instructions, refuse_complaints, repeated_lines
from report import Section, megabytes, number

#: Owed: CPU beside out_s3, and memory above tail to null.
CPU_SHARE, MEGABYTES_ABOVE_NULL = 1 / 3, 64
#: How long what came waits before it is an object, in both: the shortest time in which out_s3 looks.
UPLOAD_TIMEOUT = "6s"
EVERY = {"Match": "*"}
NULL = ("OUTPUT", {"Name": "null", **EVERY})
# As the documents say to set it: an output that is busy answers RETRY, and a host that gives up loses the chunk.
KEEPS_TRYING = {"Retry_Limit": "no_limits"}
SHIWAKE = ("FILTER", {"Name": "shiwake", **EVERY})
#: Keeps the time at which a record was sent, to measure delays.
KEEPS_TIME = {"line_time": "off"}
PARSER = ("FILTER", {"Name": "parser", **EVERY, "Key_Name": "log", "Parser": "apache2", "Reserve_Data": "on"})


def out_s3(port: int, folder: Path, **more: object) -> tuple[str, dict[str, object]]:
    """Fluent Bit's own output to S3: lines of JSON with gzip."""
    return "OUTPUT", {"Name": "s3", **EVERY, "bucket": "logs", "region": "eu-west-1", "endpoint": f"http://127.0.0.1:{port}", "tls": "off",
                      "use_put_object": "on", "compression": "gzip", "total_file_size": "64M", "json_date_format": "double",
                      "store_dir": folder / "s3-buffer", "s3_key_format": "/$TAG/%Y/%m/%d/%H/%M/%S-$UUID.gz", **more}


def to_s3(port: int, **more: object) -> tuple[str, dict[str, object]]:
    """Our output to S3."""
    return "OUTPUT", {"Name": "shiwake", **EVERY, **KEEPS_TRYING, "lake": "s3://logs/lake", "endpoint": f"http://127.0.0.1:{port}",
                      "shutdown_timeout": "2m", **more}


def to_disk(lake: Path) -> tuple[str, dict[str, object]]:
    """Our output to a folder."""
    return "OUTPUT", {"Name": "shiwake", **EVERY, **KEEPS_TRYING, "lake": lake, "shutdown_timeout": "2m"}


def section(folder: Path, is_quick: bool) -> Section:
    part = Section("The whole way")
    host = FluentBit.found()
    if host is None:
        part.say(NOT_RUN)
        return part
    for measured in (add_files, add_rates, growth.add):
        part.attempt(measured, host, folder, is_quick)
    return part


def add_files(part: Section, host: FluentBit, folder: Path, is_quick: bool) -> None:
    """A file of Apache's lines to objects."""
    count = 60_000 if is_quick else 600_000
    lines = folder / "apache.log"
    size = repeated_lines(lines, count)
    sizes: dict[str, int] = {}

    def one(name: str) -> measure.Usage:
        with tempfile.TemporaryDirectory(dir=folder) as place, ExitStack() as stack:
            at = Path(place)
            port = stack.enter_context(servers.s3(at / "objects", measure.OTHER_CORE)) if "S3" in name or "out_s3" in name else 0
            ways: dict[str, Sections] = {
                "tail -> null": [NULL],
                "tail -> parser -> null": [PARSER, NULL],
                "tail -> shiwake -> null": [SHIWAKE, NULL],
                "tail -> shiwake -> lake on disk": [SHIWAKE, to_disk(at / "objects")],
                "tail -> shiwake -> lake in S3": [SHIWAKE, to_s3(port)],
                "tail -> parser -> out_s3, gzip JSON": [PARSER, out_s3(port, at)],
            }
            usage = host.run([host.tail(lines), *ways[name]], at)
            if "lake" in name or "out_s3" in name:
                found = arrived.in_lake(at / "objects") if "lake" in name else arrived.in_gzip(at / "objects")
                if found.records != count:
                    raise RuntimeError(f"{name}: {found.records} of {count} records arrived")
                sizes[name] = found.bytes
        return usage

    names = ["tail -> null", "tail -> parser -> null", "tail -> shiwake -> null", "tail -> shiwake -> lake on disk",
             "tail -> shiwake -> lake in S3", "tail -> parser -> out_s3, gzip JSON"]
    used = measure.take_turns(names, 1 if is_quick else 3, one)
    null, theirs = used[names[0]], measure.cpu(used[names[5]]).median
    part.say("### From a file to objects", f"{host.name}, {count:,} lines of Apache ({megabytes(size)} MB). Every record is counted in the "
             "objects. The file lies in memory (`File_Cache_Advise off`, where the host has it). Servers and what reads objects are "
             "on the other core and not in the numbers.")
    part.table(["", "CPU s", "lowest..highest", "of out_s3's", "peak MB", "above null MB", "MB of objects"],
               [[name, number(series.median), series.spread(), f"{series.median / theirs:.2f}", megabytes(measure.peak(used[name])),
                 megabytes(measure.peak(used[name]) - measure.peak(null)), megabytes(sizes[name]) if name in sizes else ""]
                for name, series in ((name, measure.cpu(usages)) for name, usages in used.items())])
    medians = {name: measure.cpu(usages).median for name, usages in used.items()}
    part.plot("whole.svg", plot.bars(f"CPU seconds of Fluent Bit for {count:,} lines", medians, set(names[2:5])), "CPU of whole ways")
    ours = used[names[3]]
    part.owe("whole: CPU of tail -> shiwake -> Parquet on disk, parts of tail -> parser -> out_s3's", round(CPU_SHARE, 3),
             measure.cpu(ours).median / theirs, "x")
    part.owe("whole: peak memory above tail -> null", MEGABYTES_ABOVE_NULL, (measure.peak(ours) - measure.peak(null)) / 1e6, "MB")


@dataclass
class Fed:
    """What came of a rate."""

    usage: measure.Usage
    sent: int
    seconds: float
    came: arrived.Arrived | None


def add_rates(part: Section, host: FluentBit, folder: Path, is_quick: bool) -> None:
    """A connection that sends at a steady rate."""
    # Two of them go on for long enough to see when objects come.
    seconds = {5_000: 2} if is_quick else {1_000: 8, 5_000: 12, 20_000: 8, 50_000: 10}
    rates = list(seconds)
    names = ["null", "shiwake to S3", "out_s3, gzip JSON", "shiwake to Datadog", "out_datadog"]
    fed = {(name, rate): feed(host, name, rate, seconds[rate], folder) for rate in rates for name in names}
    part.say("### At a rate", f"{host.name}, `forward` input, lines of Apache as FireLens sends them, {min(seconds.values())} to "
             f"{max(seconds.values())} s each; `out_s3` behind `parser`, ours behind the filter, `out_datadog` behind nothing. `upload_timeout` "
             f"is {UPLOAD_TIMEOUT} in all that have it, which is the shortest in which `out_s3` looks. CPU is all that the process took from its "
             "start to its end, in percent of the time of sending; delays are from a "
             "record's time to the end of the request that brought it, where something came before the end.")
    rows = []
    for (name, rate), one in fed.items():
        came = one.came
        delays = [came.delay(share) if came else None for share in (0.5, 0.99)]
        rows.append([f"{rate:,}", name, f"{one.sent / one.seconds:,.0f}", f"{100 * one.usage.cpu_seconds / one.seconds:.1f}",
                     number(one.usage.cpu_seconds / one.sent * 1e6), megabytes(one.usage.peak_bytes),
                     *(f"{delay:.1f}" if delay is not None else "" for delay in delays),
                     f"{100 * came.records / one.sent:.1f}" if came else "", f"{came.bytes / one.sent:.0f}" if came else ""])
    part.table(["rate", "", "sent a second", "CPU, % of a core", "CPU us a record", "peak MB", "delay s, half", "delay s, 99%", "arrived, %",
                "bytes a record"], rows)
    series = {name: [(rate, 100 * fed[name, rate].usage.cpu_seconds / fed[name, rate].seconds) for rate in rates] for name in names}
    part.plot("rates.svg", plot.lines("CPU of Fluent Bit, % of a core", "records a second", series), "CPU at rates")


def feed(host: FluentBit, name: str, rate: int, seconds: float, folder: Path) -> Fed:
    """Feeds a Fluent Bit with this output."""
    with tempfile.TemporaryDirectory(dir=folder) as place, ExitStack() as stack:
        at = Path(place)
        (at / "objects").mkdir()
        listen, port = servers.free_port(), 0
        if "S3" in name or "s3" in name:
            port = stack.enter_context(servers.s3(at / "objects", measure.OTHER_CORE))
        elif "atadog" in name:
            port = stack.enter_context(servers.intake(at / "objects", measure.OTHER_CORE))
        filters = [("FILTER", {**SHIWAKE[1], **KEEPS_TIME})]
        intake = {**INTAKE, "Port": port}
        ways: dict[str, Sections] = {
            "null": [NULL],
            "shiwake to S3": [*filters, to_s3(port, upload_timeout=UPLOAD_TIMEOUT, **KEEPS_TIME)],
            "out_s3, gzip JSON": [("FILTER", {**PARSER[1], "Parser": "apache2_host_time"}), out_s3(port, at, upload_timeout=UPLOAD_TIMEOUT)],
            "shiwake to Datadog": [*filters, ("OUTPUT", {"Name": "shiwake", **EVERY, **intake, **KEEPS_TIME, "upload_timeout": UPLOAD_TIMEOUT})],
            "out_datadog": [("OUTPUT", {"Name": "datadog", **EVERY, **intake})],
        }
        source = ("INPUT", {"Name": "forward", "Listen": "127.0.0.1", "Port": listen, "Mem_Buf_Limit": "200M"})
        command = host.command([source, *ways[name]], at, flush="1")
        began = time.monotonic()
        process = measure.start(command, log=at / "log", environment=CREDENTIALS)
        try:
            servers.wait_for(listen)
            feeder = [sys.executable, str(Path(__file__).with_name("feeder.py")), str(listen), str(rate), str(seconds),
                      str(instructions.DATA / "access_apache_combined.log")]
            pinned = ["taskset", "-c", str(measure.OTHER_CORE), *feeder]
            told = json.loads(subprocess.run(pinned, capture_output=True, text=True, check=True).stdout)
            # What was sent last is still to be flushed by the host.
            until = time.time()
            time.sleep(1.5)
        finally:
            usage = measure.stop(process, began)
        refuse_complaints(at / "log")
        objects = at / "objects"
        came = {"null": lambda: None, "shiwake to S3": lambda: arrived.in_lake(objects, until),
                "out_s3, gzip JSON": lambda: arrived.in_gzip(objects, until)}.get(name, lambda: arrived.in_intake(objects, until))()
        return Fed(usage, told["sent"], told["seconds"], came)
