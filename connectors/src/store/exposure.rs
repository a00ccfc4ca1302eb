//! Whether strangers can read a place: masked data has no business in a public bucket, nor raw data.

use super::Store;
use super::config::ConnectionConfig;
use super::error::{StoreError, StoreErrorKind};
use super::place::Manner;
use super::probe;

/// Who can read a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// Only those with credentials.
    Private,
    /// Anyone, and how that shows.
    Public(String),
    /// It could not be found out, and why.
    Unknown(String),
}

/// Finds out whether strangers can read `store`: by trying without credentials to list it and to
/// read one object, and by asking the provider where that is allowed.
///
/// A folder is private: who reaches it has an account on the machine or its file server.
pub async fn exposure(store: &Store) -> Exposure {
    if let ConnectionConfig::MountedShare(_) = store.config() {
        return Exposure::Private;
    }
    // The tries count for more than what is written somewhere: they are what a stranger does.
    match (tried(store).await, store.place().stated().await) {
        (Finding::Open(reason), _) | (_, Finding::Open(reason)) => Exposure::Public(reason),
        (Finding::Closed, _) | (_, Finding::Closed) => Exposure::Private,
        (Finding::Silent(reason), Finding::Silent(_)) => Exposure::Unknown(reason),
    }
}

/// What one source of knowledge says.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "aws"),
    allow(dead_code, reason = "only providers say so")
)]
pub(super) enum Finding {
    Open(String),
    Closed,
    Silent(String),
}

/// What a stranger gets to see.
async fn tried(store: &Store) -> Finding {
    let manner = Manner {
        anonymous: true,
        hasty: true,
    };
    let stranger = match store.reopen(manner).await {
        Ok(stranger) => stranger,
        Err(error) => return Finding::Silent(error.to_string()),
    };
    match stranger.place().first().await {
        Ok(_) => return Finding::Open("it can be listed without credentials".to_owned()),
        Err(error) if !is_refusal(&error) => return Finding::Silent(error.to_string()),
        Err(_) => {}
    }
    let object = match store.place().first().await {
        Ok(Some(object)) => object,
        Ok(None) => {
            let reason = "it has no object that could be tried without credentials";
            return Finding::Silent(reason.to_owned());
        }
        Err(error) => return Finding::Silent(error.to_string()),
    };
    match probe::read(&stranger, object).await {
        Ok(()) => Finding::Open("its objects can be read without credentials".to_owned()),
        Err(error) if is_refusal(&error) => Finding::Closed,
        Err(error) => Finding::Silent(error.to_string()),
    }
}

/// Whether a stranger was turned away. Azure says that there is no such container.
fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::Denied | StoreErrorKind::NotFound
    )
}
