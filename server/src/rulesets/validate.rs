//! Whether rulesets and libraries are sound. Small ones are looked at while the client waits, large ones
//! behind its back.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::{block_in_place, spawn_blocking};
use visard::check::load_ruleset;
use visard::language::{Diagnostics, Libraries, Node, Sources, yaml};

use super::locality::localized;
use super::verdict::{self, ErrorType, Validity, Verdict};
use super::write_out::{LIBRARIES, RULESET_FILE, write_text};
use super::{MaskType, Text};
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::error::ApiError;
use crate::private;

/// A text of this many bytes or more is large.
const LARGE_BYTES: usize = 60 * 1024;
/// Large texts that are looked at at once.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Whether a text is looked at behind the client's back.
pub(crate) fn is_large(yaml: &str) -> bool {
    yaml.len() >= LARGE_BYTES
}

/// Whether a ruleset is sound, with the libraries and seed files that are stored.
///
/// # Errors
/// When it cannot be found out.
pub(crate) async fn judge_ruleset(
    app: &App,
    yaml: &str,
    mask_type: MaskType,
) -> Result<Verdict, ApiError> {
    let folder = private::temp_folder(app)?;
    write_text(app, yaml, folder.path()).await?;
    let imports = imports(app, yaml).await?;
    apart(move || {
        let path = folder.path().join(RULESET_FILE);
        let libraries = vec![folder.path().join(LIBRARIES)];
        look(
            &folder,
            &path,
            ErrorType::Ruleset,
            imports,
            |sources, diagnostics| {
                load_ruleset(&path, libraries, mask_type.holds(), sources, diagnostics);
            },
        )
    })
    .await
}

/// Whether the library of this full name is sound by itself.
///
/// # Errors
/// When it cannot be found out.
pub(crate) async fn judge_library(app: &App, name: &str, yaml: &str) -> Result<Verdict, ApiError> {
    let folder = private::temp_folder(app)?;
    let path = folder.path().join("library.yml");
    private::write(&path, yaml.as_bytes())?;
    let name = name.to_owned();
    apart(move || {
        let own = ErrorType::LibraryInvalid;
        look(&folder, &path, own, Vec::new(), |sources, diagnostics| {
            Libraries::check(&path, &name, sources, diagnostics);
        })
    })
    .await
}

/// Looks at a large ruleset that was stored as being in progress.
pub(crate) fn validate_later(app: &App, id: &str) {
    let (app, id) = (app.clone(), id.to_owned());
    // An error is in the log, and the ruleset stays in progress: no run starts with it.
    tokio::spawn(async move { finish(&app, &id).await });
}

/// Takes up what was in progress when the server was stopped.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn finish_validations(app: &App) -> Result<(), ApiError> {
    for ruleset in documents::all(app.store(), Kind::Ruleset).await? {
        if Text::of(&ruleset)?.verdict.is_valid == Validity::InProgress {
            validate_later(app, &ruleset.id);
        }
    }
    Ok(())
}

/// Looks again at the rulesets of which `which` says so: something they need has changed.
///
/// # Errors
/// When it cannot be found out.
pub(crate) async fn revalidate(app: &App, which: impl Fn(&Text) -> bool) -> Result<(), ApiError> {
    for mut ruleset in documents::all(app.store(), Kind::Ruleset).await? {
        let mut text = Text::of(&ruleset)?;
        if !which(&text) {
            continue;
        }
        let later = is_large(&text.config_yaml);
        text.verdict = match later {
            true => Verdict::in_progress(text.verdict.imports),
            false => judge_ruleset(app, &text.config_yaml, MaskType::of(&ruleset)).await?,
        };
        ruleset.body = text.into_body();
        settle(app, &ruleset).await?;
        if later {
            validate_later(app, &ruleset.id);
        }
    }
    Ok(())
}

async fn finish(app: &App, id: &str) -> Result<(), ApiError> {
    let turn = TURNS.acquire().await;
    let turn = turn.map_err(|error| ApiError::internal(&error))?;
    let Some(mut ruleset) = documents::find(app.store(), Kind::Ruleset, id).await? else {
        return Ok(());
    };
    let mut text = Text::of(&ruleset)?;
    if text.verdict.is_valid == Validity::InProgress {
        text.verdict = judge_ruleset(app, &text.config_yaml, MaskType::of(&ruleset)).await?;
        ruleset.body = text.into_body();
        settle(app, &ruleset).await?;
    }
    drop(turn);
    Ok(())
}

/// Notes a verdict, unless the ruleset has changed meanwhile.
async fn settle(app: &App, ruleset: &Document) -> Result<(), ApiError> {
    let mut transaction = app.store().begin().await?;
    documents::set_body(transaction.as_mut(), Kind::Ruleset, ruleset).await?;
    transaction.commit().await?;
    Ok(())
}

/// Does what keeps a processor busy where it holds up nobody.
async fn apart(work: impl FnOnce() -> Verdict + Send + 'static) -> Result<Verdict, ApiError> {
    spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))
}

/// What `check` finds in the file at `path`.
fn look(
    folder: &TempDir,
    path: &Path,
    own: ErrorType,
    imports: Vec<String>,
    check: impl FnOnce(&mut Sources, &mut Diagnostics),
) -> Verdict {
    let mut sources = Sources::within(folder.path().to_owned());
    let mut diagnostics = Diagnostics::new();
    check(&mut sources, &mut diagnostics);
    verdict::of(&diagnostics, &sources, folder.path(), path, imports, own)
}

/// The names of the libraries that a ruleset imports.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn imports(app: &App, yaml: &str) -> Result<Vec<String>, ApiError> {
    let yaml = localized(app, yaml).await?;
    Ok(block_in_place(|| imported(yaml)))
}

fn imported(yaml: String) -> Vec<String> {
    let mut sources = Sources::default();
    // What is wrong is found by the check of the whole.
    let mut diagnostics = Diagnostics::new();
    let file = sources.add(Path::new(RULESET_FILE), yaml.into_bytes(), &mut diagnostics);
    let root = file.and_then(|file| yaml::parse(file, &mut sources, &mut diagnostics));
    let names = match root.as_ref().and_then(|root| root.get("imports")) {
        None => Vec::new(),
        Some(node) => node
            .as_seq()
            .map_or(vec![node], |items| items.iter().collect()),
    };
    let names = names.into_iter().filter_map(Node::as_str);
    names.map(str::to_owned).collect()
}
