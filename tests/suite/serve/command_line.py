"""The official command line, `dm`, does a day's work against a server of visard.

    command_line.py URL FOLDER PASSWORD

URL is that of a server with the admin `admin`, which may use FOLDER as a mounted share.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

URL, FOLDER, PASSWORD = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
DM = Path(sys.executable).with_name("dm")
ENV = {
    **os.environ,
    "HOME": str(FOLDER / "home"),
    "XDG_CONFIG_HOME": str(FOLDER / "home"),
    "DATAMASQUE_URL": URL,
    "DATAMASQUE_USERNAME": "admin",
    "DATAMASQUE_PASSWORD": PASSWORD,
    "DM_OUTPUT": "json",
}
CALLED = set()


def dm(*args, code=0):
    """What a command prints; read as JSON where it is."""
    done = subprocess.run([DM, *map(str, args)], env=ENV, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"dm {args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    CALLED.add(" ".join(map(str, args[:2])))
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return done.stdout


def file(name, text):
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(things):
    return {thing["name"] for thing in things}


RULES = """version: "1.0"
tasks:
  - type: mask_tabular_file
    rules:
      - column: name
        hash_columns: [name]
        masks:
          - $ref: "people/names#masks/full"
imports: [people/names]
"""
LIBRARY = """version: "1.0"
masks:
  full: {type: person_name}
"""
PLAN = """version: "1.0"
rules:
  - masks: [{type: from_fixed, value: x}]
"""


def main():
    (FOLDER / "home").mkdir()
    dm("system", "health")
    dm("system", "licence")
    dm("system", "set-locality", "NZ")
    dm("auth", "status")
    dm("users", "create", "--username", "runner", "--email", "runner@example.com", "--role", "mask_runner")
    assert "runner" in json.dumps(dm("users", "list"))

    for name, role in (("in", "--source"), ("out", "--destination")):
        (FOLDER / name).mkdir()
        dm("connections", "create", "--name", name, "--type", "mounted_share", "--base-dir", FOLDER / name, role)
        dm("connections", "test", name)
    assert names(dm("connections", "list")) == {"in", "out"}
    dm("connections", "get", "nowhere", code=3)
    dm("connections", "update", "out", "--base-dir", FOLDER / "out")

    file("in/people.csv", "id,name\n" + "".join(f"{n},Ann {n}\n" for n in range(100)))
    dm("libraries", "create", "--name", "names", "--namespace", "people", "--file", file("library.yml", LIBRARY))
    assert names(dm("libraries", "list")) == {"names"}
    rules = file("rules.yml", RULES)
    dm("rulesets", "validate", "--file", rules, "--type", "file")
    wrong = file("wrong.yml", "version: '1.0'\ntasks: [{type: mask_tabel}]\n")
    dm("rulesets", "validate", "--file", wrong, "--type", "file", code=4)
    dm("rulesets", "create", "--name", "people", "--file", rules, "--type", "file")
    assert names(dm("rulesets", "list")) == {"people"}
    dm("rulesets", "status", "people")
    assert "people" in json.dumps(dm("libraries", "usage", "names", "--namespace", "people"))
    dm("rulesets", "export-bundle", "--output", FOLDER / "bundle.zip")
    dm("rulesets", "import-bundle", "--file", FOLDER / "bundle.zip", "--overwrite-rulesets", "--yes")

    # Waits for its end, as it does where nobody says --background.
    dm("run", "start", "--connection", "in", "--destination", "out", "--ruleset", "people",
       "--options", "run_secret=a run secret of some length")
    masked = (FOLDER / "out/people.csv").read_text()
    assert masked.count("\n") == 101 and "Ann" not in masked
    run = dm("run", "list")[0]["id"]
    assert "finished" in json.dumps(dm("run", "status", run))
    dm("run", "wait", run)
    assert "people.csv" in json.dumps(dm("run", "logs", run))
    assert "people.csv" in dm("run", "report", run)
    dm("run", "cancel", run, code=8)

    found = dm("discover", "file", "in")
    dm("run", "wait", found["id"] if "id" in found else found["run_id"])
    dm("discover", "configs", "defaults")

    dm("ifm", "create", "--name", "fixed", "--file", file("plan.yml", PLAN))
    plan = dm("ifm", "list", "--json")[0]
    dm("ifm", "verify-token")
    assert dm("ifm", "mask", plan["name"], "--data", file("data.json", '["a", "b"]')) == ["x", "x"]
    dm("ifm", "delete", plan["name"], "--yes")

    dm("seeds", "upload", file("towns.csv", "town\nArlen\n"))
    assert "towns.csv" in json.dumps(dm("seeds", "list"))
    dm("rulesets", "delete", "people", "--type", "file", "--yes")
    assert dm("rulesets", "list") == []
    print(f"{len(CALLED)} commands of the official command line called")


main()
