//! What hangs on a table, and kinds of tables.

use super::Trial;
use crate::databases::{Kind, STRATEGIES};

#[test]
fn a_schema_with_one_of_everything() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        std::fs::remove_file(trial.path()).unwrap();
        trial.sql(&format!(
            "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA user_version = 7; PRAGMA application_id = 99;
             CREATE TABLE log (old);
             CREATE TABLE [my \"t\"] (id INTEGER PRIMARY KEY AUTOINCREMENT, /* a note */ v TEXT NOT NULL COLLATE NOCASE CHECK (length(v) > 0),
                 Kept TEXT DEFAULT 'd' UNIQUE, len INT GENERATED ALWAYS AS (length(v)) STORED, up TEXT AS (upper(v)),
                 parent INT REFERENCES [my \"t\"] (id) ON DELETE CASCADE);
             CREATE UNIQUE INDEX expr ON [my \"t\"] (lower(Kept)) WHERE id > 5; CREATE INDEX part ON [my \"t\"] (v DESC) WHERE v <> 'q';
             CREATE VIEW seen AS SELECT v, up FROM [my \"t\"];
             CREATE TABLE child (t INT REFERENCES [my \"t\"], v TEXT);
             INSERT INTO [my \"t\"] (v, Kept, parent) SELECT 'datum ' || i, 'k' || i, nullif(i / 2, 0) FROM {};
             DELETE FROM [my \"t\"] WHERE id > 90;
             CREATE TRIGGER ins AFTER INSERT ON [my \"t\"] BEGIN INSERT INTO log VALUES (new.v); END;
             CREATE TRIGGER upd AFTER UPDATE OF v ON [my \"t\"] BEGIN INSERT INTO log VALUES (old.v); END;
             CREATE TRIGGER elsewhere AFTER DELETE ON log BEGIN UPDATE [my \"t\"] SET v = v WHERE id = 1; END;
             INSERT INTO child VALUES (1, 'a'); ANALYZE",
            Trial::series(100)
        ));
        let (dump, kept) = (
            trial.dump(),
            "SELECT id, Kept, parent FROM [my \"t\"] ORDER BY id",
        );
        let before = trial.rows(kept);
        trial.mask(
            &format!("strategy: {strategy}\nauto_manage_triggers: true\nbatch_size: 20"),
            "\"my \"\"t\"\"\"",
            "- column: v\n  masks: [{type: imitate, force_change: true}]",
        );
        assert_eq!(trial.dump(), dump, "{strategy}");
        assert_eq!(trial.rows(kept), before, "{strategy}");
        let once = "SELECT count(*) FROM [my \"t\"] WHERE v NOT LIKE 'datum%' AND len = length(v) AND up = upper(v)";
        assert_eq!(trial.one(once), "90");
        assert_eq!(trial.one("SELECT count(*) FROM log"), "0", "{strategy}");
        assert_eq!(
            trial.one("SELECT seq FROM sqlite_sequence WHERE name LIKE 'my%'"),
            "100",
            "{strategy}"
        );
        assert_eq!(
            trial.rows("SELECT 1 FROM pragma_foreign_key_check"),
            [""; 0]
        );
        // The statistics are of the new rows.
        assert_eq!(
            trial.rows("SELECT 1 FROM sqlite_stat4 WHERE CAST(sample AS TEXT) LIKE '%datum%'"),
            [""; 0]
        );
        assert_eq!(
            trial.one("SELECT count(*) > 0 FROM sqlite_stat1 WHERE tbl LIKE 'my%'"),
            "1"
        );
        // What is added goes on behind the rows that are there, and triggers fire again.
        trial.sql("INSERT INTO [my \"t\"] (v, Kept) VALUES ('new', 'new')");
        assert_eq!(trial.one("SELECT max(id) FROM [my \"t\"]"), "101");
        assert_eq!(trial.one("SELECT count(*) FROM log"), "1");
    }
}

#[test]
fn tables_without_rowids_and_with_holes_in_them() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        trial.sql(&format!(
            "DROP TABLE IF EXISTS w; DROP TABLE IF EXISTS r; DROP TABLE IF EXISTS n;
             CREATE TABLE w (a TEXT COLLATE NOCASE, b REAL, c BLOB, v TEXT, PRIMARY KEY (b, a, c)) WITHOUT ROWID;
             INSERT INTO w SELECT CASE WHEN i % 2 THEN 'K' ELSE 'k' END || i, i / 4.0, CAST(i AS BLOB), 'v' || i FROM {0};
             CREATE TABLE r (v TEXT); INSERT INTO r (rowid, v) SELECT i * i * i - 1000000, 'v' || (i * i * i - 1000000) FROM {0};
             CREATE TABLE n (k TEXT PRIMARY KEY, v TEXT); INSERT INTO n SELECT nullif('k' || i, 'k' || (i / 2 * 2)), 'v' || i FROM {0}",
            Trial::series(500)
        ));
        let rule = "- column: v\n  masks: [{type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]";
        let options = format!("strategy: {strategy}\nbatch_size: 60\nworkers: 3");
        for (table, own) in [
            (
                "w",
                "v = 'v' || CAST(b * 4 AS INT) || '!' AND substr(a, 2) = CAST(c AS TEXT) AND typeof(c) = 'blob'",
            ),
            ("r", "v = 'v' || rowid || '!'"),
            (
                "n",
                "v LIKE 'v%!' AND v NOT LIKE '%!!' AND (k IS NULL OR 'v' || substr(k, 2) || '!' = v)",
            ),
        ] {
            trial.mask(&options, table, rule);
            let count = format!("SELECT count(*) FROM {table} WHERE {own}");
            assert_eq!(trial.one(&count), "500", "{strategy} {table}");
        }
        assert_eq!(trial.rows("PRAGMA integrity_check"), ["ok"]);
    }
}

/// A rewrite makes the indexes of constraints once the rows are there: they are what the table's own statement
/// asks for, and hold what is in the table.
#[test]
fn indexes_of_constraints() {
    for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
        let trial = Trial::new();
        std::fs::remove_file(trial.path()).unwrap();
        trial.sql(&format!(
            "PRAGMA auto_vacuum = {vacuum};
             CREATE TABLE first (a); INSERT INTO first VALUES (zeroblob(50000));
             CREATE TABLE t (code TEXT PRIMARY KEY, id INTEGER, a TEXT COLLATE NOCASE, b REAL NOT NULL, c BLOB, d,
                 UNIQUE (a DESC, b), CONSTRAINT id_is_own UNIQUE (id) ON CONFLICT IGNORE);
             INSERT INTO t (rowid, code, id, a, b, c, d)
                 SELECT i * 3, printf('AB%05d', i), nullif(i, 7), 'n' || (i % 10), i / 10, CAST(i AS BLOB), i % 2 FROM {};
             CREATE UNIQUE INDEX own ON t (b, c);
             CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE) STRICT;
             INSERT INTO counted SELECT i, printf('%05d', i) FROM {}; DELETE FROM counted WHERE id > 80",
            Trial::series(5000),
            Trial::series(100)
        ));
        let kept = "SELECT rowid, id, a, b, c, typeof(b), d FROM t ORDER BY rowid";
        let (dump, before) = (trial.dump(), trial.rows(kept));
        let unique = "- column: code\n  masks: [{type: imitate_unique}]";
        trial.mask("strategy: rewrite\nworkers: 3", "t", unique);
        trial.mask("strategy: rewrite", "counted", unique);
        assert_eq!(trial.rows(kept), before, "{vacuum}");
        assert_eq!(trial.dump(), dump, "{vacuum}");
        assert_eq!(trial.one("SELECT count(DISTINCT code) FROM t"), "5000");
        let same = "SELECT count(*) < 50 FROM t WHERE code = printf('AB%05d', rowid / 3)";
        assert_eq!(trial.one(same), "1", "{vacuum}");
        // The indexes are used, and refuse what is there.
        let by_index = "SELECT count(*) FROM t AS o WHERE EXISTS (SELECT 1 FROM t WHERE code = o.code AND rowid = o.rowid) \
                        AND EXISTS (SELECT 1 FROM t WHERE a = upper(o.a) AND b = o.b AND rowid = o.rowid)";
        assert_eq!(trial.one(by_index), "5000", "{vacuum}");
        for refused in [
            "INSERT INTO t (code, b) SELECT code, 1 FROM t LIMIT 1",
            "INSERT INTO t (code, a, b) SELECT 'new', upper(a), b FROM t LIMIT 1",
        ] {
            assert!(trial.open().execute_batch(refused).is_err(), "{refused}");
        }
        trial.sql("INSERT INTO t (code, id, b) VALUES ('new', 1, 1)");
        assert_eq!(trial.one("SELECT count(*) FROM t WHERE code = 'new'"), "0");
        trial.sql("INSERT INTO counted (code) VALUES ('new')");
        assert_eq!(trial.one("SELECT max(id) FROM counted"), "101");
    }
}

/// A full-text index of a table's rows is built anew; one with rows of its own is named.
#[test]
fn full_text() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS f; DROP TABLE IF EXISTS g; DROP TABLE IF EXISTS notes;
             CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'apple pie'), (2, 'banana split');
             CREATE VIRTUAL TABLE f USING fts5(body, content='notes', content_rowid='id'); INSERT INTO f (f) VALUES ('rebuild');
             CREATE VIRTUAL TABLE g USING fts5(body); INSERT INTO g VALUES ('apple')",
        );
        let found = |word: &str| trial.rows(&format!("SELECT rowid FROM f WHERE f MATCH '{word}'"));
        assert_eq!(found("apple"), ["1"]);
        let rule = "- column: body\n  masks: [{type: from_fixed, value: cherry cake}]";
        let report = trial.mask(&format!("strategy: {strategy}"), "notes", rule);
        assert_eq!(
            (found("apple"), found("cherry")),
            (vec![], vec!["1".to_owned(), "2".to_owned()]),
            "{strategy}"
        );
        let holding = report["still_holding"].to_string();
        assert!(
            holding.contains("virtual table `g`") && !holding.contains("`f`"),
            "{holding}"
        );
    }
}
