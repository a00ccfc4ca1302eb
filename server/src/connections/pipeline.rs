//! A stored connection as a pipeline writes it.

use std::collections::BTreeMap;
use std::path::Path;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::kinds::{self, ConnectionKind};
use super::{Secrets, certificates, roots, secrets};
use crate::app::{App, Config};
use crate::documents::{Document, Kind};
use crate::error::ApiError;
use crate::files;
use crate::private;

/// Where the server's environment says that stores of S3 other than AWS are.
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";

/// The mapping of a connection in a pipeline, and the variables it takes its secrets from.
pub(crate) type Written = (Value, BTreeMap<String, String>);

/// A stored connection as the pipeline file in `folder` writes it; its certificates are put there. Names of its
/// variables and files begin with `prefix`, which is of letters, digits and `_`. The pipeline is to be read
/// with [`visard::language::Sources::within`] that folder.
///
/// # Errors
/// When there is no connector for its kind, it asks for what connectors cannot do, its folder lies where no
/// share may, or its certificates are not there.
pub(crate) async fn write_out(
    app: &App,
    document: &Document,
    prefix: &str,
    folder: &Path,
) -> Result<Written, ApiError> {
    let secrets = secrets(app, document)?;
    write_with(app, document, &secrets, prefix, folder).await
}

/// As [`write_out`], of a connection that need not be stored.
pub(super) async fn write_with(
    app: &App,
    document: &Document,
    secrets: &Secrets,
    prefix: &str,
    folder: &Path,
) -> Result<Written, ApiError> {
    let written = pipeline_connection(app.config(), document, secrets, prefix)?;
    if let Some(fileset) = fileset(document) {
        let archive = files::content(app, Kind::ConnectionFileset, fileset).await?;
        let archive = archive.ok_or_else(|| ApiError::no_such("connection_fileset", fileset))?;
        let authority =
            certificates::authority(&archive).map_err(|error| unfit(error.to_string()))?;
        let authority = authority.ok_or_else(|| {
            unfit("the fileset has no certificate of an authority: name it `ca.pem`".to_owned())
        })?;
        private::write(&folder.join(authority_file(prefix)), &authority)?;
    }
    Ok(written)
}

fn fileset(document: &Document) -> Option<&str> {
    document
        .body
        .get("connection_fileset")
        .and_then(Value::as_str)
}

fn authority_file(prefix: &str) -> String {
    format!("{prefix}-ca.pem")
}

/// A connection as a pipeline writes it, with every secret as a variable. Nothing that a user wrote stands for
/// anything but itself: no variable, no file of this machine, no driver.
///
/// # Errors
/// When there is no connector for its kind, it asks for what connectors cannot do, or its folder lies where
/// no share may.
fn pipeline_connection(
    config: &Config,
    document: &Document,
    secrets: &Secrets,
    prefix: &str,
) -> Result<Written, ApiError> {
    let kind = kinds::of(&document.body)
        .ok_or_else(|| ApiError::internal(&"a stored connection is of no known kind"))?;
    let mut writer = Writer {
        body: &document.body,
        secrets,
        prefix,
        written: Map::from_iter([(kind.key().to_owned(), json!(kind.name))]),
        variables: BTreeMap::new(),
    };
    match kind.name {
        "mounted_share_connection" => {
            let base = writer.given("base_directory").unwrap_or_default();
            let folder = roots::folder(base, &config.roots)
                .map_err(|problem| ApiError::field("base_directory", problem))?;
            let folder = folder.to_str().ok_or_else(|| {
                ApiError::field("base_directory", "The path of this folder is no text.")
            })?;
            writer.put("base_directory", json!(plain(folder)));
        }
        "s3_connection" => {
            writer.texts(&["bucket", "base_directory", "iam_role_arn"]);
            if let Some(endpoint) = std::env::var(S3_ENDPOINT)
                .ok()
                .filter(|url| !url.is_empty())
            {
                writer.put("allow_http", json!(endpoint.starts_with("http://")));
                writer.put("endpoint", json!(plain(&endpoint)));
            }
        }
        "azure_blob_connection" => {
            writer.texts(&["container", "base_directory"]);
            writer.secret("connection_string");
        }
        "gcs_connection" => {
            writer.texts(&["bucket", "base_directory"]);
            writer.secret("service_account_key");
        }
        _ => writer.database(kind)?,
    }
    Ok((Value::Object(writer.written), writer.variables))
}

struct Writer<'a> {
    body: &'a Value,
    secrets: &'a Secrets,
    prefix: &'a str,
    written: Map<String, Value>,
    variables: BTreeMap<String, String>,
}

impl<'a> Writer<'a> {
    fn put(&mut self, name: &str, value: Value) {
        self.written.insert(name.to_owned(), value);
    }

    /// The text of a field, unless it is empty.
    fn given(&self, name: &str) -> Option<&'a str> {
        let text = self.body.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    fn texts(&mut self, names: &[&str]) {
        for name in names {
            if let Some(text) = self.given(name) {
                self.put(name, json!(plain(text)));
            }
        }
    }

    fn secret(&mut self, name: &str) {
        if let Some(secret) = self.secrets.get(name) {
            let variable = format!("{}_{}", self.prefix, name.to_uppercase());
            self.put(name, json!(format!("${{{variable}}}")));
            self.variables.insert(variable, secret.to_string());
        }
    }

    fn database(&mut self, kind: &ConnectionKind) -> Result<(), ApiError> {
        let built = kind.db_type().filter(|db_type| db_type.is_built());
        let Some(db_type) = built else {
            let product = kind
                .db_type()
                .map_or(kind.name, |db_type| db_type.product());
            return Err(unfit(format!(
                "there is no driver for {product} in this visard yet"
            )));
        };
        for (name, problem) in [
            (
                "oracle_wallet",
                "wallets of Oracle are not used by this visard yet",
            ),
            (
                "snowflake_private_key",
                "private keys of Snowflake are not used by this visard yet: give a password",
            ),
        ] {
            if self.given(name).is_some() {
                return Err(unfit(problem.to_owned()));
            }
        }
        self.texts(&[
            "host",
            "database",
            "user",
            "schema",
            "service_name",
            "snowflake_account_id",
            "snowflake_warehouse",
            "snowflake_role",
        ]);
        self.secret("password");
        for name in ["port", "is_read_only"] {
            if let Some(value) = self.body.get(name).filter(|value| !value.is_null()) {
                self.put(name, value.clone());
            }
        }
        let settings = self.body.get("engine_options").and_then(Value::as_object);
        if let Some(settings) = settings.filter(|settings| !settings.is_empty()) {
            let settings = settings.iter().map(|(name, value)| {
                let value = match value.as_str() {
                    Some(text) => json!(plain(text)),
                    None => value.clone(),
                };
                (name.clone(), value)
            });
            self.put("engine_options", Value::Object(settings.collect()));
        }
        if self.given("connection_fileset").is_none() {
            return Ok(());
        }
        if !db_type.is_native() {
            let product = db_type.product();
            return Err(unfit(format!("filesets are not used for {product}")));
        }
        self.put("sslmode", json!("verify-ca"));
        self.put("sslrootcert", json!(authority_file(self.prefix)));
        Ok(())
    }
}

/// Text of which a pipeline replaces nothing.
fn plain(text: &str) -> String {
    text.replace("${", "$${")
}

/// A connection asks for what cannot be done, status 400.
fn unfit(detail: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use visard::check::BuiltMasks;
    use visard::language::{Connection, Diagnostics, Language, Sources};
    use zeroize::Zeroizing;

    use super::*;
    use crate::connections::fields;

    fn config() -> Config {
        Config {
            data: std::env::temp_dir(),
            roots: Vec::new(),
        }
    }

    fn written(body: Value) -> Result<Written, ApiError> {
        let described = fields::describe(body.as_object().unwrap(), Secrets::new())?;
        let document = Document::new("c", "", described.body);
        pipeline_connection(&config(), &document, &described.secrets, "SOURCE")
    }

    /// What a pipeline reads of it.
    fn read((mapping, variables): Written) -> (Vec<Connection>, Diagnostics) {
        let text = json!({"connections": {"c": mapping}}).to_string();
        let mut sources = Sources::within(std::env::temp_dir());
        let mut diagnostics = Diagnostics::new();
        let path = std::env::temp_dir().join("pipeline.yml");
        let file = sources
            .add(&path, text.into_bytes(), &mut diagnostics)
            .unwrap();
        let language = Language {
            masks: &BuiltMasks,
            environment: &variables,
        };
        let connections = language.connections(file, &mut sources, &mut diagnostics);
        (connections, diagnostics)
    }

    #[test]
    fn pipelines_read_every_kind_that_is_built() {
        for kind in kinds::KINDS {
            let mut body = json!({kind.key(): kind.name, "name": "c"});
            for field in kind.fields().filter(|field| field.required) {
                body[field.name] = json!("x");
            }
            for secret in kind.secrets().filter(|name| *name != "service_account_key") {
                body[secret] = json!("a secret ${HOME} file");
            }
            let is_built = kind.db_type().is_none_or(|db_type| db_type.is_built());
            if kind.name == "mounted_share_connection" || !is_built {
                assert!(written(body).is_err(), "{}", kind.name);
                continue;
            }
            let (connections, diagnostics) = read(written(body).unwrap());
            assert_eq!(connections.len(), 1, "{}: {diagnostics:?}", kind.name);
            assert!(diagnostics.is_empty(), "{}: {diagnostics:?}", kind.name);
        }
    }

    #[test]
    fn nothing_but_what_is_written_is_meant() {
        let body = json!({
            "db_type": "postgres", "name": "c", "host": "db", "database": "${HOME}", "user": "$${A}${",
            "dbpassword": "${PASSWORD}", "driver": "/tmp/evil.so", "url": "postgres://other",
            "sslrootcert": "/etc/passwd", "connection_string": "DRIVER=/tmp/evil.so",
            "engine_options": {"search_path": "${HOME}", "jit": false},
        });
        let (mapping, variables) = written(body).unwrap();
        assert_eq!(
            variables,
            BTreeMap::from([("SOURCE_PASSWORD".to_owned(), "${PASSWORD}".to_owned())])
        );
        let (connections, diagnostics) = read((mapping, variables));
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let visard::language::ConnectionKind::Database(database) = &connections[0].kind else {
            panic!("a database");
        };
        assert_eq!(database.database.as_deref(), Some("${HOME}"));
        assert_eq!(database.user.as_deref(), Some("$${A}${"));
        assert_eq!(
            database.password.as_ref().map(|secret| secret.expose()),
            Some("${PASSWORD}")
        );
        assert_eq!(database.engine_options["search_path"].expose(), "${HOME}");
        assert_eq!((&database.driver, &database.sslrootcert), (&None, &None));
        assert_eq!(database.connection_string, None);
    }

    #[test]
    fn what_would_name_files_or_drivers_is_refused() {
        let base = json!({"db_type": "mssql", "host": "db", "database": "d", "user": "u"});
        for (field, value) in [
            ("host", json!("/run/postgresql")),
            ("host", json!("a;b")),
            ("password", json!("file:/etc/passwd")),
            ("engine_options", json!({"DRIVER": "/tmp/evil.so"})),
            ("engine_options", json!({"x=1;DRIVER": "y"})),
            ("engine_options", json!({"pwd": "secret"})),
            ("engine_options", json!({"a": [1]})),
            ("user", json!("a\nb")),
            ("port", json!(0)),
            ("port", json!("x")),
            ("oracle_wallet", json!(7)),
        ] {
            let mut body = base.clone();
            body[field] = value.clone();
            let known = field != "oracle_wallet";
            assert_eq!(written(body).is_err(), known, "{field}: {value}");
        }
        let key = json!({"type": "external_account", "credential_source": {"file": "/etc/passwd"}});
        for key in [json!("/etc/passwd"), json!(key.to_string())] {
            let body = json!({"type": "gcs_connection", "bucket": "b", "service_account_key": key});
            assert!(written(body).is_err(), "{key}");
        }
        let mut secrets = Secrets::new();
        secrets.insert("password", Zeroizing::new("kept".to_owned()));
        let described = fields::describe(base.as_object().unwrap(), secrets).unwrap();
        assert_eq!(described.secrets["password"].as_str(), "kept");
    }
}
