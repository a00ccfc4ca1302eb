//! What the server's catalogue says of a table: everything a rule or a strategy depends on.

use tokio_postgres::Row;

use super::error::PostgresError;
use super::session::{Session, quoted};
use super::types::{TypeKind, WireType};
use crate::database::{Check, ForeignKey, Trigger, Unique};

/// What kind of relation a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table: its rows lie in its partitions.
    Partitioned,
    /// Something that holds no rows of its own to mask: a view, a foreign table …
    Other,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its object identifier.
    pub(super) oid: u32,
    /// Its schema.
    pub(super) schema: String,
    /// Its name.
    pub(super) name: String,
    /// What kind of relation it is.
    pub(super) kind: RelationKind,
    /// Its columns, dropped ones left out.
    pub(super) columns: Vec<Column>,
    /// The primary key's columns.
    pub(super) primary_key: Option<Vec<String>>,
    /// Unique indexes, with or without a constraint, the primary key's among them.
    pub(super) uniques: Vec<Unique>,
    /// Foreign keys from it and to it.
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Checks and exclusions.
    pub(super) checks: Vec<Check>,
    /// Triggers of users, and rules for updates.
    pub(super) triggers: Vec<Trigger>,
    /// Whether row-level security may hide rows from us.
    pub(super) rows_hidden: bool,
    /// Whether other tables inherit from it.
    pub(super) inherited: bool,
    /// Whether a partition of it lies on another server.
    pub(super) foreign_parts: bool,
    /// What we may do with it.
    pub(super) rights: Rights,
    /// Rows, as the server last estimated them; negative where it never did.
    pub(super) rows: f32,
    /// Bytes of its rows, partitions and values kept apart (TOAST) included; no indexes.
    pub(super) bytes: i64,
    /// Those of them that are kept apart from their rows (TOAST).
    pub(super) kept_apart: i64,
    /// Why it cannot be emptied and filled anew, as far as the catalogue tells.
    pub(super) rewrite_obstacles: Vec<String>,
    /// Tables that hold rows: itself, or its partitions.
    pub(super) parts: Vec<Part>,
    /// Materialised views that were made from it, as `schema.name`.
    pub(super) materialised: Vec<String>,
}

/// A table that holds rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name as SQL takes it, schema included.
    pub(super) sql: String,
    /// Blocks of its rows.
    pub(super) blocks: u32,
}

/// What we may do with a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Read it.
    pub(super) select: bool,
    /// Change its rows.
    pub(super) update: bool,
    /// Empty it.
    pub(super) truncate: bool,
    /// Add rows.
    pub(super) insert: bool,
    /// Keep others from writing to it.
    pub(super) lock: bool,
    /// Everything an owner may.
    pub(super) owner: bool,
    /// Make tables in its schema.
    pub(super) create: bool,
    /// Make temporary tables.
    pub(super) temporary: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type as SQL spells it: `character varying(20)`.
    pub(super) type_name: String,
    /// What it is made from, as SQL takes it without a length: `character varying`.
    pub(super) bare_type: String,
    /// How its values travel in a typed lane; `None` where only their text can.
    pub(super) wire: Option<WireType>,
    /// The most characters it takes.
    pub(super) length: Option<u32>,
    /// Whether it takes no null.
    pub(super) required: bool,
    /// Whether the server computes it.
    pub(super) generated: bool,
    /// Whether it decides in which partition a row lies.
    pub(super) partitions: bool,
    /// Whether its type can be sent and received in binary.
    pub(super) binary: bool,
    /// Whether these bytes mean the same in every database: types of users, tables and functions have another
    /// number in each, and a domain may be made from another type.
    pub(super) portable: bool,
}

impl Table {
    /// Its name as SQL takes it.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Its name for people: `schema.name`.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether `other` is the same table, and nothing about it changed that its masking depends on.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.oid == other.oid
            && self.columns == other.columns
            && self.uniques == other.uniques
            && self.foreign_keys == other.foreign_keys
            && self.rows_hidden == other.rows_hidden
            && self.inherited == other.inherited
            && self.foreign_parts == other.foreign_parts
            && self.rewrite_obstacles == other.rewrite_obstacles
    }

    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Session {
    /// Looks a table up, in `schema` or along the search path; `None` where there is none we can see.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Table>, PostgresError> {
        let spelled = match schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
            None => quoted(name),
        };
        let relation = self.client().query_opt(RELATION, &[&spelled]).await?;
        let Some(relation) = relation else {
            return Ok(None);
        };
        let oid: u32 = relation.get("oid");
        let primary_key = self.client().query(PRIMARY_KEY, &[&oid]).await?;
        let names = |rows: Vec<Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>();
        Ok(Some(Table {
            oid,
            schema: relation.get("schema"),
            name: relation.get("name"),
            kind: match relation.get::<_, i8>("kind") as u8 {
                b'r' => RelationKind::Table,
                b'p' => RelationKind::Partitioned,
                _ => RelationKind::Other,
            },
            columns: self.rows(COLUMNS, oid, column).await?,
            primary_key: match names(primary_key) {
                names if names.is_empty() => None,
                names => Some(names),
            },
            uniques: self
                .rows(UNIQUES, oid, |row| Unique {
                    name: row.get("name"),
                    columns: row.get("columns"),
                    tells_rows: row.get("tells_rows"),
                })
                .await?,
            foreign_keys: self
                .rows(FOREIGN_KEYS, oid, |row| ForeignKey {
                    name: row.get("name"),
                    incoming: row.get("incoming"),
                    other_schema: row.get("other_schema"),
                    other_name: row.get("other_name"),
                    columns: row.get("columns"),
                    other_columns: row.get("other_columns"),
                })
                .await?,
            checks: self
                .rows(CHECKS, oid, |row| Check {
                    name: row.get("name"),
                    columns: row.get("columns"),
                    definition: row.get("definition"),
                })
                .await?,
            triggers: self
                .rows(TRIGGERS, oid, |row| Trigger {
                    name: row.get("name"),
                    fires: row.get("fires"),
                    fires_always: row.get("fires_in_replicas"),
                })
                .await?,
            rows_hidden: relation.get("rows_hidden"),
            inherited: relation.get("inherited"),
            foreign_parts: relation.get("foreign_parts"),
            rights: Rights {
                select: relation.get("may_select"),
                update: relation.get("may_update"),
                truncate: relation.get("may_truncate"),
                insert: relation.get("may_insert"),
                lock: relation.get("may_lock"),
                owner: relation.get("is_owner"),
                create: relation.get("may_create"),
                temporary: relation.get("may_temp"),
            },
            rows: relation.get("rows"),
            bytes: relation.get("bytes"),
            kept_apart: relation.get("kept_apart"),
            rewrite_obstacles: names(self.client().query(REWRITE_OBSTACLES, &[&oid]).await?),
            parts: self
                .rows(PARTS, oid, |row| Part {
                    sql: row.get("sql"),
                    blocks: row.get::<_, i64>("blocks").try_into().unwrap_or(u32::MAX),
                })
                .await?,
            materialised: names(self.client().query(MATERIALISED, &[&oid]).await?),
        }))
    }

    /// Names of tables, as `schema.name`, for a message about one that is not there.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn table_names(&self) -> Result<Vec<String>, PostgresError> {
        let rows = self.client().query(NAMES, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The tables in `schema`, or in the one in which names without one are made, by schema and name.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn tables(
        &self,
        schema: Option<&str>,
    ) -> Result<Vec<(String, String)>, PostgresError> {
        let rows = self.client().query(TABLES, &[&schema]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// What the catalogue would say of a table `name` that `select` fills, which is not made.
    ///
    /// # Errors
    /// When the server refuses the query.
    pub(super) async fn described(
        &self,
        name: &str,
        select: &str,
    ) -> Result<Option<Table>, PostgresError> {
        let made = format!(
            "CREATE TEMPORARY TABLE {} AS\n{select}\nWITH NO DATA",
            quoted(name)
        );
        self.run("BEGIN").await?;
        let table = match self.run(&made).await {
            Ok(()) => self.table(Some("pg_temp"), name).await,
            Err(error) => Err(error),
        };
        self.run("ROLLBACK").await?;
        table
    }

    /// The first of `columns` of a table, as SQL names it, whose sequence we may not move on.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn kept_sequence(
        &self,
        table: &str,
        columns: &[&str],
    ) -> Result<Option<String>, PostgresError> {
        let client = self.client();
        let row = client.query_opt(KEPT_SEQUENCE, &[&table, &columns]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// What tells the database from every other: its number, and that of its cluster. Copies of a cluster share them,
    /// and are told apart by when they were started.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn identity(&self) -> Result<String, PostgresError> {
        Ok(self.client().query_one(IDENTITY, &[]).await?.get(0))
    }

    /// The schema in which names without one are made.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn schema(&self) -> Result<Option<String>, PostgresError> {
        let row = self
            .client()
            .query_one("SELECT current_schema()", &[])
            .await?;
        Ok(row.get(0))
    }

    /// The server's version, as it writes it: `15.18`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn facts(&self) -> Result<Facts, PostgresError> {
        let row = self.client().query_one(FACTS, &[]).await?;
        Ok(Facts {
            version: row.get("version"),
            number: row.get("number"),
            encoding: row.get("encoding"),
            time_zone: row.get("time_zone"),
            user: row.get("role"),
            superuser: row.get("superuser"),
        })
    }

    async fn rows<T>(
        &self,
        query: &str,
        oid: u32,
        of: impl Fn(&Row) -> T,
    ) -> Result<Vec<T>, PostgresError> {
        let rows = self.client().query(query, &[&oid]).await?;
        Ok(rows.iter().map(of).collect())
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its version: `15.18`.
    pub(super) version: String,
    /// The same as a number: 150018.
    pub(super) number: i32,
    /// The database's encoding.
    pub(super) encoding: String,
    /// The time zone it gives sessions by itself.
    pub(super) time_zone: String,
    /// Who we are there.
    pub(super) user: String,
    /// Whether we may do everything.
    pub(super) superuser: bool,
}

fn column(row: &Row) -> Column {
    let (oid, modifier): (u32, i32) = (row.get("type"), row.get("modifier"));
    let category: i8 = row.get("category");
    let base: String = row.get("base_name");
    let kind = match category as u8 {
        b'e' => TypeKind::Enum,
        // An extension's own type has another number in each database.
        b'b' if base == "citext" => TypeKind::Citext,
        b'b' => TypeKind::Base,
        _ => TypeKind::Other,
    };
    Column {
        name: row.get("name"),
        type_name: row.get("type_name"),
        bare_type: row.get("bare_type"),
        wire: WireType::of(oid, modifier, kind),
        // varchar and char count in characters, behind four bytes of their own.
        length: (matches!(oid, 1042 | 1043) && modifier >= 4).then_some(modifier as u32 - 4),
        required: row.get("required"),
        generated: row.get("generated"),
        partitions: row.get("partitions"),
        binary: row.get("binary"),
        portable: row.get("portable"),
    }
}

const RELATION: &str = "
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind AS kind,
           c.reltuples AS rows,
           (SELECT coalesce(sum(pg_catalog.pg_table_size(p.relid)), 0)::int8
              FROM pg_catalog.pg_partition_tree(c.oid) p) +
           CASE WHEN c.relispartition OR c.relkind = 'p' THEN 0
                ELSE pg_catalog.pg_table_size(c.oid) END AS bytes,
           CASE WHEN c.reltoastrelid = 0 THEN 0
                ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END AS kept_apart,
           pg_catalog.row_security_active(c.oid) AS rows_hidden,
           EXISTS (SELECT FROM pg_catalog.pg_inherits i
                    WHERE i.inhparent = c.oid AND c.relkind <> 'p') AS inherited,
           EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) p
                     JOIN pg_catalog.pg_class f ON f.oid = p.relid
                    WHERE c.relkind = 'p' AND f.relkind = 'f') AS foreign_parts,
           pg_catalog.has_table_privilege(c.oid, 'SELECT') AS may_select,
           pg_catalog.has_table_privilege(c.oid, 'UPDATE') AS may_update,
           pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate,
           pg_catalog.has_table_privilege(c.oid, 'INSERT') AS may_insert,
           pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') AS may_lock,
           pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_owner,
           pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create,
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') AS may_temp
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = pg_catalog.to_regclass($1)";

/// Domains are followed to the type they are made from, however deep.
const COLUMNS: &str = "
    WITH RECURSIVE base AS (
        SELECT a.attnum, t.oid, t.typbasetype, t.typtype,
               CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
               t.typnotnull AS required
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attnum, t.oid, t.typbasetype, t.typtype,
               CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE b.modifier END,
               b.required OR t.typnotnull
          FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype
         WHERE b.typtype = 'd')
    SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
           pg_catalog.format_type(t.oid, -1) AS bare_type, t.oid AS type, t.typname::text AS base_name, t.typtype AS category, b.modifier,
           a.attnotnull OR b.required AS required,
           a.attgenerated <> '' AS generated,
           coalesce(a.attnum = ANY (p.partattrs::int2[]), false) AS partitions,
           t.typsend <> 0 AND t.typreceive <> 0 AS binary,
           t.typsend <> 0 AND t.typreceive <> 0 AND t.oid < 16384 AND a.atttypid < 16384
               -- Names of tables, functions and their like travel as numbers.
               AND t.typname !~ '^_?reg' AS portable
      FROM pg_catalog.pg_attribute a
      JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
      JOIN pg_catalog.pg_type t ON t.oid = b.oid
      LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = a.attrelid
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum";

const PRIMARY_KEY: &str = "
    SELECT a.attname::text
      FROM pg_catalog.pg_index i
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
     WHERE i.indrelid = $1 AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place";

/// An index on an expression names the columns that the expression reads. Columns that an index only
/// carries (`INCLUDE`) are no part of what is unique.
const UNIQUES: &str = "
    SELECT c.relname::text AS name,
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_depend d
                   JOIN pg_catalog.pg_attribute a
                     ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                  WHERE d.refobjid = i.indrelid AND d.refobjsubid > 0
                    AND (d.objid = i.indexrelid OR d.objid = (
                         SELECT o.oid FROM pg_catalog.pg_constraint o
                          WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u')))
                    AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR a.attnum = ANY (k.numbers))
                  GROUP BY a.attnum, a.attname ORDER BY a.attnum) AS columns,
           i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = i.indrelid AND a.attnum = ANY (k.numbers)
                   AND NOT a.attnotnull) AS tells_rows
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      CROSS JOIN LATERAL (
           SELECT pg_catalog.array_agg(n.number) FROM pg_catalog.unnest(i.indkey::int2[])
                  WITH ORDINALITY AS n (number, place) WHERE n.place <= i.indnkeyatts) AS k (numbers)
     WHERE i.indrelid = $1 AND i.indisunique ORDER BY 1";

/// A key of the table to itself is there twice, once for each end.
/// What a key with a partitioned table is for each partition goes with that key.
/// Columns of both sides in one order: that of the constraint.
const FOREIGN_KEYS: &str = "
    SELECT o.conname::text AS name, e.incoming, n.nspname::text AS other_schema, c.relname::text AS other_name,
           ARRAY(SELECT a.attname::text
                   FROM pg_catalog.unnest(CASE WHEN e.incoming THEN o.confkey ELSE o.conkey END)
                        WITH ORDINALITY AS k (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attnum = k.number
                  ORDER BY k.place) AS columns,
           ARRAY(SELECT a.attname::text
                   FROM pg_catalog.unnest(CASE WHEN e.incoming THEN o.conkey ELSE o.confkey END)
                        WITH ORDINALITY AS k (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
                  ORDER BY k.place) AS other_columns
      FROM pg_catalog.pg_constraint o CROSS JOIN (VALUES (false), (true)) AS e (incoming)
      JOIN pg_catalog.pg_class c ON c.oid = CASE WHEN e.incoming THEN o.conrelid ELSE o.confrelid END
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE o.contype = 'f' AND $1 = CASE WHEN e.incoming THEN o.confrelid ELSE o.conrelid END
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = o.conparentid
                          AND $1 = CASE WHEN e.incoming THEN p.confrelid ELSE p.conrelid END)
     ORDER BY 1, 2";

const CHECKS: &str = "
    SELECT o.conname::text AS name, pg_catalog.pg_get_constraintdef(o.oid) AS definition,
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = $1 AND a.attnum = ANY (o.conkey) ORDER BY a.attnum) AS columns
      FROM pg_catalog.pg_constraint o
     WHERE o.contype IN ('c', 'x') AND o.conrelid = $1 ORDER BY 1";

/// Those of partitions, too, as rows go through them; and rules, which are triggers by another name.
const TRIGGERS: &str = "
    WITH part AS (SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid))
    SELECT t.tgname::text AS name, pg_catalog.bool_or(t.tgenabled IN ('O', 'A')) AS fires,
           pg_catalog.bool_or(t.tgenabled IN ('A', 'R')) AS fires_in_replicas
      FROM pg_catalog.pg_trigger t JOIN part p ON p.oid = t.tgrelid
     WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' GROUP BY 1
    UNION ALL
    SELECT r.rulename::text, pg_catalog.bool_or(r.ev_enabled IN ('O', 'A')),
           pg_catalog.bool_or(r.ev_enabled IN ('A', 'R'))
      FROM pg_catalog.pg_rewrite r JOIN part p ON p.oid = r.ev_class
     WHERE r.ev_type = '2' AND r.ev_enabled <> 'D' GROUP BY 1
     ORDER BY 1";

const PARTS: &str = "
    SELECT c.oid::regclass::text AS sql,
           pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8 AS blocks
      FROM (SELECT $1::oid AS oid
             UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid)) p
      JOIN pg_catalog.pg_class c ON c.oid = p.oid
     WHERE c.relkind = 'r' ORDER BY c.oid";

const REWRITE_OBSTACLES: &str = "
    SELECT 'it is a partition: mask the table that it is a part of'
      FROM pg_catalog.pg_class c WHERE c.oid = $1 AND c.relispartition
    UNION ALL
    SELECT pg_catalog.format('the rule %s is on it', r.rulename)
      FROM pg_catalog.pg_rewrite r WHERE r.ev_class = $1
    UNION ALL
    SELECT pg_catalog.format('a foreign key of another table refers to its partition %s', p.relid::regclass)
      FROM pg_catalog.pg_partition_tree($1) p
     WHERE p.relid <> $1 AND EXISTS (SELECT FROM pg_catalog.pg_constraint o
            WHERE o.contype = 'f' AND o.confrelid = p.relid AND o.conparentid = 0)
    UNION ALL
    SELECT pg_catalog.format('the foreign key %s is of a table that we do not own', o.conname)
      FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
     WHERE o.contype = 'f' AND o.confrelid = $1 AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
    UNION ALL
    SELECT pg_catalog.format('triggers of the foreign key %s are disabled', o.conname)
      FROM pg_catalog.pg_constraint o
     WHERE o.contype = 'f' AND (o.conrelid = $1 OR o.confrelid = $1)
       AND EXISTS (SELECT FROM pg_catalog.pg_trigger t
                    WHERE t.tgconstraint = o.oid AND t.tgenabled <> 'O')";

/// Through views and other materialised views, too.
const MATERIALISED: &str = "
    WITH RECURSIVE made_from AS (
        SELECT oid, 'r'::\"char\" AS kind FROM (
            SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid)) p
        UNION
        SELECT c.oid, c.relkind
          FROM made_from m
          JOIN pg_catalog.pg_depend d ON d.refobjid = m.oid AND d.refclassid = 'pg_class'::regclass
          JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
          JOIN pg_catalog.pg_class c ON c.oid = r.ev_class)
    SELECT DISTINCT oid::regclass::text FROM made_from WHERE kind = 'm' ORDER BY 1";

const NAMES: &str = "
    SELECT n.nspname || '.' || c.relname
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1 LIMIT 1000";

/// A partition is masked as a part of its table.
const TABLES: &str = "
    SELECT n.nspname::text, c.relname::text
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND n.nspname = coalesce($1::text, pg_catalog.current_schema()::text) ORDER BY 2";

const KEPT_SEQUENCE: &str = "
    SELECT name FROM pg_catalog.unnest($2::text[]) AS c (name)
     CROSS JOIN LATERAL pg_catalog.pg_get_serial_sequence($1, name) AS s (sequence)
     WHERE sequence IS NOT NULL
       AND NOT (pg_catalog.has_sequence_privilege(sequence, 'SELECT')
                AND pg_catalog.has_sequence_privilege(sequence, 'UPDATE'))
     LIMIT 1";

const IDENTITY: &str = "
    SELECT s.system_identifier || ' ' || d.oid || ' ' || pg_catalog.pg_postmaster_start_time()
      FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d
     WHERE d.datname = pg_catalog.current_database()";

const FACTS: &str = "
    SELECT pg_catalog.current_setting('server_version') AS version,
           pg_catalog.current_setting('server_version_num')::int4 AS number,
           pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
           coalesce((SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone'), '')
               AS time_zone,
           current_user::text AS role, r.rolsuper AS superuser
      FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
     WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user";
