#!/usr/bin/env python3
"""Visard on a MariaDB table beside what people write by hand, on a private server.

    benches/mariadb.py [--rows 2000000] [--rounds 1] [--only NAME] [--visard PATH]

The table is that of `benches/postgres.py`: 13 columns with a primary key, a unique e-mail, two more indexes and a child
table that refers to it. Six columns are masked. Each contender gets the table made anew; wall time, CPU time of the
server, bytes of redo log and the size of the table's file afterwards are taken.

Needs MariaDB (`tests/run` installs it) and an optimised build of visard.

| Contender | What it is |
|---|---|
| `update-sql` | one hand-written UPDATE of six columns, the e-mail among them |
| `select-swap` | CREATE TABLE LIKE, INSERT … SELECT of masked values, foreign key and RENAME |
| `visard-auto` | visard, which chooses a rewrite here |
| `update-sql-5` | one UPDATE of the five columns without the e-mail |
| `visard-update` | visard with `strategy: update` on those five: a unique column is not updated piece by piece |
"""

import argparse
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from postgres import FIVE_RULES, SIX_RULES

HERE = Path(__file__).resolve().parent

TABLE = """
DROP DATABASE IF EXISTS bench; CREATE DATABASE bench CHARACTER SET utf8mb4; USE bench;
CREATE TABLE customers (
    id bigint PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE,
    phone varchar(32), birth_date date, street varchar(80), city varchar(40), country char(2), signup_at datetime,
    balance decimal(12,2), visits int, notes varchar(200));
INSERT INTO customers
  SELECT seq, ELT(seq % 8 + 1, 'Ana','Bo','Chloé','Dev','Emma','Finn','Grace','Hugo'),
         ELT(seq % 7 + 1, 'Smith','Jones','García','Li','Nguyen','Silva','Khan'),
         CONCAT('user', seq, '@example', seq % 50, '.com'), CONCAT('+64 21 ', LPAD(seq * 7919 % 10000000, 7, '0')),
         DATE '1940-01-01' + INTERVAL seq * 31 % 25000 DAY, CONCAT(seq % 400, ' Queen Street'),
         ELT(seq % 5 + 1, 'Auckland','Berlin','Curitiba','Delhi','Edinburgh'),
         ELT(seq % 3 + 1, 'NZ','DE','BR'), TIMESTAMP '2015-01-01 00:00:00' + INTERVAL seq * 37 SECOND,
         seq * 13 % 1000000 / 100, seq % 100, CONCAT('called ', seq % 9, ' times, card ', LPAD(seq % 10000, 4, '0'))
    FROM seq_1_to_{rows};
ALTER TABLE customers ADD INDEX customers_phone (phone), ADD INDEX customers_signup (signup_at);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, amount decimal(10,2),
    CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO orders SELECT seq, seq % {rows} + 1, seq % 1000 FROM seq_1_to_{orders};
ANALYZE TABLE customers, orders; FLUSH TABLES;
"""

FIVE = {
    "first_name": "ELT(CONV(LEFT(MD5(CONCAT('key', first_name)), 4), 16, 10) % 6 + 1, 'Ida','Jo','Kai','Lea','Max','Noa')",
    "last_name": "ELT(CONV(LEFT(MD5(CONCAT('key', last_name)), 4), 16, 10) % 5 + 1, 'Kim','Rossi','Brown','Weber','Costa')",
    "phone": "CONCAT(REPEAT('*', CHAR_LENGTH(phone) - 4), RIGHT(phone, 4))",
    "birth_date": "MAKEDATE(YEAR(birth_date), CONV(LEFT(MD5(CONCAT('key', birth_date)), 4), 16, 10) % 365 + 1)",
    "notes": "REGEXP_REPLACE(notes, '[0-9]+', '#')",
}
SIX = {"email": "MD5(CONCAT('key', email))", **FIVE}
ALL = ["id", "first_name", "last_name", "email", "phone", "birth_date", "street", "city", "country", "signup_at",
       "balance", "visits", "notes"]

SWAP = f"""
CREATE TABLE fresh LIKE customers;
INSERT INTO fresh SELECT {", ".join(SIX.get(column, column) for column in ALL)} FROM customers;
ALTER TABLE orders DROP FOREIGN KEY of_customer;
RENAME TABLE customers TO gone, fresh TO customers;
SET foreign_key_checks = 0;
ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customers (id);
DROP TABLE gone;
"""


class Server:
    """A private server on a free loopback port, in a folder of its own."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="visard-bench-mariadb-"))
        self.data = self.folder / "data"
        user = "mysql" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = held.getsockname()[1]
        if os.getuid() == 0:
            shutil.chown(self.folder, user)
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={self.data}", "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", f"--user={user}", f"--datadir={self.data}", "--bind-address=127.0.0.1",
             f"--port={self.port}", f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid",
             "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=2G", "--character-set-server=utf8mb4"],
            stdout=subprocess.DEVNULL, stderr=open(self.folder / "log", "w"))
        while subprocess.run(["mariadb-admin", *self.client(), "ping"], capture_output=True).returncode:
            time.sleep(0.1)

    def client(self):
        return ["--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uroot"]

    def sql(self, text, database="bench"):
        command = ["mariadb", *self.client(), "-N", "--default-character-set=utf8mb4", *([database] if database else [])]
        return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout.strip()

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self):
        return int(self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_lsn_current'").split()[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def visard(options, server, rules, strategy):
    folder = Path(tempfile.mkdtemp(dir=server.folder))
    pipeline = {
        "version": "1.0", "name": "bench",
        "connections": {"db": {"db_type": "mariadb", "host": "127.0.0.1", "port": server.port, "user": "root",
                               "database": "bench", "sslmode": "disable"}},
        "source": "db",
        "options": {"run_secret": "a run secret for the benchmark", "disable_instance_secret": True, "strategy": strategy},
        "ruleset": {"version": "1.0", "tasks": [{"type": "mask_table", "table": "customers", "key": "id", "rules": rules}]},
    }
    (folder / "pipeline.yml").write_text(json.dumps(pipeline))
    command = [options.visard, "run", str(folder / "pipeline.yml"), "--run-folder", str(folder / "run")]
    subprocess.run(["/usr/bin/env", "time", "-f", "  peak memory of visard %M KiB", *command] if shutil.which("time") else command,
                   check=True, stdout=subprocess.DEVNULL)


def set_list(masks):
    return ", ".join(f"{column} = {sql}" for column, sql in masks.items())


def measure(server, work, rows):
    server.sql(TABLE.format(rows=rows, orders=rows // 4), None)
    before = server.cpu(), server.log()
    began = time.monotonic()
    work()
    wall = time.monotonic() - began
    log = server.log() - before[1]
    size = (server.data / "bench" / "customers.ibd").stat().st_size
    return wall, server.cpu() - before[0], log / 2**20, size / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append")
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    options = parser.parse_args()
    options.visard = str(Path(options.visard).resolve())
    server = Server()
    contenders = {
        "update-sql": lambda: server.sql(f"UPDATE customers SET {set_list(SIX)}"),
        "select-swap": lambda: server.sql(SWAP),
        "visard-auto": lambda: visard(options, server, SIX_RULES, "auto"),
        "update-sql-5": lambda: server.sql(f"UPDATE customers SET {set_list(FIVE)}"),
        "visard-update": lambda: visard(options, server, FIVE_RULES, "update"),
    }
    try:
        print(f"{options.rows} rows, MariaDB {server.sql('SELECT VERSION()', None)}, {os.cpu_count()} cores")
        print(f"{'':16}{'wall s':>9}{'server s':>10}{'redo MiB':>10}{'file MiB':>10}")
        best = {}
        for name, work in contenders.items():
            if options.only and name not in options.only:
                continue
            for _ in range(options.rounds):
                figures = measure(server, work, options.rows)
                best[name] = min(best.get(name, figures), figures)
            print(f"{name:16}" + "".join(f"{figure:{10 if index else 9}.1f}" for index, figure in enumerate(best[name])), flush=True)
        for ours, theirs in [("visard-auto", "update-sql"), ("visard-auto", "select-swap"), ("visard-update", "update-sql-5")]:
            if ours in best and theirs in best:
                print(f"{ours} takes {best[ours][0] / best[theirs][0]:.2f} of {theirs}")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
