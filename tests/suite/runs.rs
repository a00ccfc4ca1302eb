//! Runs over a folder: what is written, what is not, and how a run ends.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::visard::Visard;

const EMAIL: &str = "- column: email\n  masks: [{type: hash, length: 8}]";

#[test]
fn untouched_bytes_stay() {
    let visard = Visard::new();
    visard.write(
        "in/a.csv",
        "id,email,note\r\n1,ann@x.org,\"a \"\"b\"\"\r\nc\"\r\n02,,\r\n3,\"\",x",
    );
    visard.pipeline(
        "",
        "- column: email\n  skip: [null, '']\n  masks: [{type: from_fixed, value: 'm,m'}]",
    );
    visard.run(&[]).expect(0);
    let out = String::from_utf8(visard.read("out/a.csv")).unwrap();
    assert_eq!(
        out,
        "id,email,note\r\n1,\"m,m\",\"a \"\"b\"\"\r\nc\"\r\n02,,\r\n3,\"\",x"
    );
}

#[test]
fn null_and_empty_are_told_apart() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,\n2,\"\"\n3,x\n");
    visard.pipeline(
        "",
        "- column: email\n  skip: [null]\n  masks: [{type: from_fixed, value: y}]",
    );
    visard.run(&[]).expect(0);
    assert_eq!(visard.read("out/a.csv"), b"id,email\n1,\n2,\"y\"\n3,y\n");
}

#[test]
fn same_value_same_token_in_every_format() {
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    visard.write("in/sub/b.tsv", "id\temail\n7\tann@x.org\n");
    visard.pipeline("", EMAIL);
    visard.run(&[]).expect(0);
    let token = |file: &str, skip: usize| {
        let text = String::from_utf8(visard.read(file)).unwrap();
        text.lines().nth(1).unwrap()[skip..].to_owned()
    };
    assert_eq!(token("out/a.csv", 0), token("out/sub/b.tsv", 2));
    assert_eq!(token("out/a.csv", 0).len(), 8);
}

#[test]
fn files_no_task_selects() {
    for (unmatched, code, copied) in [("skip", 0, false), ("copy", 0, true), ("fail", 2, false)] {
        let visard = Visard::new();
        visard.write("in/a.csv", "email\nann@x.org\n");
        visard.write("in/readme.md", "hello");
        visard.pipeline(&format!("unmatched: {unmatched}"), EMAIL);
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        visard.write(
            "pipeline.yml",
            yaml.replace("recurse: true", "recurse: true\n      include: ['*.csv']"),
        );
        let ended = visard.run(&[]).expect(code);
        assert_eq!(
            visard.path("out/readme.md").exists(),
            copied,
            "{unmatched}: {}",
            ended.stderr
        );
        assert_eq!(visard.path("out/a.csv").exists(), code == 0);
    }
}

#[test]
fn strict_coverage_names_what_is_left() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.pipeline("coverage: strict", EMAIL);
    let ended = visard.run(&[]).expect(2);
    assert!(
        ended.stderr.contains("V1007") && ended.stderr.contains("`id`"),
        "{}",
        ended.stderr
    );
    visard.pipeline(
        "coverage: strict",
        &format!("{EMAIL}\n- column: id\n  masks: [{{type: do_nothing}}]"),
    );
    std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
    visard.run(&[]).expect(0);

    visard.write("in/folder/b.tsv", "email\nann@x.org\n");
    for (unmatched, code) in [("copy", 2), ("skip", 0)] {
        visard.pipeline(
            &format!("coverage: strict\nunmatched: {unmatched}"),
            &format!("{EMAIL}\n- column: id\n  masks: [{{type: do_nothing}}]"),
        );
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        visard.write(
            "pipeline.yml",
            yaml.replace("recurse: true", "recurse: false"),
        );
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
        let ended = visard.run(&[]).expect(code);
        let named = ended
            .stderr
            .contains("`folder/b.tsv` would be copied unmasked");
        assert_eq!(named, code == 2, "{}", ended.stderr);
    }
}

#[test]
fn links_are_named_and_not_followed() {
    use std::os::unix::fs::symlink;
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    symlink("a.csv", visard.path("in/link")).unwrap();
    let only_csv = |options: &str| {
        visard.pipeline(options, EMAIL);
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        let all = "recurse: true";
        visard.write(
            "pipeline.yml",
            yaml.replace(all, "recurse: true\n      include: ['*.csv']"),
        );
    };
    for (unmatched, code) in [("fail", 2), ("copy", 0)] {
        only_csv(&format!("unmatched: {unmatched}"));
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
        let ended = visard.run(&[]).expect(code);
        assert_eq!(
            ended.stderr.contains("`link`"),
            code == 2,
            "{}",
            ended.stderr
        );
    }
    let report = String::from_utf8(visard.read("run/report.txt")).unwrap();
    assert!(
        report.contains("link [skipped]\n  it is a symbolic link"),
        "{report}"
    );

    symlink("a.csv", visard.path("in/b.csv")).unwrap();
    std::fs::remove_dir_all(visard.path("run")).unwrap();
    let ended = visard.run(&[]).expect(2);
    assert!(
        ended.stderr.contains("`b.csv` is a symbolic link"),
        "{}",
        ended.stderr
    );
}

#[test]
fn in_place_overwrites_and_resumes_without_masking_twice() {
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    visard.pipeline("in_place: true", EMAIL);
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace("destination: out", "destination: in"),
    );
    visard.run(&[]).expect(0);
    let once = visard.read("in/a.csv");
    assert!(!String::from_utf8_lossy(&once).contains("ann@x.org"));
    visard.run(&["--resume"]).expect(0);
    assert_eq!(visard.read("in/a.csv"), once);
}

#[test]
fn the_report_tells_what_happened() {
    let visard = Visard::new();
    visard.write(
        "in/a.csv",
        "id,email,city\n1,ann@x.org,Rome\n2,,Oslo\n3,bo@x.org,Rome\n",
    );
    visard.pipeline(
        "",
        "- column: email\n  skip: [null]\n  masks: [{type: hash}]",
    );
    visard.run(&[]).expect(0);
    let report = visard.report();
    let file = &report["files"][0];
    assert_eq!(file["status"], "masked");
    assert_eq!(file["rows"], 3);
    let email = &file["columns"]["email"];
    assert_eq!((&email["values"], &email["nulls"]), (&3.into(), &1.into()));
    assert_eq!((&email["masked"], &email["kept"]), (&2.into(), &1.into()));
    assert_eq!(file["unmasked"], serde_json::json!(["id", "city"]));
    assert_eq!(report["exit_code"], 0);
    assert_eq!(file["bytes_out"], visard.read("out/a.csv").len());
}

#[test]
fn a_file_that_fails_leaves_no_output_and_the_code_tells() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.write("in/b.csv", "id,email\n1,ann@x.org,surplus\n");
    visard.pipeline("continue_on_failure: true", EMAIL);
    let ended = visard.run(&[]).expect(3);
    assert_eq!(visard.files("out"), ["a.csv"]);
    assert!(
        ended.stderr.contains("b.csv") && !ended.stderr.contains("surplus"),
        "{}",
        ended.stderr
    );
    assert_eq!(visard.report()["files"][1]["status"], "failed");
}

#[test]
fn a_refused_value_is_found_by_its_place() {
    let visard = Visard::new();
    let mut text = String::from("id,born\n");
    for id in 0..20_000 {
        text += &format!("{id},1984-02-29\n");
    }
    let bad = text.len();
    text += "x,thirtieth of May\n";
    visard.write("in/a.csv", &text);
    let born: StringArray = (0..20_000)
        .map(|id| {
            Some(if id == 17_000 {
                "thirtieth of May"
            } else {
                "1984-02-29"
            })
        })
        .collect();
    let batch = RecordBatch::try_from_iter([("born", Arc::new(born) as ArrayRef)]).unwrap();
    let file = std::fs::File::create(visard.path("in/b.parquet")).unwrap();
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(6_000));
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    visard.pipeline(
        "continue_on_failure: true",
        "- column: born\n  masks: [{type: retain_year}]",
    );
    let ended = visard.run(&[]).expect(1);
    for place in [&format!("the record at byte {bad}: "), "row 17001: "] {
        let found = ended.stderr.contains(place) && !ended.stderr.contains("May");
        assert!(found, "{place}\n{}", ended.stderr);
    }
}

/// A file is called once by what says why it failed.
#[test]
fn a_failed_file_is_named_once() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
    visard.write("in/b.csv", "id,email\n1,ann@x.org,surplus\n");
    visard.pipeline("continue_on_failure: true", EMAIL);
    let ended = visard.run(&[]).expect(3);
    let told: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("b.csv"))
        .collect();
    assert!(!told.is_empty());
    for line in told {
        assert_eq!(line.matches("b.csv").count(), 1, "{line}");
    }
}

/// What two columns of one name can be told.
#[test]
fn columns_of_one_name_are_refused_with_a_way_out() {
    let visard = Visard::new();
    visard.write("in/a.csv", "name,name,keep\nann,bo,1\n");
    visard.pipeline("", "- column: name\n  masks: [{type: hash}]");
    let ended = visard.run(&[]).expect(2);
    let help = "rename one of them in the file, or leave them as they are with `do_nothing`";
    assert!(
        ended.stderr.contains("V1004") && ended.stderr.contains(help),
        "{}",
        ended.stderr
    );
    visard.pipeline("", "- column: name\n  masks: [{type: do_nothing}]");
    visard.run(&[]).expect(0);
    assert_eq!(visard.read("out/a.csv"), visard.read("in/a.csv"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    visard.pipeline("", EMAIL);
    visard.run(&["--dry-run"]).expect(0);
    assert!(visard.files("out").is_empty());
}

#[test]
fn large_files_come_out_the_same_in_any_number_of_slices() {
    let visard = Visard::new();
    let mut text = String::from("id,email,note\n");
    while text.len() < 20 << 20 {
        let n = text.len();
        text += &format!("{n},user{n}@example.com,\"line one\nline, two\"\n");
    }
    visard.write("in/large.csv", &text);
    visard.write("in/sub/large.csv", &text);
    visard.pipeline("workers: 4", EMAIL);
    visard.run(&[]).expect(0);
    let out = String::from_utf8(visard.read("out/large.csv")).unwrap();
    assert_eq!(out.matches('\n').count(), text.matches('\n').count());
    assert!(!out.contains("@example.com"));
    assert_eq!(out.len(), visard.read("out/sub/large.csv").len());
    let unmask = |text: &str| {
        text.lines()
            .map(|l| l.split(',').nth(2).unwrap_or(l).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        unmask(&out),
        unmask(&text),
        "the other columns are as they were"
    );
}

/// Row groups of more columns than the memory of a run can hold at once.
#[test]
fn wide_row_groups_come_out_the_same_in_little_memory() {
    let visard = Visard::new();
    let rows = 70_000;
    let columns = (0..20).map(|column| {
        let values = (0..rows).map(|row| format!("value {row} of {column}"));
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(values));
        (format!("c{column}"), values)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(60_000));
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    visard.write("in/a.parquet", &bytes);
    for number in 0..20 {
        visard.write(&format!("in/copied/{number}.bin"), &bytes[..100_000]);
    }
    // One column is read by the masks of all others, and masked itself.
    let rules = "- columns: ['c1*']\n  hash_columns: [c2]\n  masks: [{type: imitate}]\n\
                 - column: c2\n  masks: [{type: hash}]";
    let mut outputs = Vec::new();
    for limit in ["512MiB", "16MiB"] {
        visard.pipeline(&format!("memory_limit: {limit}\nunmatched: copy"), rules);
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        visard.write(
            "pipeline.yml",
            yaml.replace("recurse: true", "include: ['*.parquet']"),
        );
        let plan = visard.call(&["plan", "pipeline.yml"]).expect(0).stdout;
        let in_parts = plan.contains("physical plan of part 2 of 12");
        assert_eq!(in_parts, limit == "16MiB", "{plan}");
        visard.run(&[]).expect(0);
        assert_eq!(visard.files("out").len(), 21);
        let file = &visard.report()["files"][0];
        assert_eq!(file["rows"], rows, "{file}");
        assert_eq!(file["columns"]["c2"]["masked"], rows, "{file}");
        assert_eq!(file["columns"].as_object().unwrap().len(), 12);
        outputs.push(visard.read("out/a.parquet"));
        for folder in ["out", "run"] {
            std::fs::remove_dir_all(visard.path(folder)).unwrap();
        }
    }
    assert!(outputs[0] == outputs[1], "other bytes in little memory");
}

/// A text that is no date has no age: it fulfils no comparison of one, and neither is it an error.
#[test]
fn ages_of_what_is_no_date() {
    let visard = Visard::new();
    let born = [
        "2010-05-01",
        "1950-05-01",
        " 1950-05-01T12:00:00+02:00 ",
        "31/12/1950",
        "31/12/2010",
        "bad",
        "1990-13-45",
        "0000-00-00",
        "",
    ];
    let rows: String = born.iter().map(|born| format!("{born},a,b\n")).collect();
    visard.write("in/a.csv", format!("born,young,old\n{rows}"));
    visard.pipeline(
        "",
        "- if: {column: born, age_less_than: 18, at: '2026-01-31'}\n  \
           rules: [{column: young, masks: [{type: from_fixed, value: 'yes'}]}]\n\
         - if: {column: born, age_greater_than_or_equal: 18, at: '2026-01-31'}\n  \
           rules: [{column: old, masks: [{type: from_fixed, value: 'yes'}]}]",
    );
    visard.run(&[]).expect(0);
    let chosen = ["yes,b", "a,yes", "a,yes"]
        .into_iter()
        .chain(std::iter::repeat("a,b"));
    let rows: String = born
        .iter()
        .zip(chosen)
        .map(|(born, chosen)| format!("{born},{chosen}\n"))
        .collect();
    let masked = String::from_utf8(visard.read("out/a.csv")).unwrap();
    assert_eq!(masked, format!("born,young,old\n{rows}"));
}

/// What a mask leaves in clear is told of, in delimited text and in Parquet with its dictionaries.
#[test]
fn the_report_tells_what_stayed_in_clear() {
    let visard = Visard::new();
    let cards = ["4111111111111111", "12", "12", "12-3", "411-1111"];
    let rows: String = cards.iter().map(|card| format!("{card},x\n")).collect();
    visard.write("in/a.csv", format!("card,note\n{rows}"));
    let column = |texts: &[&str]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let columns = [("card", column(&cards)), ("note", column(&["x"; 5]))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(visard.path("in/b.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    visard.pipeline(
        "",
        "- column: card\n  masks: [{type: fpe, short: keep}]\n\
         - column: note\n  masks: [{type: do_nothing}]",
    );
    visard.run(&[]).expect(0);
    for file in visard.report()["files"].as_array().unwrap() {
        let card = serde_json::json!({
            "values": 5, "nulls": 0, "masked": 5, "unchanged": 3, "short": 3, "outside": 2, "kept": 0,
        });
        assert_eq!(file["columns"]["card"], card, "{file}");
        assert_eq!(file["columns"]["note"]["unchanged"], 5, "{file}");
    }
    let page = String::from_utf8(visard.read("run/report.txt")).unwrap();
    for line in [
        "unchanged",
        "3 were too short for `fpe`",
        "2 had characters outside",
    ] {
        assert!(page.contains(line), "{page}");
    }
}

/// A column that Parquet gives no type, as pandas writes one of nulls alone, goes along with any rule.
#[test]
fn columns_of_nulls_alone() {
    let visard = Visard::new();
    let nulls = || Arc::new(NullArray::new(2));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let columns: [(&str, ArrayRef); 4] = [
        ("id", ids),
        ("email", nulls()),
        ("phone", nulls()),
        ("city", nulls()),
    ];
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = std::fs::File::create(visard.write("in/a.parquet", "")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    visard.pipeline(
        "coverage: strict",
        "- column: id\n  hash_columns: [email]\n  masks: [{type: imitate}]\n\
         - column: email\n  masks: [{type: email}]\n\
         - column: phone\n  masks: [{type: do_nothing}]\n\
         - if: {column: phone, is_null: true}\n  rules: [{column: city, masks: [{type: from_fixed, value: x}]}]",
    );
    visard.run(&[]).expect(0);
    let file = std::fs::File::open(visard.path("out/a.parquet")).unwrap();
    let mut read = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let masked = read.next().unwrap().unwrap();
    assert_eq!(masked.schema(), batch.schema());
    for column in 1..4 {
        assert_eq!(masked.column(column), batch.column(column));
    }
    assert_ne!(masked.column(0), batch.column(0));
}

/// Who may not read a file may not read its masked copy either, nor one that was copied as it is.
#[test]
fn outputs_are_no_wider_readable_than_their_sources() {
    use std::os::unix::fs::PermissionsExt;
    let visard = Visard::new();
    let set = |path: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(visard.path(path), mode).unwrap();
    };
    let batch = RecordBatch::try_from_iter([(
        "email",
        Arc::new(StringArray::from(vec!["ann@x.org"])) as ArrayRef,
    )]);
    let batch = batch.unwrap();
    for (name, mode) in [("private", 0o600), ("group", 0o640), ("public", 0o644)] {
        for ending in ["csv", "parquet", "md"] {
            let path = visard.write(&format!("in/{name}.{ending}"), "email\nann@x.org\n");
            if ending == "parquet" {
                let file = std::fs::File::create(path).unwrap();
                let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
            }
            set(&format!("in/{name}.{ending}"), mode);
        }
    }
    // What is there already lends its mode, as far as the source has it.
    visard.write("out/private.csv", "");
    set("out/private.csv", 0o664);
    visard.pipeline("unmatched: copy", EMAIL);
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let yaml = yaml.replace("recurse: true", "include: ['*.csv', '*.parquet']");
    visard.write("pipeline.yml", yaml);
    visard.run(&[]).expect(0);
    assert_eq!(visard.files("out").len(), 9);
    for path in visard.files("out") {
        let mode = |folder: &str| {
            let path = visard.path(folder).join(&path);
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("out") & !mode("in"), 0, "{path}: {:o}", mode("out"));
        assert_eq!(mode("out") & 0o600, 0o600, "{path}");
    }
}
