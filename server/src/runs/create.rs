//! A new run: what is asked for is checked, and everything it needs is kept for it as it is now.
//!
//! Later changes of connections, rulesets, libraries and seeds do not reach it. Secrets lie sealed in the
//! store; the folder of the run holds the names of variables in their place.

use std::path::Path;

use serde_json::Value as Json;
use visard::check::BuiltMasks;
use visard::language::{Diagnostic, Diagnostics, Language, Severity, Sources, codes};

use super::pipeline::{Composed, compose};
use super::row::{Kind, NewRun, Run};
use super::{GIVEN, Options, folder, folders, place};
use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::connections::kinds;
use crate::documents::{self, Document};
use crate::error::ApiError;
use crate::private;
use crate::rulesets::{self, MaskType};
use crate::store::{Transaction, Value};

/// What is asked of a masking run.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: Option<String>,
    /// The connection, and the field that it was given in.
    pub(crate) source: (&'static str, String),
    pub(crate) destination: Option<String>,
    pub(crate) ruleset: String,
    pub(crate) mask_type: Option<MaskType>,
    pub(crate) options: Options,
}

/// Adds a masking run for `caller`, and tells the queue of it. With it the run secret, which is not told again.
///
/// # Errors
/// 400 for what cannot be run, under the field that is in the way.
pub(crate) async fn create(
    app: &App,
    caller: &Caller,
    asked: Asked,
) -> Result<(Run, String), ApiError> {
    let chosen = chosen(app, &asked).await?;
    let run_secret = match &asked.options.run_secret {
        Some(given) => given.expose().to_owned(),
        None => new_secret()?,
    };
    let Chosen {
        source,
        destination,
        ruleset,
        mask_type,
    } = chosen;
    let made = private::temp_folder(app)?;
    let given = made.path().join(GIVEN);
    private::make(&given)?;
    rulesets::write_out(app, &ruleset, &given).await?;
    let options = &asked.options;
    let Composed {
        pipeline,
        variables,
    } = compose(
        app,
        &given,
        &source,
        destination.as_ref(),
        options,
        &run_secret,
    )
    .await?;
    private::write(&given.join("pipeline.yml"), pipeline.to_string().as_bytes())?;
    let secrets = serde_json::to_vec(&variables).map_err(|error| ApiError::internal(&error))?;
    let field = asked.source.0;
    tokio::task::spawn_blocking(move || check(&given, &variables, field))
        .await
        .map_err(|error| ApiError::internal(&error))??;

    let named = |document: Document| (document.id, document.name);
    let new = NewRun {
        name: asked.name.unwrap_or_else(|| ruleset.name.clone()),
        kind: Kind::Masking,
        mask_type: mask_type.name(),
        source: named(source),
        destination: destination.map(named),
        ruleset: (Some(ruleset.id), ruleset.name),
        user_id: caller.user_id,
        options: options.shown(),
        is_dry_run: options.dry_run,
    };
    let mut transaction = app.store().begin().await?;
    let run = insert(app, transaction.as_mut(), new).await?;
    let sealed = app.vault().seal(&place(run.id), &secrets);
    let sealed = sealed.map_err(|error| ApiError::internal(&error))?;
    let sql = "UPDATE runs SET sealed = $1 WHERE id = $2";
    transaction
        .query(sql, &[sealed.into(), Value::Int(run.id)])
        .await?;
    let said = format!(
        "run {} of ruleset {} on {}",
        run.id, run.ruleset_name, run.source_name
    );
    audit::note(
        transaction.as_mut(),
        &caller.username,
        Category::Run,
        "started",
        &said,
    )
    .await?;
    // The folder goes first: a run without one could not run.
    keep(made.path(), app, run.id)?;
    transaction.commit().await?;
    app.runs().wake();
    Ok((run, run_secret))
}

/// Adds a run for this server to run; the queue is to be told once it is committed.
///
/// # Errors
/// As of the transaction, and when this server cannot tell who it is.
pub(crate) async fn insert(
    app: &App,
    transaction: &mut dyn Transaction,
    new: NewRun,
) -> Result<Run, ApiError> {
    let node = app.runs().node(app).map_err(unwritable)?;
    Ok(new.insert(transaction, node).await?)
}

/// What a run is made of.
struct Chosen {
    source: Document,
    destination: Option<Document>,
    ruleset: Document,
    mask_type: MaskType,
}

async fn chosen(app: &App, asked: &Asked) -> Result<Chosen, ApiError> {
    let (field, source) = &asked.source;
    let source = named(app, documents::Kind::Connection, field, source).await?;
    let ruleset = named(app, documents::Kind::Ruleset, "ruleset", &asked.ruleset).await?;
    let mask_type = mask_type_of(&source);
    if (asked.mask_type, mask_type) == (Some(MaskType::File), MaskType::Database) {
        let problem = "A run on files needs a connection to files as its source.";
        return Err(ApiError::field(field, problem));
    }
    if ruleset.variant != mask_type.name() {
        let problem = format!(
            "The ruleset is for a {}, and the connection is for a {}.",
            ruleset.variant.escape_debug(),
            mask_type.name()
        );
        return Err(ApiError::field("ruleset", problem));
    }
    refuse_invalid(&ruleset)?;
    let destination = match (&asked.destination, mask_type) {
        (None, MaskType::Database) => None,
        (None, MaskType::File) => {
            let problem = "A run on files needs a connection to files as its destination.";
            return Err(ApiError::field("destination_connection", problem));
        }
        (Some(id), MaskType::File) => Some(
            named(
                app,
                documents::Kind::Connection,
                "destination_connection",
                id,
            )
            .await?,
        ),
        // Clients may repeat the source, which is masked where it lies.
        (Some(id), MaskType::Database) if documents::id_of(id).as_ref() == Some(&source.id) => None,
        (Some(_), MaskType::Database) => {
            let problem = "A database is masked where it lies: leave out the destination.";
            return Err(ApiError::field("destination_connection", problem));
        }
    };
    if let Some(destination) = &destination {
        check_files(field, &source, destination)?;
    }
    Ok(Chosen {
        source,
        destination,
        ruleset,
        mask_type,
    })
}

async fn named(
    app: &App,
    kind: documents::Kind,
    field: &str,
    id: &str,
) -> Result<Document, ApiError> {
    let found = documents::find(app.store(), kind, id).await?;
    found.ok_or_else(|| ApiError::no_such(field, id))
}

/// What a connection leads to.
fn mask_type_of(connection: &Document) -> MaskType {
    match kinds::of(&connection.body).is_some_and(|kind| kind.holds_files) {
        true => MaskType::File,
        false => MaskType::Database,
    }
}

/// Connections to files say what they may be used for.
fn check_files(field: &str, source: &Document, destination: &Document) -> Result<(), ApiError> {
    let may = |connection: &Document, key: &str| {
        connection.body.get(key).and_then(Json::as_bool) == Some(true)
    };
    let to = "destination_connection";
    if mask_type_of(destination) != MaskType::File {
        let problem = "A run on files needs a connection to files as its destination.";
        return Err(ApiError::field(to, problem));
    }
    if !may(source, "is_file_mask_source") {
        return Err(ApiError::field(
            field,
            "The connection may not be read from: `is_file_mask_source` is false.",
        ));
    }
    if !may(destination, "is_file_mask_destination") {
        return Err(ApiError::field(
            to,
            "The connection may not be written to: `is_file_mask_destination` is false.",
        ));
    }
    if source.id == destination.id {
        return Err(ApiError::field(
            to,
            "The files would be overwritten: the destination is the source.",
        ));
    }
    Ok(())
}

/// Refuses a ruleset that is known to be invalid, or not yet known to be valid.
fn refuse_invalid(ruleset: &Document) -> Result<(), ApiError> {
    let name = ruleset.name.escape_debug();
    match ruleset.body.get("is_valid").and_then(Json::as_str) {
        Some("in_progress") => Err(cannot_start(&format!(
            "the ruleset {name} is still being validated; try again."
        ))),
        // Whether it is valid is told by the check of what is written out, with the reasons.
        _ => Ok(()),
    }
}

/// The words by which clients know that ruleset or library are in the way.
fn cannot_start(why: &str) -> ApiError {
    ApiError::field("ruleset", format!("Cannot start run: {why}"))
}

/// Checks what is written: ruleset, libraries and connections, as a run would read them.
fn check(
    given: &Path,
    variables: &std::collections::BTreeMap<String, String>,
    connection: &str,
) -> Result<(), ApiError> {
    let mut sources = Sources::within(given.to_owned());
    let mut diagnostics = Diagnostics::new();
    let language = Language {
        masks: &BuiltMasks,
        environment: variables,
    };
    let pipeline = given.join("pipeline.yml");
    language.load(&pipeline, &mut sources, &mut diagnostics);
    let problems = diagnostics.sorted().into_iter();
    let mut errors = problems.filter(|problem| problem.severity() == Severity::Error);
    match errors.next() {
        None => Ok(()),
        Some(error) => Err(refusal(given, &sources, error, connection)),
    }
}

/// Why a run cannot start, by the file that the problem lies in.
fn refusal(given: &Path, sources: &Sources, problem: &Diagnostic, connection: &str) -> ApiError {
    let message = relative(&problem.message, given);
    let Some(place) = &problem.primary else {
        return cannot_start(&format!("{message}."));
    };
    let path = sources.path(place.span.file);
    let below = path.strip_prefix(given).unwrap_or(path);
    let start = place.span.start;
    let at = format!("{message} (line {}, column {})", start.line, start.column);
    if let Ok(library) = below.strip_prefix("libraries") {
        let name = library.with_extension("");
        return cannot_start(&format!("Library \"{}\" is invalid. {at}", name.display()));
    }
    if problem.code.id == codes::LIBRARY_NOT_FOUND.id {
        let name = message.split('`').nth(1).unwrap_or_default();
        return cannot_start(&format!("Library \"{name}\" is missing. {at}"));
    }
    match below == Path::new("pipeline.yml") {
        true => ApiError::field(connection, message),
        false => cannot_start(&format!("the ruleset is invalid. {at}")),
    }
}

/// `text` without the folder that the server keeps the run in, which is nobody's business.
pub(super) fn relative(text: &str, folder: &Path) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}

/// 256 random bits as text.
fn new_secret() -> Result<String, ApiError> {
    let mut bits = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bits.as_mut_slice()).map_err(|error| ApiError::internal(&error))?;
    Ok(data_encoding::BASE32_NOPAD.encode(bits.as_slice()))
}

/// Makes `made` the folder of a run. What lies there was left by a run that never came to be.
fn keep(made: &Path, app: &App, run: i64) -> Result<(), ApiError> {
    private::make(&folders(app))?;
    let folder = folder(app, run);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(unwritable)?;
    }
    std::fs::rename(made, &folder).map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> ApiError {
    ApiError::internal(&format!("the data folder cannot be written: {error}"))
}
