#!/usr/bin/env python3
"""`visard serve` under load: in-flight masking beside the same masks in process, and lists of 10,000 runs.

    benches/serve.py [--seconds 5] [--connections 64] [--runs 10000] [--only in-flight|runs] [--visard PATH] [--load PATH]

A server of its own, with its store in SQLite, answers on a loopback port; `benches/src/bin/load.rs` asks it over connections that
are kept alive, each of which sends its next request when its last one is answered. CPU time is the server's own, from `/proc`, so
that figures are per core of the server whatever else the machine does. Peak memory is that since the line before (`VmHWM`, reset
through `clear_refs`). The last column is the share of all cores that the load took: near 100 together with the server's, the
machine is the limit.

In flight: batches of 100 values under a run secret and one hash value for each, over one connection and over many. A document
counts as one value, though four of its fields are masked. `in process` is a `Masker` on an Arrow array of the same texts, in as
many threads, by the CPU time of that process; both sides have to give the same values.

Runs: the first one is started through the API and masks a file; the others are copies of its row that are written into the store
with other ids, one in ten of them `failed`: so many runs, started one by one, would take far longer than what is measured. Pages are
asked for by `limit` and `offset`, under the states of both generations of clients.

Needs optimised builds: `cargo build --release -p visard-server -p visard-benches --bins`.
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
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET = "a run secret for the benchmark"
PASSWORD = "Bench-pass-7319"
BATCH = 100
# Values and requests in a second, for each core that the server uses.
TARGET = 20_000

NAMES = {"type": "from_file", "seed_file": "DataMasque_lastNames_v2.csv"}
PEOPLE = [{"id": row, "name": f"Name {row}", "email": f"user{row}@example.com", "card": f"4{row * 7919:015d}",
           "address": {"street": f"{row} Queen Street", "city": "Auckland"}} for row in range(1, BATCH + 1)]
DOCUMENT = {"type": "json", "transforms": [
    {"path": ["name"], "masks": [NAMES]},
    {"path": ["email"], "masks": [{"type": "hash"}]},
    {"path": ["card"], "masks": [{"type": "fpe"}]},
    {"path": ["address", "street"], "masks": [{"type": "imitate"}]},
]}
IN_FLIGHT = {
    "hash": ([{"type": "hash"}], [person["email"] for person in PEOPLE]),
    "from_file": ([NAMES], [person["name"] for person in PEOPLE]),
    "imitate": ([{"type": "imitate"}], [person["address"]["street"] for person in PEOPLE]),
    "fpe": ([{"type": "fpe"}], [person["card"] for person in PEOPLE]),
    "document": ([DOCUMENT], PEOPLE),
}


class Server:
    """A server with an admin, in a folder of its own."""

    def __init__(self, visard, folder):
        self.data = folder / "data"
        command = [visard, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--root", str(folder)]
        self.log = folder / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        while "listening on http://" not in (told := self.log.read_text()):
            if self.process.poll() is not None:
                sys.exit(f"the server did not start:\n{told}")
            time.sleep(0.05)
        self.address = told.split("listening on http://")[1].split()[0]

    def install(self):
        admin = {"email": "bench@example.com", "username": "bench", "password": PASSWORD, "re_password": PASSWORD, "allowed_hosts": []}
        self.call("POST", "/api/users/admin-install/", admin)
        login = {"username": "bench", "password": PASSWORD}
        self.token = "Token " + self.call("POST", "/api/auth/token/login/", login)["key"]
        self.bearer = "Bearer " + self.call("POST", "/api/auth/jwt/login/", login)["access_token"]

    def call(self, method, path, body=None, authorization=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path} is answered {error.code}: {error.read().decode()}")

    def request(self, method, path, authorization, body=None):
        """The same as the bytes that are sent."""
        body = "" if body is None else json.dumps(body)
        return (f"{method} {path} HTTP/1.1\r\nHost: {self.address}\r\nAuthorization: {authorization}\r\nUser-Agent: bench\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    def cpu(self):
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self):
        """MiB of memory at most since then."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def load(options, at_once, work, seconds=None):
    """What the load tells, and its own seconds of CPU."""
    asked = {"at_once": at_once, "seconds": seconds or options.seconds, "work": work}
    process = subprocess.Popen([options.load], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(asked))
    process.stdin.close()
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("the load failed")
    return json.loads(told) | {"cpu": used.ru_utime + used.ru_stime}


def served(options, server, at_once, requests):
    """What the load tells, with the server's seconds of CPU and its peak memory."""
    work = {"http": {"address": server.address, "requests": requests}}
    load(options, at_once, work, options.seconds / 5)
    server.forget_peak()
    before = server.cpu()
    told = load(options, at_once, work)
    return told | {"server_cpu": server.cpu() - before, "peak": server.peak(),
                   "load": 100 * told["cpu"] / told["seconds"] / os.cpu_count()}


def in_flight(options, server):
    print(f"{'in flight':<12} {'connections':>11} {'values/s':>10} {'/core s':>10} {'in process':>11} {'ratio':>7} "
          f"{'p50 ms':>7} {'p99 ms':>7} {'peak MiB':>9} {'load %':>7}")
    least = {}
    for name, (masks, data) in IN_FLIGHT.items():
        ruleset = {"version": "1.0", "rules": [{"masks": masks}]}
        plan = server.call("POST", "/ifm/ruleset-plans/", {"name": name, "ruleset_yaml": json.dumps(ruleset)}, server.bearer)
        path = f"/ifm/ruleset-plans/{plan['name']}/mask/"
        by = [f"person {row}" for row in range(BATCH)]
        body = {"data": data, "hash_values": by, "run_secret": SECRET, "disable_instance_secret": True}
        texts = [datum if isinstance(datum, str) else json.dumps(datum, separators=(",", ":")) for datum in data]
        masker = {"masker": {"masks": masks, "run_secret": SECRET, "texts": texts, "hash_values": by}}
        masked = server.call("POST", path, body, server.bearer)["data"]
        for at_once in [1, 8, options.connections]:
            ours = served(options, server, at_once, [server.request("POST", path, server.bearer, body)])
            theirs = load(options, at_once, masker)
            if [json.loads(text) if isinstance(data[0], dict) else text for text in theirs["masked"]] != masked:
                sys.exit(f"{name}: the server masks otherwise than a masker")
            each = ours["batches"] * BATCH / ours["server_cpu"]
            floor = theirs["batches"] * BATCH / theirs["cpu"]
            least[name] = min(each, least.get(name, each))
            print(f"{name:<12} {at_once:>11} {ours['batches'] * BATCH / ours['seconds']:>10.0f} {each:>10.0f} {floor:>11.0f} "
                  f"{each / floor:>7.3f} {ours['p50_ms']:>7.2f} {ours['p99_ms']:>7.2f} {ours['peak']:>9.0f} {ours['load']:>7.0f}",
                  flush=True)
    worst = min(least, key=least.get)
    print(f"slowest: {worst}, {least[worst]:.0f} values a second for each core, {least[worst] / TARGET:.1f} times {TARGET}")


def store_runs(server, folder, count):
    """Has the server mask a file, and copies that run."""
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    (folder / "in/people.csv").write_text("id,name\n1,Ann\n2,Bob\n")

    def made(path, **body):
        return server.call("POST", path, body, server.token)["id"]

    def connection(name, source):
        return made("/api/connections/", name=name, version="1.0", mask_type="file", type="mounted_share_connection",
                    base_directory=str(folder / name), is_file_mask_source=source, is_file_mask_destination=not source)

    task = {"type": "mask_tabular_file", "rules": [{"column": "name", "masks": [NAMES]}]}
    ruleset = made("/api/rulesets/", name="names", mask_type="file", config_yaml=json.dumps({"version": "1.0", "tasks": [task]}))
    first = made("/api/runs/", source_connection=connection("in", True), destination_connection=connection("out", False),
                 ruleset=ruleset, mask_type="file")
    while not (run := server.call("GET", f"/api/runs/{first}/", None, server.token))["end_time"]:
        time.sleep(0.1)
    if run["status"] != "finished":
        sys.exit(f"the run did not finish: {run}")
    store = sqlite3.connect(server.data / "visard.sqlite")
    columns = [row[1] for row in store.execute("PRAGMA table_info(runs)")]
    other = {"id": "more.id", "status": "CASE more.id % 10 WHEN 0 THEN 'failed' ELSE status END"}
    with store:
        store.execute(f"WITH RECURSIVE more (id) AS (SELECT {first} + 1 UNION ALL SELECT id + 1 FROM more WHERE id < {count}) "
                      f"INSERT INTO runs ({', '.join(columns)}) "
                      f"SELECT {', '.join(other.get(column, f'runs.{column}') for column in columns)} FROM runs, more "
                      f"WHERE runs.id = {first}")
        store.execute(f"UPDATE counters SET value = {count} WHERE name = 'runs'")
    store.close()


def runs(options, server):
    count = options.runs
    print(f"{count} runs, {options.connections} connections")
    print(f"{'runs':<28} {'requests/s':>10} {'/core s':>10} {'p50 ms':>8} {'p99 ms':>8} {'peak MiB':>9} {'load %':>7}")
    last = max(count - BATCH, 0)
    for name, generation, paths in [
        ("status", "v3", [f"/api/runs/{id}/" for id in range(1, count + 1, 7)]),
        ("page, newest", "v3", [f"/api/runs/?limit={BATCH}"]),
        ("page, oldest", "v3", [f"/api/runs/?limit={BATCH}&offset={last}"]),
        ("page, finished", "v3", [f"/api/runs/?limit={BATCH}&run_status=finished"]),
        ("page, newest, v2", "v2", [f"/api/runs/?limit={BATCH}"]),
        ("page, finished, v2", "v2", [f"/api/runs/?limit={BATCH}&run_status=finished"]),
        ("all", "v3", ["/api/runs/"]),
    ]:
        server.call("PATCH", "/api/settings/", {"run_status_generation": generation}, server.token)
        requests = [server.request("GET", path, server.token) for path in paths]
        told = served(options, server, options.connections, requests)
        print(f"{name:<28} {told['batches'] / told['seconds']:>10.0f} {told['batches'] / told['server_cpu']:>10.0f} "
              f"{told['p50_ms']:>8.2f} {told['p99_ms']:>8.2f} {told['peak']:>9.0f} {told['load']:>7.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--only", choices=["in-flight", "runs"])
    parser.add_argument("--visard", default=str(HERE.parent / "target/release/visard"))
    parser.add_argument("--load", default=str(HERE.parent / "target/release/load"))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="visard-bench-"))
    try:
        server = Server(options.visard, folder)
        try:
            server.install()
            if options.only != "runs":
                in_flight(options, server)
            if options.only != "in-flight":
                store_runs(server, folder, options.runs)
                runs(options, server)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
