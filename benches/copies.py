#!/usr/bin/env python3
"""Masked copies from PostgreSQL to Parquet and back, beside COPY, which moves the same rows and masks nothing.

    benches/copies.py [--rows 2000000] [--rounds 1] [--visard PATH] [--bin FOLDER]

The table is that of `benches/postgres.py`; six of its 13 columns are masked on the way out, none on the way in, and the table
that is filled has no indexes. In each round all four run one after the other, so that all of them have the same
neighbours. CPU time is that of the client and the server together.

Needs PostgreSQL 14 or later (`tests/run` installs it) and an optimised build of visard.

| Contender | What it is |
|---|---|
| `copy-out` | psql: COPY of the table to a file, binary |
| `visard-out` | visard: the table, masked, to Parquet |
| `copy-in` | psql: COPY of that file into an empty table |
| `visard-in` | visard: those Parquet files into an empty table |
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import postgres

HERE = Path(__file__).resolve().parent


def pipeline(server, lake, tasks, **way):
    return {
        "version": "1.0", "name": "bench", **way,
        "connections": {
            "db": {"db_type": "postgres", "host": "127.0.0.1", "port": server.port, "user": "bench", "database": "bench",
                   "sslmode": "disable"},
            "lake": {"type": "mounted_share_connection", "base_directory": str(lake)},
        },
        "options": {"run_secret": "a run secret for the benchmark", "disable_instance_secret": True},
        "ruleset": {"version": "1.0", "tasks": tasks},
    }


def out(server, lake):
    task = {"type": "mask_table", "table": "customers", "key": "id", "rules": postgres.SIX_RULES}
    return pipeline(server, lake, [task], source="db",
                    destination={"connection": "lake", "path": "copy", "format": "parquet", "mode": "overwrite"})


def back(server, lake):
    rules = [{"column": "notes", "masks": [{"type": "do_nothing"}]}]
    task = {"type": "mask_tabular_file", "recurse": True, "table": "public.moved", "rules": rules}
    return pipeline(server, lake, [task], source={"connection": "lake", "path": "copy"},
                    destination={"connection": "db", "mode": "error"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    parser.add_argument("--bin", help="the folder of the server's programs")
    options = parser.parse_args()
    binaries = options.bin or max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    server = postgres.Server(binaries)
    folder = Path(tempfile.mkdtemp(prefix="visard-bench-"))
    try:
        server.sql("CREATE DATABASE bench")
        server.sql(postgres.TABLE.format(rows=options.rows), "bench")
        psql = [f"{server.bin}/psql", "-Xq", "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "bench", "-c"]
        copied = folder / "copied"

        def visard(what):
            file = folder / "pipeline.yml"
            file.write_text(json.dumps(what))
            shutil.rmtree(folder / "run", ignore_errors=True)
            return [options.visard, "run", str(file), "--run-folder", str(folder / "run")]

        commands = {
            "copy-out": (psql + ["COPY customers TO STDOUT (FORMAT binary)"], None, copied),
            "visard-out": (visard, lambda: out(server, folder / "lake"), None),
            "copy-in": (psql + ["COPY moved FROM STDIN (FORMAT binary)"], copied, None),
            "visard-in": (visard, lambda: back(server, folder / "lake"), None),
        }
        (folder / "lake").mkdir()
        found = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, (command, source, target) in commands.items():
                if name.endswith("-in"):
                    server.sql("DROP TABLE IF EXISTS moved; CREATE TABLE moved (LIKE customers)", "bench")
                if callable(command):
                    command = command(source())
                    source = None
                server.sql("CHECKPOINT")
                before, began = server.cpu(), time.monotonic()
                with open(source or os.devnull, "rb") as given, open(target or os.devnull, "wb") as taken:
                    process = subprocess.Popen(command, stdin=given, stdout=taken, stderr=subprocess.PIPE, text=True)
                    said = process.stderr.read()
                    _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    sys.exit(f"{command} failed:\n{said}")
                wall = time.monotonic() - began
                time.sleep(0.5)  # backends end a moment after their clients
                cpu = server.cpu() - before + used.ru_utime + used.ru_stime
                found[name].append((wall, cpu, used.ru_maxrss / 1024))
        rows = int(server.sql("SELECT count(*) FROM moved", "bench"))
        print(f"{options.rows} rows, {rows} came back; medians of {options.rounds}")
        print(f"{'':<12} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}")
        medians = {name: [statistics.median(column) for column in zip(*figures)] for name, figures in found.items()}
        for name, (wall, cpu, peak) in medians.items():
            print(f"{name:<12} {wall:>8.1f} {cpu:>8.1f} {peak:>9.0f}")
        for way in ["out", "in"]:
            ours, floor = medians[f"visard-{way}"], medians[f"copy-{way}"]
            print(f"visard-{way} / copy-{way}: wall {ours[0] / floor[0]:.2f}, CPU {ours[1] / floor[1]:.2f}")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
