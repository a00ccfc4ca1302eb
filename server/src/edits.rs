//! Changes of documents by users, each on record in the audit log in the transaction that makes it.

use crate::access::Caller;
use crate::audit::{self, Category};
use crate::documents::{self, Document, Kind};
use crate::error::ApiError;
use crate::rulesets::library_name;
use crate::store::{StoreError, Transaction};

/// Adds a document, with its file if it has one.
///
/// # Errors
/// 400 where its name is taken.
pub(crate) async fn add(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    kind: Kind,
    document: &Document,
    content: Option<Vec<u8>>,
) -> Result<(), ApiError> {
    let added = documents::insert(transaction, kind, document, content).await;
    added.map_err(|error| taken(error, kind))?;
    note(transaction, caller, "created", kind, document).await
}

/// Writes a document over the one with its id. Its file stays.
///
/// # Errors
/// 400 where another one has its name.
pub(crate) async fn rewrite(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    kind: Kind,
    document: &mut Document,
) -> Result<(), ApiError> {
    let updated = documents::update(transaction, kind, document).await;
    updated.map_err(|error| taken(error, kind))?;
    note(transaction, caller, "modified", kind, document).await
}

/// Removes a document.
///
/// # Errors
/// 404 where it has gone meanwhile.
pub(crate) async fn remove(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    kind: Kind,
    document: &Document,
) -> Result<(), ApiError> {
    match documents::remove(transaction, kind, &document.id).await? {
        false => Err(ApiError::not_found()),
        true => note(transaction, caller, "deleted", kind, document).await,
    }
}

fn taken(error: StoreError, kind: Kind) -> ApiError {
    match error {
        StoreError::Taken => ApiError::name_taken(&kind.words()),
        other => other.into(),
    }
}

async fn note(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    action: &str,
    kind: Kind,
    document: &Document,
) -> Result<(), ApiError> {
    let category = match kind {
        Kind::Connection => Category::Connection,
        Kind::Ruleset | Kind::RulesetLibrary | Kind::InFlightPlan => Category::Ruleset,
        _ => Category::System,
    };
    let Document { name, variant, .. } = document;
    let said = match kind {
        Kind::RulesetLibrary | Kind::DiscoveryConfigLibrary => {
            format!("{} `{}`", kind.words(), library_name(variant, name))
        }
        _ if variant.is_empty() => format!("{} `{name}`", kind.words()),
        _ => format!("{} `{name}` ({variant})", kind.words()),
    };
    Ok(audit::note(transaction, &caller.username, category, action, &said).await?)
}
