//! Values of every PostgreSQL type through a binary `COPY` out, our batches, and a `COPY` in: against
//! the server that `tests/run` starts. What a batch holds is compared with what the server prints.

mod cases;

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::*;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, TryStreamExt};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use visard_connectors::postgres::{
    CopyDecoder, CopyEncoder, CopyError, Special, TypeKind, ValueProblem, WireColumn, WireType,
    special_column,
};

/// A schema of its own in the test database.
struct Database {
    runtime: Runtime,
    client: Client,
}

impl Database {
    /// `None` where the server is not there.
    fn with(schema: &str) -> Option<Self> {
        let config = crate::postgres::config()?;
        let runtime = Runtime::new().unwrap();
        let (client, connection) = runtime.block_on(config.connect(NoTls)).unwrap();
        runtime.spawn(connection);
        let database = Self { runtime, client };
        // Dates and floats are printed in full whatever the server's default is.
        database.run(&format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; \
             SET search_path = {schema}, public; SET datestyle = 'ISO'; SET timezone = 'Asia/Kolkata'; \
             SET client_min_messages = warning"
        ));
        Some(database)
    }

    fn run(&self, sql: &str) {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The first column of a query, which is text.
    fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let rows = self.runtime.block_on(self.client.query(sql, &[]));
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The chunks of `COPY (query) TO STDOUT`.
    fn copy_out(&self, query: &str) -> Vec<Bytes> {
        let sql = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        let chunks = async { self.client.copy_out(&sql).await?.try_collect().await };
        let chunks = self.runtime.block_on(chunks);
        chunks.unwrap_or_else(|error: tokio_postgres::Error| panic!("{sql}: {error:?}"))
    }

    fn copy_in(&self, table: &str, stream: Bytes) -> u64 {
        let sql = format!("COPY {table} FROM STDIN (FORMAT binary)");
        let rows = async {
            let mut sink = Box::pin(self.client.copy_in(&sql).await?);
            sink.send(stream).await?;
            sink.as_mut().finish().await
        };
        let rows = self.runtime.block_on(rows);
        rows.unwrap_or_else(|error: tokio_postgres::Error| panic!("{sql}: {error:?}"))
    }

    /// What we make of the type of a column, by the catalogue; a domain is its base type.
    fn wire(&self, table: &str, column: &str) -> Option<WireType> {
        let facts = self.runtime.block_on(self.client.query_one(
            "WITH RECURSIVE base (oid, typmod) AS (
               SELECT atttypid, atttypmod FROM pg_attribute
               WHERE attrelid = $1::text::regclass AND attname = $2
               UNION ALL
               SELECT typbasetype, typtypmod FROM base JOIN pg_type USING (oid) WHERE typtype = 'd'
             )
             SELECT oid, typmod, typtype::text, typname::text FROM base JOIN pg_type USING (oid)
             WHERE typtype <> 'd'",
            &[&table, &column],
        ));
        let facts = facts.unwrap_or_else(|error| panic!("{table}.{column}: {error:?}"));
        let kind = match (
            facts.get::<_, String>(2).as_str(),
            facts.get::<_, String>(3).as_str(),
        ) {
            ("e", _) => TypeKind::Enum,
            ("b", "citext") => TypeKind::Citext,
            ("b", _) => TypeKind::Base,
            _ => TypeKind::Other,
        };
        WireType::of(facts.get(0), facts.get(1), kind)
    }

    /// Makes `table` with column `v` of `sql_type`: a row for each value, and a null.
    fn create(&self, table: &str, sql_type: &str, values: &[&str]) {
        let mut sql = format!(
            "CREATE TABLE {table} (id int, v {sql_type}); CREATE TABLE {table}_2 (LIKE {table});"
        );
        for (id, value) in values.iter().chain(&["NULL"]).enumerate() {
            write!(sql, "INSERT INTO {table} VALUES ({id}, {value});").unwrap();
        }
        self.run(&sql);
    }

    /// Copies `columns` of `table` into `{table}_2` through our batches; checks that nothing changed on
    /// the way, on the wire and as text; and returns the rows.
    fn round_trip(&self, table: &str, columns: &[(&str, WireType)]) -> RecordBatch {
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let copy = |table| self.copy_out(&format!("SELECT {names} FROM {table} ORDER BY id"));
        let sent = copy(table.to_owned());
        let rows = decode(columns, &sent).unwrap_or_else(|error| panic!("{table}: {error}"));
        let stream = encode(columns, &rows);
        assert!(
            stream == sent.concat(),
            "{table}: other bytes than the server's"
        );

        let written = self.copy_in(&format!("{table}_2 ({names})"), stream);
        assert_eq!(written, rows.num_rows() as u64, "{table}");
        let again = copy(format!("{table}_2"));
        assert!(
            again.concat() == sent.concat(),
            "{table}: other bytes in the copy"
        );
        for (one, other) in [("", "_2"), ("_2", "")] {
            let texts = |end| format!("SELECT t::text FROM {table}{end} t");
            let lost = format!(
                "SELECT count(*)::text FROM ({} EXCEPT ALL {}) lost",
                texts(one),
                texts(other)
            );
            assert_eq!(self.texts(&lost), [Some("0".to_owned())], "{table}");
        }
        rows
    }
}

fn wire_columns(columns: &[(&str, WireType)]) -> Vec<WireColumn> {
    let columns = columns.iter().map(|(name, wire)| WireColumn {
        name: (*name).to_owned(),
        wire: *wire,
    });
    columns.collect()
}

fn decode(columns: &[(&str, WireType)], chunks: &[Bytes]) -> Result<RecordBatch, CopyError> {
    let mut decoder = CopyDecoder::new(wire_columns(columns), 3)?;
    let schema = decoder.schema();
    let mut batches = Vec::new();
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Some(batch) = decoder.next_batch()? {
            batches.push(batch);
        }
    }
    batches.extend(decoder.finish()?);
    Ok(concat_batches(&schema, &batches).unwrap())
}

fn encode(columns: &[(&str, WireType)], rows: &RecordBatch) -> Bytes {
    let mut encoder = CopyEncoder::new(wire_columns(columns), &rows.schema()).unwrap();
    let mut out = BytesMut::new();
    encoder.header(&mut out);
    encoder.encode(rows, &mut out).unwrap();
    encoder.trailer(&mut out);
    out.freeze()
}

/// How the server prints `v` for comparison with [`printed`]. `format` keeps the padding of `char(n)`,
/// which a cast to text cuts off.
fn print_of_server(wire: WireType) -> &'static str {
    match wire {
        WireType::Bytea => "encode(v, 'hex')",
        WireType::Date => {
            "CASE WHEN isfinite(v) THEN (v - date '1970-01-01')::text ELSE v::text END"
        }
        WireType::Time => "(extract(epoch FROM v) * 1000000)::bigint::text",
        WireType::Timestamp | WireType::TimestampTz => {
            "CASE WHEN isfinite(v) THEN (extract(epoch FROM v)::numeric * 1000000)::numeric(40)::text \
             ELSE v::text END"
        }
        _ => "CASE WHEN v IS NOT NULL THEN format('%s', v) END",
    }
}

/// A value of column `v`, as the server prints it; null is none.
fn printed(rows: &RecordBatch, wire: WireType, row: usize) -> Option<String> {
    let values = rows.column_by_name("v").unwrap();
    if values.is_null(row) {
        let marks = rows.column_by_name(&special_column("v"))?;
        let marks = marks.as_primitive::<Int8Type>();
        if marks.is_null(row) {
            return None;
        }
        let special = Special::of_code(marks.value(row)).unwrap();
        return Some(match special {
            Special::NotANumber => "NaN".to_owned(),
            Special::Infinity => "infinity".to_owned(),
            Special::NegativeInfinity => "-infinity".to_owned(),
        });
    }
    /// A float by the bits that the server's shortest text stands for.
    fn float(value: f64) -> String {
        match value {
            _ if value.is_nan() => "NaN".to_owned(),
            _ if value.is_infinite() && value > 0.0 => "Infinity".to_owned(),
            _ if value.is_infinite() => "-Infinity".to_owned(),
            _ => value.to_string(),
        }
    }
    Some(match wire {
        WireType::Bool => if values.as_boolean().value(row) {
            "t"
        } else {
            "f"
        }
        .to_owned(),
        WireType::Int2 => values.as_primitive::<Int16Type>().value(row).to_string(),
        WireType::Int4 => values.as_primitive::<Int32Type>().value(row).to_string(),
        WireType::Int8 => values.as_primitive::<Int64Type>().value(row).to_string(),
        WireType::Oid => values.as_primitive::<UInt32Type>().value(row).to_string(),
        WireType::Float4 => {
            let value = values.as_primitive::<Float32Type>().value(row);
            float(value.to_string().parse().unwrap())
        }
        WireType::Float8 => float(values.as_primitive::<Float64Type>().value(row)),
        WireType::Decimal { .. } => values.as_primitive::<Decimal128Type>().value_as_string(row),
        WireType::Numeric | WireType::Text | WireType::Char | WireType::Jsonb | WireType::Uuid => {
            values.as_string_view().value(row).to_owned()
        }
        WireType::Bytea | WireType::Opaque => {
            data_encoding::HEXLOWER.encode(values.as_binary_view().value(row))
        }
        WireType::Date => values.as_primitive::<Date32Type>().value(row).to_string(),
        WireType::Time => values
            .as_primitive::<Time64MicrosecondType>()
            .value(row)
            .to_string(),
        WireType::Timestamp | WireType::TimestampTz => values
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .to_string(),
    })
}

/// The server's own text; of a float, the number that it stands for.
fn expected(wire: WireType, text: Option<String>) -> Option<String> {
    match wire {
        WireType::Float4 | WireType::Float8 => text.map(|text| match text.parse::<f64>() {
            Ok(value) if value.is_finite() => value.to_string(),
            _ => text,
        }),
        _ => text,
    }
}

#[test]
fn typed_values() {
    let Some(database) = Database::with("typed_values") else {
        return;
    };
    database.run(cases::TYPED_TYPES);
    for (number, (sql_type, wire, values)) in cases::typed().into_iter().enumerate() {
        let table = format!("t{number}");
        database.create(&table, sql_type, &values);
        assert_eq!(database.wire(&table, "v"), Some(wire), "{sql_type}");
        let rows = database.round_trip(&table, &[("id", WireType::Int4), ("v", wire)]);
        let print = print_of_server(wire);
        let texts = database.texts(&format!("SELECT {print} FROM {table} ORDER BY id"));
        assert_eq!(rows.num_rows(), values.len() + 1, "{sql_type}");
        for (row, text) in texts.into_iter().enumerate() {
            let value = values.get(row).unwrap_or(&"NULL");
            let same = printed(&rows, wire, row) == expected(wire, text);
            assert!(same, "{sql_type}: another value than {value}");
        }
    }
}

/// Types without a typed form travel as bytes.
#[test]
fn opaque_values() {
    let Some(database) = Database::with("opaque_values") else {
        return;
    };
    database.run(cases::OPAQUE_TYPES);
    for (number, (sql_type, values)) in cases::OPAQUE.into_iter().enumerate() {
        let table = format!("t{number}");
        database.create(&table, sql_type, values);
        assert_eq!(database.wire(&table, "v"), None, "{sql_type}");
        database.round_trip(&table, &[("id", WireType::Int4), ("v", WireType::Opaque)]);
    }
}

/// Typed columns beside opaque ones, 200 of them, in a table with dropped ones: every type once typed
/// and once as it lies on the wire.
#[test]
fn a_wide_table() {
    let Some(database) = Database::with("a_wide_table") else {
        return;
    };
    database.run(cases::TYPED_TYPES);
    let cases = cases::typed();
    let columns: Vec<_> = (0..200)
        .map(|number| {
            let (sql_type, wire, values) = &cases[number % cases.len()];
            let opaque = number / cases.len() % 2 == 1;
            let wire = if opaque { WireType::Opaque } else { *wire };
            (format!("\"c \"\"{number}\""), sql_type, wire, values)
        })
        .collect();
    let mut sql = String::from("CREATE TABLE wide (id int, dropped_1 text, dropped_2 int);");
    for (name, sql_type, _, _) in &columns {
        write!(sql, "ALTER TABLE wide ADD {name} {sql_type};").unwrap();
    }
    sql += "ALTER TABLE wide DROP dropped_1; ALTER TABLE wide DROP dropped_2;";
    for row in 0..15 {
        // A row in which every fifth column is null; long values once.
        let values = columns
            .iter()
            .enumerate()
            .map(|(number, (_, _, _, values))| {
                match ((row + number) % 5, values[(row + number) % values.len()]) {
                    (0, _) => "NULL",
                    (_, long) if long.contains("repeat") && row > 0 => "NULL",
                    (_, value) => value,
                }
            });
        let values: Vec<_> = values.collect();
        write!(
            sql,
            "INSERT INTO wide VALUES ({row}, {});",
            values.join(", ")
        )
        .unwrap();
    }
    sql += "CREATE TABLE wide_2 (LIKE wide)";
    database.run(&sql);
    let mut wires = vec![("id", WireType::Int4)];
    wires.extend(
        columns
            .iter()
            .map(|(name, _, wire, _)| (name.as_str(), *wire)),
    );
    assert_eq!(database.round_trip("wide", &wires).num_rows(), 15);
}

/// A `"char"` above 127 is no text of the server's, but a byte that must come back.
#[test]
fn high_bytes_of_char() {
    let Some(database) = Database::with("high_bytes_of_char") else {
        return;
    };
    database.create("t", "\"char\"", &["'é'", "'東'"]);
    let rows = database.round_trip("t", &[("id", WireType::Int4), ("v", WireType::Char)]);
    let values = rows.column(1).as_string_view();
    assert_eq!((values.value(0), values.value(1)), (r"\303", r"\346"));
}

/// A timestamp beyond Arrow's is refused, by its place alone.
#[test]
fn timestamps_beyond_arrow() {
    let Some(database) = Database::with("timestamps_beyond_arrow") else {
        return;
    };
    for (sql_type, wire) in [
        ("timestamp", WireType::Timestamp),
        ("timestamptz", WireType::TimestampTz),
    ] {
        let table = format!("{sql_type}s");
        // Arrow's last one, the next one, PostgreSQL's last one.
        let values = [
            "'294247-01-10 04:00:54.775807+00'",
            "'294247-01-10 04:00:54.775808+00'",
            "'294276-12-31 23:59:59.999999+00'",
        ];
        database.create(&table, sql_type, &values);
        let sent = database.copy_out(&format!("SELECT v FROM {table} ORDER BY id"));
        match decode(&[("v", wire)], &sent) {
            Err(CopyError::Value {
                column,
                row: 2,
                problem: ValueProblem::Range("timestamp"),
            }) => {
                assert_eq!(column, "v");
            }
            other => panic!("{sql_type}: {other:?}"),
        }
    }
}

/// What masks may write and the server would not have sent, it takes: other spellings of numbers and
/// UUIDs. What it does not take, we refuse first.
#[test]
fn other_spellings() {
    let Some(database) = Database::with("other_spellings") else {
        return;
    };
    let rows = |texts: &[&str]| {
        let values = arrow::array::StringViewArray::from_iter_values(texts);
        RecordBatch::try_from_iter([("v", std::sync::Arc::new(values) as _)]).unwrap()
    };
    for (table, wire, texts) in [
        (
            "numeric",
            WireType::Numeric,
            &["+1.50e3", ".5", "5.", "-0.0", "1e-3", "inf"][..],
        ),
        (
            "uuid",
            WireType::Uuid,
            &["{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"],
        ),
    ] {
        database.run(&format!("CREATE TABLE {table}s (v {table})"));
        database.copy_in(&format!("{table}s"), encode(&[("v", wire)], &rows(texts)));
        let literals: Vec<_> = texts
            .iter()
            .map(|text| format!("('{text}'::{table})"))
            .collect();
        let expected = database.texts(&format!(
            "SELECT v::text FROM (VALUES {}) t (v)",
            literals.join(", ")
        ));
        assert_eq!(
            database.texts(&format!("SELECT v::text FROM {table}s")),
            expected
        );
    }

    // The most digits that a binary COPY takes, and one more.
    let digits = |groups: usize| format!("1{}1", "0".repeat(4 * (groups - 1) - 1));
    let most = digits(3000);
    database.copy_in(
        "numerics",
        encode(&[("v", WireType::Numeric)], &rows(&[&most])),
    );
    let kept = format!("SELECT count(*)::text FROM numerics WHERE v = {most}");
    assert_eq!(database.texts(&kept), [Some("1".to_owned())]);
    let more = rows(&[&digits(3001)]);
    let mut encoder =
        CopyEncoder::new(wire_columns(&[("v", WireType::Numeric)]), &more.schema()).unwrap();
    let error = encoder.encode(&more, &mut BytesMut::new()).unwrap_err();
    assert!(matches!(
        error,
        CopyError::Value {
            problem: ValueProblem::TooManyDigits,
            ..
        }
    ));
}
