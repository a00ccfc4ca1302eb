#!/usr/bin/env python3
"""Visard on a PostgreSQL table beside what people write by hand, on a private server.

    benches/postgres.py [--rows 2000000] [--rounds 1] [--only NAME] [--visard PATH] [--bin FOLDER]

Each contender gets its own copy of one database: a table of 13 columns with a primary key, a unique e-mail,
two more indexes and a child table that refers to it. Six columns are masked. Wall time, CPU time of client and
server, bytes of write-ahead log and the table's size afterwards are taken for each; after a checkpoint, so
that none pays for another's dirty pages. In each round they run one after the other, so that all of them have the
same neighbours.

Needs PostgreSQL 14 or later (`tests/run` installs it) and an optimised build of visard. `pganonymize`, where
it is installed for this Python, is run on 100,000 rows.

| Contender | What it is |
|---|---|
| `update-sql` | one hand-written UPDATE of six columns, the e-mail among them |
| `ctas-swap` | CREATE TABLE AS, indexes and keys, swapped by rename; one transaction |
| `visard-auto` | visard, which chooses a rewrite here |
| `update-sql-5` | one UPDATE of the five columns without the e-mail |
| `update-vacuum-5` | the same and `VACUUM (FULL, ANALYZE)`, so that old values are gone as they are behind visard |
| `visard-update` | visard with `strategy: update` on those five: a unique column is not updated piece by piece |
| `floor` | COPY out and COPY into an empty table with the same indexes: the bytes moved, nothing masked |
| `pganonymize` | on a tenth or less of the rows |
"""

import argparse
import json
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

TABLE = """
CREATE TABLE customers (
    id bigint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL UNIQUE,
    phone varchar(32), birth_date date, street text, city text, country char(2), signup_at timestamptz,
    balance numeric(12,2), visits int, notes text);
INSERT INTO customers
  SELECT i, (ARRAY['Ana','Bo','Chloé','Dev','Emma','Finn','Grace','Hugo'])[i % 8 + 1],
         (ARRAY['Smith','Jones','García','Li','Nguyen','Silva','Khan'])[i % 7 + 1],
         'user' || i || '@example' || i % 50 || '.com', '+64 21 ' || lpad((i::bigint * 7919 % 10000000)::text, 7, '0'),
         date '1940-01-01' + (i::bigint * 31 % 25000)::int, i % 400 || ' Queen Street',
         (ARRAY['Auckland','Berlin','Curitiba','Delhi','Edinburgh'])[i % 5 + 1],
         (ARRAY['NZ','DE','BR'])[i % 3 + 1], timestamptz '2015-01-01' + i * interval '37 seconds',
         (i::bigint * 13 % 1000000) / 100.0, i % 100, 'called ' || i % 9 || ' times, card ' || lpad((i % 10000)::text, 4, '0')
    FROM generate_series(1, {rows}) i;
CREATE INDEX customers_phone ON customers (phone);
CREATE INDEX customers_signup ON customers (signup_at);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, amount numeric(10,2));
INSERT INTO orders SELECT i, i % {rows} + 1, i % 1000 FROM generate_series(1, {rows} / 4) i;
VACUUM ANALYZE;
"""

FIVE = {
    "first_name": "(ARRAY['Ida','Jo','Kai','Lea','Max','Noa'])[abs(hashtext('key' || first_name)) % 6 + 1]",
    "last_name": "(ARRAY['Kim','Rossi','Brown','Weber','Costa'])[abs(hashtext('key' || last_name)) % 5 + 1]",
    "phone": "repeat('*', length(phone) - 4) || right(phone, 4)",
    "birth_date": "date_trunc('year', birth_date)::date + abs(hashtext('key' || birth_date::text)) % 365",
    "notes": "regexp_replace(notes, '[0-9]+', '#', 'g')",
}
SIX = {"email": "md5('key' || email)", **FIVE}
ALL = ["id", "first_name", "last_name", "email", "phone", "birth_date", "street", "city", "country", "signup_at",
       "balance", "visits", "notes"]


def seed(column, values):
    return {"column": column, "hash_columns": [{"source": "self"}], "masks": [{"type": "from_choices", "choices": values}]}


FIVE_RULES = [
    seed("first_name", ["Ida", "Jo", "Kai", "Lea", "Max", "Noa"]),
    seed("last_name", ["Kim", "Rossi", "Brown", "Weber", "Costa"]),
    {"column": "phone", "masks": [{"type": "partial", "unmasked_from_right": 4}]},
    {"column": "birth_date", "hash_columns": [{"source": "self"}], "masks": [{"type": "retain_year"}]},
    {"column": "notes", "masks": [{"type": "replace_regex", "regex": "[0-9]+", "masks": [{"type": "from_fixed", "value": "#"}]}]},
]
SIX_RULES = [{"column": "email", "masks": [{"type": "hash"}]}, *FIVE_RULES]


class Server:
    """A private server on a free loopback port, in a folder of its own."""

    def __init__(self, binaries):
        self.bin = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="visard-bench-pg-"))
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = held.getsockname()[1]
        data = self.folder / "data"
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        self.run("initdb", "-D", str(data), "-U", "bench", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "512MB",
            "max_wal_size": "8GB", "checkpoint_timeout": "30min", "autovacuum": "off", "maintenance_work_mem": "256MB",
        }
        arguments = [f"-c{name}={value}" for name, value in settings.items()]
        self.process = subprocess.Popen(
            self.as_user([f"{self.bin}/postgres", "-D", str(data), *arguments]),
            stdout=subprocess.DEVNULL, stderr=open(self.folder / "log", "w"))
        while subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode:
            time.sleep(0.1)
        self.pid = int((data / "postmaster.pid").read_text().split()[0])

    def as_user(self, command):
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command] if os.getuid() == 0 else command

    def run(self, name, *arguments):
        subprocess.run(self.as_user([f"{self.bin}/{name}", *arguments]), check=True, stdout=subprocess.DEVNULL)

    def sql(self, text, database="postgres"):
        command = [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", database]
        return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout.strip()

    def cpu(self):
        """Seconds of all server processes that have ended: backends end with their connection."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def visard(options, server, database, rules, strategy, folder):
    pipeline = {
        "version": "1.0", "name": "bench",
        "connections": {"db": {"db_type": "postgres", "host": "127.0.0.1", "port": server.port, "user": "bench",
                               "database": database, "sslmode": "disable"}},
        "source": "db",
        "options": {"run_secret": "a run secret for the benchmark", "disable_instance_secret": True, "strategy": strategy},
        "ruleset": {"version": "1.0", "tasks": [{"type": "mask_table", "table": "customers", "key": "id", "rules": rules}]},
    }
    path = folder / f"{database}.yml"
    path.write_text(json.dumps(pipeline))
    return [options.visard, "run", str(path), "--run-folder", str(folder / f"run-{database}")]


def set_list(masks):
    return ", ".join(f"{column} = {sql}" for column, sql in masks.items())


CTAS = f"""
BEGIN;
CREATE TABLE fresh (LIKE customers INCLUDING DEFAULTS);
INSERT INTO fresh SELECT {", ".join(SIX.get(column, column) for column in ALL)} FROM customers;
ALTER TABLE fresh ADD PRIMARY KEY (id), ADD UNIQUE (email);
CREATE INDEX ON fresh (phone);
CREATE INDEX ON fresh (signup_at);
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
DROP TABLE customers;
ALTER TABLE fresh RENAME TO customers;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ANALYZE customers;
COMMIT;
"""


def floor(server, database):
    server.sql("CREATE TABLE moved (LIKE customers INCLUDING ALL);", database)
    psql = [f"{server.bin}/psql", "-Xq", "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", database, "-c"]
    out = subprocess.Popen([*psql, "COPY customers TO STDOUT (FORMAT binary)"], stdout=subprocess.PIPE)
    subprocess.run([*psql, "COPY moved FROM STDIN (FORMAT binary)"], stdin=out.stdout, check=True)
    out.wait()


def pganonymize(server, database, folder):
    schema = {"tables": [{"customers": {"primary_key": "id", "fields": [
        {"email": {"provider": {"name": "md5"}}},
        {"first_name": {"provider": {"name": "choice", "values": ["Ida", "Jo", "Kai"]}}},
        {"last_name": {"provider": {"name": "choice", "values": ["Kim", "Rossi"]}}},
        {"phone": {"provider": {"name": "mask", "sign": "*"}}},
        {"birth_date": {"provider": {"name": "set", "value": "1970-01-01"}}},
        {"notes": {"provider": {"name": "mask", "sign": "#"}}},
    ]}}]}
    path = folder / "pganonymize.yml"
    # JSON is YAML; without quotes it is a date
    path.write_text(json.dumps(schema).replace('"1970-01-01"', "1970-01-01"))
    return [str(Path(sys.executable).parent / "pganonymize"), f"--schema={path}", f"--dbname={database}", "--user=bench",
            "--host=127.0.0.1", f"--port={server.port}"]


def measure(server, database, work):
    """Wall seconds, CPU seconds of client and server, MiB of log, MiB of the table and its indexes."""
    server.sql(f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} TEMPLATE bench; CHECKPOINT;")
    before = server.cpu(), int(server.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))
    began = os.times()
    work(database)
    ended = os.times()
    wall = ended.elapsed - began.elapsed
    client = ended.children_user + ended.children_system - began.children_user - began.children_system
    time.sleep(0.5)  # backends end a moment after their clients
    log = int(server.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")) - before[1]
    size = int(server.sql("SELECT pg_total_relation_size('customers')", database))
    figures = wall, client + server.cpu() - before[0], log / 2**20, size / 2**20
    server.sql(f"DROP DATABASE {database}")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", help="a contender; may be repeated")
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    parser.add_argument("--bin", help="the folder of the server's programs")
    options = parser.parse_args()
    binaries = options.bin or max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    server = Server(binaries)
    folder = Path(tempfile.mkdtemp(prefix="visard-bench-"))
    try:
        server.sql("CREATE DATABASE bench")
        server.sql(TABLE.format(rows=options.rows), "bench")

        def run(command):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{command} failed:\n{done.stderr}")

        def masked(rules, strategy):
            def work(database):
                shutil.rmtree(folder / f"run-{database}", ignore_errors=True)
                run(visard(options, server, database, rules, strategy, folder))
            return work

        contenders = {
            "update-sql": lambda db: server.sql(f"UPDATE customers SET {set_list(SIX)}", db),
            "ctas-swap": lambda db: server.sql(CTAS, db),
            "visard-auto": masked(SIX_RULES, "auto"),
            "update-sql-5": lambda db: server.sql(f"UPDATE customers SET {set_list(FIVE)}", db),
            "update-vacuum-5": lambda db: server.sql(f"UPDATE customers SET {set_list(FIVE)};\nVACUUM (FULL, ANALYZE) customers", db),
            "visard-update": masked(FIVE_RULES, "update"),
            "floor": lambda db: floor(server, db),
        }
        wanted = options.only or [*contenders, "pganonymize"]

        def compare(names, rounds, pairs):
            found = {name: [] for name in names}
            for _ in range(rounds):
                for name in names:
                    found[name].append(measure(server, "db_" + name.replace("-", "_"), contenders[name]))
            medians = {name: [statistics.median(column) for column in zip(*figures)] for name, figures in found.items()}
            for name, figures in medians.items():
                print(f"{name:<16} {figures[0]:>8.1f} {figures[1]:>8.1f} {figures[2]:>9.0f} {figures[3]:>10.0f}", flush=True)
            for one, other in pairs:
                if one in medians and other in medians:
                    wall, cpu = (medians[one][which] / medians[other][which] for which in (0, 1))
                    print(f"{one} / {other}: wall {wall:.2f}, CPU {cpu:.2f}")

        print(f"{options.rows} rows; medians of {options.rounds}")
        print(f"{'':<16} {'wall s':>8} {'CPU s':>8} {'log MiB':>9} {'table MiB':>10}")
        compare([name for name in contenders if name in wanted], options.rounds, [
            ("visard-auto", "update-sql"), ("visard-auto", "ctas-swap"), ("visard-auto", "floor"),
            ("visard-update", "update-sql-5"), ("visard-update", "update-vacuum-5")])
        if "pganonymize" in wanted and (Path(sys.executable).parent / "pganonymize").exists():
            rows = min(options.rows, 100_000)
            server.sql(f"DELETE FROM orders; DELETE FROM customers WHERE id > {rows}; VACUUM FULL customers; ANALYZE;", "bench")
            contenders["pganonymize"] = lambda db: run(pganonymize(server, db, folder))
            print(f"{rows} rows")
            compare(["pganonymize", "ctas-swap", "floor", "visard-auto"], options.rounds, [
                ("pganonymize", "visard-auto"), ("visard-auto", "ctas-swap"), ("visard-auto", "floor")])
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
