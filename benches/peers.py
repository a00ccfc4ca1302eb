#!/usr/bin/env python3
"""Visard beside DuckDB and Polars: the same files, the same masking, one run after the other.

    benches/peers.py [--rows 2000000] [--rounds 3] [--only narrow-parquet] [--visard PATH]

Needs the Python packages pyarrow, duckdb and polars (`tests/run` installs them), and an optimised build of
visard (`cargo build --release --bin visard`). Each run is a process of its own that ends with an fsync of
what it wrote; wall time, CPU time and peak memory are the operating system's for that process. The peers
hash with their fastest built-in function, which takes no secret key: visard's draws do.
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

HERE = Path(__file__).resolve().parent
CITIES = ["Auckland", "Berlin", "Curitiba", "Delhi", "Edinburgh", "Fukuoka", "Geneva", "Hobart", "Izmir", "Jakarta"]
WIDE_COLUMNS = 60


def generate(folder, rows):
    """The narrow table as Parquet and CSV, and a wide one of half as many rows."""
    import numpy
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    random = numpy.random.default_rng(7)
    n = numpy.arange(rows)
    first = numpy.array(["Ana", "Bo", "Chloé", "Dev", "Emma", "Finn", "Grace", "Hugo", "Iris", "Jun"])
    last = numpy.array(["Smith", "Jones", "García", "Li", "Nguyen", "Silva", "Khan", "Müller", "Rossi", "Kim"])
    text = lambda template, *columns: [template.format(*row) for row in zip(*columns)]
    digits = random.integers(0, 10**9, rows)
    table = pa.table({
        "customer_id": pa.array(n + 1_000_000),
        "first_name": first[random.integers(0, 10, rows)],
        "last_name": last[random.integers(0, 10, rows)],
        "email": text("user{}@example{}.com", digits, random.integers(0, 50, rows)),
        "reference": text("REF-{:09d}-{:04d}", digits, random.integers(0, 10**4, rows)),
        "phone": text("+64 21 {:07d}", random.integers(0, 10**7, rows)),
        "birth_date": pa.array(random.integers(-10_000, 13_000, rows).astype("int32")).cast(pa.date32()),
        "street": text("{} Queen Street", random.integers(1, 400, rows)),
        "city": numpy.array(CITIES)[random.integers(0, 10, rows)],
        "country": numpy.array(["NZ", "DE", "BR"])[random.integers(0, 3, rows)],
        "signup_at": pa.array(random.integers(1_400_000_000, 1_700_000_000, rows)).cast(pa.timestamp("s")),
        "balance": random.uniform(-500, 10_000, rows).round(2),
        "notes": text("called {} times, card {:04d}", random.integers(0, 9, rows), random.integers(0, 10**4, rows)),
    })
    for name in ("narrow-parquet", "narrow-csv", "wide-parquet"):
        (folder / name).mkdir(parents=True)
    pq.write_table(table, folder / "narrow-parquet/data.parquet", compression="zstd")
    pa.csv.write_csv(table, folder / "narrow-csv/data.csv")
    wide = {name: table[name][: rows // 2] for name in ("customer_id", "email", "phone", "first_name", "city", "birth_date")}
    for column in range(WIDE_COLUMNS - len(wide)):
        kind = column % 3
        wide[f"c{column}"] = (
            random.integers(0, 10**6, rows // 2) if kind == 0
            else random.uniform(0, 1, rows // 2) if kind == 1
            else numpy.array(["alpha", "beta", "gamma", "delta"])[random.integers(0, 4, rows // 2)]
        )
    pq.write_table(pa.table(wide), folder / "wide-parquet/data.parquet", compression="zstd")
    with open(folder / "first.csv", "w") as seeds:
        seeds.write("name\n" + "\n".join(f"Name{i}" for i in range(1000)) + "\n")


def rule(column, mask, hashed=True):
    source = {"hash_columns": [{"source": "self"}]} if hashed else {}
    return {"column": column, **source, "masks": [mask]}


SEED = {"type": "from_file", "seed_file": "first.csv", "seed_column": "name"}
NARROW = [
    rule("email", {"type": "hash"}, False),
    rule("reference", {"type": "hash"}, False),
    rule("first_name", SEED),
    rule("last_name", SEED),
    rule("city", SEED),
    rule("phone", {"type": "partial", "unmasked_from_right": 4}, False),
    rule("birth_date", {"type": "retain_year"}),
    rule("country", {"type": "from_fixed", "value": "XX"}, False),
    rule("notes", {"type": "replace_regex", "regex": "[0-9]+", "masks": [{"type": "from_fixed", "value": "#"}]}, False),
]
WIDE = [r for r in NARROW if r["column"] in ("email", "phone", "first_name", "city", "birth_date")]


def visard(scenario, folder, out, binary):
    task = {
        "type": "mask_tabular_file", "recurse": True, "include": [{"glob": "data.*"}],
        "rules": WIDE if scenario.startswith("wide") else NARROW,
    }
    pipeline = {
        "version": "1.0", "name": "peers",
        "connections": {
            "in": {"type": "mounted_share_connection", "base_directory": str(folder / scenario)},
            "out": {"type": "mounted_share_connection", "base_directory": str(out)},
        },
        "source": "in", "destination": "out",
        "ruleset": {"version": "1.0", "tasks": [task]},
        "options": {"run_secret": "a run secret for the benchmark"},
    }
    path = folder / f"{scenario}.yml"
    path.write_text(json.dumps(pipeline))
    runs = tempfile.mkdtemp(dir=out.parent)
    return [binary, "run", str(path), "--run-folder", f"{runs}/run", "--instance-secret-file", str(folder / "instance")]


def masked_columns(scenario):
    return [r["column"] for r in (WIDE if scenario.startswith("wide") else NARROW)]


def duckdb_job(scenario, folder, out):
    import duckdb

    seed = "(select list(name) from seeds)"
    masks = {
        "email": "md5('key' || email)", "reference": "md5('key' || reference)",
        "first_name": f"{seed}[(hash('key' || first_name) % 1000 + 1)::bigint]",
        "last_name": f"{seed}[(hash('key' || last_name) % 1000 + 1)::bigint]",
        "city": f"{seed}[(hash('key' || city) % 1000 + 1)::bigint]",
        "phone": "repeat('*', length(phone) - 4) || right(phone, 4)",
        "birth_date": "(date_trunc('year', birth_date::date) + to_days((hash(birth_date) % 365)::int))::date",
        "country": "'XX'", "notes": "regexp_replace(notes, '[0-9]+', '#', 'g')",
    }
    replaced = ", ".join(f"{masks[c]} as {c}" for c in masked_columns(scenario))
    parquet = scenario.endswith("parquet")
    source = f"read_parquet('{folder}/{scenario}/data.parquet')" if parquet else f"read_csv('{folder}/{scenario}/data.csv')"
    target = out / ("data.parquet" if parquet else "data.csv")
    options = "format parquet, compression zstd" if parquet else "format csv, header"
    duckdb.sql(f"create table seeds as select * from read_csv('{folder}/first.csv')")
    duckdb.sql(f"copy (select * replace ({replaced}) from {source}) to '{target}' ({options})")
    return target


def polars_job(scenario, folder, out):
    import polars as pl

    seeds = pl.read_csv(folder / "first.csv")["name"]
    seed = lambda c: pl.lit(seeds).gather(pl.col(c).hash(7) % len(seeds)).alias(c)
    birth = pl.col("birth_date").cast(pl.Date) if scenario.endswith("parquet") else pl.col("birth_date").str.to_date()
    masks = {
        "email": pl.col("email").hash(7).cast(pl.String), "reference": pl.col("reference").hash(7).cast(pl.String),
        "first_name": seed("first_name"), "last_name": seed("last_name"), "city": seed("city"),
        "phone": pl.concat_str([pl.lit("*" * 10), pl.col("phone").str.tail(4)]).alias("phone"),
        "birth_date": (birth.dt.truncate("1y") + pl.duration(days=(birth.hash(7) % 365).cast(pl.Int64))).alias("birth_date"),
        "country": pl.lit("XX").alias("country"), "notes": pl.col("notes").str.replace_all("[0-9]+", "#"),
    }
    columns = [masks[c] for c in masked_columns(scenario)]
    if scenario.endswith("parquet"):
        target = out / "data.parquet"
        pl.scan_parquet(folder / scenario / "data.parquet").with_columns(columns).sink_parquet(target, compression="zstd")
    else:
        target = out / "data.csv"
        pl.scan_csv(folder / scenario / "data.csv").with_columns(columns).sink_csv(target)
    return target


def job(peer, scenario, folder, out):
    target = {"duckdb": duckdb_job, "polars": polars_job}[peer](scenario, folder, out)
    handle = os.open(target, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def measure(command):
    """Wall seconds, CPU seconds and peak MiB of one process."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - before
    if status != 0:
        sys.exit(f"{command} failed:\n{error.decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    if sys.argv[1:2] == ["job"]:
        return job(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="one of narrow-parquet, narrow-csv, wide-parquet")
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    parser.add_argument("--data", help="a folder to keep the generated data in")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="visard-peers-"))
    data = Path(options.data) if options.data else work / "data"
    try:
        if not (data / "first.csv").exists():
            generate(data, options.rows)
        for scenario in ("narrow-parquet", "narrow-csv", "wide-parquet"):
            if options.only not in (None, scenario):
                continue
            figures = {"visard": [], "duckdb": [], "polars": []}
            for _ in range(options.rounds):
                for name, runs in figures.items():
                    out = work / "out"
                    shutil.rmtree(out, ignore_errors=True)
                    out.mkdir()
                    own = [sys.executable, __file__, "job", name, scenario, str(data), str(out)]
                    runs.append(measure(visard(scenario, data, out, options.visard) if name == "visard" else own))
            print_table(scenario, options.rows // (2 if scenario.startswith("wide") else 1), figures)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def print_table(scenario, rows, figures):
    median = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in figures.items()}
    print(f"\n{scenario}: {rows} rows, medians of {len(figures['visard'])}")
    print(f"{'':10} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'rows/s':>12}")
    for name, (wall, cpu, memory) in median.items():
        print(f"{name:10} {wall:8.2f} {cpu:8.2f} {memory:9.0f} {rows / wall:12,.0f}")
    peers = {name: values for name, values in median.items() if name != "visard"}
    fastest = min(peers, key=lambda name: peers[name][0])
    hungriest = max(peers, key=lambda name: peers[name][2])
    print(f"wall: {median['visard'][0] / peers[fastest][0]:.2f} of {fastest}; "
          f"memory: {median['visard'][2] / peers[hungriest][2]:.2f} of {hungriest}")


if __name__ == "__main__":
    main()
