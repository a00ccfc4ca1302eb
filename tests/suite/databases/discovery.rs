//! `visard discover`: the ruleset that it writes passes a check and runs, and what refers to a masked key
//! still does.

use super::kind::{Kind, pipeline};
use super::on_each_own;

on_each_own! {
    a_generated_ruleset_masks_what_was_found
}

fn a_generated_ruleset_masks_what_was_found<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!(
        "CREATE TABLE people (id integer PRIMARY KEY, email varchar(30) UNIQUE, first_name varchar(6), kind varchar(9),
                              note varchar(40) NOT NULL);
         CREATE TABLE letters (id integer PRIMARY KEY, person_email varchar(30), phone varchar(20),
                               FOREIGN KEY (person_email) REFERENCES people (email));
         INSERT INTO people SELECT i, 'p' || i || '@mail.example', 'Ann', 'friend', 'note ' || i FROM {0};
         INSERT INTO letters SELECT i, 'p' || i || '@mail.example', '+64 21 555 0199' FROM {0}",
        K::series(200)
    ));
    let visard = trial.visard();
    trial.pipeline("", "");
    let found = visard.call(&["discover", "pipeline.yml"]).expect(0).stdout;
    for (column, told) in [
        ("  email  ", true),
        ("  person_email  ", true),
        ("  first_name  ", true),
        ("  kind  ", false),
    ] {
        assert_eq!(found.contains(column), told, "{column}: {found}");
    }
    let csv = visard
        .call(&["discover", "pipeline.yml", "--csv"])
        .expect(0);
    assert_eq!(csv.stdout.lines().count(), 9, "{}", csv.stdout);

    let ruleset = visard.call(&["discover", "pipeline.yml", "--ruleset"]);
    let ruleset = ruleset.expect(0).stdout;
    assert!(ruleset.contains("`person_email` follows"), "{ruleset}");
    // A text of SQLite is as long as it likes, whatever its column says.
    let limited = K::PLACE != "rowid";
    assert_eq!(ruleset.contains("end_index: 6"), limited, "{ruleset}");
    visard.write("ruleset.yml", &ruleset);
    let whole = pipeline(&trial.connection(), "", "");
    let (before, _) = whole.split_once("ruleset:").unwrap();
    visard.write("pipeline.yml", format!("{before}ruleset: ruleset.yml\n"));
    visard.call(&["check", "pipeline.yml"]).expect(0);
    trial.run().expect(0);
    for (question, answer) in [
        (
            "SELECT count(*) FROM letters l JOIN people p ON p.email = l.person_email AND p.id = l.id",
            "200",
        ),
        (
            "SELECT count(*) FROM people WHERE email LIKE '%@mail.example'",
            "0",
        ),
        ("SELECT count(*) FROM people WHERE note LIKE 'note %'", "0"),
        ("SELECT count(*) FROM people WHERE kind = 'friend'", "200"),
    ] {
        assert_eq!(trial.one(question), answer, "{question}\n{ruleset}");
    }
}
