#!/usr/bin/env python3
"""Visard on a SQLite table beside the loop that people write in Python.

    benches/sqlite.py [--rows 2000000] [--rounds 1] [--only NAME] [--visard PATH] [--plain]

Each contender gets its own copy of one file: a table of 13 columns with a primary key, a unique e-mail, two more
indexes and a child table that refers to it. Six columns are masked. Wall and CPU time and the size of the file
afterwards are taken for each. In each round they run one after the other, so that all of them have the same neighbours. `--plain` leaves the unique e-mail out, whose index is most of the work of everybody.

Needs an optimised build of visard.

| Contender | What it is |
|---|---|
| `executemany` | Python: SELECT, masks by `hashlib` and `re`, `executemany` of UPDATE by key, one commit |
| `executemany-vacuum` | the same, and `VACUUM` with `secure_delete`, so that old values are gone as they are behind visard |
| `visard-auto` | visard, which chooses a rewrite here |
| `visard-update` | visard with `strategy: update` on the columns without the e-mail |
| `floor` | `VACUUM INTO`: the bytes moved once, nothing masked |
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

TABLE = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
    phone VARCHAR(32), birth_date DATE, street TEXT, city TEXT, country CHAR(2), signup_at TEXT,
    balance NUMERIC(12,2), visits INT, notes TEXT);
WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows})
INSERT INTO customers SELECT i, substr('Ana  Bo   ChloéDev  Emma Finn GraceHugo ', i % 8 * 5 + 1, 5), substr('SmithJonesGarcíLi   NguyeSilvaKhan ', i % 7 * 5 + 1, 5),
    'user' || i || '@example' || (i % 50) || '.com', '+64 21 ' || printf('%07d', i * 7919 % 10000000),
    date('1940-01-01', '+' || (i * 31 % 25000) || ' days'), (i % 400) || ' Queen Street', substr('AucklBerliCuritDelhiEdinb', i % 5 * 5 + 1, 5),
    substr('NZDEBR', i % 3 * 2 + 1, 2), datetime('2015-01-01', '+' || (i * 37) || ' seconds'), (i * 13 % 1000000) / 100.0, i % 100,
    'called ' || (i % 9) || ' times, card ' || printf('%04d', i % 10000) FROM g;
CREATE INDEX customers_phone ON customers (phone);
CREATE INDEX customers_signup ON customers (signup_at);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customers, amount NUMERIC(10,2));
WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows} / 4)
INSERT INTO orders SELECT i, i % {rows} + 1, i % 1000 FROM g;
COMMIT;
"""

FIRST = ["Ida", "Jo", "Kai", "Lea", "Max", "Noa"]
LAST = ["Kim", "Rossi", "Brown", "Weber", "Costa"]


def seed(column, values):
    return {"column": column, "hash_columns": [{"source": "self"}], "masks": [{"type": "from_choices", "choices": values}]}


FIVE_RULES = [
    seed("first_name", FIRST),
    seed("last_name", LAST),
    {"column": "phone", "masks": [{"type": "partial", "unmasked_from_right": 4}]},
    {"column": "birth_date", "hash_columns": [{"source": "self"}], "masks": [{"type": "retain_year"}]},
    {"column": "notes", "masks": [{"type": "replace_regex", "regex": "[0-9]+", "masks": [{"type": "from_fixed", "value": "#"}]}]},
]
EMAIL_RULE = {"column": "email", "masks": [{"type": "hash"}]}


def executemany(path, with_email):
    """Both connections of one thread: rows come in batches, as a careful hand writes it."""
    key = b"a key of the loop"
    digits = re.compile("[0-9]+")

    def keyed(value, size=4):
        return hashlib.blake2b(value.encode(), key=key, digest_size=size)

    def pick(value, choices):
        return choices[int.from_bytes(keyed(value).digest(), "big") % len(choices)]

    def masked(row):
        row_id, first, last, email, phone, born, notes = row
        day = int.from_bytes(keyed(born).digest(), "big") % 336
        values = [pick(first, FIRST), pick(last, LAST), "*" * (len(phone) - 4) + phone[-4:],
                  f"{born[:4]}-{day // 28 + 1:02}-{day % 28 + 1:02}", digits.sub("#", notes)]
        return (*values, keyed(email, 16).hexdigest(), row_id) if with_email else (*values, row_id)

    database = sqlite3.connect(path)
    email = ", email = ?" if with_email else ""
    update = f"UPDATE customers SET first_name = ?, last_name = ?, phone = ?, birth_date = ?, notes = ?{email} WHERE id = ?"
    last = 0
    while True:
        select = "SELECT id, first_name, last_name, email, phone, birth_date, notes FROM customers WHERE id > ? ORDER BY id LIMIT 10000"
        rows = database.execute(select, (last,)).fetchall()
        if not rows:
            break
        last = rows[-1][0]
        database.executemany(update, [masked(row) for row in rows])
    database.commit()
    database.close()


def vacuum(path):
    database = sqlite3.connect(path)
    database.execute("PRAGMA secure_delete = ON")
    database.execute("VACUUM")
    database.close()


def visard(options, path, rules, strategy):
    pipeline = {
        "version": "1.0", "name": "bench", "connections": {"db": {"db_type": "sqlite", "database": str(path)}}, "source": "db",
        "options": {"run_secret": "a run secret for the benchmark", "disable_instance_secret": True, "strategy": strategy},
        "ruleset": {"version": "1.0", "tasks": [{"type": "mask_table", "table": "customers", "key": "id", "rules": rules}]},
    }
    file = path.parent / "pipeline.yml"
    file.write_text(json.dumps(pipeline))
    run = path.parent / "run"
    shutil.rmtree(run, ignore_errors=True)
    done = subprocess.run([options.visard, "run", str(file), "--run-folder", str(run)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"visard failed:\n{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", help="a contender; may be repeated")
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    parser.add_argument("--plain", action="store_true", help="without the unique e-mail")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="visard-bench-"))
    try:
        source, path = folder / "source.db", folder / "bench.db"
        database = sqlite3.connect(source)
        table = TABLE.replace("email TEXT NOT NULL UNIQUE", "email TEXT NOT NULL") if options.plain else TABLE
        database.executescript(table.format(rows=options.rows))
        database.close()
        rules = FIVE_RULES if options.plain else [EMAIL_RULE, *FIVE_RULES]

        def loop_and_vacuum(path):
            executemany(path, not options.plain)
            vacuum(path)

        contenders = {
            "executemany": lambda path: executemany(path, not options.plain),
            "executemany-vacuum": loop_and_vacuum,
            "visard-auto": lambda path: visard(options, path, rules, "auto"),
            "visard-update": lambda path: visard(options, path, FIVE_RULES, "update"),
            "floor": lambda path: sqlite3.connect(path).execute("VACUUM INTO ?", (str(folder / "floor.db"),)),
        }
        wanted = [name for name in contenders if not options.only or name in options.only]
        found = {name: [] for name in wanted}
        for _ in range(options.rounds):
            for name in wanted:
                shutil.copyfile(source, path)
                (folder / "floor.db").unlink(missing_ok=True)
                before = os.times()
                contenders[name](path)
                after = os.times()
                cpu = sum(after[:4]) - sum(before[:4])
                found[name].append((after.elapsed - before.elapsed, cpu, path.stat().st_size / 2**20))
        print(f"{options.rows} rows; medians of {options.rounds}")
        print(f"{'':<20} {'wall s':>8} {'CPU s':>8} {'file MiB':>10}")
        medians = {name: [statistics.median(column) for column in zip(*figures)] for name, figures in found.items()}
        for name, (wall, cpu, size) in medians.items():
            print(f"{name:<20} {wall:>8.1f} {cpu:>8.1f} {size:>10.0f}")
        for one, other in [("executemany", "visard-auto"), ("executemany-vacuum", "visard-auto"), ("executemany", "visard-update")]:
            if one in medians and other in medians:
                wall, cpu = (medians[one][which] / medians[other][which] for which in (0, 1))
                print(f"{one} / {other}: wall {wall:.1f}, CPU {cpu:.1f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
