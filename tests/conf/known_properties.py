"""Writes known_properties.json: what a Fluent Bit knows of the plugins that fluent-bit-conf uses.

    python3 tests/conf/known_properties.py /path/to/fluent-bit > tests/conf/known_properties.json
"""

import json
import subprocess
import sys

USED = {
    "inputs": ["forward", "tail"],
    "filters": ["modify", "multiline", "rewrite_tag", "wasm"],
    "outputs": ["cloudwatch_logs", "datadog", "forward", "kinesis_firehose", "kinesis_streams", "opensearch"],
}
# What the host takes for every plugin of a kind, and its own schema does not list.
EVERY = {
    "inputs": ["name", "tag", "storage.type", "mem_buf_limit"],
    "filters": ["name", "match", "match_regex"],
    "outputs": ["name", "match", "match_regex", "retry_limit", "workers", "storage.total_limit_size", "host", "port", "tls"],
}
# `-J` does not list the service's own keys: src/flb_config.c, service_configs.
SERVICE = ["flush", "grace", "log_level", "http_server", "http_listen", "http_port", "health_check", "parsers_file", "storage.path",
           "storage.sync", "storage.checksum", "storage.type", "storage.inherit", "storage.max_chunks_up",
           "storage.backlog.mem_limit", "scheduler.base", "scheduler.cap"]


def names_of(plugin: dict) -> list[str]:
    """All properties of a plugin, in small letters."""
    return sorted({option["name"].lower() for options in plugin["properties"].values() for option in options})


def known_by(binary: str) -> dict:
    """What a Fluent Bit knows."""
    shown = subprocess.run([binary, "-J"], capture_output=True, text=True, check=True).stdout
    schema = json.loads(shown[shown.index("{"):])
    found: dict = {"service": SERVICE, "every": EVERY}
    for kind, names in USED.items():
        by_name = {plugin["name"]: plugin for plugin in schema[kind]}
        found[kind] = {name: names_of(by_name[name]) for name in names}
    return found


if __name__ == "__main__":
    print(json.dumps(known_by(sys.argv[1]), indent=1))
