"""The official clients do their whole work against a server of visard.

    clients.py URL FOLDER PASSWORD

URL is that of a server without an admin, who then has PASSWORD; it may use FOLDER as a mounted share. PostgreSQL and two
buckets are those that tests/run names. Every public method of the clients is called, by name, against the
state it needs, and what it gives is looked at; the script fails when a client has one that is not called here.
"""

import csv
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from datamasque.client import DataMasqueClient, DataMasqueIfmClient
from datamasque.client import exceptions as wrong
from datamasque.client.models.connection import (
    DatabaseConnectionConfig,
    DatabaseType,
    MountedShareConnectionConfig,
    S3ConnectionConfig,
)
from datamasque.client.models.data_selection import (
    HashColumnsTableConfig,
    SelectedColumns,
    SelectedFileData,
    UserSelection,
)
from datamasque.client.models.discovery import (
    FileDataDiscoveryFromConfigRequest,
    FileDataDiscoveryRequest,
    FileFilter,
    FileRulesetGenerationRequest,
    FileRulesetGenerationWithRGConfigRequest,
    InDataDiscoveryConfig,
    RulesetGenerationRequest,
    RulesetGenerationWithRGConfigRequest,
    SchemaDiscoveryFromConfigRequest,
    SchemaDiscoveryRequest,
)
from datamasque.client.models.discovery_config import DiscoveryConfig, DiscoveryConfigType
from datamasque.client.models.discovery_config_library import DiscoveryConfigLibrary
from datamasque.client.models.dm_instance import DataMasqueInstanceConfig
from datamasque.client.models.files import OracleWalletFile, SeedFile, SnowflakeKeyFile, SslZipFile
from datamasque.client.models.ifm import (
    DataMasqueIfmInstanceConfig,
    IfmMaskRequest,
    RulesetPlanCreateRequest,
    RulesetPlanOptions,
    RulesetPlanPartialUpdateRequest,
    RulesetPlanUpdateRequest,
)
from datamasque.client.models.rg_config import RGConfig
from datamasque.client.models.ruleset import Ruleset, RulesetType
from datamasque.client.models.ruleset_library import RulesetLibrary
from datamasque.client.models.runs import MaskingRunOptions, MaskingRunRequest
from datamasque.client.models.status import AsyncRulesetGenerationTaskStatus, MaskingRunStatus, ValidationStatus
from datamasque.client.models.table_reference import TableReference
from datamasque.client.models.user import User, UserRole

URL, FOLDER, PASSWORD = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
ENV = os.environ
CALLED = set()


def recorded(cls):
    """The client, with each public method that this script calls noted."""

    class Recorded(cls):
        depth = 0

        def __getattribute__(self, name):
            value = super().__getattribute__(name)
            if name.startswith("_") or not callable(value) or not hasattr(cls, name):
                return value

            def called(*args, **kwargs):
                if Recorded.depth == 0:
                    CALLED.add((cls.__name__, name))
                Recorded.depth += 1
                try:
                    return value(*args, **kwargs)
                finally:
                    Recorded.depth -= 1

            return called

    return Recorded


def uncalled():
    """Public methods of the clients that were not called."""
    for cls in (DataMasqueClient, DataMasqueIfmClient):
        for name in dir(cls):
            if not name.startswith("_") and callable(getattr(cls, name)) and (cls.__name__, name) not in CALLED:
                yield f"{cls.__name__}.{name}"


def client(username="admin", password=PASSWORD):
    config = DataMasqueInstanceConfig(base_url=URL, username=username, password=password)
    return recorded(DataMasqueClient)(config)


def refused(kind, call, *args, **kwargs):
    """The error that a call ends with."""
    try:
        found = call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{call} gave {found!r}")


def status_of(error):
    return error.response.status_code


def sql(statements):
    """What PostgreSQL answers, a line for each row."""
    done = subprocess.run(
        [
            f"{ENV['VISARD_TEST_POSTGRES_BIN']}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
            "-h", ENV["VISARD_TEST_POSTGRES_HOST"], "-p", ENV["VISARD_TEST_POSTGRES_PORT"],
            "-U", ENV["VISARD_TEST_POSTGRES_USER"], "-d", ENV["VISARD_TEST_POSTGRES_DATABASE"],
        ],
        input=statements, capture_output=True, text=True, check=True,
        env={**ENV, "PGPASSWORD": ENV["VISARD_TEST_POSTGRES_PASSWORD"]},
    )
    return done.stdout.splitlines()


def ended(dm, run_id, seconds=120):
    """The run, once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        run = dm.get_run_info(run_id)
        if run.status.is_in_final_state:
            return run
        assert time.monotonic() < deadline, f"run {run_id} is still {run.status}: {dm.get_run_log(run_id)}"
        time.sleep(0.1)


def succeeded(dm, run_id, status=MaskingRunStatus.finished):
    run = ended(dm, run_id)
    assert run.status is status, f"{run}: {dm.get_run_log(run_id)}"
    return run


# --- the parts ----------------------------------------------------------------------------------


def installing():
    dm = client()
    dm.healthcheck()
    refused(wrong.DataMasqueApiError, dm.list_users)
    dm.admin_install("admin@example.com", "admin", PASSWORD)
    error = refused(wrong.DataMasqueApiError, dm.admin_install, "two@example.com", "second", PASSWORD)
    assert status_of(error) == 401, error
    dm.authenticate()
    assert dm.token.startswith("Token ") and len(dm.token) == len("Token ") + 40, "a token is 40 characters"
    response = dm.make_request("GET", "/api/users/me/")
    assert response.json()["user_roles"] == ["admin"], response.text
    error = refused(wrong.DataMasqueApiError, client(password="wrong-password").authenticate)
    assert status_of(error) in (400, 401), error
    return dm


def users(dm):
    user = User(username="builder", email="builder@example.com",
                user_roles=[UserRole.mask_builder, UserRole.ruleset_library_manager])
    dm.create_or_update_user(user, new_password="Builder-pass-42")
    assert user.id is not None
    found = {one.username: one for one in dm.list_users()}
    assert set(found) == {"admin", "builder"}, found
    assert UserRole.mask_builder in found["builder"].roles
    builder = client("builder", "Builder-pass-42")
    assert status_of(refused(wrong.DataMasqueApiError, builder.list_users)) == 403
    user.email = "other@example.com"
    dm.create_or_update_user(user)
    assert {one.username: one.email for one in dm.list_users()}["builder"] == "other@example.com"
    temporary = dm.reset_password_for_user(user)
    client("builder", temporary).authenticate()
    refused(wrong.DataMasqueApiError, client("builder", "Builder-pass-42").authenticate)
    dm.create_or_update_user(user, new_password="Builder-pass-43")
    client("builder", "Builder-pass-43").authenticate()
    for name in ("gone", "gone_too"):
        dm.create_or_update_user(User(username=name, email=f"{name}@example.com", user_roles=[UserRole.mask_runner]))
    ids = {one.username: one.id for one in dm.list_users()}
    dm.delete_user_by_id_if_exists(ids["gone"])
    dm.delete_user_by_id_if_exists(ids["gone"])
    dm.delete_user_by_username_if_exists("gone_too")
    assert {one.username for one in dm.list_users()} == {"admin", "builder"}


def system(dm):
    info = dm.get_current_license_info()
    assert not info.is_expired and info.days_until_expiry is None, info
    dm.upload_license_file(io.BytesIO(b"a licence"))
    dm.set_locality("AU")
    assert dm.make_request("GET", "/api/settings/").json()["locality"] == "AU"
    archive = FOLDER / "logs.tar.gz"
    dm.retrieve_application_logs(archive)
    assert archive.read_bytes()[:2] == b"\x1f\x8b", "an archive that gzip made"
    health = dm.make_request("GET", "/api/health-check/").json()
    assert health["worker_running"] is True and health["license_expired"] is False, health
    check = dm.make_request("GET", "/api/app/check/").json()
    assert check["installed"] is True, check


def connections(dm):
    database = DatabaseConnectionConfig(
        name="crm", host=ENV["VISARD_TEST_POSTGRES_HOST"], port=int(ENV["VISARD_TEST_POSTGRES_PORT"]),
        database=ENV["VISARD_TEST_POSTGRES_DATABASE"], user=ENV["VISARD_TEST_POSTGRES_USER"],
        password=ENV["VISARD_TEST_POSTGRES_PASSWORD"], database_type=DatabaseType.postgres, schema="clients",
    )
    dm.create_or_update_connection(database)
    first = database.id
    dm.create_or_update_connection(database)
    assert database.id == first, "an update keeps the id"
    for name, bucket, source in (
        ("in", ENV["VISARD_TEST_S3_BUCKET"], True), ("out", ENV["VISARD_TEST_S3_BUCKET_2"], False),
    ):
        dm.create_or_update_connection(S3ConnectionConfig(
            name=name, bucket=bucket, base_directory="clients",
            is_file_mask_source=source, is_file_mask_destination=not source,
        ))
    for name in ("share", "share_out"):
        (FOLDER / name).mkdir()
        dm.create_or_update_connection(MountedShareConnectionConfig(
            name=name, base_directory=str(FOLDER / name),
            is_file_mask_source=name == "share", is_file_mask_destination=name != "share",
        ))
    outside = MountedShareConnectionConfig(name="outside", base_directory="/etc", is_file_mask_source=True)
    error = refused(wrong.DataMasqueApiError, dm.create_or_update_connection, outside)
    assert status_of(error) == 400 and "base_directory" in error.response.json(), error.response.text
    found = {one.name: one for one in dm.list_connections()}
    assert set(found) == {"crm", "in", "out", "share", "share_out"}, found
    assert found["crm"].password is None and found["crm"].db_schema == "clients"
    for one in found.values():
        response = dm.make_request("POST", f"/api/connections/{one.id}/test/", data={})
        assert response.ok, response.text
    body = {**database.model_dump(by_alias=True, mode="json", exclude_none=True), "version": "1.0"}
    assert dm.make_request("POST", "/api/connections/test/", data=body).status_code == 200
    assert dm.make_request("POST", "/api/connections/test", data=body).status_code == 204
    body["dbpassword"] = "wrong"
    error = refused(wrong.DataMasqueApiError, dm.make_request, "POST", "/api/connections/test/", data=body)
    assert status_of(error) == 400 and "wrong" not in error.response.text, error.response.text
    for name in ("first", "second"):
        dm.create_or_update_connection(S3ConnectionConfig(name=name, bucket="x", is_file_mask_source=True))
    ids = {one.name: one.id for one in dm.list_connections()}
    dm.delete_connection_by_id_if_exists(ids["first"])
    dm.delete_connection_by_id_if_exists(ids["first"])
    dm.delete_connection_by_name_if_exists("second")
    assert {one.name for one in dm.list_connections()} == set(found)
    return {one.name: one for one in dm.list_connections()}


def files(dm):
    seed = dm.upload_file(SeedFile, "towns.csv", b"town\nArlen\nBedrock\n")
    assert seed.name == "towns.csv" and seed.id
    path = FOLDER / "rivers.csv"
    path.write_text("river\nNile\n")
    assert dm.upload_file_if_not_exists(SeedFile, path).name == "rivers.csv"
    assert dm.upload_file_if_not_exists(SeedFile, path) is None
    assert {one.name for one in dm.list_files_of_type(SeedFile)} == {"towns.csv", "rivers.csv"}
    river = dm.get_file_of_type_by_name(SeedFile, "rivers.csv")
    dm.delete_file_if_exists(river)
    dm.delete_file_if_exists(river)
    assert dm.get_file_of_type_by_name(SeedFile, "rivers.csv") is None
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as into:
        into.writestr("ca.pem", "certificate")
    for kind, content in (
        (OracleWalletFile, archive.getvalue()), (SslZipFile, archive.getvalue()), (SnowflakeKeyFile, b"key"),
    ):
        uploaded = dm.upload_file(kind, f"{kind.__name__}.zip", content)
        assert [one.id for one in dm.list_files_of_type(kind)] == [uploaded.id]
        dm.delete_file_if_exists(uploaded)
        assert dm.list_files_of_type(kind) == []
    error = refused(wrong.DataMasqueApiError, dm.upload_file, OracleWalletFile, "w.zip", b"no archive")
    assert status_of(error) == 400, error


LIBRARY = """version: "1.0"
masks:
  town:
    type: from_file
    seed_file: towns.csv
    seed_column: town
"""
RULES = """version: "1.0"
imports: [geo/places]
tasks:
  - type: mask_table
    table: customers
    key: id
    hash_columns: [id]
    rules:
      - column: email
        masks:
          - type: imitate_unique
      - column: town
        masks:
          - $ref: "geo/places#masks/town"
"""
TOWNS = """version: "1.0"
tasks:
  - type: mask_table
    table: customers
    key: id
    rules:
      - column: town
        masks:
          - {type: from_fixed, value: x}
"""
FILE_RULES = """version: "1.0"
tasks:
  - type: mask_tabular_file
    recurse: true
    include:
      - glob: "*.csv"
    rules:
      - column: name
        hash_columns: [name]
        masks:
          - type: person_name
"""


def libraries(dm):
    library = dm.create_ruleset_library(RulesetLibrary(name="places", namespace="geo", config_yaml=LIBRARY))
    assert library.id and library.is_valid is ValidationStatus.valid, library
    error = refused(wrong.DataMasqueApiError, dm.create_ruleset_library,
                    RulesetLibrary(name="places", namespace="geo", config_yaml=LIBRARY))
    assert status_of(error) in (400, 409), error
    library.yaml = LIBRARY + "# changed\n"
    assert dm.update_ruleset_library(library).is_valid is ValidationStatus.valid
    assert dm.get_ruleset_library(library.id).yaml == library.yaml
    assert dm.get_ruleset_library_by_name("places", "geo").id == library.id
    assert dm.get_ruleset_library_by_name("places") is None
    assert [one.yaml for one in dm.list_ruleset_libraries()] == [None], "lists leave the text out"
    assert [one.id for one in dm.iter_ruleset_libraries()] == [library.id]
    assert dm.validate_ruleset_library(library.id).is_valid is ValidationStatus.valid
    broken = dm.create_or_update_ruleset_library(
        RulesetLibrary(name="broken", namespace="geo", config_yaml="version: '1.0'\nmasks: [\n"))
    assert broken.is_valid is ValidationStatus.invalid and broken.validation_errors[0].line_number, broken
    dm.delete_ruleset_library_by_id_if_exists(broken.id)
    dm.delete_ruleset_library_by_id_if_exists(broken.id)
    return library


def rulesets(dm, library):
    ruleset = dm.create_or_update_ruleset(Ruleset(name="customers", config_yaml=RULES))
    assert ruleset.is_valid is ValidationStatus.valid, ruleset.validation_errors
    first = ruleset.id
    assert dm.create_or_update_ruleset(ruleset).id == first
    of_files = dm.create_or_update_ruleset(
        Ruleset(name="customers", config_yaml=FILE_RULES, mask_type=RulesetType.file))
    assert of_files.id != first and of_files.is_valid is ValidationStatus.valid, of_files.validation_errors
    assert {(one.name, one.ruleset_type) for one in dm.list_rulesets()} == {
        ("customers", RulesetType.database), ("customers", RulesetType.file)}
    using = dm.list_rulesets_using_library(library.id)
    assert [one.id for one in using] == [first] == [one.id for one in dm.iter_rulesets_using_library(library.id)]
    error = refused(wrong.DataMasqueApiError, dm.delete_ruleset_library_by_id_if_exists, library.id)
    assert status_of(error) == 409, error
    broken = dm.create_or_update_ruleset(
        Ruleset(name="broken", config_yaml="version: '1.0'\ntasks:\n  - type: mask_tabel\n"))
    assert broken.is_valid is ValidationStatus.invalid, broken
    assert broken.validation_errors[0].line_number == 3, broken.validation_errors
    # Too much to be checked while the client waits.
    padded = RULES + "".join(f"# {line:70}\n" for line in range(1_000))
    large = dm.create_or_update_ruleset(Ruleset(name="large", config_yaml=padded))
    deadline = time.monotonic() + 30
    while large.is_valid is ValidationStatus.in_progress:
        assert time.monotonic() < deadline, "a large ruleset is checked in time"
        time.sleep(0.1)
        large = next(one for one in dm.list_rulesets() if one.name == "large")
    assert large.is_valid is ValidationStatus.valid, large.validation_errors
    dm.delete_ruleset_by_name_if_exists("large", RulesetType.file)
    assert any(one.name == "large" for one in dm.list_rulesets())
    dm.delete_ruleset_by_name_if_exists("large", RulesetType.database)
    dm.delete_ruleset_by_id_if_exists(large.id)
    return ruleset, of_files, broken


def table_references(dm, places):
    reference = TableReference(name="people", connection=places["share"].id, source="people.csv")
    dm.create_table_reference(reference)
    assert reference.id and reference.options.delimiter == ",", reference
    assert dm.get_table_reference(reference.id).source == "people.csv"
    reference.source = "others.csv"
    dm.update_table_reference(reference)
    assert dm.get_table_reference_by_name("people").source == "others.csv"
    dm.create_or_update_table_reference(TableReference(name="people", connection=places["crm"].id, source="a.b"))
    assert [(one.name, one.source) for one in dm.list_table_references()] == [("people", "a.b")]
    dm.delete_table_reference_by_id_if_exists(reference.id)
    dm.delete_table_reference_by_id_if_exists(reference.id)
    dm.create_table_reference(TableReference(name="people", connection=places["share"].id, source="p.csv"))
    dm.delete_table_reference_by_name_if_exists("people")
    assert dm.list_table_references() == []


def fill_database():
    sql("""
        DROP SCHEMA IF EXISTS clients CASCADE;
        CREATE SCHEMA clients;
        CREATE TABLE clients.customers (
            id int PRIMARY KEY, email varchar(60) NOT NULL UNIQUE, town text, notes text, credit numeric(9, 2));
        INSERT INTO clients.customers
            SELECT n, 'user' || n || '@corp.example', 'Springfield', 'note ' || n, n FROM generate_series(1, 5000) n;
        CREATE TABLE clients.orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES clients.customers);
        INSERT INTO clients.orders SELECT n, 1 + n % 5000 FROM generate_series(1, 8000) n;
    """)


def database_run(dm, places, ruleset, broken):
    fill_database()
    dry = dm.start_masking_run(MaskingRunRequest(
        name="dry", connection=places["crm"], ruleset=ruleset, options=MaskingRunOptions(dry_run=True)))
    succeeded(dm, dry)
    assert sql("SELECT count(*) FROM clients.customers WHERE email LIKE '%@corp.example'") == ["5000"]
    secret = "a run secret of some length"
    request = MaskingRunRequest(
        name="first", connection=places["crm"].id, ruleset=ruleset.id,
        options=MaskingRunOptions(run_secret=secret, batch_size=1000, diagnostic_logging=True))
    run_id = dm.start_masking_run(request)
    run = succeeded(dm, run_id)
    assert run.name == "first" and run.ruleset_name == "customers" and run.source_connection.name == "crm", run
    assert run.start_time <= run.end_time and run.destination_connection is None, run
    assert secret not in run.model_dump_json() + dm.get_run_log(run_id), "a secret stays one"
    assert sql("""SELECT count(*), count(DISTINCT email), count(*) FILTER (WHERE email LIKE '%@corp.example'),
                  bool_and(town IN ('Arlen', 'Bedrock')), bool_and(notes = 'note ' || id)
                  FROM clients.customers""") == ["5000|5000|0|t|t"]
    entries = json.loads(dm.get_run_log(run_id))
    assert {"run", "worker_id", "timestamp", "message", "run_status", "is_dry_run", "log_level"} <= set(entries[0])
    assert entries[-1]["run_status"] == "finished", entries[-1]
    assert "customers" in dm.get_run_report(run_id)
    assert status_of(refused(wrong.DataMasqueApiError, dm.get_sdd_report, run_id)) == 404
    refused(wrong.RunNotCancellableError, dm.cancel_run, run_id)
    # Some rows only: masked, and said to be.
    fill_database()
    towns = dm.create_or_update_ruleset(Ruleset(name="towns", config_yaml=TOWNS))
    limited = dm.start_masking_run(MaskingRunRequest(
        name="some", connection=places["crm"], ruleset=towns, options=MaskingRunOptions(max_rows=100)))
    succeeded(dm, limited, MaskingRunStatus.finished_with_warnings)
    assert sql("SELECT count(*) FROM clients.customers WHERE town <> 'Springfield'") == ["100"]
    refused(wrong.InvalidRulesetError, dm.start_masking_run,
            MaskingRunRequest(name="broken", connection=places["crm"], ruleset=broken))
    nobody = "00000000-0000-4000-8000-000000000000"
    error = refused(wrong.FailedToStartError, dm.start_masking_run,
                    MaskingRunRequest(connection=nobody, ruleset=ruleset))
    assert "object does not exist" in error.response.text, error.response.text


def file_run(dm, places, ruleset):
    masked = [FOLDER / "share" / f"part{n}.csv" for n in range(3)]
    for n, path in enumerate(masked):
        path.write_text("id,name\n" + "".join(f"{row},Ann {n} {row}\n" for row in range(2_000)))
    (FOLDER / "share" / "readme.txt").write_text("nobody masks this")
    run_id = dm.start_masking_run(MaskingRunRequest(
        name="files", connection=places["share"], destination_connection=places["share_out"],
        ruleset=ruleset, mask_type="file"))
    run = succeeded(dm, run_id)
    assert run.destination_connection.name == "share_out", run
    for path in masked:
        text = (FOLDER / "share_out" / path.name).read_text()
        assert text.count("\n") == 2_001 and "Ann 0" not in text
    report = list(csv.DictReader(io.StringIO(dm.get_run_report(run_id))))
    assert {"path", "file_size", "file_type", "skip_reason"} <= set(report[0]), report
    assert {row["path"] for row in report} >= {path.name for path in masked}
    # Between two buckets.
    upload(masked[0].read_bytes())
    run_id = dm.start_masking_run(MaskingRunRequest(
        name="buckets", connection=places["in"], destination_connection=places["out"],
        ruleset=ruleset, mask_type="file"))
    succeeded(dm, run_id)
    assert "part.csv" in dm.get_run_report(run_id)


def upload(content):
    """Puts an object into the first bucket."""
    import boto3

    store = boto3.client(
        "s3", endpoint_url=ENV["VISARD_TEST_S3_ENDPOINT"], region_name="us-east-1",
        aws_access_key_id=ENV["VISARD_TEST_S3_KEY"], aws_secret_access_key=ENV["VISARD_TEST_S3_SECRET"])
    store.put_object(Bucket=ENV["VISARD_TEST_S3_BUCKET"], Key="clients/part.csv", Body=content)


def cancelling(dm, places):
    slow = dm.create_or_update_ruleset(Ruleset(name="slow", config_yaml=(
        "version: '1.0'\ntasks:\n  - type: run_sql\n    sql: SELECT pg_sleep(60)\n")))
    assert slow.is_valid is ValidationStatus.valid, slow.validation_errors
    run_id = dm.start_masking_run(MaskingRunRequest(name="slow", connection=places["crm"], ruleset=slow))
    queued = dm.start_masking_run(MaskingRunRequest(name="behind", connection=places["crm"], ruleset=slow))
    deadline = time.monotonic() + 30
    while dm.get_run_info(run_id).status is not MaskingRunStatus.running:
        assert time.monotonic() < deadline, "a run begins"
        time.sleep(0.05)
    assert set(dm.get_unfinished_runs()) == {"crm"}
    assert dm.cancel_run(queued).status in (MaskingRunStatus.cancelling, MaskingRunStatus.cancelled)
    assert dm.cancel_run(run_id).status in (MaskingRunStatus.cancelling, MaskingRunStatus.cancelled)
    for one in (run_id, queued):
        assert ended(dm, one, 30).status is MaskingRunStatus.cancelled
    assert dm.get_unfinished_runs() == {}
    dm.delete_ruleset_by_id_if_exists(slow.id)


CONFIG = """labels:
  - name: remark
    description: What somebody wrote
    categories: [PII]
metadata_rules:
  - name: notes
    label: remark
    column: {type: regex, pattern: "^notes$"}
"""


def discovery_configs(dm):
    defaults = dm.get_default_discovery_config_yaml()
    assert "metadata_rules" in defaults, defaults[:200]
    config = dm.create_discovery_config(
        DiscoveryConfig(name="remarks", config_yaml=CONFIG, config_type=DiscoveryConfigType.database))
    assert config.is_valid is ValidationStatus.valid, config.validation_error
    config.yaml = CONFIG + "# changed\n"
    dm.update_discovery_config(config)
    assert dm.get_discovery_config(config.id).yaml == config.yaml
    assert dm.get_discovery_config_by_name("remarks", DiscoveryConfigType.database).id == config.id
    assert dm.get_discovery_config_by_name("remarks", DiscoveryConfigType.file) is None
    assert [one.id for one in dm.list_discovery_configs()] == [one.id for one in dm.iter_discovery_configs()]
    other = dm.create_or_update_discovery_config(
        DiscoveryConfig(name="other", config_yaml="labels: 7\n", config_type=DiscoveryConfigType.file))
    assert other.is_valid is ValidationStatus.invalid and other.validation_error_details, other
    dm.delete_discovery_config_by_id_if_exists(other.id)
    dm.create_discovery_config(
        DiscoveryConfig(name="third", config_yaml=defaults, config_type=DiscoveryConfigType.file))
    dm.delete_discovery_config_by_name_if_exists("third", DiscoveryConfigType.file)
    assert [one.name for one in dm.list_discovery_configs()] == ["remarks"]

    library = dm.create_discovery_config_library(DiscoveryConfigLibrary(
        name="base", namespace="corp", config_yaml="version: '1.0'\nlabels:\n  - {name: x, description: x, categories: [PII]}\n"))
    assert library.id, library
    library.yaml += "# changed\n"
    dm.update_discovery_config_library(library)
    assert dm.get_discovery_config_library(library.id).yaml == library.yaml
    assert dm.get_discovery_config_library_by_name("base", "corp").id == library.id
    dm.create_or_update_discovery_config_library(library)
    assert [one.name for one in dm.list_discovery_config_libraries()] == ["base"]
    dm.delete_discovery_config_library_by_name_if_exists("base", "corp")
    dm.delete_discovery_config_library_by_id_if_exists(library.id)
    assert dm.list_discovery_config_libraries() == []

    defaults = dm.get_default_rg_config_yaml()
    assert "labels" in defaults, defaults[:200]
    masks = dm.create_rg_config(RGConfig(name="masks", config_yaml=defaults))
    assert masks.is_valid is ValidationStatus.valid, masks.validation_errors
    dm.update_rg_config(masks)
    assert dm.get_rg_config(masks.id).yaml == defaults
    assert dm.get_rg_config_by_name("masks").id == masks.id
    dm.create_or_update_rg_config(masks)
    assert [one.id for one in dm.list_rg_configs()] == [masks.id] == [one.id for one in dm.iter_rg_configs()]
    spare = dm.create_rg_config(RGConfig(name="spare", config_yaml=defaults))
    dm.delete_rg_config_by_id_if_exists(spare.id)
    dm.create_rg_config(RGConfig(name="spare", config_yaml=defaults))
    dm.delete_rg_config_by_name_if_exists("spare")
    return config, masks


def generated(dm, connection):
    """The rulesets of a generation, once it is done."""
    deadline = time.monotonic() + 60
    while not dm.get_async_ruleset_generation_task_status(connection).is_in_final_state:
        assert time.monotonic() < deadline, "rulesets are generated in time"
        time.sleep(0.1)
    status = dm.get_async_ruleset_generation_task_status(connection)
    assert status is AsyncRulesetGenerationTaskStatus.finished, status
    return dm.get_generated_rulesets(connection)


def database_discovery(dm, places, config, masks):
    fill_database()
    crm = places["crm"]
    run_id = dm.start_schema_discovery_run(SchemaDiscoveryRequest(connection=crm, custom_keywords=["credit"]))
    succeeded(dm, run_id)
    found = {(one.table, one.column): one.data for one in dm.list_schema_discovery_results(run_id)}
    assert len(found) == len(list(dm.iter_schema_discovery_results(run_id)))
    email = found["customers", "email"]
    assert email.discovery_matches and email.constraint == "Unique" and email.max_length == 60, email
    assert found["customers", "credit"].discovery_matches, "a keyword of this run"
    assert found["orders", "customer_id"].foreign_keys[0].referenced_column == "clients.customers.id"
    assert found["customers", "id"].constraint == "Primary"
    page = dm.get_schema_discovery_page(run_id, limit=2)
    assert len(page.results) == 2 and page.count == len(found), page
    assert page.table_metadata["clients"]["customers"].primary_keys[0].columns == ["id"]
    report = dm.get_db_discovery_result_report(run_id)
    rows = list(csv.DictReader(io.StringIO(report)))
    assert {"Selected", "Table schema", "Table name", "Column name", "Reason for flag"} <= set(rows[0]), rows[0]
    assert "Selected" not in dm.get_db_discovery_result_report(run_id, include_selection_column=False).splitlines()[0]
    of_config = dm.start_schema_discovery_run_from_config(
        SchemaDiscoveryFromConfigRequest(connection=crm, discovery_config=config, schemas=["clients"]))
    succeeded(dm, of_config)
    matched = [one for one in dm.list_schema_discovery_results(of_config) if one.data.discovery_matches]
    assert [one.column for one in matched] == ["notes"], matched
    snapshot = dm.get_discovery_run_config_snapshot_yaml(of_config, timezone="+10:00")
    assert "remarks" in snapshot and "metadata_rules" in snapshot, snapshot
    nobody = "00000000-0000-4000-8000-000000000000"
    refused(wrong.DiscoveryConfigNotFoundError, dm.start_schema_discovery_run_from_config,
            SchemaDiscoveryFromConfigRequest(connection=crm, discovery_config=nobody))
    # Values are looked at by a later version: that is said, and nothing is found silently.
    error = refused(wrong.FailedToStartError, dm.start_schema_discovery_run, SchemaDiscoveryRequest(
        connection=crm, in_data_discovery=InDataDiscoveryConfig(enabled=True)))
    assert status_of(error) == 400 and "in_data_discovery" in error.response.json(), error.response.text

    succeeded(dm, dm.start_schema_discovery_run(SchemaDiscoveryRequest(connection=crm)))
    selected = {"clients": {"customers": ["email", "town"]}}
    hashed = {"clients": {"customers": HashColumnsTableConfig(table=["id"], columns={"town": None})}}
    text = dm.generate_ruleset(RulesetGenerationRequest(connection=crm, selected_columns=selected, hash_columns=hashed))
    assert "email" in text and "hash_columns" in text, text
    ruleset = dm.create_or_update_ruleset(Ruleset(name="generated", config_yaml=text))
    assert ruleset.is_valid is ValidationStatus.valid, (ruleset.validation_errors, text)
    succeeded(dm, dm.start_masking_run(MaskingRunRequest(name="generated", connection=crm, ruleset=ruleset)))
    assert sql("SELECT count(*) FROM clients.customers WHERE email LIKE '%@corp.example'") == ["0"]
    text = dm.generate_ruleset_with_rg_config(RulesetGenerationWithRGConfigRequest(
        connection=crm, selected_columns=selected, rg_config=masks))
    assert "email" in text, text
    refused(wrong.RGConfigNotFoundError, dm.generate_ruleset_with_rg_config, RulesetGenerationWithRGConfigRequest(
        connection=crm, selected_columns=selected, rg_config=nobody))
    columns = SelectedColumns(columns=selected, hash_columns=hashed)
    dm.start_async_ruleset_generation(crm.id, columns)
    assert [one.name for one in generated(dm, crm.id)] == ["generated_ruleset"]
    dm.start_async_ruleset_generation_with_rg_config(crm.id, columns, masks)
    assert "email" in generated(dm, crm.id)[0].yaml
    # What to mask is ticked in the report.
    ticked = io.StringIO()
    into = csv.DictWriter(ticked, rows[0])
    into.writeheader()
    into.writerows({**row, "Selected": "yes" if row["Column name"] in ("email", "town") else ""} for row in rows)
    report = ticked.getvalue()
    dm.start_async_ruleset_generation_from_csv(crm.id, report)
    assert all("tasks" in one.yaml for one in generated(dm, crm.id))
    dm.start_async_ruleset_generation_from_csv_with_rg_config(crm.id, report.encode(), None, target_size_bytes=400)
    assert generated(dm, crm.id)


def uncovered(dm, places):
    """A ruleset that masks less than what is found ends with a warning, and a report."""
    fill_database()
    ruleset = dm.create_or_update_ruleset(Ruleset(name="uncovered", config_yaml=(
        "version: '1.0'\ntasks:\n  - type: run_data_discovery\n  - type: mask_table\n    table: customers\n"
        "    key: id\n    rules:\n      - column: town\n        masks:\n          - {type: from_fixed, value: x}\n")))
    assert ruleset.is_valid is ValidationStatus.valid, ruleset.validation_errors
    run_id = dm.start_masking_run(MaskingRunRequest(name="uncovered", connection=places["crm"], ruleset=ruleset))
    succeeded(dm, run_id, MaskingRunStatus.finished_with_warnings)
    assert "email" in dm.get_sdd_report(run_id)
    # Clients of the older generation know no warnings.
    dm.make_request("PATCH", "/api/settings/", data={"run_status_generation": "v2"})
    assert dm.get_run_info(run_id).status is MaskingRunStatus.finished
    dm.make_request("PATCH", "/api/settings/", data={"run_status_generation": "v3"})


def file_discovery(dm, places, masks):
    (FOLDER / "share" / "people.csv").write_text("id,email,colour\n1,a@corp.example,red\n")
    run_id = dm.start_file_data_discovery_run(FileDataDiscoveryRequest(
        connection=places["share"], include=[FileFilter(glob="people.csv")]))
    succeeded(dm, run_id)
    report = dm.get_file_data_discovery_report(run_id)
    files = [file.path for one in report for file in one.files]
    locators = {result.locator for one in report for result in one.results if result.matches}
    assert files == ["people.csv"] and locators == {"email"}, report
    succeeded(dm, dm.start_file_data_discovery_run_from_config(
        FileDataDiscoveryFromConfigRequest(connection=places["share"], discovery_config=None)))
    selection = [UserSelection(files=["people.csv"], locators=["email"])]
    text = dm.generate_file_ruleset(FileRulesetGenerationRequest(connection=places["share"], selected_data=selection))
    made = dm.create_or_update_ruleset(Ruleset(name="made", config_yaml=text, mask_type=RulesetType.file))
    assert made.is_valid is ValidationStatus.valid, (made.validation_errors, text)
    assert "email" in dm.generate_file_ruleset_with_rg_config(FileRulesetGenerationWithRGConfigRequest(
        connection=places["share"], selected_data=selection, rg_config=masks))
    dm.start_async_ruleset_generation(places["share"].id, SelectedFileData(user_selections=selection))
    assert "email" in generated(dm, places["share"].id)[0].yaml


PLAN = """version: "1.0"
rules:
  - hash_columns: []
    masks:
      - type: json
        transforms:
          - path: [name]
            masks:
              - {type: person_name, part: first}
"""


def in_flight(dm):
    ifm = recorded(DataMasqueIfmClient)(DataMasqueIfmInstanceConfig(
        admin_server_base_url=URL, ifm_base_url=f"{URL}/ifm", username="admin", password=PASSWORD))
    ifm.authenticate()
    assert "ifm/mask" in ifm.verify_token().scopes
    plan = ifm.create_ruleset_plan(RulesetPlanCreateRequest(
        name="names", ruleset_yaml=PLAN, options=RulesetPlanOptions(enabled=True)))
    assert plan.name.startswith("names") and len(plan.name) >= len("names") + 6 and plan.serial == 1, plan
    assert [one.name for one in ifm.list_ruleset_plans()] == [plan.name] == [one.name for one in ifm.iter_ruleset_plans()]
    assert ifm.get_ruleset_plan(plan.name).ruleset_yaml == PLAN
    request = IfmMaskRequest(
        data=[{"name": "Ann", "n": 1}, {"name": "Bob", "n": 2}], run_secret="a run secret of some length",
        hash_values=["7", "8"], request_id="r1")
    first = ifm.mask(plan.name, request)
    assert first.success and first.request_id == "r1" and first.ruleset_plan.serial == 1, first
    assert [one["n"] for one in first.data] == [1, 2] and "Ann" not in json.dumps(first.data), first
    assert ifm.mask(plan.name, request).data == first.data, "the same secret, the same values"
    soft = ifm.mask(plan.name, IfmMaskRequest(data=[7]))
    assert not soft.success and soft.data is None and soft.logs, soft
    assert ifm.update_ruleset_plan(plan.name, RulesetPlanUpdateRequest(ruleset_yaml=PLAN + "# v2\n")).serial == 2
    assert ifm.patch_ruleset_plan(
        plan.name, RulesetPlanPartialUpdateRequest(options=RulesetPlanOptions(enabled=False))).serial == 3
    refused(wrong.DataMasqueApiError, ifm.mask, plan.name, request)
    ifm.delete_ruleset_plan(plan.name)
    assert ifm.list_ruleset_plans() == []
    assert status_of(refused(wrong.DataMasqueApiError, ifm.get_ruleset_plan, plan.name)) == 404


def bundles(dm):
    archive = dm.make_request("GET", "/api/export/v1/").content
    with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
        names = bundle.namelist()
    assert any("customers" in name for name in names) and any("places" in name for name in names), names
    from datamasque.client.base import UploadFile

    summary = dm.make_request(
        "POST", "/api/import/v1/",
        data={f"overwrite_{what}": "true" for what in ("rulesets", "libraries", "seed_files")},
        files=[UploadFile("zip_archive", "bundle.zip", io.BytesIO(archive), "application/zip")])
    assert isinstance(summary.json(), dict), summary.text


def audit(dm):
    entries = dm.make_request("GET", "/api/audit-logs/").json()
    told = {(one["category"], one["action"]) for one in entries}
    assert told >= {("auth", "logged_in"), ("run", "started"), ("run", "cancelled"), ("ruleset", "created"),
                    ("ruleset", "deleted"), ("connection", "created"), ("connection", "modified")}, told
    rows = list(csv.reader(io.StringIO(dm.make_request("GET", "/api/audit-logs/download/").text)))
    assert rows[0] == ["timestamp", "username", "category", "action", "description"], rows[0]
    assert len(rows) >= len(entries)
    everything = json.dumps(entries)
    for secret in (PASSWORD, ENV["VISARD_TEST_POSTGRES_PASSWORD"], ENV["VISARD_TEST_S3_SECRET"]):
        assert secret not in everything, "no secret is in the audit log"


def main():
    dm = installing()
    users(dm)
    system(dm)
    places = connections(dm)
    files(dm)
    library = libraries(dm)
    ruleset, of_files, broken = rulesets(dm, library)
    table_references(dm, places)
    database_run(dm, places, ruleset, broken)
    file_run(dm, places, of_files)
    cancelling(dm, places)
    config, masks = discovery_configs(dm)
    database_discovery(dm, places, config, masks)
    uncovered(dm, places)
    file_discovery(dm, places, masks)
    in_flight(dm)
    bundles(dm)
    audit(dm)
    # Forced, a library goes although a ruleset needs it, which then is invalid.
    dm.delete_ruleset_library_by_name_if_exists("places", "geo", force=True)
    assert next(one for one in dm.list_rulesets() if one.id == ruleset.id).is_valid is ValidationStatus.invalid
    refused(wrong.InvalidLibraryError, dm.start_masking_run,
            MaskingRunRequest(name="no library", connection=places["crm"], ruleset=ruleset))
    sql("DROP SCHEMA clients CASCADE")
    missing = sorted(uncalled())
    assert not missing, f"methods that were not called: {', '.join(missing)}"
    print(f"{len(CALLED)} methods of the official clients called")


main()
