//! Golden rulesets: `tests/golden/NAME/` holds `pipeline.yml`, `in/` and what has to come out, as
//! `out/` or as `diagnostics.txt`. `UPDATE=1` rewrites what has to come out; the diff is reviewed.
//!
//! Parquet is compared as rows, schema and metadata in text, byte for byte elsewhere.

use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::visard::Visard;

#[test]
fn golden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn check(case: &Path) -> Result<(), String> {
    let name = case.file_name().unwrap().to_string_lossy().into_owned();
    let visard = Visard::new();
    copy_tree(case, visard.folder.path(), &["out", "diagnostics.txt"]);
    let ended = visard.run(&[]);
    let refuses = case.join("diagnostics.txt");
    if refuses.exists() || ended.code == Some(2) {
        if ended.code != Some(2) {
            return Err(format!("{name}: ended with {:?}, not refused", ended.code));
        }
        return same(&name, &refuses, &ended.stderr);
    }
    if ended.code != Some(0) {
        return Err(format!(
            "{name}: ended with {:?}\n{}",
            ended.code, ended.stderr
        ));
    }
    let written = visard.files("out");
    let expected = case.join("out");
    let mut known: Vec<String> = Visard::files_below(&expected);
    if std::env::var_os("UPDATE").is_some() {
        known = written.iter().map(|file| as_kept(file)).collect();
    }
    let kept: Vec<String> = written.iter().map(|file| as_kept(file)).collect();
    if kept != known {
        return Err(format!("{name}: wrote {kept:?}, expected {known:?}"));
    }
    for file in written {
        let text = match file.ends_with(".parquet") {
            true => describe(&visard.path(format!("out/{file}"))).into_bytes(),
            false => visard.read(&format!("out/{file}")),
        };
        same_bytes(&name, &expected.join(as_kept(&file)), &text)?;
    }
    Ok(())
}

/// A Parquet file is kept as text.
fn as_kept(file: &str) -> String {
    match file.ends_with(".parquet") {
        true => format!("{file}.txt"),
        false => file.to_owned(),
    }
}

/// Schema, metadata and rows of a Parquet file.
fn describe(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut text = Vec::new();
    let metadata = reader.metadata();
    parquet::schema::printer::print_schema(&mut text, metadata.file_metadata().schema());
    let mut text = String::from_utf8(text).unwrap();
    for group in metadata.row_groups() {
        text += &format!("row group of {} rows\n", group.num_rows());
        for column in group.columns() {
            text += &format!("  {} {:?}", column.column_path(), column.compression());
            if let Some(statistics) = column.statistics() {
                text += &format!(" min/max {}", statistics.min_bytes_opt().is_some());
            }
            text += "\n";
        }
    }
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    text + &arrow::util::pretty::pretty_format_batches(&batches)
        .unwrap()
        .to_string()
        + "\n"
}

fn same(name: &str, expected: &Path, found: &str) -> Result<(), String> {
    same_bytes(name, expected, found.as_bytes())
}

fn same_bytes(name: &str, expected: &Path, found: &[u8]) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(expected.parent().unwrap()).unwrap();
        std::fs::write(expected, found).unwrap();
        return Ok(());
    }
    let known = std::fs::read(expected).map_err(|e| format!("{}: {e}", expected.display()))?;
    if known == found {
        return Ok(());
    }
    Err(format!(
        "{name}: {} differs\n--- expected\n{}\n--- found\n{}",
        expected.file_name().unwrap().to_string_lossy(),
        String::from_utf8_lossy(&known),
        String::from_utf8_lossy(found)
    ))
}

fn copy_tree(from: &Path, to: &Path, but: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if but.iter().any(|but| name == *but) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target, &[]);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
