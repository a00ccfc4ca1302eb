//! Where discovery looks: the place of a stored connection.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use visard::check::BuiltMasks;
use visard::discovery::{Place, open_place};
use visard::language::{Connection, Diagnostics, Language, Sources};

use crate::app::App;
use crate::connections;
use crate::documents::Document;
use crate::private;

/// What the connection is called in its pipeline, and in messages.
const NAME: &str = "connection";

/// Whether a connection leads to files, and not to a database.
pub(crate) fn is_of_files(connection: &Document) -> bool {
    let kind = connections::kinds::of(&connection.body);
    kind.is_some_and(|kind| kind.mask_type() == "file")
}

/// Opens the place of a connection.
///
/// # Errors
/// Why it cannot be got into, without a secret.
pub(super) async fn open(app: &App, connection: &Document) -> Result<Place, String> {
    let folder = private::temp_folder(app).map_err(|error| error.told())?;
    let written = connections::write_out(app, connection, "SOURCE", folder.path()).await;
    let (mapping, variables) = written.map_err(|error| error.told())?;
    let connection = parsed(&mapping, &variables, folder.path())?;
    open_place(&connection, "").await
}

/// The connection as pipelines in `folder` read it.
fn parsed(
    mapping: &Value,
    variables: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<Connection, String> {
    let text = json!({"connections": {NAME: mapping}}).to_string();
    let mut sources = Sources::within(folder.to_owned());
    let mut diagnostics = Diagnostics::new();
    let path = folder.join("pipeline.yml");
    let file = sources.add(&path, text.into_bytes(), &mut diagnostics);
    let language = Language {
        masks: &BuiltMasks,
        environment: variables,
    };
    let connections = file.map(|file| language.connections(file, &mut sources, &mut diagnostics));
    let connection = connections.and_then(|all| all.into_iter().next());
    connection
        .filter(|_| !diagnostics.has_errors())
        .ok_or_else(|| {
            let problems = diagnostics.sorted().into_iter();
            let problems: Vec<&str> = problems.map(|problem| problem.message.as_str()).collect();
            problems.join("; ")
        })
}
