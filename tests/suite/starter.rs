//! `visard init`: the pipeline it writes passes a check over whatever a folder holds, and masks it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;

use crate::visard::Visard;

/// What `visard init` with these arguments writes as `pipeline.yml`.
fn start(visard: &Visard, args: &[&str]) -> String {
    let ended = visard.call(&[&["init"], args].concat()).expect(0);
    visard.write("pipeline.yml", &ended.stdout);
    ended.stdout
}

fn write_parquet(visard: &Visard, path: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let path = visard.write(path, "");
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_pipeline_to_start_from_runs() {
    let visard = Visard::new();
    visard.write(
        "in/people.csv",
        "id,first_name,email,birth_date,phone\n1,Ann,ann@x.org,1990-02-03,021 555 0199\n2,Bo,,,none\n",
    );
    visard.write("in/it's [odd].csv", "id,notes\n1,secret\n");
    let ended = visard.call(&["init", "in"]).expect(0);
    visard.write("pipeline.yml", ended.stdout);
    visard.run(&[]).expect(0);
    let people = String::from_utf8(visard.read("in-masked/people.csv")).unwrap();
    assert!(
        !people.contains("ann@x.org")
            && people.contains("@example.")
            && people.contains("1990-")
            && !people.contains("none"),
        "{people}"
    );
    assert_eq!(visard.read("in-masked/it's [odd].csv"), b"id,notes\n1,\n");
}

#[test]
fn a_file_without_header_names_no_value() {
    let visard = Visard::new();
    visard.write("in/a.csv", "1,ann@x.org\n2,bo@x.org\n");
    let ended = visard.call(&["init", "in"]).expect(0);
    assert!(!ended.stdout.contains("x.org"), "{}", ended.stdout);
    visard.write("pipeline.yml", ended.stdout);
    visard.run(&[]).expect(0);
    assert_eq!(visard.read("in-masked/a.csv"), visard.read("in/a.csv"));
}

#[test]
fn what_it_writes_passes_over_nasty_folders() {
    let visard = Visard::new();
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    for (path, text) in [
        ("in/plain.csv", "id,email\n1,ann@x.org\n"),
        (
            "in/semicolons.csv",
            "id;first_name;price\n1;Ann;2,50\n2;Bo;3,75\n",
        ),
        ("in/bars.txt", "id|last_name\n1|Hill\n"),
        ("in/tabs.csv", "id\temail\n1\tann@x.org\n"),
        ("in/commas.tsv", "id,email\n1,ann@x.org\n"),
        ("in/twice.csv", "name,name,keep\nann,bo,1\n"),
        ("in/no header.csv", "1;ann@x.org\n2;bo@x.org\n"),
        ("in/empty.csv", ""),
        ("in/blank.csv", "\n\n"),
        ("in/only header.csv", "id,email"),
        (
            "in/odd names.csv",
            "\"a'b\",\"c\nd\",*,${HOME},a.b,é\n1,2,3,4,5,6\n",
        ),
        ("in/deep/er/[odd] {name}?.csv", "id,email\n1,ann@x.org\n"),
        ("in/damaged.parquet", "PAR1 it is not"),
        ("in/readme.md", "no table"),
    ] {
        visard.write(path, text);
    }
    let inner = Fields::from(vec![
        Field::new("zip", DataType::Utf8, true),
        Field::new("country", DataType::Utf8, true),
        Field::new("verified", DataType::Null, true),
    ]);
    let address = StructArray::new(
        inner,
        vec![texts("94105"), texts("US"), Arc::new(NullArray::new(1))],
        None,
    );
    let intervals = arrow::array::IntervalYearMonthArray::from(vec![1]);
    write_parquet(
        &visard,
        "in/nested.parquet",
        vec![
            ("id", Arc::new(Int64Array::from(vec![1]))),
            ("email", Arc::new(NullArray::new(1))),
            ("address", Arc::new(address)),
            ("lasting", Arc::new(intervals)),
            ("a.b", texts("x")),
        ],
    );
    let page = start(&visard, &["in"]);
    visard.call(&["check", "pipeline.yml"]).expect(0);
    visard.run(&[]).expect(0);
    let read = |path: &str| String::from_utf8(visard.read(path)).unwrap();
    let semicolons = read("in-masked/semicolons.csv");
    assert!(
        !semicolons.contains("Ann") && semicolons.contains(";2,50\n"),
        "{semicolons}"
    );
    assert!(!read("in-masked/bars.txt").contains("Hill"));
    for path in [
        "tabs.csv",
        "commas.tsv",
        "plain.csv",
        "deep/er/[odd] {name}?.csv",
    ] {
        let masked = read(&format!("in-masked/{path}"));
        assert!(
            !masked.contains("ann@x.org") && masked.starts_with("id"),
            "{path}: {masked}"
        );
    }
    for path in ["twice.csv", "no header.csv", "odd names.csv"] {
        assert_eq!(
            read(&format!("in-masked/{path}")),
            read(&format!("in/{path}"))
        );
    }
    assert!(!page.contains("x.org"), "{page}");
}

/// The folder that one stands in is called `.`.
#[test]
fn the_destination_lies_beside_the_folder() {
    for folder in [".", "./", "../in", "deep/.."] {
        let visard = Visard::new();
        visard.write("in/a.csv", "id,email\n1,ann@x.org\n");
        visard.write("in/deep/b.csv", "id,email\n1,ann@x.org\n");
        let within = |args: &[&str]| {
            let mut command = visard.command(args);
            crate::visard::Ended::of(command.current_dir(visard.path("in")).output().unwrap())
        };
        let page = within(&["init", folder]).expect(0).stdout;
        visard.write("in/pipeline.yml", page);
        within(&["check", "pipeline.yml"]).expect(0);
        within(&["run", "pipeline.yml"]).expect(0);
        assert!(visard.path("in-masked/a.csv").exists(), "{folder}");
    }
}
