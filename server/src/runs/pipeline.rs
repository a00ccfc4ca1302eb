//! The pipeline of a masking run: JSON, which is YAML, with secrets as variables.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Options;
use crate::app::App;
use crate::connections;
use crate::documents::Document;
use crate::error::ApiError;

/// Name of the variable that holds the run secret.
pub(crate) const RUN_SECRET: &str = "RUN_SECRET";

/// A pipeline, and the variables that it takes its secrets from.
pub(super) struct Composed {
    pub(super) pipeline: Value,
    pub(super) variables: BTreeMap<String, String>,
}

/// The pipeline from `source` to `destination`, to lie in `folder`; without a destination the source itself is
/// masked. The ruleset is to lie beside it in `ruleset.yml`, its libraries in `libraries`.
///
/// # Errors
/// When a connection cannot be used here.
pub(super) async fn compose(
    app: &App,
    folder: &Path,
    source: &Document,
    destination: Option<&Document>,
    options: &Options,
    run_secret: &str,
) -> Result<Composed, ApiError> {
    let mut variables = BTreeMap::from([(RUN_SECRET.to_owned(), run_secret.to_owned())]);
    let mut places = Map::new();
    let named = [
        ("source", "SOURCE", Some(source)),
        ("destination", "DESTINATION", destination),
    ];
    for (name, prefix, document) in named {
        let Some(document) = document else {
            continue;
        };
        let (connection, secrets) = connections::write_out(app, document, prefix, folder).await?;
        places.insert(name.to_owned(), connection);
        variables.extend(secrets);
    }
    let of_files = destination.is_some();
    let mut said = json!({
        "run_secret": format!("${{{RUN_SECRET}}}"),
        "disable_instance_secret": options.disable_instance_secret,
        "continue_on_failure": options.continue_on_failure,
        "dry_run": options.dry_run,
    });
    // Files know neither, and other servers take them all the same.
    if let (false, Value::Object(said)) = (of_files, &mut said) {
        let numbers = [
            ("batch_size", options.batch_size),
            ("max_rows", options.max_rows),
        ];
        for (key, number) in numbers {
            said.extend(number.map(|number| (key.to_owned(), json!(number))));
        }
    }
    let mut pipeline = json!({
        "version": "1.0",
        "connections": places,
        "source": "source",
        "ruleset": "ruleset.yml",
        "libraries": ["libraries"],
        "options": said,
    });
    if of_files {
        pipeline["destination"] = json!("destination");
    }
    Ok(Composed {
        pipeline,
        variables,
    })
}
