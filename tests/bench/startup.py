"""What the plugin costs while there is nothing to do: its start, its size, and what a host with it takes more than one without."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import time
from pathlib import Path

import measure
import msgpack
from fluent_bit import CREDENTIALS, FluentBit, attempt_with_host, hosts
from report import Section, megabytes, number

HARNESS = hosts.ROOT / "target/debug/shiwake-host"
#: What is owed.
START_MILLISECONDS, IDLE_PERCENT, IDLE_MEGABYTES, THREADS = 20, 0.1, 8, 4


def starts(folder: Path, times: int) -> measure.Series:
    """Milliseconds from before the shared object is loaded until the output has taken the first record."""
    (folder / "one.ndjson").write_text('{"log": "127.0.0.1 - - [02/Mar/2026:09:00:00 +0000] \\"GET / HTTP/1.1\\" 200 5"}\n')
    series = measure.Series()
    for number_of_start in range(times):
        command = [str(HARNESS), "--times", "--filter", str(hosts.FILTER), "--output", str(hosts.OUTPUT),
                   "--prop", f"lake={folder}/lake", "--prop", f"store_dir={folder}/spool-{number_of_start}", str(folder / "one.ndjson")]
        done = subprocess.run(["taskset", "-c", str(measure.MEASURED_CORE), *command], capture_output=True, text=True, check=True)
        series.values.append(json.loads(done.stdout.splitlines()[-1])["first_accepted_micros"] / 1e3)
    return series


def children_cpu_seconds() -> float:
    """CPU of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_nanoseconds(pid: int) -> int:
    """What all threads of a process have run so far (https://docs.kernel.org/scheduler/sched-stats.html)."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def resident_bytes(pid: int) -> int:
    return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))


def idle(host: FluentBit, folder: Path, outputs: list, loads_plugins: bool, seconds: float) -> tuple[float, int, int]:
    """CPU in percent of a core, resident bytes and threads of a host that had one record."""
    source = ("INPUT", {"Name": "forward", "Unix_Path": folder / "in.sock"})
    log = folder / "idle.log"
    command = host.command([source, *outputs], folder, loads_plugins)
    began = time.monotonic()
    process = measure.start(command, log=log, environment=CREDENTIALS)
    try:
        # Until its socket is there, and then until what starts once has settled.
        while not (folder / "in.sock").exists() and process.poll() is None and time.monotonic() < began + 20:
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / "in.sock"))
            connection.sendall(msgpack.packb(["app", int(time.time()), {"log": "one line, so that all threads are there"}]))
        time.sleep(3)
        before, at = cpu_nanoseconds(process.pid), time.monotonic()
        time.sleep(seconds)
        percent = (cpu_nanoseconds(process.pid) - before) / 1e7 / (time.monotonic() - at)
        found = percent, resident_bytes(process.pid), len(list(Path(f"/proc/{process.pid}/task").iterdir()))
    finally:
        measure.stop(process, began)
        (folder / "in.sock").unlink(missing_ok=True)
    return found


def section(folder: Path, is_quick: bool) -> Section:
    part = Section("Start, and nothing to do")
    part.attempt(add_starts, folder, is_quick)
    attempt_with_host(part, add_idle, folder, is_quick)
    return part


def add_starts(part: Section, folder: Path, is_quick: bool) -> None:
    size = hosts.OUTPUT.stat().st_size
    before = children_cpu_seconds()
    series = starts(folder, 5 if is_quick else 21)
    cpu_milliseconds = (children_cpu_seconds() - before) / len(series.values) * 1e3
    part.say(f"`shiwake.so` has {megabytes(size)} MB. From before it is loaded until the output has taken the first record, in the "
             f"harness host with filter, output and `store_dir`: {number(series.median)} ms (lowest..highest {series.spread()}, "
             f"{len(series.values)} starts). The host's whole run, with its end and the file it writes, takes {number(cpu_milliseconds)} ms of CPU.")
    part.owe("start, from `dlopen` to the first record taken", START_MILLISECONDS, series.median, "ms")


def add_idle(part: Section, host: FluentBit, folder: Path, is_quick: bool) -> None:
    null = [("OUTPUT", {"Name": "null", "Match": "*"})]
    lake = {"Name": "shiwake", "Match": "*", "lake": folder / "idle-lake", "store_dir": folder / "idle-spool"}
    ours = [("FILTER", {"Name": "shiwake", "Match": "*"}), ("OUTPUT", lake), *null]
    # Nobody listens there, and the end does not wait for it.
    datadog = {"apikey": "0" * 32, "dd_url": "http://127.0.0.1:9", "shutdown_timeout": "2s"}
    both = [ours[0], ("OUTPUT", lake | datadog | {"store_dir": folder / "idle-spool-2"}), *null]
    cases = {"without the plugin": (null, False), "filter and output to a lake": (ours, True),
             "filter and output to a lake and Datadog": (both, True)}
    found = {}
    for name, (sections, loads_plugins) in cases.items():
        place = folder / f"idle-{len(found)}"
        place.mkdir()
        found[name] = idle(host, place, sections, loads_plugins, 3 if is_quick else 15)
    base = found["without the plugin"]
    part.say(f"{host.name} with a `forward` input that has had one record and now gets nothing:")
    part.table(["", "CPU, % of a core", "resident MB", "threads", "more MB", "more threads"],
               [[name, f"{percent:.3f}", megabytes(resident), str(threads), megabytes(resident - base[1]), str(threads - base[2])]
                for name, (percent, resident, threads) in found.items()])
    percent, resident, threads = found["filter and output to a lake"]
    part.owe("CPU with nothing to do, more than without the plugin", IDLE_PERCENT, max(0.0, percent - base[0]), "% of a core")
    part.owe("memory with nothing to do, more than without the plugin", IDLE_MEGABYTES, (resident - base[1]) / 1e6, "MB")
    part.owe("threads, more than without the plugin", THREADS, threads - base[2], "")

