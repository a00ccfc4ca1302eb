//! All that tells dialects apart, a table for each.
//!
//! Those marked as run in [`Dialect`](super::Dialect) are what tests reach through a driver; of the others the documents say so.

use super::dialect::{Folds, Lock, Paging, Space, Text, Write};

/// All that tells a dialect apart.
#[derive(Debug)]
pub(super) struct Quirks {
    /// Its name as people know it.
    pub(super) product: &'static str,
    pub(super) quote: (char, char),
    pub(super) folds: Folds,
    pub(super) space: Space,
    pub(super) paging: Paging,
    pub(super) lock: Lock,
    pub(super) write: Write,
    pub(super) text: Text,
    /// Whether parameters for numbers, dates and times are of these types; else they are text, which the database
    /// converts.
    pub(super) typed_parameters: bool,
    /// Whether the driver has whole numbers of 64 bits.
    pub(super) has_i64: bool,
    /// Whether a column's values may be of another kind or length than it declares.
    pub(super) is_loose: bool,
    /// Whether a definition ends the transaction that it is in.
    pub(super) definition_commits: bool,
    /// Statements of a new session.
    pub(super) setup: &'static [&'static str],
    /// Makes `{schema}` the one that names without one are looked for in, where a session can be told.
    pub(super) enter: Option<&'static str>,
    /// Dates and times of `{column}` as text, where the driver would change some of them.
    pub(super) moments: Option<&'static str>,
    /// Gives the columns of the primary key in their order, where the driver takes others for it.
    pub(super) primary_key: Option<&'static str>,
    /// Gives the version.
    pub(super) version: &'static str,
    /// Gives the catalogue that tables are in.
    pub(super) catalog: Option<&'static str>,
    /// Gives where tables are that are named without one.
    pub(super) current: Option<&'static str>,
    /// Gives unique indexes: name, column, place in it, and whether it is on columns as they are and on all rows.
    pub(super) uniques: Option<&'static str>,
    /// Gives foreign keys both ways, where drivers need not tell of those to unique columns: whether it is incoming, its
    /// name, schema and name of the other table, and for each column its place, its name and that of the other table's.
    pub(super) foreign_keys: Option<&'static str>,
    /// Gives the names of triggers, and whether each fires on updates.
    pub(super) triggers: Option<&'static str>,
    /// Gives reasons why a table cannot be masked.
    pub(super) obstacles: Option<&'static str>,
    /// What names of its drivers hold, in lower case, the best first.
    pub(super) drivers: &'static [&'static str],
    /// Which driver to install.
    pub(super) install: &'static str,
    /// What a connection says besides, unless the pipeline says it.
    pub(super) options: &'static [(&'static str, &'static str)],
    /// What drivers call server, port and database.
    pub(super) keys: Keys,
    /// What still holds old values after an update.
    pub(super) remains: &'static str,
    /// Makes `{stage}` with `{columns}` of `{table}`, without rows, constraints and counters.
    pub(super) staged: &'static str,
    /// Whether it has indexes.
    pub(super) has_indexes: bool,
    /// What lets an insert of rows say the values of counters, behind its columns.
    pub(super) overriding: &'static str,
    /// Statements around such an insert into `{table}`.
    pub(super) identity: Option<[&'static str; 2]>,
    /// Leaves references unchecked in a session, where they are checked row by row.
    pub(super) unchecked: Option<&'static str>,
}

/// As most databases make a table from another.
const STAGED: &str = "CREATE TABLE {stage} AS SELECT {columns} FROM {table} WHERE 1 = 0";

/// What drivers call the parts of an address.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) host: &'static str,
    /// None where the port stands behind the host.
    pub(super) port: Option<&'static str>,
    /// What stands between host and port then.
    pub(super) between: &'static str,
    pub(super) database: &'static str,
}

const PLAIN: Keys = Keys {
    host: "Server",
    port: Some("Port"),
    between: "",
    database: "Database",
};

const CONSTRAINTS: &str = "SELECT c.constraint_name, k.column_name, k.ordinal_position, 1 \
    FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k \
    ON k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name AND k.table_name = c.table_name \
    WHERE c.constraint_type IN ('UNIQUE', 'PRIMARY KEY') AND c.table_schema = {schema} AND c.table_name = {table} ORDER BY 1, 3";

pub(super) const ORACLE: Quirks = Quirks {
    product: "Oracle Database",
    quote: ('"', '"'),
    folds: Folds::Upper,
    space: Space::Schema,
    paging: Paging::Fetch,
    lock: Lock::Behind(" FOR UPDATE"),
    write: Write::Rows,
    text: Text::Wide,
    typed_parameters: true,
    has_i64: false,
    is_loose: false,
    definition_commits: true,
    setup: &[],
    enter: Some("ALTER SESSION SET CURRENT_SCHEMA = {schema}"),
    moments: None,
    primary_key: None,
    version: "SELECT version_full FROM product_component_version WHERE product LIKE 'Oracle%'",
    catalog: None,
    current: Some("SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM dual"),
    uniques: Some(
        "SELECT i.index_name, c.column_name, c.column_position, CASE WHEN i.index_type = 'NORMAL' THEN 1 ELSE 0 END \
         FROM all_indexes i JOIN all_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name \
         WHERE i.uniqueness = 'UNIQUE' AND i.table_owner = {schema} AND i.table_name = {table} ORDER BY 1, 3",
    ),
    foreign_keys: Some(
        "SELECT 0, c.constraint_name, p.owner, p.table_name, a.position, a.column_name, b.column_name \
         FROM all_constraints c JOIN all_constraints p ON p.owner = c.r_owner AND p.constraint_name = c.r_constraint_name \
         JOIN all_cons_columns a ON a.owner = c.owner AND a.constraint_name = c.constraint_name \
         JOIN all_cons_columns b ON b.owner = p.owner AND b.constraint_name = p.constraint_name AND b.position = a.position \
         WHERE c.constraint_type = 'R' AND c.owner = {schema} AND c.table_name = {table} UNION ALL \
         SELECT 1, c.constraint_name, c.owner, c.table_name, a.position, b.column_name, a.column_name \
         FROM all_constraints c JOIN all_constraints p ON p.owner = c.r_owner AND p.constraint_name = c.r_constraint_name \
         JOIN all_cons_columns a ON a.owner = c.owner AND a.constraint_name = c.constraint_name \
         JOIN all_cons_columns b ON b.owner = p.owner AND b.constraint_name = p.constraint_name AND b.position = a.position \
         WHERE c.constraint_type = 'R' AND p.owner = {schema} AND p.table_name = {table}",
    ),
    triggers: Some(
        "SELECT trigger_name, CASE WHEN triggering_event LIKE '%UPDATE%' THEN 1 ELSE 0 END FROM all_triggers \
         WHERE status = 'ENABLED' AND table_owner = {schema} AND table_name = {table}",
    ),
    obstacles: Some(
        "SELECT 'a policy (VPD) may hide rows from us' FROM all_policies WHERE enable = 'YES' \
         AND object_owner = {schema} AND object_name = {table}",
    ),
    drivers: &["oracle"],
    install: "Oracle Instant Client with its ODBC package",
    options: &[],
    keys: Keys {
        host: "DBQ",
        port: None,
        between: ":",
        database: "",
    },
    remains: "undo and redo, archived logs, flashback data, materialised views, backups",
    staged: STAGED,
    has_indexes: true,
    overriding: "",
    identity: None,
    unchecked: None,
};

pub(super) const SQL_SERVER: Quirks = Quirks {
    product: "SQL Server",
    quote: ('[', ']'),
    folds: Folds::Not,
    space: Space::Schema,
    paging: Paging::Fetch,
    lock: Lock::Hint(" WITH (UPDLOCK, HOLDLOCK)"),
    write: Write::Values {
        statement: "UPDATE t SET {set} FROM {table} AS t INNER JOIN (VALUES {rows}) AS s ({columns}) ON {on}",
        target: "t",
        column: "c",
        typed: false,
        most: 2000,
    },
    text: Text::Wide,
    typed_parameters: true,
    has_i64: true,
    is_loose: false,
    definition_commits: false,
    setup: &["SET XACT_ABORT ON"],
    enter: None,
    moments: None,
    primary_key: None,
    version: "SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(40))",
    catalog: Some("SELECT DB_NAME()"),
    current: Some("SELECT SCHEMA_NAME()"),
    uniques: Some(
        "SELECT i.name, c.name, k.key_ordinal, CASE WHEN i.has_filter = 0 THEN 1 ELSE 0 END FROM sys.indexes i \
         JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.key_ordinal > 0 \
         JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id \
         WHERE i.is_unique = 1 AND i.object_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table})) ORDER BY 1, 3",
    ),
    foreign_keys: Some(
        "SELECT 0, f.name, OBJECT_SCHEMA_NAME(f.referenced_object_id), OBJECT_NAME(f.referenced_object_id), k.constraint_column_id, \
         COL_NAME(k.parent_object_id, k.parent_column_id), COL_NAME(k.referenced_object_id, k.referenced_column_id) \
         FROM sys.foreign_keys f JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id \
         WHERE f.parent_object_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table})) UNION ALL \
         SELECT 1, f.name, OBJECT_SCHEMA_NAME(f.parent_object_id), OBJECT_NAME(f.parent_object_id), k.constraint_column_id, \
         COL_NAME(k.referenced_object_id, k.referenced_column_id), COL_NAME(k.parent_object_id, k.parent_column_id) \
         FROM sys.foreign_keys f JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id \
         WHERE f.referenced_object_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table}))",
    ),
    triggers: Some(
        "SELECT t.name, CASE WHEN EXISTS (SELECT 1 FROM sys.trigger_events e WHERE e.object_id = t.object_id AND e.type = 2) \
         THEN 1 ELSE 0 END FROM sys.triggers t WHERE t.is_disabled = 0 AND t.parent_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table}))",
    ),
    obstacles: Some(
        "SELECT 'its history table keeps old rows' FROM sys.tables WHERE temporal_type = 2 \
         AND object_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table})) UNION ALL \
         SELECT 'a security policy may hide rows from us' FROM sys.security_predicates WHERE \
         target_object_id = OBJECT_ID(QUOTENAME({schema}) + '.' + QUOTENAME({table}))",
    ),
    drivers: &["for sql server", "sql server", "freetds"],
    install: "Microsoft's msodbcsql18, or the package tdsodbc",
    options: &[],
    keys: Keys {
        host: "Server",
        port: None,
        between: ",",
        database: "Database",
    },
    remains: "ghost rows, the transaction log, tempdb, change tracking, snapshots, backups",
    // A union leaves the counter of a column behind.
    staged: "SELECT {columns} INTO {stage} FROM {table} WHERE 1 = 0 UNION ALL SELECT {columns} FROM {table} WHERE 1 = 0",
    has_indexes: true,
    overriding: "",
    identity: Some([
        "SET IDENTITY_INSERT {table} ON",
        "SET IDENTITY_INSERT {table} OFF",
    ]),
    unchecked: None,
};

pub(super) const DB2: Quirks = Quirks {
    product: "Db2",
    quote: ('"', '"'),
    folds: Folds::Upper,
    space: Space::Schema,
    paging: Paging::Fetch,
    lock: Lock::Behind(" WITH RS USE AND KEEP UPDATE LOCKS"),
    write: Write::Rows,
    text: Text::Wide,
    typed_parameters: true,
    has_i64: true,
    is_loose: false,
    definition_commits: false,
    setup: &[],
    enter: Some("SET SCHEMA {schema}"),
    moments: None,
    primary_key: None,
    version: "SELECT service_level FROM TABLE (sysproc.env_get_inst_info())",
    catalog: None,
    current: Some("VALUES CURRENT SCHEMA"),
    uniques: Some(
        "SELECT i.indname, c.colname, c.colseq, CASE WHEN c.colorder IN ('A', 'D') THEN 1 ELSE 0 END FROM syscat.indexes i \
         JOIN syscat.indexcoluse c ON c.indschema = i.indschema AND c.indname = i.indname \
         WHERE i.uniquerule IN ('U', 'P') AND i.tabschema = {schema} AND i.tabname = {table} ORDER BY 1, 3",
    ),
    foreign_keys: Some(
        "SELECT 0, r.constname, RTRIM(r.reftabschema), r.reftabname, a.colseq, a.colname, b.colname \
         FROM syscat.references r \
         JOIN syscat.keycoluse a ON a.constname = r.constname AND a.tabschema = r.tabschema AND a.tabname = r.tabname \
         JOIN syscat.keycoluse b ON b.constname = r.refkeyname AND b.tabschema = r.reftabschema AND b.tabname = r.reftabname \
         AND b.colseq = a.colseq WHERE r.tabschema = {schema} AND r.tabname = {table} UNION ALL \
         SELECT 1, r.constname, RTRIM(r.tabschema), r.tabname, a.colseq, b.colname, a.colname \
         FROM syscat.references r \
         JOIN syscat.keycoluse a ON a.constname = r.constname AND a.tabschema = r.tabschema AND a.tabname = r.tabname \
         JOIN syscat.keycoluse b ON b.constname = r.refkeyname AND b.tabschema = r.reftabschema AND b.tabname = r.reftabname \
         AND b.colseq = a.colseq WHERE r.reftabschema = {schema} AND r.reftabname = {table}",
    ),
    triggers: Some(
        "SELECT trigname, CASE WHEN trigevent IN ('U', 'M') THEN 1 ELSE 0 END FROM syscat.triggers WHERE enabled = 'Y' \
         AND tabschema = {schema} AND tabname = {table}",
    ),
    obstacles: Some(
        "SELECT 'its history table keeps old rows' FROM syscat.tables WHERE temporaltype IN ('S', 'B') \
         AND tabschema = {schema} AND tabname = {table} UNION ALL \
         SELECT 'row permissions may hide rows from us' FROM syscat.controls WHERE enable = 'Y' AND controltype = 'R' \
         AND tabschema = {schema} AND tabname = {table}",
    ),
    drivers: &["db2"],
    install: "IBM Data Server Driver for ODBC and CLI",
    options: &[("Protocol", "TCPIP")],
    keys: Keys {
        host: "Hostname",
        port: Some("Port"),
        between: "",
        database: "Database",
    },
    remains: "transaction logs, materialised query tables, backups",
    staged: "CREATE TABLE {stage} AS (SELECT {columns} FROM {table}) WITH NO DATA",
    has_indexes: true,
    overriding: "",
    identity: None,
    unchecked: None,
};

pub(super) const DB2I: Quirks = Quirks {
    product: "Db2 for i",
    version: "SELECT os_version || '.' || os_release FROM sysibmadm.env_sys_info",
    uniques: Some(
        "SELECT c.constraint_name, k.column_name, k.ordinal_position, 1 FROM qsys2.syscst c JOIN qsys2.syskeycst k \
         ON k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name \
         WHERE c.constraint_type IN ('UNIQUE', 'PRIMARY KEY') AND c.table_schema = {schema} AND c.table_name = {table} \
         ORDER BY 1, 3",
    ),
    foreign_keys: Some(
        "SELECT 0, r.constraint_name, b.table_schema, b.table_name, a.ordinal_position, a.column_name, b.column_name \
         FROM qsys2.sysrefcst r \
         JOIN qsys2.syskeycst a ON a.constraint_schema = r.constraint_schema AND a.constraint_name = r.constraint_name \
         JOIN qsys2.syskeycst b ON b.constraint_schema = r.unique_constraint_schema \
         AND b.constraint_name = r.unique_constraint_name AND b.ordinal_position = a.ordinal_position WHERE a.table_schema = {schema} AND a.table_name = {table} UNION ALL \
         SELECT 1, r.constraint_name, a.table_schema, a.table_name, a.ordinal_position, b.column_name, a.column_name \
         FROM qsys2.sysrefcst r \
         JOIN qsys2.syskeycst a ON a.constraint_schema = r.constraint_schema AND a.constraint_name = r.constraint_name \
         JOIN qsys2.syskeycst b ON b.constraint_schema = r.unique_constraint_schema \
         AND b.constraint_name = r.unique_constraint_name AND b.ordinal_position = a.ordinal_position WHERE b.table_schema = {schema} AND b.table_name = {table}",
    ),
    triggers: Some(
        "SELECT trigger_name, CASE WHEN event_manipulation IN ('UPDATE', 'MULTI') THEN 1 ELSE 0 END \
         FROM qsys2.systriggers WHERE enabled = 'Y' \
         AND event_object_schema = {schema} AND event_object_table = {table}",
    ),
    obstacles: None,
    drivers: &["ibm i access", "iseries access"],
    install: "IBM i Access Client Solutions, Linux application package",
    options: &[("CMT", "2")],
    keys: Keys {
        host: "System",
        port: None,
        between: "",
        database: "Database",
    },
    remains: "journals and their receivers, backups",
    overriding: " OVERRIDING SYSTEM VALUE",
    ..DB2
};

pub(super) const REDSHIFT: Quirks = Quirks {
    product: "Amazon Redshift",
    lock: Lock::Table("LOCK {table}"),
    write: Write::Values {
        statement: "UPDATE {table} SET {set} FROM ({selects}) AS s WHERE {on}",
        target: "{table}",
        column: "c",
        typed: true,
        most: 2000,
    },
    setup: &["SET timezone TO 'UTC'", "SET datestyle TO ISO"],
    // They inform, and are not enforced: rows that are written are counted.
    uniques: Some(CONSTRAINTS),
    triggers: None,
    obstacles: Some(
        "SELECT 'row-level security may hide rows from us' FROM svv_rls_relation \
         WHERE is_rls_on AND relschema = {schema} AND relname = {table}",
    ),
    drivers: &["redshift"],
    install: "Amazon's Redshift ODBC driver",
    options: &[("BoolsAsChar", "0")],
    remains: "deleted rows until VACUUM, snapshots, materialised views",
    has_indexes: false,
    overriding: "",
    ..POSTGRES
};

pub(super) const SNOWFLAKE: Quirks = Quirks {
    product: "Snowflake",
    quote: ('"', '"'),
    folds: Folds::Upper,
    space: Space::Schema,
    paging: Paging::Limit,
    lock: Lock::Touch,
    write: Write::Values {
        statement: "UPDATE {table} SET {set} FROM (VALUES {rows}) AS s ({columns}) WHERE {on}",
        target: "{table}",
        column: "c",
        typed: false,
        most: 2000,
    },
    text: Text::Wide,
    typed_parameters: true,
    has_i64: true,
    is_loose: false,
    definition_commits: true,
    setup: &["ALTER SESSION SET TIMEZONE = 'UTC'"],
    enter: Some("USE SCHEMA {schema}"),
    moments: None,
    primary_key: None,
    version: "SELECT CURRENT_VERSION()",
    catalog: Some("SELECT CURRENT_DATABASE()"),
    current: Some("SELECT CURRENT_SCHEMA()"),
    // Not enforced, and in no table: primary keys come from the driver.
    uniques: None,
    foreign_keys: None,
    triggers: None,
    obstacles: None,
    drivers: &["snowflake"],
    install: "Snowflake's ODBC driver",
    options: &[],
    keys: PLAIN,
    remains: "Time Travel and Fail-safe, streams, clones",
    staged: STAGED,
    has_indexes: false,
    overriding: "",
    identity: None,
    unchecked: None,
};

pub(super) const POSTGRES: Quirks = Quirks {
    product: "PostgreSQL",
    quote: ('"', '"'),
    folds: Folds::Lower,
    space: Space::Schema,
    paging: Paging::Limit,
    lock: Lock::Behind(" FOR UPDATE"),
    // The driver counts the first row of an array only.
    write: Write::Values {
        statement: "UPDATE {table} AS t SET {set} FROM (VALUES {rows}) AS s ({columns}) WHERE {on}",
        target: "t",
        column: "c",
        typed: true,
        most: 10_000,
    },
    text: Text::Wide,
    typed_parameters: false,
    has_i64: true,
    is_loose: false,
    definition_commits: false,
    setup: &["SET TIME ZONE 'UTC'", "SET DateStyle TO ISO"],
    enter: Some("SET search_path TO {schema}"),
    moments: Some("CAST({column} AS varchar)"),
    primary_key: None,
    version: "SELECT current_setting('server_version')",
    catalog: Some("SELECT current_database()"),
    current: Some("SELECT current_schema()"),
    uniques: Some(
        "SELECT i.relname, a.attname, k.n, CASE WHEN x.indpred IS NULL AND x.indexprs IS NULL AND x.indimmediate \
         AND x.indisvalid THEN 1 ELSE 0 END FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
         JOIN pg_catalog.pg_class t ON t.oid = x.indrelid JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace \
         CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS k (n) LEFT JOIN pg_catalog.pg_attribute a \
         ON a.attrelid = t.oid AND a.attnum = x.indkey[k.n - 1] \
         WHERE x.indisunique AND s.nspname = {schema} AND t.relname = {table} ORDER BY 1, 3",
    ),
    foreign_keys: None,
    triggers: Some(
        "SELECT g.tgname, CASE WHEN g.tgtype & 16 <> 0 THEN 1 ELSE 0 END FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class t ON t.oid = g.tgrelid \
         JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' \
         AND s.nspname = {schema} AND t.relname = {table}",
    ),
    obstacles: Some(
        "SELECT 'row-level security may hide rows from us' FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace s \
         ON s.oid = t.relnamespace WHERE row_security_active(t.oid) AND s.nspname = {schema} AND t.relname = {table} \
         UNION ALL SELECT 'other tables inherit from it' FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace s \
         ON s.oid = t.relnamespace WHERE t.relkind = 'r' AND t.relhassubclass AND s.nspname = {schema} AND t.relname = {table}",
    ),
    drivers: &["postgresql unicode", "psqlodbcw", "postgres"],
    install: "the package odbc-postgresql",
    options: &[
        ("BoolsAsChar", "0"),
        ("ByteaAsLongVarBinary", "1"),
        ("UseDeclareFetch", "0"),
        ("LFConversion", "0"),
        ("MaxVarcharSize", "65533"),
        ("TrueIsMinus1", "0"),
    ],
    keys: PLAIN,
    remains: "dead rows until VACUUM FULL, statistics, the write-ahead log, replicas, backups",
    staged: STAGED,
    has_indexes: true,
    overriding: " OVERRIDING SYSTEM VALUE",
    identity: None,
    unchecked: None,
};

pub(super) const MYSQL: Quirks = Quirks {
    product: "MariaDB or MySQL",
    quote: ('`', '`'),
    folds: Folds::Not,
    space: Space::Catalog,
    paging: Paging::Limit,
    lock: Lock::Behind(" FOR UPDATE"),
    write: Write::Rows,
    text: Text::Wide,
    typed_parameters: false,
    has_i64: true,
    is_loose: false,
    definition_commits: true,
    setup: &[
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        "SET SESSION time_zone = '+00:00'",
    ],
    enter: None,
    moments: None,
    primary_key: None,
    version: "SELECT VERSION()",
    catalog: None,
    current: Some("SELECT DATABASE()"),
    uniques: Some(
        "SELECT INDEX_NAME, COLUMN_NAME, SEQ_IN_INDEX, CASE WHEN SUB_PART IS NULL THEN 1 ELSE 0 END \
         FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA = {schema} AND TABLE_NAME = {table} \
         ORDER BY 1, 3",
    ),
    foreign_keys: Some(
        "SELECT 0, CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, \
         REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA = {schema} AND TABLE_NAME = {table} UNION ALL \
         SELECT 1, CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, REFERENCED_COLUMN_NAME, COLUMN_NAME \
         FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_SCHEMA = {schema} AND REFERENCED_TABLE_NAME = {table}",
    ),
    triggers: Some(
        "SELECT TRIGGER_NAME, CASE WHEN EVENT_MANIPULATION = 'UPDATE' THEN 1 ELSE 0 END FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA = {schema} AND EVENT_OBJECT_TABLE = {table}",
    ),
    obstacles: Some(
        "SELECT 'its engine has no transactions, or it keeps old rows' FROM information_schema.TABLES \
         WHERE (TABLE_TYPE <> 'BASE TABLE' OR COALESCE(ENGINE, '') <> 'InnoDB') \
         AND TABLE_SCHEMA = {schema} AND TABLE_NAME = {table}",
    ),
    drivers: &["mariadb unicode", "mariadb", "mysql"],
    install: "the package odbc-mariadb",
    // Rows that are found count, not only those that get another value.
    options: &[("OPTION", "2"), ("CHARSET", "utf8mb4")],
    keys: PLAIN,
    remains: "the binary log, undo and redo logs, histograms, replicas, backups",
    staged: STAGED,
    has_indexes: true,
    overriding: "",
    identity: None,
    unchecked: Some("SET SESSION foreign_key_checks = 0"),
};

pub(super) const SQLITE: Quirks = Quirks {
    product: "SQLite",
    quote: ('"', '"'),
    folds: Folds::Not,
    space: Space::None,
    paging: Paging::Limit,
    lock: Lock::OneWriter,
    write: Write::Values {
        statement: "UPDATE {table} AS t SET {set} FROM (VALUES {rows}) AS s WHERE {on}",
        target: "t",
        column: "column",
        typed: false,
        most: 10_000,
    },
    text: Text::Utf8,
    typed_parameters: false,
    has_i64: false,
    is_loose: true,
    definition_commits: false,
    setup: &["PRAGMA foreign_keys = ON"],
    enter: None,
    moments: None,
    primary_key: Some("SELECT name FROM pragma_table_info({table}) WHERE pk > 0 ORDER BY pk"),
    version: "SELECT sqlite_version()",
    catalog: None,
    current: None,
    uniques: Some(
        "SELECT l.name, i.name, i.seqno + 1, l.partial = 0 FROM pragma_index_list({table}) l, pragma_index_info(l.name) i \
         WHERE l.\"unique\" ORDER BY 1, 3",
    ),
    foreign_keys: None,
    triggers: Some(
        "SELECT name, 1 FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower({table})",
    ),
    obstacles: Some(
        "SELECT 'it is a virtual table' FROM sqlite_master WHERE lower(name) = lower({table}) AND sql LIKE 'CREATE VIRTUAL%'",
    ),
    drivers: &["sqlite3"],
    install: "the package libsqliteodbc",
    options: &[("Timeout", "60000"), ("NoWCHAR", "0")],
    keys: Keys {
        host: "",
        port: None,
        between: "",
        database: "Database",
    },
    remains: "free pages until VACUUM, the write-ahead log, backups",
    staged: STAGED,
    has_indexes: true,
    overriding: "",
    identity: None,
    unchecked: None,
};
