//! Files that users keep: seed files in the open, everything that opens a database sealed.

use visard::check::check_seed;
use zeroize::Zeroizing;

use crate::app::App;
use crate::archives::unpack;
use crate::connections::certificates::MAX_BYTES;
use crate::documents::{self, Kind};
use crate::error::ApiError;
use crate::uploads::Upload;

/// The largest key, in bytes.
const MAX_KEY_BYTES: usize = 64 * 1024;
/// Ends of names that files of a run have.
const NO_SEEDS: [&str; 3] = [".yml", ".yaml", ".pem"];

/// Whether an upload is a file of this kind; the error is of the part `part` of the form.
///
/// # Errors
/// When it is none.
pub(crate) fn check(kind: Kind, name: &str, part: &str, upload: &Upload) -> Result<(), ApiError> {
    let problem = match kind {
        // Files for `from_blob` may be anything.
        Kind::Seed if name.to_ascii_lowercase().ends_with(".csv") || !name.contains('.') => {
            check_seed(&upload.bytes)
                .err()
                .map(|problem| format!("The file {problem}."))
        }
        Kind::OracleWallet | Kind::ConnectionFileset => match unpack(&upload.bytes, MAX_BYTES) {
            Ok(files) if files.is_empty() => Some("The archive has no files.".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        },
        Kind::SnowflakeKey if upload.bytes.len() > MAX_KEY_BYTES => {
            Some(format!("A key has at most {MAX_KEY_BYTES} bytes."))
        }
        _ => None,
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(ApiError::field(part, problem)),
    }
}

/// The name of a new file. That of a seed file is also its name in the folder of a run.
///
/// # Errors
/// When nothing may be called so.
pub(crate) fn name(kind: Kind, given: &str) -> Result<String, ApiError> {
    let name = documents::name("name", given)?;
    if kind != Kind::Seed {
        return Ok(name);
    }
    let lower = name.to_ascii_lowercase();
    let plain = !name.contains(['/', '\\']) && !name.starts_with('.') && name.len() <= 250;
    match plain && lower != "libraries" && !NO_SEEDS.iter().any(|end| lower.ends_with(end)) {
        true => Ok(name),
        false => Err(ApiError::field(
            "name",
            "A seed file cannot have this name.",
        )),
    }
}

/// The bytes of a file as they are kept.
///
/// # Errors
/// When the system gives no random bits.
pub(crate) fn kept(app: &App, kind: Kind, id: &str, bytes: &[u8]) -> Result<Vec<u8>, ApiError> {
    if kind == Kind::Seed {
        return Ok(bytes.to_vec());
    }
    let sealed = app.vault().seal(&place(kind, id), bytes);
    sealed.map_err(|error| ApiError::internal(&error))
}

/// The bytes of a file; nothing where there is none of this id.
///
/// # Errors
/// When they were sealed under another key, or changed.
pub(crate) async fn content(
    app: &App,
    kind: Kind,
    id: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, ApiError> {
    let Some(bytes) = documents::content(app.store(), kind, id).await? else {
        return Ok(None);
    };
    if kind == Kind::Seed {
        return Ok(Some(Zeroizing::new(bytes)));
    }
    let opened = app.vault().open(&place(kind, id), &bytes);
    opened.map(Some).map_err(|error| ApiError::internal(&error))
}

/// What the bytes of a file are sealed for.
fn place(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.name())
}
