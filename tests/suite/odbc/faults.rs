//! What somebody else does to a table while it is masked.

use super::Over;
use super::trial::units;
use crate::databases::{Kind, task};
use crate::{mariadb, postgres};

const FIX: &str = "- column: v\n  masks: [{type: from_fixed, value: x}]";

/// A row that is not found again makes its unit fail; a run that goes on does what is left.
#[test]
fn rows_that_are_not_found_again() {
    let Some(trial) = Over::<postgres::Trial>::new() else {
        return;
    };
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 90) i;
         CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 45 THEN RETURN NULL; END IF; RETURN NEW; END';
         CREATE TRIGGER keeper BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kept()",
    );
    trial.pipeline(
        "batch_size: 30\nworkers: 1\nauto_manage_triggers: false",
        &task("t", "", FIX),
    );
    let ended = trial.run().expect(3);
    assert!(
        ended
            .stderr
            .contains("30 rows were read and 29 could be written"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        trial.one("SELECT count(*) FROM t WHERE v = 'x' AND id BETWEEN 31 AND 60"),
        "0"
    );
    assert_eq!(units(&trial).len(), 1, "where it stopped is kept");
    trial.sql("DROP TRIGGER keeper ON t");
    trial.visard().run(&["--resume"]).expect(0);
    assert_eq!(trial.one("SELECT count(*) FROM t WHERE v = 'x'"), "90");
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// Triggers are told of, and are not kept from firing.
#[test]
fn triggers_fire() {
    let Some(trial) = Over::<mariadb::Trial>::new() else {
        return;
    };
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(9)); INSERT INTO t VALUES (1, 'a'); CREATE TABLE seen (v varchar(9));
         CREATE TRIGGER looks BEFORE UPDATE ON t FOR EACH ROW INSERT INTO seen VALUES (NEW.v)",
    );
    trial.pipeline("auto_manage_triggers: true", &task("t", "", FIX));
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("disable them before the run"),
        "{}",
        ended.stderr
    );
    trial.pipeline("", &task("t", "", FIX));
    let ended = trial.run().expect(0);
    assert!(ended.stderr.contains("V1209"), "{}", ended.stderr);
    assert_eq!(trial.rows("SELECT v FROM seen"), ["x"]);
}

/// Rows that somebody holds are waited for, and what is in them is what was written last.
#[test]
fn rows_that_somebody_else_writes() {
    let Some(trial) = Over::<mariadb::Trial>::new() else {
        return;
    };
    trial.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(40), n int); INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)");
    let other = trial.0.other_session();
    trial.0.sql_in(
        &other,
        "START TRANSACTION; UPDATE t SET v = 'late' WHERE id = 2",
    );
    let rules = "- column: v\n  masks: [{type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]";
    trial.pipeline("", &task("t", "", rules));
    trial.forget_run();
    let child = trial.visard().start(&[]);
    std::thread::sleep(std::time::Duration::from_millis(800));
    trial.0.sql_in(&other, "COMMIT");
    crate::visard::Ended::of(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(trial.rows("SELECT v FROM t ORDER BY id"), ["a!", "late!"]);
}

/// Preview and plan look, and write nothing.
#[test]
fn what_a_run_would_do() {
    let Some(trial) = Over::<postgres::Trial>::new() else {
        return;
    };
    trial.sql("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, 'v' || i FROM generate_series(1, 20000) i");
    let before = trial.state();
    trial.pipeline("", &task("a", "", FIX));
    let plan = trial.visard().call(&["plan", "pipeline.yml"]).expect(0);
    assert!(
        plan.stdout.contains("update") && plan.stdout.contains("every row twice"),
        "{}",
        plan.stdout
    );
    let preview = trial.visard().call(&["preview", "pipeline.yml"]).expect(0);
    assert!(
        preview.stdout.contains("v1") && preview.stdout.contains('x'),
        "{}",
        preview.stdout
    );
    trial.forget_run();
    trial.visard().run(&["--dry-run"]).expect(0);
    assert_eq!(trial.visard().report()["tables"][0]["rows"], 20_000);
    assert!(trial.state() == before);
}
