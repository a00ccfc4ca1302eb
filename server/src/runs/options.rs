//! The options of a run, as clients send them and as they are shown again.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use visard::language::Secret;

use crate::error::ApiError;

/// Characters a run secret has at least and at most.
const SECRET_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=256;
/// The most rows that may be worked on at once.
const MAX_BATCH_ROWS: u64 = 10_000_000;

/// The options of a masking run. Numbers may be sent as text.
#[derive(ToSchema)]
#[schema(as = RunOptions)]
#[allow(
    dead_code,
    reason = "it is read key by key, so that each problem is told of its key"
)]
pub(crate) struct OptionsSchema {
    /// Rows of a table that are worked on at once.
    #[schema(minimum = 1, maximum = 10000000)]
    batch_size: Option<u64>,
    /// The old name of `batch_size`.
    #[schema(minimum = 1, maximum = 10000000)]
    buffer_size: Option<u64>,
    /// Do everything but write.
    dry_run: Option<bool>,
    /// Most rows of each table that are masked; the others stay as they are. Not for files.
    #[schema(minimum = 1)]
    max_rows: Option<u64>,
    /// Go on with the rest when a task fails.
    continue_on_failure: Option<bool>,
    /// Decides every masked value; one is made when there is none. It is shown in the answer to this request
    /// and never again.
    #[schema(min_length = 16, max_length = 256)]
    run_secret: Option<String>,
    /// Whether the run secret alone decides.
    disable_instance_secret: Option<bool>,
    /// No effect.
    diagnostic_logging: Option<bool>,
    /// Refused when `true`: the server knows no git.
    auto_pull: Option<bool>,
    /// No effect without `auto_pull`.
    auto_pull_branch: Option<String>,
    /// No effect: nothing is unloaded on the way.
    #[schema(rename = "MAXFILESIZE")]
    max_file_size: Option<u64>,
    /// Of a discovery in the run: further keywords.
    custom_keywords: Option<Vec<String>>,
    /// Of a discovery in the run: keywords that count for nothing.
    ignored_keywords: Option<Vec<String>>,
    /// Of a discovery in the run: leave out further keywords of the settings.
    disable_global_custom_keywords: Option<bool>,
    /// Of a discovery in the run: heed keywords that the settings ignore.
    disable_global_ignored_keywords: Option<bool>,
    /// Of a discovery in the run: leave out the keywords that come with the server.
    disable_built_in_keywords: Option<bool>,
    /// Of a discovery in the run: schemas to look at.
    schemas: Option<Vec<String>>,
}

/// Options, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) batch_size: Option<u64>,
    pub(crate) max_rows: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) continue_on_failure: bool,
    pub(crate) disable_instance_secret: bool,
    pub(crate) run_secret: Option<Secret>,
    /// All of them as they are shown again: without the secret.
    shown: Map<String, Value>,
}

impl Options {
    /// Options as clients send them; nulls say as much as nothing.
    ///
    /// # Errors
    /// Under `options`, with the key, for one that is unknown or not right.
    pub(crate) fn read(options: &Map<String, Value>) -> Result<Self, ApiError> {
        let mut read = Self::default();
        for (key, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            read.one(key, value)
                .map_err(|problem| ApiError::field("options", format!("{key}: {problem}")))?;
        }
        Ok(read)
    }

    fn one(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let shown = match key {
            "batch_size" | "buffer_size" => {
                let rows = count(value, MAX_BATCH_ROWS)?;
                if self.batch_size.is_some_and(|other| other != rows) {
                    return Err("It is given twice, with different values.".to_owned());
                }
                self.batch_size = Some(rows);
                json!(rows)
            }
            "max_rows" => {
                let rows = count(value, i64::MAX as u64)?;
                self.max_rows = Some(rows);
                json!(rows)
            }
            "dry_run" => {
                self.dry_run = flag(value)?;
                json!(self.dry_run)
            }
            "continue_on_failure" => {
                self.continue_on_failure = flag(value)?;
                json!(self.continue_on_failure)
            }
            "disable_instance_secret" => {
                self.disable_instance_secret = flag(value)?;
                json!(self.disable_instance_secret)
            }
            "run_secret" => {
                self.run_secret = Some(secret(value)?);
                return Ok(());
            }
            "auto_pull" => match flag(value)? {
                false => json!(false),
                true => return Err("The server knows no git to pull from.".to_owned()),
            },
            "diagnostic_logging"
            | "disable_global_custom_keywords"
            | "disable_global_ignored_keywords"
            | "disable_built_in_keywords" => json!(flag(value)?),
            "auto_pull_branch" => json!(value.as_str().ok_or("Not a valid string.")?),
            "MAXFILESIZE" => json!(count(value, i64::MAX as u64)?),
            "custom_keywords" | "ignored_keywords" | "schemas" => texts(value)?,
            // What is shown of a run may be sent again.
            "has_run_secret" => return Ok(()),
            _ => return Err("There is no such option.".to_owned()),
        };
        self.shown.insert(key.to_owned(), shown);
        Ok(())
    }

    /// As they are shown again: without the secret, and that there is one.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.shown.clone();
        for (key, flag) in [
            ("dry_run", self.dry_run),
            ("continue_on_failure", self.continue_on_failure),
            ("disable_instance_secret", self.disable_instance_secret),
            ("has_run_secret", true),
        ] {
            shown.insert(key.to_owned(), json!(flag));
        }
        Value::Object(shown)
    }
}

fn flag(value: &Value) -> Result<bool, String> {
    match (value, value.as_str()) {
        (Value::Bool(flag), _) => Ok(*flag),
        (_, Some("true" | "True")) => Ok(true),
        (_, Some("false" | "False")) => Ok(false),
        _ => Err("Must be a valid boolean.".to_owned()),
    }
}

/// A number from 1 to `most`, also as text.
fn count(value: &Value, most: u64) -> Result<u64, String> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    };
    match number {
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(format!("Ensure this value is from 1 to {most}.")),
        None => Err("A valid integer is required.".to_owned()),
    }
}

/// A run secret; one of digits alone may have become a number on its way.
fn secret(value: &Value) -> Result<Secret, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err("Not a valid string.".to_owned()),
    };
    let secret = Secret::new(text);
    match SECRET_CHARACTERS.contains(&secret.expose().chars().count()) {
        true => Ok(secret),
        false => Err("A run secret has 16 to 256 characters.".to_owned()),
    }
}

fn texts(value: &Value) -> Result<Value, String> {
    let list = value.as_array();
    match list.is_some_and(|list| list.iter().all(Value::is_string)) {
        true => Ok(value.clone()),
        false => Err("Expected a list of strings.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &Value) -> Result<Options, ApiError> {
        Options::read(options.as_object().unwrap())
    }

    #[test]
    fn options_of_all_generations() {
        for (options, shown) in [
            (json!({}), json!({})),
            (
                json!({"max_rows": "1000000"}),
                json!({"max_rows": 1_000_000}),
            ),
            (json!({"buffer_size": 10000}), json!({"buffer_size": 10000})),
            (
                json!({"batch_size": "7", "buffer_size": 7}),
                json!({"batch_size": 7, "buffer_size": 7}),
            ),
            (json!({"dry_run": "true"}), json!({"dry_run": true})),
            (
                json!({"auto_pull": false, "auto_pull_branch": ""}),
                json!({"auto_pull": false, "auto_pull_branch": ""}),
            ),
            (
                json!({"schemas": ["a"], "max_rows": null}),
                json!({"schemas": ["a"]}),
            ),
            (json!({"has_run_secret": true}), json!({})),
        ] {
            let found = read(&options).unwrap().shown();
            let base = json!({"dry_run": false, "continue_on_failure": false, "disable_instance_secret": false, "has_run_secret": true});
            let mut expected = base.as_object().unwrap().clone();
            expected.extend(shown.as_object().unwrap().clone());
            assert_eq!(found, Value::Object(expected), "{options}");
        }
        let secret = read(&json!({"run_secret": 1_234_567_890_123_456_i64})).unwrap();
        assert_eq!(secret.run_secret.unwrap().expose(), "1234567890123456");
    }

    #[test]
    fn options_that_are_refused() {
        for options in [
            json!({"colour": 1}),
            json!({"batch_size": 0}),
            json!({"batch_size": 1, "buffer_size": 2}),
            json!({"max_rows": "many"}),
            json!({"max_rows": 1.5}),
            json!({"dry_run": 1}),
            json!({"auto_pull": true}),
            json!({"schemas": "a"}),
            json!({"run_secret": "fifteen charact"}),
            json!({"run_secret": "x".repeat(257)}),
        ] {
            assert!(read(&options).is_err(), "{options}");
        }
    }
}
