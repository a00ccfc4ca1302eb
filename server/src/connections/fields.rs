//! Whether what a client wrote is a connection, and what is answered of one.

use serde_json::{Map, Value, json};
use visard::language::{is_secret_key, quoted_list};
use zeroize::Zeroizing;

use super::Secrets;
use super::kinds::{self, ConnectionKind, Field, KINDS, Takes};
use crate::documents::{self, Document};
use crate::error::ApiError;

/// The longest text of a field, and the longest secret, in bytes.
const MAX_TEXT: usize = 4096;
const MAX_SECRET: usize = 64 * 1024;
/// The longest name, in characters.
const MAX_NAME: usize = 255;
/// Settings of a session at most.
const MAX_SETTINGS: usize = 100;
/// Parts of names of settings that would have a driver load code, or touch files of this machine.
const NO_SETTINGS: [&str; 11] = [
    "driver", "dsn", "file", "path", "lib", "dll", "trace", "log", "wallet", "plugin", "keystore",
];

/// A connection as a client wrote it.
#[derive(Debug)]
pub(crate) struct Described {
    /// Its name; empty where one is only tried out.
    pub(crate) name: String,
    pub(crate) kind: &'static ConnectionKind,
    /// All that is kept in the open.
    pub(crate) body: Value,
    pub(crate) secrets: Secrets,
}

/// What a client wrote, on top of what was there before: secrets that are not mentioned stay as they are.
///
/// # Errors
/// With every field that is missing or wrong. No value comes back.
pub(crate) fn describe(
    written: &Map<String, Value>,
    mut secrets: Secrets,
) -> Result<Described, ApiError> {
    let kind = kind(written)?;
    let mut reader = Reader {
        written,
        problems: Vec::new(),
    };
    let mut body = Map::new();
    body.insert(kind.key().to_owned(), json!(kind.name));
    let version = reader.text("version", MAX_NAME).unwrap_or("1.0".to_owned());
    body.insert("version".to_owned(), json!(version));
    if reader
        .text("mask_type", MAX_NAME)
        .is_some_and(|given| given != kind.mask_type())
    {
        let problem = format!("a {} is for `{}`", kind.name, kind.mask_type());
        reader.problems.push(("mask_type", problem));
    }
    for name in ["is_file_mask_source", "is_file_mask_destination"] {
        body.insert(name.to_owned(), json!(reader.flag(name, false)));
    }
    secrets.retain(|name, _| kind.secrets().any(|known| known == *name));
    for field in kind.fields() {
        if field.takes == Takes::Secret {
            reader.secret(field, &mut secrets);
        } else {
            let value = reader.value(field, kind);
            body.insert(field.name.to_owned(), value);
        }
    }
    let name = reader.text("name", MAX_TEXT).unwrap_or_default();
    if name.chars().count() > MAX_NAME {
        let problem = format!("Ensure this field has no more than {MAX_NAME} characters.");
        reader.problems.push(("name", problem));
    }
    match reader.problems.is_empty() {
        true => Ok(Described {
            name,
            kind,
            body: Value::Object(body),
            secrets,
        }),
        false => Err(ApiError::fields(reader.problems)),
    }
}

/// The kind that is written.
fn kind(written: &Map<String, Value>) -> Result<&'static ConnectionKind, ApiError> {
    let of = |key: &str| written.get(key).filter(|value| !value.is_null());
    let (key, value) = match (of("db_type"), of("type")) {
        (Some(value), _) => ("db_type", value),
        (None, Some(value)) => ("type", value),
        (None, None) => {
            let files = of("mask_type").and_then(Value::as_str) == Some("file");
            let key = if files { "type" } else { "db_type" };
            return Err(ApiError::field(key, "This field is required."));
        }
    };
    let known = || KINDS.iter().filter(|kind| kind.key() == key);
    let found = known().find(|kind| Some(kind.name) == value.as_str());
    found.ok_or_else(|| {
        let names = quoted_list(known().map(|kind| kind.name));
        ApiError::field(key, format!("Not a valid choice: it is one of {names}."))
    })
}

/// Reads fields, and notes what is wrong with them.
struct Reader<'w> {
    written: &'w Map<String, Value>,
    problems: Vec<(&'static str, String)>,
}

impl<'w> Reader<'w> {
    /// What is written; an explicit null is nothing.
    fn get(&self, name: &str) -> Option<&'w Value> {
        self.written.get(name).filter(|value| !value.is_null())
    }

    fn problem(&mut self, name: &'static str, problem: impl Into<String>) {
        self.problems.push((name, problem.into()));
    }

    /// The value of a field that is no secret, or its default.
    fn value(&mut self, field: &Field, kind: &ConnectionKind) -> Value {
        let name = field.name;
        match field.takes {
            Takes::Text(default) => {
                let text = self.text(name, MAX_TEXT);
                if field.required && text.as_deref().is_none_or(str::is_empty) {
                    self.missing(name);
                }
                let text = text.unwrap_or_else(|| default.to_owned());
                if name == "host" && !is_host(&text) {
                    self.problem(name, "Not a name or address of a server.");
                }
                json!(text)
            }
            Takes::MaybeText => json!(self.text(name, MAX_TEXT).filter(|text| !text.is_empty())),
            Takes::Port => json!(
                self.number(name, u64::from(u16::MAX))
                    .or(kind.port.map(u64::from))
            ),
            Takes::Seconds => json!(self.number(name, 3600)),
            Takes::Flag(default) => json!(self.flag(name, default)),
            Takes::Settings => {
                let native = kind.db_type().is_some_and(|db_type| db_type.is_native());
                self.settings(name, native)
            }
            Takes::Encryption => self.encryption(name),
            Takes::File(_) => json!(self.id(name)),
            Takes::Secret => Value::Null,
        }
    }

    fn missing(&mut self, name: &'static str) {
        // What was wrong was told already.
        if self.problems.iter().all(|(told, _)| *told != name) {
            let problem = match self.get(name) {
                None => "This field is required.",
                Some(_) => "This field may not be blank.",
            };
            self.problem(name, problem);
        }
    }

    /// Text without line breaks and the like.
    fn text(&mut self, name: &'static str, max: usize) -> Option<String> {
        let Value::String(text) = self.get(name)? else {
            self.problem(name, "Not a valid string.");
            return None;
        };
        if text.len() > max {
            self.problem(
                name,
                format!("Ensure this field has no more than {max} bytes."),
            );
            return None;
        }
        if text.contains(char::is_control) {
            self.problem(name, "Control characters are not allowed.");
            return None;
        }
        Some(text.trim().to_owned())
    }

    /// A number from 1, also as text; empty text is none.
    fn number(&mut self, name: &'static str, max: u64) -> Option<u64> {
        let number = match self.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.problem(
                name,
                format!("A valid integer is required, from 1 to {max}."),
            );
        }
        number
    }

    fn flag(&mut self, name: &'static str, default: bool) -> bool {
        match self.get(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(name, "Must be a valid boolean.");
                default
            }
        }
    }

    /// An id in its one form; empty text is none.
    fn id(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name, MAX_NAME)?;
        if text.is_empty() {
            return None;
        }
        let id = documents::id_of(&text);
        if id.is_none() {
            self.problem(name, "Must be a valid UUID.");
        }
        id
    }

    fn settings(&mut self, name: &'static str, native: bool) -> Value {
        let map = match self.get(name) {
            None => return json!({}),
            Some(Value::Object(map)) if map.len() <= MAX_SETTINGS => map,
            Some(_) => {
                self.problem(
                    name,
                    format!("Not a mapping of at most {MAX_SETTINGS} settings."),
                );
                return json!({});
            }
        };
        for (setting, value) in map {
            if let Some(problem) = setting_problem(setting, value, native) {
                self.problem(name, problem);
                return json!({});
            }
        }
        json!(map)
    }

    /// How tables of DynamoDB are encrypted: a key is named where it is one of the account, and only there.
    fn encryption(&mut self, name: &'static str) -> Value {
        const OWN: &str = "account_managed";
        let given = self.get(name).cloned().unwrap_or(json!({}));
        let key = given.get("kms_key_id").filter(|key| !key.is_null());
        let selection = match given.get("selection") {
            None => Some("dynamodb_owned"),
            Some(selection) => selection.as_str(),
        };
        let known = ["dynamodb_owned", "aws_managed", OWN, "use_source"];
        let problem = match selection {
            _ if !given.is_object() => "Not a mapping.",
            Some(OWN) if key.is_none_or(|key| key.as_str().is_none_or(str::is_empty)) => {
                "`account_managed` needs a `kms_key_id`."
            }
            Some(OWN) => return json!({"selection": OWN, "kms_key_id": key}),
            Some(_) if key.is_some() => "Only `account_managed` takes a `kms_key_id`.",
            Some(selection) if known.contains(&selection) => {
                return json!({"selection": selection, "kms_key_id": null});
            }
            _ => {
                "`selection` is one of `dynamodb_owned`, `aws_managed`, `account_managed` and `use_source`."
            }
        };
        self.problem(name, problem);
        Value::Null
    }

    /// Puts a secret that is mentioned among the others; null and empty text take it away.
    fn secret(&mut self, field: &Field, secrets: &mut Secrets) {
        let name = field.name;
        let other = if name == "password" {
            "dbpassword"
        } else {
            name
        };
        let given = [name, other].map(|name| self.written.get(name));
        let ([Some(value), _] | [None, Some(value)]) = given else {
            return;
        };
        if let [Some(one), Some(two)] = given
            && one != two
        {
            self.problem(name, "`password` and `dbpassword` are the same field.");
            return;
        }
        let problem = match value {
            Value::Null => None,
            Value::String(secret) => secret_problem(name, secret),
            _ => Some("Not a valid string."),
        };
        match (problem, value.as_str().filter(|secret| !secret.is_empty())) {
            (Some(problem), _) => self.problem(name, problem),
            (None, Some(secret)) => {
                secrets.insert(name, Zeroizing::new(secret.to_owned()));
            }
            (None, None) => _ = secrets.remove(name),
        }
    }
}

/// What is wrong with a secret, without it.
fn secret_problem(name: &str, secret: &str) -> Option<&'static str> {
    if secret.len() > MAX_SECRET {
        return Some("It is too long.");
    }
    // A pipeline reads such a secret from a file of this machine.
    if secret.trim_start().starts_with("file:") {
        return Some("It may not begin with `file:`.");
    }
    if secret.contains('\0') {
        return Some("Null characters are not allowed.");
    }
    if name != "service_account_key" || secret.is_empty() {
        return None;
    }
    // Other kinds of credentials name files and programs of this machine.
    let key: Option<Map<String, Value>> = serde_json::from_str(secret).ok();
    match key.is_some_and(|key| key.get("type") == Some(&json!("service_account"))) {
        true => None,
        false => Some("Not the JSON of a service account's key."),
    }
}

/// What is wrong with a setting, if anything. Where visard is not its own driver, one hears it that may do
/// anything with it.
fn setting_problem(name: &str, value: &Value, native: bool) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '-');
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        return Some("A name of a setting is of letters, digits and `_`.");
    }
    if is_secret_key(name) || matches!(lower.as_str(), "pwd" | "uid") {
        return Some("A setting is no place for a secret: use the field `password`.");
    }
    if !native && NO_SETTINGS.iter().any(|part| lower.contains(part)) {
        return Some("A setting may not name drivers or files.");
    }
    match value {
        Value::String(text) if text.len() <= MAX_TEXT && !text.contains(char::is_control) => None,
        Value::Number(_) | Value::Bool(_) => None,
        _ => Some("A setting is text, a number, or true or false."),
    }
}

/// Whether this may be a server elsewhere: never a socket of this machine, nor more than one word.
fn is_host(text: &str) -> bool {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%' | '\\' | ',')
    };
    text.chars().all(plain)
}

/// What is answered of a connection: all fields of its kind, and of secrets whether they are there.
pub(crate) fn answer(
    document: &Document,
    secrets: &Secrets,
    last_run: Option<&(i64, String)>,
) -> Value {
    let mut answer = json!({
        "id": document.id,
        "name": document.name,
        "oracle_wallet": null,
        "connection_fileset": null,
        "last_discovery_run_id": last_run.map(|(id, _)| id),
        "last_discovery_run_date": last_run.map(|(_, date)| date),
        "license_lock": null,
        "target_frozen": false,
        "frozen_target_fields": [],
        "deletion_frozen": false,
    });
    for (name, value) in document.body.as_object().into_iter().flatten() {
        answer[name] = value.clone();
    }
    let Some(kind) = kinds::of(&document.body) else {
        return answer;
    };
    answer["mask_type"] = json!(kind.mask_type());
    for name in kind.secrets() {
        answer[format!("{name}_encrypted")] = Value::Null;
        answer[format!("has_{name}")] = json!(secrets.contains_key(name));
    }
    answer
}
