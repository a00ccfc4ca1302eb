//! What is masked, by either strategy, and that all else stays as it was.

use super::trial::{STRATEGIES, Trial, task};

/// A table as people have them, with everything in the way that does not have to be masked.
const CUSTOMERS: &str = "
    CREATE TYPE mood AS ENUM ('ok', 'bad', 'so so');
    CREATE DOMAIN zip AS text CHECK (value ~ '^[0-9]{5}$');
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE \"Customers, ours\" (
        \"Id\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        gone int DEFAULT 7,
        \"Full \"\"Name\"\"\" varchar(60) NOT NULL,
        \"select\" text,
        phone char(20),
        born date,
        balance numeric(12,2),
        addr inet,
        doc jsonb,
        state mood,
        big numeric,
        tags text[],
        seen timestamptz,
        area zip,
        span int4range,
        uid uuid,
        raw bytea,
        two pair,
        took interval,
        net cidr,
        \"Größe\" real,
        len int GENERATED ALWAYS AS (length(\"select\")) STORED
    );
    ALTER TABLE \"Customers, ours\" DROP COLUMN gone;
    INSERT INTO \"Customers, ours\" (\"Full \"\"Name\"\"\", \"select\", phone, born, balance, addr, doc, state, big, tags,
            seen, area, span, uid, raw, two, took, net, \"Größe\")
        SELECT 'Name ' || i, CASE WHEN i % 3 > 0 THEN 'note ' || i END, '+64 21 ' || i, date '1950-01-01' + i % 20000,
               i * 1.37, ('10.0.' || i % 250 || '.' || i % 199)::inet, jsonb_build_object('name', 'x' || i, 'n', i),
               'so so', (i * 1.5 || '00')::numeric, ARRAY['x' || i, NULL, '{,\"'], timestamptz '2020-02-29 12:00:00.000001+00' - i * interval '1 h',
               lpad((i % 99999)::text, 5, '0'), int4range(i, i + 5), md5(i::text)::uuid, decode(md5(i::text), 'hex'),
               ROW(i, 'b' || i)::pair, i * interval '1 month 1 second', '10.1.0.0/16', i / 7.0
          FROM generate_series(1, 3000) i;
    UPDATE \"Customers, ours\" SET born = 'infinity', balance = 'NaN', big = 'NaN', seen = '-infinity' WHERE \"Id\" = 7;
    UPDATE \"Customers, ours\" SET born = '0044-03-15 BC', big = '-1e-30', seen = '9999-12-31 23:59:59+00' WHERE \"Id\" = 8;
    UPDATE \"Customers, ours\" SET \"select\" = NULL, phone = NULL, born = NULL, balance = NULL, addr = NULL, doc = NULL,
            state = NULL, tags = NULL, two = NULL WHERE \"Id\" % 10 = 0;
    UPDATE \"Customers, ours\" SET \"select\" = '', tags = '{}', addr = '2001:db8::1' WHERE \"Id\" % 10 = 1;";

const RULES: &str = "- column: '\"Full \"\"Name\"\"\"'
  masks: [{type: imitate, force_change: true}]
- column: select
  masks: [{type: chain, masks: [{type: imitate}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: ' !'}]}]}]
  skip: [null]
- column: PHONE
  masks: [{type: imitate}]
- column: born
  masks: [{type: shift_date, max_days: 90}]
- column: balance
  masks: [{type: from_random_number, min: 5000, max: 9000, decimal_places: 2}]
  skip: [null]
- column: addr
  masks: [{type: generalize_ip}]
- column: doc
  masks: [{type: json, transforms: [{path: [name], masks: [{type: imitate, force_change: true}]}]}]
- column: state
  skip: [null]
  masks: [{type: from_choices, choices: [ok, bad]}]";

const MASKED: &str =
    "\"Full \"\"Name\"\"\", \"select\", phone, born, balance, addr, doc, state, len";
const KEPT: &str = "\"Id\", big, tags, seen, area, span, uid, raw, two, took, net, \"Größe\"";

#[test]
fn masked_columns_change_and_all_others_stay() {
    let Some(trial) = Trial::new() else { return };
    let mut masked = Vec::new();
    for strategy in STRATEGIES {
        trial.sql("DROP TABLE IF EXISTS \"Customers, ours\"; DROP TYPE IF EXISTS mood, pair; DROP DOMAIN IF EXISTS zip");
        trial.sql(CUSTOMERS);
        trial.sql("CREATE TABLE before AS SELECT * FROM \"Customers, ours\"");
        let kept = |table: &str| {
            trial.rows(&format!(
                "SELECT \"Id\", md5(ROW({KEPT})::text) FROM {table} ORDER BY 1"
            ))
        };
        let before = kept("before");
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 700"),
            "\"Customers, ours\"",
            RULES,
        );
        assert_eq!(report["strategy"], strategy);
        assert_eq!(report["rows"], 3000, "{report}");
        assert_eq!(report["units"], if strategy == "update" { 5 } else { 1 });
        let table = "\"Customers, ours\"";
        assert!(kept(table) == before, "{strategy}: the other columns stay");
        let joined = format!("before b JOIN {table} t USING (\"Id\")");
        let count = |condition: &str| {
            trial.one(&format!("SELECT count(*) FROM {joined} WHERE {condition}"))
        };
        for (condition, rows) in [
            ("true", "3000"),
            ("t.\"Full \"\"Name\"\"\" = b.\"Full \"\"Name\"\"\"", "0"),
            ("t.\"Full \"\"Name\"\"\" !~ '^[A-Z][a-z]{3} [0-9]+$'", "0"),
            ("(t.\"select\" IS NULL) <> (b.\"select\" IS NULL)", "0"),
            ("t.\"select\" !~ ' !$'", "0"),
            ("t.len IS DISTINCT FROM length(t.\"select\")", "0"),
            (
                "t.len IS NOT DISTINCT FROM b.len AND b.len IS NOT NULL",
                "0",
            ),
            ("t.phone = b.phone", "0"),
            ("octet_length(t.phone) <> 20", "0"),
            ("(t.phone IS NULL) <> (b.phone IS NULL)", "0"),
            ("(t.born IS NULL) <> (b.born IS NULL)", "0"),
            ("t.born = b.born AND isfinite(b.born) ", "0"),
            ("abs(t.born - b.born) > 90 AND isfinite(b.born)", "0"),
            (
                "t.balance NOT BETWEEN 5000 AND 9000 AND t.balance <> 'NaN'",
                "0",
            ),
            ("(t.balance IS NULL) <> (b.balance IS NULL)", "0"),
            (
                "t.addr <> host(network(set_masklen(b.addr, CASE family(b.addr) WHEN 4 THEN 24 ELSE 48 END)))::inet",
                "0",
            ),
            ("(t.addr IS NULL) <> (b.addr IS NULL)", "0"),
            (
                "t.doc->>'name' = b.doc->>'name' OR t.doc->'n' <> b.doc->'n'",
                "0",
            ),
            ("(t.doc IS NULL) <> (b.doc IS NULL)", "0"),
            (
                "t.state = b.state OR (t.state IS NULL) <> (b.state IS NULL)",
                "0",
            ),
        ] {
            assert_eq!(count(condition), rows, "{strategy}: {condition}");
        }
        let special = trial.one(&format!(
            "SELECT born, big, seen FROM {table} WHERE \"Id\" = 7"
        ));
        assert_eq!(special, "infinity|NaN|-infinity", "{strategy}");
        let old = trial.one(&format!(
            "SELECT born BETWEEN '0045-12-01 BC' AND '0044-12-31 BC', big, seen FROM {table} WHERE \"Id\" = 8"
        ));
        assert_eq!(
            old, "t|-0.000000000000000000000000000001|9999-12-31 23:59:59+00",
            "{strategy}"
        );
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
        masked.push(trial.rows(&format!(
            "SELECT \"Id\", md5(ROW({MASKED})::text) FROM {table} ORDER BY 1"
        )));
        // The sequence goes on behind the rows that are there.
        trial.sql(&format!(
            "INSERT INTO {table} (\"Full \"\"Name\"\"\") VALUES ('new')"
        ));
        let new = trial.one(&format!("SELECT max(\"Id\") FROM {table}"));
        assert_eq!(new, "3001", "{strategy}");
        trial.sql("DROP TABLE before");
    }
    assert!(masked[0] == masked[1], "both strategies give one result");
}

/// A mask that sets a value wins over infinity and NaN; one that leaves the null alone keeps them.
#[test]
fn special_values() {
    let Some(trial) = Trial::new() else { return };
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS t;
             CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, n numeric(8,2), m numeric, f float8);
             INSERT INTO t VALUES
                (1, 'infinity', 'infinity', 'infinity', 'NaN', 'Infinity', 'NaN'),
                (2, '-infinity', '-infinity', '-infinity', 'NaN', '-Infinity', '-Infinity'),
                (3, '2020-02-29', '2020-02-29 01:02:03', '2020-02-29 01:02:03+00', 1.5, 2.50, 3.5),
                (4, NULL, NULL, NULL, NULL, NULL, NULL)",
        );
        let options = format!("strategy: {strategy}");
        trial.mask(
            &options,
            "t",
            "- columns: [d, ts, tz]\n  masks: [{type: retain_year}]\n- column: n\n  masks: [{type: imitate}]\n\
             - column: m\n  skip: [null, {matches: '[a-z]'}]\n  masks: [{type: imitate}]",
        );
        let rows = trial.rows("SELECT * FROM t ORDER BY id");
        assert_eq!(
            rows[0], "1|infinity|infinity|infinity|NaN|Infinity|NaN",
            "{strategy}"
        );
        assert_eq!(
            rows[1], "2|-infinity|-infinity|-infinity|NaN|-Infinity|-Infinity",
            "{strategy}"
        );
        assert!(
            rows[2].starts_with("3|2020-") && rows[2].ends_with("|3.5"),
            "{}",
            rows[2]
        );
        assert_eq!(rows[3], "4|~|~|~|~|~|~", "{strategy}");
        trial.mask(
            &options,
            "t",
            "- columns: [d, ts, tz]\n  masks: [{type: from_fixed, value: '2001-01-01'}]\n\
             - columns: [n, m, f]\n  masks: [{type: from_fixed, value: 7}]",
        );
        let rows = trial.rows("SELECT d, ts, tz, n, m, f FROM t ORDER BY id");
        let all = "2001-01-01|2001-01-01 00:00:00|2001-01-01 00:00:00+00|7.00|7|7";
        assert_eq!(rows, [all; 4], "{strategy}");
    }
}

#[test]
fn names_and_many_columns() {
    let Some(trial) = Trial::new() else { return };
    let wide: Vec<String> = (0..200)
        .map(|n| format!("c{n} text DEFAULT 'v{n}'"))
        .collect();
    let rules: Vec<String> = (0..200).step_by(2).map(|n| format!("c{n}")).collect();
    for strategy in STRATEGIES {
        let options = format!("strategy: {strategy}");
        trial.sql(&format!(
            "DROP TABLE IF EXISTS wide, \"Order\", \"a.b\";
             CREATE TABLE wide (id int PRIMARY KEY, {}); INSERT INTO wide (id) SELECT generate_series(1, 50);
             CREATE TABLE \"Order\" (\"user\" int PRIMARY KEY, \"table\" text, \"TABLE\" text, \"a b\" text, \"x.y\" text,
                                     \"it's\" text, \"v0\" text, \"s\" text, \"t\" text, \"back\\slash\" text, unit int, done bool);
             INSERT INTO \"Order\" SELECT i, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', i, true FROM generate_series(1, 9) i;
             CREATE TABLE \"a.b\" (\"Id\" int, \"Select\" text); INSERT INTO \"a.b\" VALUES (1, 'a')",
            wide.join(", ")
        ));
        let rules = format!(
            "- columns: [{}]\n  masks: [{{type: from_fixed, value: x}}]",
            rules.join(", ")
        );
        trial.mask(&options, "wide", &rules);
        assert_eq!(
            trial.one("SELECT DISTINCT c0, c1, c198, c199 FROM wide"),
            "x|v1|x|v199"
        );
        trial.mask(
            &options,
            "\"Order\"",
            "- columns: ['\"TABLE\"', 'a b', x.y, \"it's\", v0, s, t, 'back\\slash']\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(
            trial.one("SELECT DISTINCT \"table\", \"TABLE\", \"a b\", \"x.y\", \"it's\", v0, s, t, \"back\\slash\" FROM \"Order\""),
            "a|x|x|x|x|x|x|x|x",
            "{strategy}"
        );
        // Without a key, and a dot in its name.
        trial.mask(
            &options,
            "\"a.b\"",
            "- column: Select\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(trial.one("SELECT * FROM \"a.b\""), "1|x", "{strategy}");
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
    }
}

/// Rows are joined to their own keys, of whatever kind the key is.
#[test]
fn every_kind_of_key() {
    let Some(trial) = Trial::new() else { return };
    let mut masked: Vec<Vec<String>> = Vec::new();
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS composite, worded, keyless, dated; DROP COLLATION IF EXISTS odd;
             CREATE COLLATION odd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE TABLE composite (a int, b text COLLATE \"C\", c date, v text, PRIMARY KEY (c, a, b));
             INSERT INTO composite SELECT i % 7, 'k' || i % 11, date '2020-01-01' + i % 13, 'v' || i
               FROM generate_series(0, 1000) i;
             CREATE TABLE worded (k text COLLATE odd PRIMARY KEY, v text);
             INSERT INTO worded SELECT CASE i % 3 WHEN 0 THEN 'K' WHEN 1 THEN 'ä' ELSE '' END || i, 'v' || i
               FROM generate_series(0, 999) i;
             CREATE TABLE keyless (a int, v text); INSERT INTO keyless SELECT i % 5, 'v' || i FROM generate_series(0, 999) i;
             CREATE TABLE dated (k numeric, v text, x float8, UNIQUE (x)); ALTER TABLE dated ALTER x SET NOT NULL;
             INSERT INTO dated SELECT i, 'v' || i, i FROM generate_series(0, 999) i;
             UPDATE dated SET x = 'NaN' WHERE x = 5; UPDATE dated SET x = '-Infinity' WHERE x = 6",
        );
        let rule = "- column: v\n  masks: [{type: concat, masks: [{type: from_fixed, value: 'of '}, {type: do_nothing}]}]\n  skip: []";
        for (table, more, own) in [
            (
                "composite",
                "",
                "'k' || substr(v, 5)::int % 11 = b AND substr(v, 5)::int % 7 = a",
            ),
            ("composite", "key: [a, b, c]", "v LIKE 'of of v%'"),
            ("worded", "key: k", "ltrim(k, 'Kä') = substr(v, 5)"),
            ("keyless", "", "substr(v, 5)::int % 5 = a"),
            ("keyless", "key: ctid", "v LIKE 'of of v%'"),
            ("dated", "key: x", "substr(v, 5)::numeric = k"),
        ] {
            let count = format!("SELECT count(*) FROM {table}");
            let before = trial.one(&count);
            trial.pipeline(
                &format!("strategy: {strategy}\nbatch_size: 99\nworkers: 3"),
                &task(table, more, rule),
            );
            trial.run().expect(0);
            let own = trial.one(&format!("{count} WHERE v LIKE 'of %' AND {own}"));
            assert_eq!(own, before, "{strategy} {table} {more}");
        }
        masked.push(trial.rows("SELECT * FROM worded ORDER BY k COLLATE \"C\""));
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
    }
    assert!(masked[0] == masked[1]);
}

#[test]
fn partitions_through_the_root() {
    let Some(trial) = Trial::new() else { return };
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS p;
             CREATE TABLE p (id int, at date, name text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
             -- Its columns lie in another order, with one dropped between them.
             CREATE TABLE p2 (name text, gone int, at date NOT NULL, id int NOT NULL); ALTER TABLE p2 DROP COLUMN gone;
             ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
             CREATE TABLE p3 PARTITION OF p DEFAULT PARTITION BY LIST (id);
             CREATE TABLE p31 PARTITION OF p3 DEFAULT;
             CREATE INDEX ON p (name);
             INSERT INTO p SELECT i, date '2020-01-01' + i, 'name ' || i FROM generate_series(0, 1500) i;
             CREATE TABLE before AS SELECT tableoid::regclass::text AS part, * FROM p",
        );
        let options = format!("strategy: {strategy}\nbatch_size: 400\nworkers: 2");
        let report = trial.mask(
            &options,
            "p",
            "- column: name\n  masks: [{type: imitate, force_change: true}]",
        );
        assert_eq!(report["rows"], 1501, "{report}");
        let same = "SELECT count(*), count(DISTINCT b.part) FROM before b JOIN p ON p.id = b.id AND p.at = b.at \
                    AND p.tableoid::regclass::text = b.part AND p.name <> b.name AND p.name ~ '^[a-z]{4} [0-9]+$'";
        assert_eq!(trial.one(same), "1501|3", "{strategy}");
        // Rows whose masked value belongs elsewhere go there.
        trial.pipeline(
            "strategy: update",
            &task(
                "p",
                "key: ctid",
                "- column: name\n  masks: [{type: from_fixed, value: x}]",
            ),
        );
        trial.run().expect(0);
        assert_eq!(trial.one("SELECT count(*) FROM p WHERE name = 'x'"), "1501");
        trial.sql("DROP TABLE before");
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// Values that decide where a row lies may be masked: rows move.
#[test]
fn masked_partition_keys_move_rows() {
    let Some(trial) = Trial::new() else { return };
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS m;
             CREATE TABLE m (id int, at date, v text) PARTITION BY RANGE (at);
             CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
             CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
             INSERT INTO m SELECT i, date '2019-01-01' + i, 'v' || i FROM generate_series(1, 700) i",
        );
        let report = trial.mask(
            &format!("strategy: {strategy}"),
            "m",
            "- column: at\n  masks: [{type: from_fixed, value: '2021-05-05'}]",
        );
        assert_eq!(report["rows"], 700);
        let found = trial.one(
            "SELECT count(*), count(DISTINCT id), min(v), (SELECT count(*) FROM m1) FROM m2 WHERE at = '2021-05-05'",
        );
        assert_eq!(found, "700|700|v1|0", "{strategy}");
    }
}

#[test]
fn unique_columns_by_a_rewrite() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE u (id int PRIMARY KEY, email text UNIQUE, code int, note text);
         CREATE UNIQUE INDEX ON u (code) INCLUDE (note);
         INSERT INTO u SELECT i, 'user' || i || '@x.org', i * 3, 'n' FROM generate_series(1, 5000) i;
         UPDATE u SET email = NULL WHERE id < 4",
    );
    let rules = "- column: email\n  masks: [{type: hash}]\n- column: code\n  masks: [{type: imitate_unique}]\n\
                 - column: note\n  masks: [{type: from_fixed, value: x}]";
    let report = trial.mask("strategy: auto", "u", rules);
    assert_eq!(report["strategy"], "rewrite", "{report}");
    let found = trial.one(
        "SELECT count(DISTINCT email), count(DISTINCT code), count(*) FILTER (WHERE email LIKE '%@%'), count(*) FROM u",
    );
    assert_eq!(found, "4997|5000|0|5000");
    // Its own primary key, in place of itself.
    trial.mask(
        "strategy: rewrite",
        "u",
        "- column: id\n  masks: [{type: imitate_unique}]",
    );
    assert_eq!(trial.one("SELECT count(DISTINCT id) FROM u"), "5000");
    // Values would meet half way.
    trial.pipeline("strategy: update", &task("u", "", rules));
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("half way"), "{}", ended.stderr);
}

#[test]
fn an_empty_table() {
    let Some(trial) = Trial::new() else { return };
    trial.sql("CREATE TABLE e (id int PRIMARY KEY, v text); CREATE TABLE f (v text)");
    for strategy in STRATEGIES {
        for table in ["e", "f"] {
            let options = format!("strategy: {strategy}");
            let report = trial.mask(&options, table, "- column: v\n  masks: [{type: imitate}]");
            assert_eq!(
                (&report["rows"], &report["status"]),
                (&0.into(), &"masked".into())
            );
        }
    }
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn sql_and_emptied_tables() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, 'v' FROM generate_series(1, 9) i;
         CREATE TABLE log (v text); INSERT INTO log VALUES ('old value')",
    );
    let tasks = |table: &str| {
        format!(
            "- type: run_sql\n  sql: \"INSERT INTO a VALUES (10, 'w'); DELETE FROM a WHERE id = 1\"\n\
             - type: truncate_table\n  table: {table}\n{}\
             - type: run_sql\n  sql: \"UPDATE a SET v = v || '!'\"",
            task(
                "a",
                "",
                "- column: v\n  masks: [{type: from_fixed, value: x}]"
            )
        )
    };
    trial.pipeline("dry_run: true", &tasks("log"));
    trial.run().expect(0);
    assert_eq!(
        trial.one("SELECT count(*), min(v), (SELECT count(*) FROM log) FROM a"),
        "9|v|1"
    );
    trial.pipeline("", &tasks("log"));
    trial.run().expect(0);
    assert_eq!(
        trial.one("SELECT count(*), min(v), max(id), (SELECT count(*) FROM log) FROM a"),
        "9|x!|10|0"
    );
    // Done is done.
    trial.visard.run(&["--resume"]).expect(0);
    assert_eq!(trial.one("SELECT count(*), min(v) FROM a"), "9|x!");
    // All of a task or nothing of it.
    trial.pipeline(
        "",
        "- type: run_sql\n  sql: \"DELETE FROM a; SELECT 1 / 0\"",
    );
    let ended = trial.run().expect(1);
    assert!(ended.stderr.contains("22012"), "{}", ended.stderr);
    assert_eq!(trial.one("SELECT count(*) FROM a"), "9");
}

/// An audit trigger copies old values: it stays silent where that is asked for, and is warned of where
/// nothing is said.
#[test]
fn triggers() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE log (old text);
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO log VALUES (coalesce(OLD.v, 'new')); RETURN NEW; END $$;
         CREATE TABLE a (id int PRIMARY KEY, v text);
         INSERT INTO a SELECT i, 'secret ' || i FROM generate_series(1, 20) i;
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE FUNCTION emptied() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO log SELECT v FROM a; RETURN NULL; END $$;
         CREATE TRIGGER emptied BEFORE TRUNCATE ON a EXECUTE FUNCTION emptied()",
    );
    let states = || {
        trial.rows(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'a'::regclass ORDER BY 1",
        )
    };
    let before = states();
    let rules = "- column: v\n  masks: [{type: imitate}]";
    for (strategy, managed, logged, warned) in [
        ("update", "auto_manage_triggers: true", "0", false),
        ("update", "auto_manage_triggers: false", "20", false),
        ("update", "", "20", true),
        ("rewrite", "", "0", false),
        ("rewrite", "auto_manage_triggers: true", "0", false),
    ] {
        trial.sql("TRUNCATE log");
        trial.pipeline(
            &format!("strategy: {strategy}\n{managed}"),
            &task("a", "", rules),
        );
        let ended = trial.run().expect(0);
        assert_eq!(
            trial.one("SELECT count(*) FROM log"),
            logged,
            "{strategy} {managed}"
        );
        assert_eq!(
            ended.stderr.contains("V1209"),
            warned,
            "{strategy} {managed}: {}",
            ended.stderr
        );
        assert_eq!(states(), before, "{strategy} {managed}");
    }
    // Those that fire in every session cannot be kept from it there.
    trial.sql("TRUNCATE log; ALTER TABLE a ENABLE ALWAYS TRIGGER audit");
    trial.pipeline(
        "strategy: update\nauto_manage_triggers: true",
        &task("a", "", rules),
    );
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("`audit`"), "{}", ended.stderr);
    trial.pipeline(
        "strategy: rewrite\nauto_manage_triggers: true",
        &task("a", "", rules),
    );
    trial.run().expect(0);
    assert_eq!(trial.one("SELECT count(*) FROM log"), "0");
    // One of a partition alone, and a rule, are triggers as well.
    trial.sql(
        "CREATE TABLE p (v text) PARTITION BY LIST (v); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES ('a');
         CREATE TRIGGER below AFTER UPDATE ON p1 FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE TABLE r (v text); INSERT INTO r VALUES ('a');
         CREATE RULE kept AS ON UPDATE TO r DO ALSO INSERT INTO log VALUES (OLD.v)",
    );
    for (table, named) in [("p", "`below`"), ("r", "`kept`")] {
        trial.pipeline("strategy: update\ndry_run: true", &task(table, "", rules));
        let ended = trial.run().expect(0);
        let warned = ended.stderr.contains("V1209") && ended.stderr.contains(named);
        assert!(warned, "{table}: {}", ended.stderr);
    }
}

#[test]
fn values_change_their_rows_and_none_is_lost() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, born date, pay numeric(9,2), name text UNIQUE);
         INSERT INTO t SELECT i, CASE WHEN i % 7 > 0 THEN date '1950-01-01' + i % 900 END, i * 1.5, 'n' || i
           FROM generate_series(1, 20000) i;
         CREATE TABLE before AS SELECT * FROM t; CREATE TABLE first (LIKE t)",
    );
    let rules = ["born", "pay", "name"]
        .map(|column| format!("- column: {column}\n  masks: [{{type: secure_shuffle}}]"));
    let report = trial.mask("workers: 2", "t", &rules.join("\n"));
    assert_eq!(report["strategy"], "rewrite");
    for column in ["born", "pay", "name"] {
        let differ = "(SELECT @ FROM t EXCEPT ALL SELECT @ FROM before) UNION ALL (SELECT @ FROM before EXCEPT ALL SELECT @ FROM t)";
        assert_eq!(
            trial.rows(&differ.replace('@', column)),
            [""; 0],
            "{column}"
        );
        let same = format!(
            "SELECT count(*) FROM t JOIN before b USING (id) WHERE t.{column} IS NOT DISTINCT FROM b.{column}"
        );
        let same: u32 = trial.one(&same).parse().unwrap();
        assert!(same < 600, "{column}: {same} values where they were");
    }
    // The same secrets, the same rows where they were: the same again.
    trial.sql("INSERT INTO first SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM before ORDER BY id");
    trial.run().expect(0);
    assert_eq!(
        trial.one("SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM first) x"),
        "0"
    );
    trial.pipeline("strategy: update", &task("t", "", &rules[0]));
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("V1205"), "{}", ended.stderr);
    trial.sql("UPDATE t SET born = 'infinity' WHERE id = 3");
    trial.pipeline("", &task("t", "", &rules[0]));
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("`born` holds infinity"),
        "{}",
        ended.stderr
    );
}
