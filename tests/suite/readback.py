#!/usr/bin/env python3
"""Parquet as others write it, and our masked copies as others read them.

    readback.py make FOLDER           writes files, and FOLDER/../masked.json: file -> masked paths
    readback.py check IN OUT          reads both with pyarrow and DuckDB and compares; prints problems
"""

import datetime as dt
import decimal
import json
import math
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS = 3000
# Paths as a ruleset writes them; the names in them lead through structs and the elements of lists.
MASKED = ["name", "born", "amount", "address.city", "tags", "phones.number", "marks.key_value.value", "tier"]


def some(row, value, every=7):
    return None if row % every == 3 else value


def table():
    utc = dt.timezone.utc
    start = dt.datetime(2001, 2, 3, 4, 5, 6, 789000)
    field_id = lambda number, **more: {"PARQUET:field_id": str(number), **more}
    phone = pa.struct([pa.field("kind", pa.string()), pa.field("number", pa.string(), metadata=field_id(31))])
    address = pa.struct([pa.field("street", pa.string()), pa.field("city", pa.string(), metadata=field_id(21)), ("zip", pa.int32())])
    columns = [
        (pa.field("id", pa.int64(), nullable=False, metadata=field_id(1)), lambda n: n),
        (pa.field("name", pa.string(), metadata=field_id(2)), lambda n: some(n, f"Original{n % 500}")),
        (pa.field("email", pa.string(), metadata=field_id(3, note="kept")), lambda n: some(n, f"user{n}@example.com")),
        (pa.field("born", pa.date32()), lambda n: some(n, dt.date(1950, 1, 1) + dt.timedelta(days=n))),
        (pa.field("amount", pa.decimal128(20, 4)), lambda n: some(n, decimal.Decimal(n * 7919) / 10000)),
        (pa.field("small", pa.decimal128(7, 2)), lambda n: some(n, decimal.Decimal(n) / 100)),
        (pa.field("seen", pa.timestamp("us", tz="UTC")), lambda n: some(n, start.replace(tzinfo=utc) + dt.timedelta(hours=n))),
        (pa.field("local", pa.timestamp("ms")), lambda n: some(n, start - dt.timedelta(hours=n))),
        (pa.field("plan", pa.dictionary(pa.int16(), pa.string())), lambda n: some(n, ["free", "paid"][n % 2])),
        (pa.field("ratio", pa.float64()), lambda n: some(n, [1 / (n + 1), math.nan, math.inf, -0.0][n % 4])),
        (pa.field("flag", pa.bool_()), lambda n: some(n, n % 3 == 0)),
        (pa.field("token", pa.binary(4)), lambda n: some(n, n.to_bytes(4, "big"))),
        (pa.field("blob", pa.binary()), lambda n: some(n, bytes([n % 256]) * (n % 5))),
        (pa.field("address", address), lambda n: some(n, {"street": f"{n} High", "city": some(n, f"Original{n}", 5), "zip": some(n, n, 4)}, 11)),
        (pa.field("tags", pa.list_(pa.string())), lambda n: some(n, [some(n + i, f"Original{i}", 5) for i in range(n % 4)])),
        (pa.field("phones", pa.list_(phone)), lambda n: some(n, [{"kind": "home", "number": some(n + i, f"Original{n}", 6)} for i in range(n % 3)])),
        (pa.field("marks", pa.map_(pa.string(), pa.string())), lambda n: some(n, [(f"k{i}", some(n + i, f"Original{n}", 4)) for i in range(n % 3)])),
        # Its masked values are more than its index type counts.
        (pa.field("tier", pa.dictionary(pa.int8(), pa.string())), lambda n: some(n, f"Original{n % 100}")),
        (pa.field("scores", pa.list_(pa.list_(pa.int32()))), lambda n: some(n, [[n, None], [], None][: n % 4])),
    ]  # fmt: skip
    schema = pa.schema([field for field, _ in columns])
    return pa.Table.from_arrays([pa.array(map(make, range(ROWS)), field.type) for field, make in columns], schema=schema)


def make(folder):
    folder.mkdir(parents=True)
    whole = table()
    plain = {"row_group_size": 1000, "compression": "snappy"}
    kinds = {f"{codec}": {"compression": codec} for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]}
    kinds |= {
        "v2-pages": {"data_page_version": "2.0", "compression": "zstd"},
        "v2-pages-plain": {"data_page_version": "2.0", "use_dictionary": False, "compression": "none"},
        "plain": {"use_dictionary": False},
        "small-pages": {"data_page_size": 200, "write_batch_size": 20, "max_rows_per_page": 20},
        "page-index": {"write_page_index": True, "data_page_size": 500, "write_batch_size": 50},
        "checksums": {"write_page_checksum": True},
        "int96": {"use_deprecated_int96_timestamps": True},
        "integer-decimals": {"store_decimal_as_integer": True},
        "no-statistics": {"write_statistics": False},
        "no-arrow-schema": {"store_schema": False},
        "version-1.0": {"version": "1.0"},
        "old-lists": {"use_compliant_nested_type": False},
        "sorted": {"sorting_columns": [pq.SortingColumn(1), pq.SortingColumn(0)], "write_page_index": True},
        "delta": {"use_dictionary": False, "column_encoding": {"id": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY", "email": "DELTA_LENGTH_BYTE_ARRAY", "ratio": "BYTE_STREAM_SPLIT"}},
        "bloom": {"bloom_filter_options": {"name": {"ndv": 1000}, "email": True, "address.city": True}},
    }  # fmt: skip
    masked = {}
    for name, options in kinds.items():
        try:
            pq.write_table(whole, folder / f"{name}.parquet", **{**plain, **options})
        except TypeError as error:
            print(f"left out: {name}: {error}")
            continue
        paths = [path for path in MASKED]
        masked[f"{name}.parquet"] = paths
    relation = duckdb.connect()
    relation.register("whole", whole)
    names = ", ".join(f'"{name}"' for name in whole.schema.names if name != "small")
    duck = folder / "duckdb.parquet"
    relation.execute(f"copy (select {names} from whole) to '{duck}' (format parquet, row_group_size 2048, compression zstd)")
    masked[duck.name] = MASKED
    (folder.parent / "masked.json").write_text(json.dumps(masked))


def blanked(value, path):
    """The value with whether-it-is-null in place of what lies at the path."""
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # a map
            return [(key, blanked(item, path[2:])) for key, item in value]
        return [blanked(item, path) for item in value]
    if path and isinstance(value, dict):
        return {key: blanked(item, path[1:]) if key == path[0] else item for key, item in value.items()}
    return value if value is None else "masked"


def leaves(value, path):
    """What lies at the path."""
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return [leaf for _, item in value for leaf in leaves(item, path[2:])]
        return [leaf for item in value for leaf in leaves(item, path)]
    if path and isinstance(value, dict):
        return leaves(value[path[0]], path[1:])
    return [] if value is None else [value]


def same(one, other):
    return repr(one) == repr(other)  # NaN equals itself, -0.0 is not 0.0


class Problems(list):
    def __init__(self, file):
        self.file = file

    def unless(self, holds, what):
        if not holds:
            self.append(f"{self.file}: {what}")


def compare_columns(problems, reader, before, after, masked):
    problems.unless(list(before) == list(after), f"{reader}: columns differ")
    for name, values in before.items():
        path = next((path for path in masked if path.split(".")[0] == name), None)
        if path is None:
            problems.unless(same(values, after[name]), f"{reader}: `{name}` changed")
            continue
        below = path.split(".")[1:]
        kept = same([blanked(v, below) for v in values], [blanked(v, below) for v in after[name]])
        problems.unless(kept, f"{reader}: `{path}`: a null, a length or a neighbour changed")
        old, new = ([leaf for value in column for leaf in leaves(value, below)] for column in (values, after[name]))
        changed = sum(one != other for one, other in zip(old, new))
        problems.unless(old and changed > len(old) * 0.9, f"{reader}: `{path}`: {changed} of {len(old)} values changed")
        problems.unless(not any(str(leaf).startswith("Original") for leaf in new), f"{reader}: `{path}` holds an original")


def field_ids(schema):
    def walk(field, above):
        path = [*above, field.name]
        metadata = field.metadata or {}
        yield ".".join(path), metadata.get(b"PARQUET:field_id")
        for index in range(field.type.num_fields):
            yield from walk(field.type.field(index), path)

    return [entry for field in schema for entry in walk(field, [])]


def notes(schema):
    skipped = b"PARQUET:field_id"
    return {field.name: {k: v for k, v in (field.metadata or {}).items() if k != skipped} for field in schema}


def without_masked_dictionaries(schema, masked):
    """The schema as a masked file has it: a masked dictionary is its value type."""
    for index, field in enumerate(schema):
        if field.name in masked and pa.types.is_dictionary(field.type):
            schema = schema.set(index, field.with_type(field.type.value_type))
    return schema


def check_file(before, after, masked):
    problems = Problems(before.name)
    old, new = pq.ParquetFile(before), pq.ParquetFile(after)
    problems.unless(old.schema.equals(new.schema), "the Parquet schema changed")
    problems.unless(without_masked_dictionaries(old.schema_arrow, masked).equals(new.schema_arrow), "the Arrow schema changed")
    problems.unless(field_ids(old.schema_arrow) == field_ids(new.schema_arrow), "field ids changed")
    if notes(old.schema_arrow) != notes(new.schema_arrow):
        print(f"note: {before.name}: field metadata other than ids is not carried over")
    groups = [[m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in (old.metadata, new.metadata)]
    problems.unless(groups[0] == groups[1], "row groups changed")
    for group in range(old.metadata.num_row_groups):
        for column in range(old.metadata.num_columns):
            chunks = [m.row_group(group).column(column) for m in (old.metadata, new.metadata)]
            path = chunks[0].path_in_schema
            problems.unless(chunks[0].compression == chunks[1].compression, f"{path}: the codec changed")
            nulls = [chunk.statistics.null_count if chunk.statistics and chunk.statistics.has_null_count else None for chunk in chunks]
            problems.unless(None in nulls or nulls[0] == nulls[1], f"{path}: the null count changed: {nulls}")
    one, other = old.read(), new.read()
    other.validate(full=True)
    compare_columns(problems, "pyarrow", one.to_pydict(), other.to_pydict(), masked)
    database = duckdb.connect()
    tables = [database.execute("select * from read_parquet($1)", [str(path)]).to_arrow_table().to_pydict() for path in (before, after)]
    compare_columns(problems, "DuckDB", *tables, masked)
    # What readers leave out by statistics, bloom filters and page indexes has to be right.
    for name in ["name", "born", "amount", "email", "id"]:
        values = other[name].to_pylist()
        for value in [v for v in values if v is not None][:: len(values) // 5]:
            expected = values.count(value)
            query = f"select count(*) from read_parquet($1) where {name} = $2"
            found = database.execute(query, [str(after), value]).fetchone()[0]
            problems.unless(found == expected, f"DuckDB finds {found} of {expected} rows by `{name}`")
            scalar = pa.scalar(value, other.schema.field(name).type)
            found = pq.read_table(after, filters=pc.field(name) == scalar, columns=[name]).num_rows
            problems.unless(found == expected, f"pyarrow finds {found} of {expected} rows by `{name}`")
    # The bytes hold no original either: not in a dictionary, a statistic or a filter's neighbour.
    if old.metadata.row_group(0).column(0).compression == "UNCOMPRESSED":
        problems.unless(b"Original" not in after.read_bytes(), "original bytes are left in the file")
    return problems


def check(source, target):
    masked = json.loads((source.parent / "masked.json").read_text())
    problems = []
    for file, paths in masked.items():
        try:
            problems += check_file(source / file, target / file, paths)
        except Exception as error:  # a reader that gives up is what we look for
            problems.append(f"{file}: {type(error).__name__}: {str(error)[:300]}")
    print(f"{len(masked)} files read back with pyarrow {pa.__version__} and DuckDB {duckdb.__version__}")
    for problem in problems:
        print("problem:", problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    command, *folders = sys.argv[1:]
    {"make": make, "check": check}[command](*map(Path, folders))
