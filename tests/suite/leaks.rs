//! Original values and secrets are nowhere but in the source: a byte scan over all that a run leaves.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::visard::Visard;

const SECRETS: [&str; 2] = ["a run secret for tests only", "golden instance secret"];

/// A file whose statistics, dictionary, bloom filter and metadata all hold original values.
fn parquet_with_traces(path: &std::path::Path) {
    let emails: Vec<String> = (0..1000)
        .map(|row| format!("leak{row:04}@secret.example"))
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..1000))),
        ("email", Arc::new(StringArray::from(emails))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_enabled(true)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "note".into(),
            "leak0001@secret.example".to_owned(),
        )]))
        .set_max_row_group_row_count(Some(300))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn nothing_original_is_left_anywhere() {
    let visard = Visard::new();
    visard.write(
        "in/a.csv",
        "id,email\n1,leak0001@secret.example\n2,leak0002@secret.example\n",
    );
    parquet_with_traces(&visard.path("in/b.parquet"));
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let run = visard.run(&["-vv"]).expect(0);
    let plan = visard.call(&["plan", "pipeline.yml", "-vv"]).expect(0);
    let mut seen = vec![
        ("stdout".to_owned(), run.stdout.into_bytes()),
        ("stderr".to_owned(), run.stderr.into_bytes()),
        ("plan".to_owned(), (plan.stdout + &plan.stderr).into_bytes()),
    ];
    for folder in ["out", "run"] {
        for file in visard.files(folder) {
            seen.push((file.clone(), visard.read(&format!("{folder}/{file}"))));
        }
    }
    assert!(seen.len() >= 7, "outputs, journal, reports: {}", seen.len());
    for (name, bytes) in &seen {
        let holds = |needle: &str| {
            bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        };
        assert!(!holds("@secret.example"), "{name} holds an original value");
        for secret in SECRETS {
            assert!(!holds(secret), "{name} holds a secret");
        }
    }
}

#[test]
fn errors_quote_no_value() {
    let visard = Visard::new();
    parquet_with_traces(&{
        std::fs::create_dir_all(visard.path("in")).unwrap();
        visard.path("in/b.parquet")
    });
    visard.write(
        "in/a.csv",
        "id,email\n1,leak0001@secret.example,leak0002@secret.example\n",
    );
    visard.write("in/c.csv", b"id,email\n1,leak\xff0001@secret.example\n");
    visard.pipeline(
        "continue_on_failure: true",
        "- column: email\n  masks: [{type: retain_year}]",
    );
    let ended = visard.run(&["-vv"]).expect(1);
    for text in [
        &ended.stdout,
        &ended.stderr,
        &String::from_utf8(visard.read("run/report.json")).unwrap(),
    ] {
        assert!(
            !text.contains("secret.example") && !text.contains("leak0"),
            "{text}"
        );
    }
    for file in ["a.csv", "b.parquet", "c.csv"] {
        assert!(ended.stderr.contains(file), "{file}: {}", ended.stderr);
    }
}

/// A file without a header: its first record would name the columns.
#[test]
fn a_header_that_may_be_data_is_told_by_number() {
    let visard = Visard::new();
    visard.write(
        "in/a.csv",
        "7,leak0001@secret.example\n8,leak0002@secret.example\n",
    );
    let rules = |masks: &str| format!("- columns: ['*']\n  masks: [{masks}]");
    let said = |ended: crate::visard::Ended| {
        let said = ended.stdout + &ended.stderr;
        assert!(!said.contains("leak000"), "{said}");
        said
    };
    visard.pipeline("", &rules("{type: retain_year}"));
    let failed = said(visard.run(&["-vv"]).expect(1));
    assert!(failed.contains("number 1"), "{failed}");
    std::fs::remove_dir_all(visard.path("run")).unwrap();
    visard.pipeline("", &rules("{type: hash}"));
    let plan = said(visard.call(&["plan", "pipeline.yml", "-vv"]).expect(0));
    assert!(plan.contains("masked  number 2: hash"), "{plan}");
    said(visard.run(&["-vv"]).expect(0));
    for file in visard.files("run") {
        let bytes = visard.read(&format!("run/{file}"));
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("leak000"), "{file}: {text}");
    }
    assert!(visard.report()["files"][0]["columns"]["number 2"].is_object());
}

/// Names that a ruleset spells out are no secret, and work as in any other file.
#[test]
fn a_header_that_may_be_data_works_by_its_names() {
    let visard = Visard::new();
    visard.write("in/a.csv", ",name,2023,2024\n0,Ann,5,6\n1,Bo,7,8\n");
    visard.pipeline(
        "",
        "- {column: name, hash_columns: ['2023'], masks: [{type: from_fixed, value: x}]}\n\
         - {column: '2024', masks: [{type: from_column, source_column: '2023'}]}",
    );
    let ended = visard.run(&[]).expect(0);
    assert_eq!(
        visard.read("out/a.csv"),
        b",name,2023,2024\n0,x,5,5\n1,x,7,7\n",
        "{}",
        ended.stderr
    );
    let report = visard.report();
    assert!(report["files"][0]["columns"]["name"].is_object());
    let unmasked = &report["files"][0]["unmasked"];
    assert_eq!(*unmasked, serde_json::json!(["number 1", "2023"]));
}

#[test]
fn a_generated_run_secret_is_in_one_private_file() {
    use std::os::unix::fs::PermissionsExt;
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace("  run_secret: a run secret for tests only\n", ""),
    );
    let ended = visard.run(&[]).expect(0);
    let secret = String::from_utf8(visard.read("run/run-secret")).unwrap();
    let mode = std::fs::metadata(visard.path("run/run-secret"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mode = std::fs::metadata(visard.path("run"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(ended.stderr.contains("run-secret") && !ended.stderr.contains(secret.trim()));
    for file in visard.files("run") {
        let text = String::from_utf8_lossy(&visard.read(&format!("run/{file}"))).into_owned();
        assert_eq!(text.contains(secret.trim()), file == "run-secret", "{file}");
    }
}
