#!/usr/bin/env python3
"""Peak memory of visard on tables of two sizes: it has to be the same, and below 512 MiB.

    benches/memory.py [--rows 2000000,20000000] [--on postgres,mariadb,sqlite] [--strategy auto] [--visard PATH]

The table is narrow, so that many rows fit on a small disk: a key, an e-mail, a name, a date and a number, about 70
bytes a row. E-mail, name and date are masked. Private servers and files are made and removed again; 20 million rows
need about 12 GB meanwhile. Wall and CPU time of visard are printed beside its peak memory.

Needs the servers (`tests/run` installs them) and an optimised build of visard.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mariadb
import postgres

HERE = Path(__file__).resolve().parent
LIMIT = 512

RULES = [
    {"column": "email", "masks": [{"type": "hash"}]},
    postgres.seed("name", ["Ida", "Jo", "Kai", "Lea", "Max", "Noa"]),
    {"column": "born", "hash_columns": [{"source": "self"}], "masks": [{"type": "retain_year"}]},
]


class OnPostgres:
    TABLE = """
    DROP TABLE IF EXISTS people;
    CREATE TABLE people (id bigint PRIMARY KEY, email text NOT NULL, name text, born date, visits int);
    INSERT INTO people SELECT i, 'user' || i || '@example.com', (ARRAY['Ana','Bo','Dev','Emma'])[i % 4 + 1],
        date '1940-01-01' + (i % 25000)::int, i % 100 FROM generate_series(1::bigint, {rows}) i;
    VACUUM ANALYZE people; CHECKPOINT;
    """

    def __init__(self):
        binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.server = postgres.Server(binaries)
        self.folder = self.server.folder

    def fill(self, rows):
        self.server.sql(self.TABLE.format(rows=rows))

    def connection(self):
        return {"db_type": "postgres", "host": "127.0.0.1", "port": self.server.port, "user": "bench", "database": "postgres",
                "sslmode": "disable"}

    def stop(self):
        self.server.stop()


class OnMariadb:
    TABLE = """
    DROP DATABASE IF EXISTS bench; CREATE DATABASE bench CHARACTER SET utf8mb4; USE bench;
    CREATE TABLE people (id bigint PRIMARY KEY, email varchar(80) NOT NULL, name varchar(40), born date, visits int);
    INSERT INTO people SELECT seq, CONCAT('user', seq, '@example.com'), ELT(seq % 4 + 1, 'Ana','Bo','Dev','Emma'),
        DATE '1940-01-01' + INTERVAL seq % 25000 DAY, seq % 100 FROM seq_1_to_{rows};
    """

    def __init__(self):
        self.server = mariadb.Server()
        self.folder = self.server.folder

    def fill(self, rows):
        self.server.sql(self.TABLE.format(rows=rows), None)

    def connection(self):
        return {"db_type": "mariadb", "host": "127.0.0.1", "port": self.server.port, "user": "root", "database": "bench",
                "sslmode": "disable"}

    def stop(self):
        self.server.stop()


class OnSqlite:
    TABLE = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, born DATE, visits INT);
    WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows})
    INSERT INTO people SELECT i, 'user' || i || '@example.com', substr('Ana Bo  Dev Emma', i % 4 * 4 + 1, 4),
        date('1940-01-01', '+' || (i % 25000) || ' days'), i % 100 FROM g;
    COMMIT;
    """

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="visard-bench-sqlite-"))
        self.path = self.folder / "bench.db"

    def fill(self, rows):
        self.path.unlink(missing_ok=True)
        database = sqlite3.connect(self.path)
        database.executescript(self.TABLE.format(rows=rows))
        database.close()

    def connection(self):
        return {"db_type": "sqlite", "database": str(self.path)}

    def stop(self):
        shutil.rmtree(self.folder)


DATABASES = {"postgres": OnPostgres, "mariadb": OnMariadb, "sqlite": OnSqlite}


def run(command):
    """Wall and CPU seconds of a command, and its peak memory in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{said}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="2000000,20000000")
    parser.add_argument("--on", default=",".join(DATABASES))
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    options = parser.parse_args()
    sizes = [int(rows) for rows in options.rows.split(",")]
    print(f"{'':<10} {'rows':>10} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}")
    for name in options.on.split(","):
        database = DATABASES[name]()
        peaks = []
        try:
            for rows in sizes:
                database.fill(rows)
                pipeline = {
                    "version": "1.0", "name": "bench", "connections": {"db": database.connection()}, "source": "db",
                    "options": {"run_secret": "a run secret for the benchmark", "disable_instance_secret": True,
                                "strategy": options.strategy},
                    "ruleset": {"version": "1.0", "tasks": [{"type": "mask_table", "table": "people", "key": "id", "rules": RULES}]},
                }
                with tempfile.TemporaryDirectory(prefix="visard-bench-") as folder:
                    path = Path(folder) / "pipeline.yml"
                    path.write_text(json.dumps(pipeline))
                    wall, cpu, peak = run([options.visard, "run", str(path), "--run-folder", f"{folder}/run"])
                peaks.append(peak)
                print(f"{name:<10} {rows:>10} {wall:>8.1f} {cpu:>8.1f} {peak:>9.0f}", flush=True)
        finally:
            database.stop()
        print(f"{name}: {peaks[-1] / peaks[0]:.2f} times the memory for {sizes[-1] / sizes[0]:.0f} times the rows; "
              f"{max(peaks) / LIMIT:.2f} of {LIMIT} MiB")


if __name__ == "__main__":
    main()
