//! The files of a place, one after the other, by their headers.

use visard_connectors::store::{Object, Store, StoreError};

use super::found::{FoundField, FoundFile};
use super::rules::Rules;
use crate::check::{columns_of, format_name, likely_delimiter};
use crate::language::{TextOptions, Verdict};

/// A file that is not looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The files that the rules are for, and those that are not looked at.
///
/// # Errors
/// When the place cannot be listed.
pub async fn list_files(
    store: &Store,
    rules: &Rules,
) -> Result<(Vec<Object>, Vec<LeftOut>), StoreError> {
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for object in store.list().await? {
        let reason = match (&object.obstacle, rules.files().verdict(&object.path)) {
            (Some(obstacle), _) => obstacle.to_string(),
            (None, Verdict::Selected) => {
                files.push(object);
                continue;
            }
            (None, Verdict::Skipped(_)) => "a skip filter matches it".to_owned(),
            (None, Verdict::InFolder) => "it lies in a folder".to_owned(),
            (None, Verdict::NotIncluded) => "no include filter matches it".to_owned(),
        };
        let path = object.path;
        left_out.push(LeftOut { path, reason });
    }
    Ok((files, left_out))
}

/// What a file is and what its columns tell.
///
/// # Errors
/// Why it cannot be looked at, in words.
pub async fn look_at_file(
    store: &Store,
    object: &Object,
    rules: &Rules,
) -> Result<FoundFile, String> {
    let delimiter = likely_delimiter(store, object).await?;
    let options = TextOptions {
        delimiter,
        ..TextOptions::default()
    };
    let (Some(file_type), Some(columns)) = (
        format_name(&object.path),
        columns_of(store, object, &options).await,
    ) else {
        return Err("it is neither Parquet nor delimited text".to_owned());
    };
    let columns = columns?.into_iter();
    let columns = columns.filter(|column| !rules.ignores(&column.path));
    let columns = columns.map(|column| FoundField {
        matches: match column.by_number {
            true => Vec::new(),
            false => rules.matches(&column.path),
        },
        path: column.path,
        by_number: column.by_number,
        data_type: column.data_type.to_string(),
        nullable: column.nullable,
        refusal: column.refusal.map(|refusal| refusal.into_owned()),
    });
    Ok(FoundFile {
        path: object.path.clone(),
        file_type: file_type.to_owned(),
        delimiter,
        columns: columns.collect(),
    })
}
