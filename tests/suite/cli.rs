//! The command line: help, answers, and what it says to wrong input.

use crate::visard::Visard;

#[test]
fn every_command_shows_an_example() {
    let visard = Visard::new();
    let commands: [&[&str]; 10] = [
        &["run"],
        &["check"],
        &["plan"],
        &["preview"],
        &["sql"],
        &["masks"],
        &["schema"],
        &["connections", "test"],
        &["init"],
        &["completions"],
    ];
    for command in commands {
        let ended = visard.call(&[command, &["--help"]].concat()).expect(0);
        assert!(
            ended.stdout.contains("Example"),
            "{command:?}:\n{}",
            ended.stdout
        );
    }
}

#[test]
fn wrong_input_is_refused_with_a_way_out() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    for (rules, said) in [
        (
            "- column: emial\n  masks: [{type: hash}]",
            "nearest: `email`",
        ),
        ("- column: email\n  masks: [{type: hahs}]", "`hash`"),
        (
            "- column: email\n  masks: [{type: hash, lenght: 4}]",
            "`length`",
        ),
        (
            "- column: email\n  masks: [{type: hash, length: 400}]",
            "length",
        ),
        (
            "- column: email\n  masks: [{type: from_file, seed_file: nowhere.csv}]",
            "nowhere.csv",
        ),
        (
            "- column: email\n  unique: true\n  masks: [{type: suppress}]",
            "V1008",
        ),
        (
            "- column: email\n  unique: true\n  skip: [null, '', n/a]\n  masks: [{type: imitate_unique}]",
            "V1008",
        ),
        (
            "- column: email\n  hash_columns: [idd]\n  masks: [{type: imitate}]",
            "nearest: `id`",
        ),
        (
            "- column: email\n  masks: [{type: unstructured_text}]",
            "needs `matchers`",
        ),
    ] {
        visard.pipeline("", rules);
        let ended = visard.run(&[]).expect(2);
        assert!(ended.stderr.contains(said), "{rules}\n{}", ended.stderr);
        assert!(
            ended.stderr.contains("pipeline.yml:"),
            "a place: {}",
            ended.stderr
        );
        assert!(!visard.path("out/a.csv").exists());
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
    }
}

#[test]
fn problems_as_json() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.pipeline("", "- column: emial\n  masks: [{type: hash}]");
    let ended = visard.call(&["check", "pipeline.yml", "--json"]).expect(2);
    let problems: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(problems[0]["code"], "V1001");
    assert!(problems[0]["line"].is_number());
}

#[test]
fn a_check_looks_at_files_past_broken_rules() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email,note\n1,ann@x.org,x\n");
    let rules = "- {column: email, masks: &broken [{type: hash, lenght: 4}]}
- {column: no_such_note, masks: [{type: hash}]}
- {column: no_such_id, masks: *broken}
- {if: {column: id, equls: 1}, rules: {column: no_such_phone, masks: [{type: hash}]}}";
    visard.pipeline("coverage: strict", rules);
    let ended = visard.call(&["check", "pipeline.yml", "--json"]).expect(2);
    let problems: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let codes = |problems: &serde_json::Value| -> Vec<String> {
        let problems = problems.as_array().unwrap().iter();
        problems
            .map(|problem| problem["code"].as_str().unwrap().to_owned())
            .collect()
    };
    // What is broken is not judged again, nor called missing.
    assert_eq!(codes(&problems), ["V0602", "V1001", "V0504", "V0202"]);
    // What a task is for may hang on any other error.
    visard.pipeline("wrokers: 2", rules);
    let ended = visard.call(&["check", "pipeline.yml", "--json"]).expect(2);
    let problems: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(codes(&problems), ["V0202", "V0602", "V0504", "V0202"]);
    visard.run(&[]).expect(2);
    assert!(!visard.path("out/a.csv").exists());
}

/// With `--json` a run tells everything in events, one a line.
#[test]
fn a_refusal_is_an_event() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    let problems = |args: &[&str]| -> Vec<serde_json::Value> {
        let ended = visard.run(&[&["--json"], args].concat()).expect(2);
        assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
        let event: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(event["event"], "refused");
        event["problems"].as_array().unwrap().clone()
    };
    visard.pipeline("", "- column: emial\n  masks: [{type: hash}]");
    let wrong = problems(&[]);
    assert_eq!((wrong.len(), &wrong[0]["code"]), (1, &"V1001".into()));
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let nothing = problems(&["--resume"]);
    let message = nothing[0]["message"].as_str().unwrap();
    assert!(message.contains("no run to resume"), "{message}");
    assert_eq!(nothing[0]["severity"], "error");
}

/// A key that is misspelt may change which files a task is for: what is wrong whatever they hold is told.
#[test]
fn wrong_arguments_are_told_beside_a_wrong_key() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.pipeline(
        "",
        "- column: id\n  masks: [{type: from_random_number, min: 5, max: 1}]\n\
         - column: email\n  masks: [{type: replace_regex, regex: '(', masks: [{type: suppress}]}]\n\
         - column: born\n  masks: [{type: retain_year}]\n\
         - column: nowhere\n  masks: [{type: hahs}]",
    );
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let told = |codes: &[&str]| {
        for command in ["check", "run"] {
            let ended = visard.call(&[command, "pipeline.yml"]).expect(2);
            let mut found: Vec<&str> = ended.stderr.split("error[").skip(1).collect();
            found.iter_mut().for_each(|found| *found = &found[..5]);
            assert_eq!(found, codes, "{command}:\n{}", ended.stderr);
            assert!(ended.stderr.contains("unclosed group"), "{}", ended.stderr);
        }
    };
    told(&["V1002", "V1002", "V1001", "V0601"]);
    visard.write(
        "pipeline.yml",
        yaml.replace("recurse: true", "recurs: true"),
    );
    told(&["V0202", "V1002", "V1002", "V0601"]);
}

/// What a run would be refused for is told by a check, with its place.
#[test]
fn a_check_refuses_what_a_run_refuses() {
    let rules = "- column: email\n  masks: [{type: hash}]";
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.write("file", "");
    visard.pipeline("", rules);
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let secret = "a run secret for tests only";
    let s3 = "{type: s3_connection, bucket: b, region: x, endpoint: 'http://127.0.0.1:9', allow_http: true, \
              access_key_id: a, secret_access_key: b}";
    let folder = |name: &str| format!("{{type: mounted_share_connection, base_directory: {name}}}");
    for (from, to, code) in [
        (secret, "é".repeat(257), "V0313"),
        (secret, "é".repeat(15), "V0306"),
        (&folder("out"), folder("file/below"), "V1011"),
        (&folder("in"), s3.to_owned(), "V1011"),
        (&folder("out"), s3.to_owned(), "V1011"),
    ] {
        visard.write("pipeline.yml", yaml.replace(from, &to));
        let checked = visard.call(&["check", "pipeline.yml"]).expect(2);
        let ran = visard.run(&[]).expect(2);
        for said in [&checked.stderr, &ran.stderr] {
            let placed = said.contains(&format!("error[{code}]")) && said.contains("pipeline.yml:");
            assert!(placed, "{to}:\n{said}");
        }
        assert!(!visard.path("run").exists(), "{to}");
    }
    visard.write("pipeline.yml", yaml.replace(secret, &"é".repeat(256)));
    visard.run(&[]).expect(0);
}

/// A short secret is warned of once.
#[test]
fn a_short_secret_is_told_of_once() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace("a run secret for tests only", "sixteen letters!"),
    );
    visard.run(&[]).expect(0);
    let warnings = visard.report()["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
}

/// A run that was refused is not in the way of the next one.
#[test]
fn a_refused_run_leaves_no_folder() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.pipeline("", "- column: emial\n  masks: [{type: hash}]");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let without = yaml.replace(
        "  run_secret: a run secret for tests only\n",
        "  workers: 1\n",
    );
    visard.write("pipeline.yml", &without);
    visard.run(&[]).expect(2);
    assert!(!visard.path("run").exists());
    // A folder that was there stays, and what lay in it.
    visard.write("run/mine", "");
    visard.run(&[]).expect(2);
    assert_eq!(visard.files("run"), ["mine"]);
    visard.write("pipeline.yml", without.replace("emial", "email"));
    visard.run(&[]).expect(0);
    assert!(visard.path("run/run-secret").exists());
    let again = visard.run(&[]).expect(2);
    assert!(
        again.stderr.contains("holds a run already"),
        "{}",
        again.stderr
    );
}

#[test]
fn preview_shows_and_writes_nothing() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n2,bo@x.org\n");
    visard.pipeline(
        "",
        "- column: email\n  masks: [{type: from_fixed, value: masked!}]",
    );
    let ended = visard
        .call(&["preview", "pipeline.yml", "--rows", "1"])
        .expect(0);
    assert!(
        ended.stdout.contains("ann@x.org") && ended.stdout.contains("masked!"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("bo@x.org"));
    let ended = visard
        .call(&["preview", "pipeline.yml", "--rows", "1", "--json"])
        .expect(0);
    let shown: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let email = serde_json::json!({"before": "ann@x.org", "after": "masked!"});
    assert_eq!(
        shown,
        serde_json::json!([{"file": "a.csv", "rows": [{"email": email}]}])
    );
    for command in ["check", "plan"] {
        visard.call(&[command, "pipeline.yml"]).expect(0);
    }
    assert!(!visard.path("out").exists(), "only a run makes it");
}

#[test]
fn plan_tells_columns_apart() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email,city\n1,ann@x.org,Rome\n");
    visard.pipeline(
        "",
        "- column: email\n  hash_columns: [id]\n  masks: [{type: imitate}]",
    );
    let page = visard.call(&["plan", "pipeline.yml"]).expect(0).stdout;
    for line in [
        "masked  email: imitate",
        "read    id",
        "copied  city",
        "UnitWrite",
        "UnitScan",
        "mask[imitate]",
    ] {
        assert!(page.contains(line), "{line}:\n{page}");
    }
    assert!(!page.contains("a run secret for tests only"));
    assert!(
        !page.contains("copied  id"),
        "it is read, and listed once:\n{page}"
    );
    let json = visard.call(&["plan", "pipeline.yml", "--json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let group = &plan["groups"][0];
    assert_eq!(group["read"], serde_json::json!(["id"]));
    assert_eq!(group["copied"], serde_json::json!(["city"]));
}

#[test]
fn schemas_are_json_schemas() {
    let visard = Visard::new();
    for kind in ["pipeline", "ruleset"] {
        let ended = visard.call(&["schema", kind]).expect(0);
        let schema: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(schema["$schema"].as_str().unwrap().contains("2020-12"));
    }
}

#[test]
fn masks_are_explained() {
    let visard = Visard::new();
    assert!(
        visard
            .call(&["masks"])
            .expect(0)
            .stdout
            .contains("from_file")
    );
    assert!(
        visard
            .call(&["masks", "hash"])
            .expect(0)
            .stdout
            .contains("base32")
    );
    assert!(
        visard
            .call(&["masks", "hahs"])
            .expect(2)
            .stderr
            .contains("nearest: `hash`")
    );
    let asked = visard.call(&["masks", "hahs", "--json"]).expect(2);
    let told: serde_json::Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!(told["error"], "there is no mask `hahs`; nearest: `hash`");
    let page = visard.call(&["masks", "from_random_text"]).expect(0).stdout;
    let max = page.split_once("\n  max\n").unwrap().1;
    let max = max.split_once("\n\n").unwrap().0;
    assert!(max.ends_with("    also: max_length\n    required"), "{max}");
}

#[test]
fn connections_are_tested() {
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    std::fs::create_dir_all(visard.path("out")).unwrap();
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let ended = visard
        .call(&["connections", "test", "pipeline.yml"])
        .expect(0);
    assert!(
        ended.stdout.contains("write      works"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_source_without_files_is_told_apart_from_filters_that_match_none() {
    let visard = Visard::new();
    std::fs::create_dir_all(visard.path("in/a.csv")).unwrap();
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let ended = visard.call(&["check", "pipeline.yml"]).expect(2);
    let said = "the source holds no file";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    visard.write("in/a.csv/b.csv", "email\n");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace("recurse: true", "include: ['*.CSV']\n      recurse: true"),
    );
    let ended = visard.call(&["check", "pipeline.yml"]).expect(2);
    let said = "files such as `a.csv/b.csv`";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn a_line_break_in_a_name_is_seen() {
    let visard = Visard::new();
    visard.write("in/new\nline.csv", "email,\"a\nb\"\n1990-02-03,x\n");
    visard.write("in/wrong\nline.csv", "email,\"a\nb\"\nann,x\n");
    visard.pipeline(
        "continue_on_failure: true",
        "- column: email\n  masks: [{type: retain_year}]",
    );
    let ended = visard.run(&[]).expect(3);
    let report = String::from_utf8(visard.read("run/report.txt")).unwrap();
    for page in [&ended.stderr, &report] {
        assert!(page.contains("wrong\\nline.csv"), "{page}");
        assert!(!page.contains("wrong\n"), "{page}");
    }
    assert!(report.contains("not masked: a\\nb"), "{report}");
    assert!(report.contains("\nnew\\nline.csv [masked]"), "{report}");
    assert_eq!(visard.files("out"), ["new\nline.csv"]);
}
