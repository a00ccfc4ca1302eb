//! What is masked, by either strategy, and that all else stays as it was.

use super::trial::{Kind, STRATEGIES, Trial, task};

const NAMED: &str = "- column: v\n  masks: [{type: imitate, force_change: true}]";

#[test]
fn masked_columns_change_and_all_others_stay() {
    let Some(trial) = Trial::new() else { return };
    let mut masked = Vec::new();
    for strategy in STRATEGIES {
        trial.sql(
            "DROP TABLE IF EXISTS `Customers, ours`, was;
             CREATE TABLE `Customers, ours` (
                `Id` bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, `Full ``Name``` varchar(60) NOT NULL,
                `select` text, phone char(20) CHARACTER SET latin1, born date, balance decimal(12,2), doc json,
                state enum('ok','bad','so so'), seen timestamp(6) NULL, hidden varchar(20) INVISIBLE DEFAULT 'h',
                len int AS (LENGTH(`select`)) STORED, low varchar(60) AS (LOWER(`Full ``Name```)) VIRTUAL,
                changed timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
                `Größe` float, `a.b` int, KEY (low), KEY (phone)) AUTO_INCREMENT = 5001;
             INSERT INTO `Customers, ours` (`Full ``Name```, `select`, phone, born, balance, doc, state, seen, hidden, changed, `Größe`, `a.b`)
               SELECT CONCAT('Name ', seq), IF(seq % 3, CONCAT('note ', seq), NULL), CONCAT('+64 21 ', seq),
                      DATE '1950-01-01' + INTERVAL seq DAY, seq * 1.37, JSON_OBJECT('name', CONCAT('x', seq), 'n', seq), 'so so',
                      '2020-02-29 12:00:00.000001', CONCAT('h', seq), '2001-02-03 04:05:06', seq / 7, seq FROM seq_1_to_3000;
             UPDATE `Customers, ours` SET born = NULL, phone = NULL, doc = NULL, state = NULL, changed = changed WHERE `Id` % 10 = 0;
             CREATE TABLE was AS SELECT *, hidden AS hid FROM `Customers, ours`",
        );
        let counter = trial.one(
            "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'Cust%'",
        );
        let rules = "- column: '\"Full `Name`\"'\n  masks: [{type: imitate, force_change: true}]
- column: SELECT
  masks: [{type: chain, masks: [{type: imitate}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: ' !'}]}]}]
  skip: [null]
- column: phone
  masks: [{type: imitate}]
- column: born
  masks: [{type: shift_date, max_days: 90}]
- column: balance
  masks: [{type: from_random_number, min: 5000, max: 9000, decimal_places: 2}]
- column: doc
  masks: [{type: json, transforms: [{path: [name], masks: [{type: imitate, force_change: true}]}]}]
- column: state
  skip: [null]
  masks: [{type: from_choices, choices: [ok, bad]}]";
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 700\nworkers: 2"),
            "\"Customers, ours\"",
            rules,
        );
        assert_eq!(report["strategy"], strategy);
        assert_eq!(report["rows"], 3000, "{report}");
        assert_eq!(report["units"], if strategy == "update" { 5 } else { 1 });
        let count = |condition: &str| {
            trial.one(&format!(
                "SELECT COUNT(*) FROM was b JOIN `Customers, ours` t USING (`Id`) WHERE {condition}"
            ))
        };
        for (condition, rows) in [
            ("TRUE", "3000"),
            ("BINARY t.`Full ``Name``` = b.`Full ``Name```", "0"),
            ("t.`Full ``Name``` NOT REGEXP '^[A-Za-z]{4} [0-9]+$'", "0"),
            (
                "(t.`select` IS NULL) <> (b.`select` IS NULL) OR t.`select` NOT LIKE '% !'",
                "0",
            ),
            (
                "NOT (t.len <=> LENGTH(t.`select`)) OR NOT (t.low <=> LOWER(t.`Full ``Name```))",
                "0",
            ),
            (
                "t.phone = b.phone OR (t.phone IS NULL) <> (b.phone IS NULL)",
                "0",
            ),
            (
                "t.born = b.born OR ABS(DATEDIFF(t.born, b.born)) > 90 OR (t.born IS NULL) <> (b.born IS NULL)",
                "0",
            ),
            ("t.balance NOT BETWEEN 5000 AND 9000", "0"),
            (
                "JSON_VALUE(t.doc, '$.name') = JSON_VALUE(b.doc, '$.name') OR JSON_VALUE(t.doc, '$.n') <> JSON_VALUE(b.doc, '$.n')",
                "0",
            ),
            (
                "(t.state IS NULL) <> (b.state IS NULL) OR t.state = 'so so'",
                "0",
            ),
            (
                "t.seen <> b.seen OR t.hidden <> b.hid OR t.changed <> b.changed OR t.`Größe` <> b.`Größe` OR t.`a.b` <> b.`a.b`",
                "0",
            ),
        ] {
            assert_eq!(count(condition), rows, "{strategy}: {condition}");
        }
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
        masked.push(trial.rows("SELECT *, hidden FROM `Customers, ours` ORDER BY 1"));
        trial.sql("INSERT INTO `Customers, ours` (`Full ``Name```) VALUES ('new')");
        let new = trial.one("SELECT MAX(`Id`) FROM `Customers, ours`");
        assert_eq!(new, counter, "{strategy}");
    }
    assert!(masked[0] == masked[1], "both strategies give one result");
}

#[test]
fn tables_without_a_key_and_engines_without_transactions() {
    let Some(trial) = Trial::new() else { return };
    for engine in ["InnoDB", "MyISAM", "Aria", "MEMORY"] {
        for key in ["", ", PRIMARY KEY (a)", ", UNIQUE (a)"] {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (a int, v varchar(30), KEY (v){key}) ENGINE = {engine};
                 INSERT INTO t SELECT seq, CONCAT('name ', seq) FROM seq_1_to_500"
            ));
            let made = trial.dump();
            let rewrite = engine != "InnoDB" || !key.contains("PRIMARY");
            let report = trial.mask("strategy: auto", "t", NAMED);
            assert_eq!(report["strategy"], "rewrite");
            let found = trial.one("SELECT COUNT(*), COUNT(DISTINCT a), SUM(v = CONCAT('name ', a)) FROM t WHERE v REGEXP '^[a-z]{4} [0-9]+$'");
            assert_eq!(found, "500|500|0", "{engine} {key}");
            assert!(trial.dump() == made, "{engine} {key}");
            assert_eq!(trial.leftovers(), [""; 0]);
            if rewrite {
                trial.pipeline("strategy: update", &task("t", "", NAMED));
                let ended = trial.run().expect(2);
                let said = if engine == "InnoDB" {
                    "no key"
                } else {
                    "no transactions"
                };
                assert!(
                    ended.stderr.contains("V1205") && ended.stderr.contains(said),
                    "{}",
                    ended.stderr
                );
            }
        }
    }
}

#[test]
fn partitions_and_many_columns() {
    let Some(trial) = Trial::new() else { return };
    let wide: Vec<String> = (0..200)
        .map(|n| format!("c{n} varchar(20) DEFAULT 'v{n}'"))
        .collect();
    let named: Vec<String> = (0..200).step_by(2).map(|n| format!("c{n}")).collect();
    for strategy in STRATEGIES {
        let options = format!("strategy: {strategy}\nbatch_size: 100");
        trial.sql(&format!(
            "DROP TABLE IF EXISTS wide, p; CREATE TABLE wide (id int PRIMARY KEY, {}) CHARACTER SET latin1;
             INSERT INTO wide (id) SELECT seq FROM seq_1_to_50;
             CREATE TABLE p (id int, at date, v varchar(30), PRIMARY KEY (at, id))
                PARTITION BY RANGE (YEAR(at)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
             INSERT INTO p SELECT seq, DATE '2019-06-01' + INTERVAL seq DAY, CONCAT('name ', seq) FROM seq_1_to_500",
            wide.join(", ")
        ));
        let rules = format!(
            "- columns: [{}]\n  masks: [{{type: from_fixed, value: x}}]",
            named.join(", ")
        );
        trial.mask(&options, "wide", &rules);
        assert_eq!(
            trial.one("SELECT DISTINCT c0, c1, c198, c199 FROM wide"),
            "x|v1|x|v199"
        );
        let parts = "SELECT COUNT(*), SUM(id), SUM(YEAR(at) >= 2020) FROM p PARTITION (p0)";
        let before = (trial.one(parts), trial.dump());
        trial.mask(&options, "p", NAMED);
        assert_eq!((trial.one(parts), trial.dump()), before, "{strategy}");
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM p WHERE v LIKE 'name %'"),
            "0"
        );
        // Rows whose masked value belongs elsewhere go there.
        trial.sql(
            "CREATE OR REPLACE TABLE q (id int, at date) PARTITION BY RANGE (YEAR(at))
                (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
             INSERT INTO q SELECT id, at FROM p",
        );
        trial.mask(
            "strategy: rewrite",
            "q",
            "- column: at\n  masks: [{type: from_fixed, value: '2021-05-05'}]",
        );
        let moved = "SELECT COUNT(*), COUNT(DISTINCT id) FROM q PARTITION (p1)";
        assert_eq!(trial.one(moved), "500|500");
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

#[test]
fn unique_columns_by_a_rewrite() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE u (id int PRIMARY KEY, email varchar(99) UNIQUE, code int UNIQUE);
         INSERT INTO u SELECT seq, CONCAT('user', seq, '@x.org'), seq * 3 FROM seq_1_to_5000; UPDATE u SET email = NULL WHERE id < 4",
    );
    let rules = "- column: email\n  masks: [{type: hash}]\n- column: code\n  masks: [{type: imitate_unique}]";
    let report = trial.mask("strategy: auto", "u", rules);
    assert_eq!(report["strategy"], "rewrite", "{report}");
    let found = trial.one("SELECT COUNT(DISTINCT email), COUNT(DISTINCT code), COUNT(*) FROM u WHERE IFNULL(email, '') NOT LIKE '%@%'");
    assert_eq!(found, "4997|5000|5000");
    trial.mask(
        "strategy: rewrite",
        "u",
        "- column: id\n  masks: [{type: imitate_unique}]",
    );
    assert_eq!(trial.one("SELECT COUNT(DISTINCT id) FROM u"), "5000");
    trial.pipeline("strategy: update", &task("u", "", rules));
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("half way"), "{}", ended.stderr);
    // Values that an index makes of masked ones meet as it is made: nothing is changed.
    trial.sql("CREATE TABLE l (id int PRIMARY KEY, v varchar(9), low varchar(9) AS (LOWER(v)) STORED, UNIQUE KEY of_low (low));
               INSERT INTO l (id, v) VALUES (1, 'a'), (2, 'b')");
    for strategy in STRATEGIES {
        trial.pipeline(
            &format!("strategy: {strategy}"),
            &task(
                "l",
                "",
                "- column: v\n  masks: [{type: from_fixed, value: x}]",
            ),
        );
        let ended = trial.run().expect(1);
        assert!(
            ended.stderr.contains("key `of_low`") && ended.stderr.contains("1062"),
            "{}",
            ended.stderr
        );
        assert_eq!(trial.rows("SELECT v, low FROM l"), ["a|a", "b|b"]);
        for table in trial.leftovers() {
            trial.sql(&format!("DROP TABLE {table}"));
        }
    }
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn an_empty_table_and_what_the_server_says_of_itself() {
    let Some(trial) = Trial::new() else { return };
    trial.sql("CREATE TABLE e (id int PRIMARY KEY, v varchar(30))");
    for strategy in STRATEGIES {
        let report = trial.mask(&format!("strategy: {strategy}"), "e", NAMED);
        assert_eq!(
            (&report["rows"], &report["status"]),
            (&0.into(), &"masked".into())
        );
        assert_eq!(trial.leftovers(), [""; 0]);
    }
    let ended = trial
        .visard
        .call(&["connections", "test", "pipeline.yml"])
        .expect(0);
    for said in [
        "MariaDB 10",
        "utf8mb4",
        "time zone",
        "LOAD DATA",
        "binary log",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
}

#[test]
fn sql_and_emptied_tables() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE a (id int PRIMARY KEY, v varchar(9)); INSERT INTO a SELECT seq, 'v' FROM seq_1_to_9;
         CREATE TABLE log (v text); INSERT INTO log VALUES ('old value')",
    );
    let tasks = format!(
        "- type: run_sql\n  sql: \"INSERT INTO a VALUES (10, 'w'); DELETE FROM a WHERE id = 1\"\n\
         - type: truncate_table\n  table: log\n{}\
         - type: run_sql\n  sql: \"UPDATE a SET v = CONCAT(v, '!')\"",
        task(
            "a",
            "",
            "- column: v\n  masks: [{type: from_fixed, value: x}]"
        )
    );
    let found = || trial.one("SELECT COUNT(*), MIN(v), MAX(id), (SELECT COUNT(*) FROM log) FROM a");
    trial.pipeline("dry_run: true", &tasks);
    trial.run().expect(0);
    assert_eq!(found(), "9|v|9|1");
    trial.pipeline("", &tasks);
    trial.run().expect(0);
    assert_eq!(found(), "9|x!|10|0");
    // Done is done.
    trial.visard.run(&["--resume"]).expect(0);
    assert_eq!(found(), "9|x!|10|0");
    assert_eq!(trial.leftovers(), [""; 0]);
    // All of a task or nothing of it.
    trial.pipeline(
        "",
        "- type: run_sql\n  sql: \"DELETE FROM a; INSERT INTO a VALUES (1, 'never seen before')\"",
    );
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("1406") && !ended.stderr.contains("never seen"),
        "{}",
        ended.stderr
    );
    assert_eq!(found(), "9|x!|10|0");
    // What commits by itself is run, and not again where nobody knows what became of it.
    trial.pipeline("", "- type: run_sql\n  sql: \"CREATE TABLE b (id int); INSERT INTO b VALUES (1); SELECT 1 FROM nothing\"");
    trial.run().expect(1);
    assert_eq!(trial.one("SELECT COUNT(*) FROM b"), "1");
    let ended = trial.visard.run(&["--resume"]).expect(1);
    assert!(
        ended.stderr.contains("commit by themselves"),
        "{}",
        ended.stderr
    );
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// Triggers cannot be switched off: they are dropped and made again where that is asked for.
#[test]
fn triggers() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE log (old text); CREATE TABLE a (id int PRIMARY KEY, v varchar(30));
         INSERT INTO a SELECT seq, CONCAT('secret ', seq) FROM seq_1_to_20;
         SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES');
         CREATE TRIGGER second AFTER UPDATE ON a FOR EACH ROW INSERT INTO \"log\" VALUES (OLD.v);
         SET sql_mode = REPLACE(@@sql_mode, 'ANSI_QUOTES', '');
         CREATE TRIGGER first AFTER UPDATE ON a FOR EACH ROW PRECEDES second SET @x = 'ä';
         CREATE TRIGGER added AFTER INSERT ON a FOR EACH ROW INSERT INTO log VALUES (NEW.v)",
    );
    let before = trial.dump();
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
            trial.one("SELECT COUNT(*) FROM log"),
            logged,
            "{strategy} {managed}"
        );
        assert_eq!(
            ended.stderr.contains("V1209"),
            warned,
            "{strategy} {managed}: {}",
            ended.stderr
        );
        assert!(
            trial.dump() == before,
            "{strategy} {managed}: {:#?}",
            trial.dump()
        );
    }
    // They are there again though a unit failed.
    trial.sql("ALTER TABLE a ADD CONSTRAINT no CHECK (v <> 'x9')");
    let before = trial.dump();
    trial.pipeline(
        "strategy: update\nauto_manage_triggers: true\nbatch_size: 5\nworkers: 1",
        &task("a", "", "- if: [{column: id, equals: 13}]\n  rules:\n    - column: v\n      masks: [{type: from_fixed, value: 'x9'}]\n  \
                        else_rules:\n    - column: v\n      masks: [{type: from_fixed, value: x}]"),
    );
    trial.run().expect(3);
    let after: Vec<String> = trial
        .dump()
        .into_iter()
        .filter(|made| !made.starts_with("visard"))
        .collect();
    assert!(after == before, "{after:#?}");
}

#[test]
fn values_change_their_rows_and_none_is_lost() {
    let Some(trial) = Trial::new() else { return };
    trial.sql("CREATE TABLE t (id int PRIMARY KEY, born date, name varchar(40) UNIQUE)");
    trial.sql(
        "INSERT INTO t SELECT seq, IF(seq MOD 7, '1950-01-01' + INTERVAL seq MOD 900 DAY, NULL), CONCAT('n', seq)
           FROM seq_1_to_20000",
    );
    trial.sql("CREATE TABLE was AS SELECT * FROM t");
    let rules = "- column: born\n  masks: [{type: secure_shuffle}]\n- column: name\n  masks: [{type: secure_shuffle}]";
    let report = trial.mask("workers: 2", "t", rules);
    assert_eq!(report["strategy"], "rewrite");
    for column in ["born", "name"] {
        let lost = format!(
            "SELECT COUNT(*) FROM (SELECT {column} FROM was EXCEPT ALL SELECT {column} FROM t) x"
        );
        assert_eq!(trial.one(&lost), "0", "{column}");
        let same =
            format!("SELECT COUNT(*) FROM t JOIN was USING (id) WHERE t.{column} <=> was.{column}");
        let same: u32 = trial.one(&same).parse().unwrap();
        assert!(same < 600, "{column}: {same} values where they were");
    }
}
