//! Connections: how clients write them, and what runs make of them.
//!
//! | Question | File |
//! |---|---|
//! | which kinds are there, and which fields have they? | `kinds.rs` |
//! | is what a client wrote a connection? | `fields.rs` |
//! | which folders may a share lie in? | `roots.rs` |
//! | how does a pipeline write it? | `pipeline.rs` |
//! | what is in its files? | `certificates.rs` |
//! | does it work? | `trial.rs` |

pub(crate) mod certificates;
pub(crate) mod fields;
pub(crate) mod kinds;
mod pipeline;
pub(crate) mod roots;
mod trial;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::app::App;
use crate::documents::Document;
use crate::error::ApiError;

pub(crate) use pipeline::write_out;
pub(crate) use trial::try_out;

/// The secrets of a connection, by the names of their fields.
pub(crate) type Secrets = BTreeMap<&'static str, Zeroizing<String>>;

/// The secrets of a stored connection.
///
/// # Errors
/// When they were sealed under another key, or changed.
pub(crate) fn secrets(app: &App, document: &Document) -> Result<Secrets, ApiError> {
    let Some(sealed) = &document.sealed else {
        return Ok(Secrets::new());
    };
    let opened = app.vault().open(&place(&document.id), sealed);
    let opened = opened.map_err(|error| ApiError::internal(&error))?;
    let named: BTreeMap<String, String> = serde_json::from_slice(&opened).map_err(|_| {
        ApiError::internal(&"the secrets of a connection are not written as they should be")
    })?;
    let mut named: BTreeMap<String, Zeroizing<String>> = named
        .into_iter()
        .map(|(name, secret)| (name, Zeroizing::new(secret)))
        .collect();
    let known = kinds::of(&document.body).map(|kind| kind.secrets());
    let known = known.into_iter().flatten();
    Ok(known
        .filter_map(|name| Some((name, named.remove(name)?)))
        .collect())
}

/// Secrets as the store takes them, for the connection of this id alone; nothing where there are none.
///
/// # Errors
/// When the system gives no random bits.
pub(crate) fn sealed(app: &App, id: &str, secrets: &Secrets) -> Result<Option<Vec<u8>>, ApiError> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let secrets = secrets.iter().map(|(name, secret)| (name, secret.as_str()));
    let text = serde_json::to_vec(&secrets.collect::<BTreeMap<_, _>>()).map(Zeroizing::new);
    let text = text.map_err(|error| ApiError::internal(&error))?;
    let sealed = app.vault().seal(&place(id), &text);
    sealed.map(Some).map_err(|error| ApiError::internal(&error))
}

/// What the secrets of a connection are sealed for.
fn place(id: &str) -> String {
    format!("connection/{id}")
}
