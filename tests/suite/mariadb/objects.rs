//! Everything that hangs on a table is there after a run as it was before, by the server's word.

use super::trial::{Kind, STRATEGIES, Trial};

/// Whatever can hang on a table.
const NASTY: &str = "
    DROP DATABASE IF EXISTS `the_other`; CREATE DATABASE `the_other`;
    CREATE TABLE regions (code char(2) PRIMARY KEY, name varchar(40) UNIQUE) ENGINE = InnoDB;
    INSERT INTO regions VALUES ('nz', 'New Zealand'), ('au', 'Australia');
    CREATE TABLE people (
        id bigint unsigned NOT NULL AUTO_INCREMENT COMMENT 'the `key`, KEY `no` (x)',
        boss bigint unsigned, email varchar(60) CHARACTER SET latin1 COLLATE latin1_german2_ci NOT NULL,
        name varchar(60) NOT NULL DEFAULT 'n/a, ''it''s''' COMMENT 'a column', born date, area char(2) DEFAULT 'nz',
        note mediumtext COMPRESSED, body text, place point NOT NULL, low varchar(60) AS (LOWER(name)) STORED INVISIBLE,
        changed timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
        PRIMARY KEY (id), UNIQUE KEY `unique, email` (email) COMMENT 'of the index',
        UNIQUE KEY together (name, born), KEY born_desc (born DESC, name(10)), KEY low (low) IGNORED,
        FULLTEXT KEY words (body), FULLTEXT KEY more (name, body), SPATIAL KEY spot (place),
        CONSTRAINT boss_of FOREIGN KEY (boss) REFERENCES people (id) ON DELETE SET NULL,
        CONSTRAINT `area, of` FOREIGN KEY (area) REFERENCES regions (code) ON UPDATE CASCADE,
        CONSTRAINT adult CHECK (born < '2020-01-01'), CONSTRAINT named CHECK (name <> '')
    ) ENGINE = InnoDB AUTO_INCREMENT = 7001 DEFAULT CHARSET = utf8mb4 COMMENT = 'people; AUTO_INCREMENT=5' ROW_FORMAT = DYNAMIC
      STATS_PERSISTENT = 1 STATS_SAMPLE_PAGES = 33 KEY_BLOCK_SIZE = 0 CHECKSUM = 1;
    INSERT INTO people (id, boss, email, name, born, note, body, place, changed)
        SELECT 5000 + seq, NULLIF(5000 + seq DIV 2, 5000), CONCAT('user', seq, '@x.org'), CONCAT('Name ', seq),
               DATE '1950-01-01' + INTERVAL seq DAY, REPEAT(CONCAT('long ', seq), 900), CONCAT('the body of ', seq), POINT(seq, 1),
               '2001-02-03 04:05:06.007' FROM seq_1_to_200;
    CREATE TABLE orders (id int PRIMARY KEY, person bigint unsigned, email varchar(60) CHARACTER SET latin1 COLLATE latin1_german2_ci,
        CONSTRAINT of_person FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE,
        CONSTRAINT `of, e-mail` FOREIGN KEY (email) REFERENCES people (email));
    INSERT INTO orders SELECT seq, 5000 + 1 + seq % 200, CONCAT('user', seq % 200 + 1, '@x.org') FROM seq_1_to_300;
    CREATE TABLE the_other.visits (person bigint unsigned, CONSTRAINT of_person FOREIGN KEY (person) REFERENCES the_own.people (id));
    INSERT INTO the_other.visits VALUES (5003);
    CREATE TRIGGER touched BEFORE INSERT ON people FOR EACH ROW SET NEW.name = CONCAT(NEW.name, ' (new)');
    CREATE TRIGGER gone AFTER DELETE ON people FOR EACH ROW SET @gone = OLD.id;
    CREATE TRIGGER of_updates BEFORE UPDATE ON people FOR EACH ROW FOLLOWS of_none SET NEW.name = NEW.name;
    CREATE VIEW named AS SELECT id, name FROM people WHERE born > '1960-01-01' WITH CHECK OPTION;
    GRANT SELECT ON people TO the_user; GRANT UPDATE (name, born) ON people TO the_user;
    ANALYZE TABLE people PERSISTENT FOR ALL";

fn nasty(trial: &Trial, user: &str) {
    let other = format!("{}_o", trial.database);
    trial.sql("SET foreign_key_checks = 0; DROP VIEW IF EXISTS named; DROP TABLE IF EXISTS orders, people, regions; SET foreign_key_checks = 1");
    let made = NASTY
        .replace("the_other", &other)
        .replace("the_own", &trial.database)
        .replace("the_user", user)
        .replace("FOLLOWS of_none ", "");
    for statement in made.split(";\n") {
        trial.sql(statement);
    }
}

#[test]
fn objects_stay_as_they_were() {
    let Some(trial) = Trial::new() else { return };
    let (user, _) = trial.user("");
    let other = format!("{}_o", trial.database);
    for strategy in STRATEGIES {
        nasty(&trial, &user);
        let dump = || {
            let mut dump = trial.dump();
            dump.extend(trial.rows(&format!("SHOW CREATE TABLE {other}.visits")));
            dump
        };
        let before = dump();
        let untouched = "SELECT id, boss, email, born, area, MD5(note), body, ST_AsText(place), changed FROM people ORDER BY id";
        let rows = trial.rows(untouched);
        for (table, rules) in [
            (
                "people",
                "- column: name\n  masks: [{type: imitate, force_change: true}]\n- column: note\n  masks: [{type: do_nothing}]",
            ),
            ("regions", "- column: name\n  masks: [{type: hash}]"),
        ] {
            if strategy == "update" {
                // Both are in unique indexes.
                if table == "regions" {
                    continue;
                }
                trial.sql("ALTER TABLE people DROP INDEX together");
            }
            let rules = if strategy == "rewrite" && table == "people" {
                rules.replace("imitate, force_change: true", "hash")
            } else {
                rules.to_owned()
            };
            let before = if strategy == "update" {
                dump()
            } else {
                before.clone()
            };
            let report = trial.mask(
                &format!("strategy: {strategy}\nauto_manage_triggers: true"),
                table,
                &rules,
            );
            assert_eq!(report["strategy"], strategy);
            let after = dump();
            let lost: Vec<_> = before.iter().filter(|one| !after.contains(one)).collect();
            let new: Vec<_> = after.iter().filter(|one| !before.contains(one)).collect();
            assert!(
                before == after,
                "{strategy} {table}\nlost {lost:#?}\nnew {new:#?}"
            );
            assert_eq!(trial.leftovers(), [""; 0]);
        }
        assert_eq!(trial.rows(untouched), rows, "{strategy}");
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM people WHERE name LIKE 'Name %'"),
            "0"
        );
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM people WHERE MATCH (body) AGAINST ('body')"),
            "200"
        );
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM people FORCE INDEX (`unique, email`) WHERE email > ''"),
            "200"
        );
        // Statistics of old values are made anew.
        let stale = trial.one("SELECT COUNT(*), SUM(min_value LIKE 'Name %') FROM mysql.column_stats WHERE db_name = DATABASE() AND column_name = 'name' AND table_name = 'people'");
        assert_eq!(stale, "1|0", "{strategy}");
        // What was promised is still held to.
        for refused in [
            "INSERT INTO orders VALUES (999, 4, NULL)",
            "UPDATE people SET email = 'user1@x.org'",
            "DELETE FROM regions WHERE code = 'nz'",
            "DELETE FROM people WHERE id = 5003",
            "UPDATE people SET born = '2021-01-01'",
        ] {
            assert!(trial.refuses(refused), "{strategy}: {refused}");
        }
        trial.sql("UPDATE orders SET email = NULL; DELETE FROM people WHERE id = 5010");
        assert_eq!(
            trial.one("SELECT COUNT(*), @gone FROM orders WHERE person = 5010"),
            "0|5010",
            "{strategy}: it cascades"
        );
        trial.sql("INSERT INTO people (email, place) VALUES ('new', POINT(1, 1))");
        assert_eq!(
            trial.one("SELECT id, name FROM people ORDER BY id DESC LIMIT 1"),
            "7001|n/a, 'it's' (new)",
            "{strategy}"
        );
    }
    trial.sql(&format!("DROP DATABASE {other}"));
}
