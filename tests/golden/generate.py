#!/usr/bin/env python3
"""Writes the Parquet inputs of the golden cases; the files are committed. Needs pyarrow."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
UTC = dt.timezone.utc


def write(case, name, table, **options):
    path = HERE / case / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **{"compression": "snappy", **options})


def types():
    """One column per type, with a null in each that may hold one."""
    moments = [dt.datetime(1969, 12, 31, 23, 59, 59), None, dt.datetime(2024, 2, 29, 12, 30), dt.datetime(2024, 2, 29, 12, 30)]
    zoned = [moment and moment.replace(tzinfo=UTC) for moment in moments]
    text = ["ann@x.org", None, "", "Zoë Ng"]
    fields = [
        (pa.field("id", pa.int64(), nullable=False), [1, 2, 3, 1]),
        (pa.field("int8", pa.int8()), [-128, None, 5, 127]),
        (pa.field("int32", pa.int32()), [-70, None, 70, 2147483647]),
        (pa.field("int64", pa.int64()), [-(2**63), None, 12345, 12345]),
        (pa.field("uint64", pa.uint64()), [0, None, 7, 2**64 - 1]),
        (pa.field("decimal9", pa.decimal128(9, 2)), [Decimal("12.50"), None, Decimal("-0.01"), Decimal("9999999.99")]),
        (pa.field("decimal38", pa.decimal128(38, 0)), [Decimal(10) ** 37, None, Decimal(12345), Decimal(-1)]),
        (pa.field("float", pa.float32()), [1.5, None, float("nan"), -0.0]),
        (pa.field("double", pa.float64()), [1e300, None, 0.1, 0.0]),
        (pa.field("date", pa.date32()), [dt.date(1900, 1, 1), None, dt.date(2024, 2, 29), dt.date(2023, 12, 31)]),
        (pa.field("stamp_ms", pa.timestamp("ms")), moments),
        (pa.field("stamp_us_utc", pa.timestamp("us", tz="UTC")), zoned),
        (pa.field("stamp_ns", pa.timestamp("ns")), moments),
        (pa.field("time", pa.time64("us")), [dt.time(1, 2, 3), None, dt.time(0), dt.time(23, 59, 59, 999999)]),
        (pa.field("bool", pa.bool_()), [True, None, False, True]),
        (pa.field("text", pa.string()), text),
        (pa.field("large_text", pa.large_string()), text),
        (pa.field("category", pa.dictionary(pa.int32(), pa.string())), ["a", None, "b", "a"]),
        (pa.field("binary", pa.binary()), [b"\x00\xff", None, b"", b"text"]),
        (pa.field("fixed", pa.binary(2)), [b"ab", None, b"\x00\x00", b"zz"]),
        (pa.field("untouched", pa.string(), metadata={"unit": "kept"}), ["w", "x", None, "y"]),
    ]
    arrays = [pa.array(values, field.type) for field, values in fields]
    schema = pa.schema([field for field, _ in fields], metadata={"owner": "golden"})
    return pa.Table.from_arrays(arrays, schema=schema)


def nested():
    person = pa.struct([
        ("name", pa.string()),
        pa.field("born", pa.date32()),
        ("address", pa.struct([("city", pa.string()), ("zip", pa.int32())])),
    ])  # fmt: skip
    phone = pa.struct([("kind", pa.string()), ("number", pa.string())])
    schema = pa.schema([
        ("id", pa.int32()),
        ("person", person),
        ("tags", pa.list_(pa.string())),
        ("phones", pa.list_(phone)),
        ("matrix", pa.list_(pa.list_(pa.int32()))),
        ("attributes", pa.map_(pa.string(), pa.string())),
        ("untouched", pa.list_(pa.int32())),
    ])  # fmt: skip
    row = lambda number, **more: {"id": number, **more}
    rows = [
        row(1, person={"name": "Ann", "born": dt.date(1990, 2, 3), "address": {"city": "Oslo", "zip": 150}},
            tags=["vip", "vip", None], phones=[{"kind": "home", "number": "555-0100"}, {"kind": None, "number": None}],
            matrix=[[1, 2], [], None, [3]], attributes=[("k", "v"), ("l", None)], untouched=[1, None]),
        row(2),
        row(3, person={"name": None, "born": None, "address": None}, tags=[], phones=[], matrix=[], attributes=[], untouched=[]),
        row(1, person={"name": "Ann", "born": None, "address": {"city": None, "zip": None}},
            tags=["vip"], phones=[None, {"kind": "home", "number": "555-0100"}], matrix=[[10, 20]],
            attributes=[("k", "v")], untouched=None),
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def main():
    write("types-parquet", "types.parquet", types(), row_group_size=2, write_page_index=True)
    write("types-parquet", "int96.parquet", pa.table({
        "id": pa.array([1, 2], pa.int64()),
        "at": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3), None], pa.timestamp("ns")),
        "kept": pa.array([dt.datetime(1600, 1, 1), dt.datetime(2200, 1, 1)], pa.timestamp("us")),
    }), use_deprecated_int96_timestamps=True)  # fmt: skip
    write("nested-parquet", "nested.parquet", nested(), row_group_size=3, compression="zstd")
    customers = {
        "id": pa.array([7, 8, 8, None], pa.int64()),
        "tag": pa.array(["a", "A", "a", None], pa.dictionary(pa.int8(), pa.string())),
        "document": pa.array(['{"customer": {"ids": [1, 7]}}', None, "[]", "{}"]),
    }
    own = pa.array(["7", " Ann ", "ann", None])
    for name in ["by_task", "by_self", "by_self_alike", "by_two", "by_json", "by_place"]:
        customers[name] = own
    customers["email"] = pa.array(["ann@x.org", "ann@x.org", "bob@x.org", None])
    customers["number"] = pa.array(["AB-123"] * 3 + [None])
    write("hash-columns", "customers.parquet", pa.table(customers))
    decimal = pa.table({"customer": pa.array([Decimal("7.00"), Decimal("8.00")], pa.decimal128(12, 2)), "name": ["x", "y"], "email": ["ann@x.org", None]})
    write("hash-columns", "orders/b.parquet", decimal)
    required = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string(), nullable=False), ("at", pa.timestamp("us")), ("tags", pa.list_(pa.string())), ("flag", pa.bool_())])
    write("wrong-columns", "a.parquet", pa.Table.from_pylist([{"id": 1, "name": "x"}], schema=required))


if __name__ == "__main__":
    main()
