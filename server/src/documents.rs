//! Named things that users keep: connections, rulesets, libraries, files, plans, configurations.
//!
//! Each has a kind, an id, a name that is unique within its kind and variant, a body of JSON, and where it
//! needs them a secret and a file.

use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::ApiError;
use crate::store::{Row, Store, StoreError, Transaction};
use crate::time;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connection,
    Ruleset,
    RulesetLibrary,
    Seed,
    OracleWallet,
    ConnectionFileset,
    SnowflakeKey,
    DiscoveryConfig,
    DiscoveryConfigLibrary,
    GenerationConfig,
    TableReference,
    InFlightPlan,
}

impl Kind {
    /// As the store writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Ruleset => "ruleset",
            Self::RulesetLibrary => "ruleset_library",
            Self::Seed => "seed",
            Self::OracleWallet => "oracle_wallet",
            Self::ConnectionFileset => "connection_fileset",
            Self::SnowflakeKey => "snowflake_key",
            Self::DiscoveryConfig => "discovery_config",
            Self::DiscoveryConfigLibrary => "discovery_config_library",
            Self::GenerationConfig => "generation_config",
            Self::TableReference => "table_reference",
            Self::InFlightPlan => "in_flight_plan",
        }
    }

    /// In words, for messages.
    pub(crate) fn words(self) -> String {
        self.name().replace('_', " ")
    }
}

/// A document, without its file.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What a name is unique within: a mask type, a namespace; may be empty.
    pub(crate) variant: String,
    pub(crate) body: Json,
    /// A secret, sealed for `KIND/ID`.
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) created: String,
    pub(crate) modified: String,
}

impl Document {
    /// A new one, with an id of its own.
    pub(crate) fn new(name: &str, variant: &str, body: Json) -> Self {
        let now = time::text(time::now());
        Self {
            id: Uuid::new_v4().to_string(),
            name: name.to_owned(),
            variant: variant.to_owned(),
            body,
            sealed: None,
            created: now.clone(),
            modified: now,
        }
    }
}

/// The longest name, in characters.
const MAX_NAME: usize = 255;

/// A name that something may have: text on one line that is not blank, without blanks around it.
///
/// # Errors
/// Of the field, for any other text.
pub(crate) fn name(field: &str, text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    let problem = match name {
        "" => "This field may not be blank.".to_owned(),
        name if name.chars().count() > MAX_NAME => {
            format!("Ensure this field has no more than {MAX_NAME} characters.")
        }
        name if name.contains(char::is_control) => "Control characters are not allowed.".to_owned(),
        name => return Ok(name.to_owned()),
    };
    Err(ApiError::field(field, problem))
}

const COLUMNS: &str = "id, name, variant, body, sealed, created, modified";

/// An id in its one form; also without hyphens, as some clients write it.
pub(crate) fn id_of(text: &str) -> Option<String> {
    Uuid::parse_str(text).ok().map(|id| id.to_string())
}

/// The document with this id.
pub(crate) async fn find(
    store: &dyn Store,
    kind: Kind,
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let Some(id) = id_of(id) else {
        return Ok(None);
    };
    let sql =
        format!("SELECT {COLUMNS} FROM documents WHERE kind = $1 AND id = $2 AND archived = 0");
    let rows = store.query(&sql, &[kind.name().into(), id.into()]).await?;
    rows.first().map(document).transpose()
}

/// The document with this id; 404 without one.
pub(crate) async fn get(store: &dyn Store, kind: Kind, id: &str) -> Result<Document, ApiError> {
    find(store, kind, id).await?.ok_or_else(ApiError::not_found)
}

/// The document with this name.
pub(crate) async fn named(
    store: &dyn Store,
    kind: Kind,
    variant: &str,
    name: &str,
) -> Result<Option<Document>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM documents \
         WHERE kind = $1 AND variant = $2 AND name = $3 AND archived = 0"
    );
    let parameters = [kind.name().into(), variant.into(), name.into()];
    let rows = store.query(&sql, &parameters).await?;
    rows.first().map(document).transpose()
}

/// All documents of a kind, oldest first.
pub(crate) async fn all(store: &dyn Store, kind: Kind) -> Result<Vec<Document>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM documents WHERE kind = $1 AND archived = 0 ORDER BY created, id"
    );
    let rows = store.query(&sql, &[kind.name().into()]).await?;
    rows.iter().map(document).collect()
}

/// Adds a document, with its file if it has one.
///
/// # Errors
/// [`StoreError::Taken`] where its name is.
pub(crate) async fn insert(
    transaction: &mut dyn Transaction,
    kind: Kind,
    document: &Document,
    content: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO documents \
               (kind, id, name, variant, body, sealed, content, archived, created, modified) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)";
    let parameters = [
        kind.name().into(),
        document.id.as_str().into(),
        document.name.as_str().into(),
        document.variant.as_str().into(),
        document.body.to_string().into(),
        document.sealed.clone().into(),
        content.into(),
        document.created.as_str().into(),
        document.modified.as_str().into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Writes a document over the one with its id, and says when. Its file stays.
///
/// # Errors
/// [`StoreError::Taken`] where another one has its name.
pub(crate) async fn update(
    transaction: &mut dyn Transaction,
    kind: Kind,
    document: &mut Document,
) -> Result<(), StoreError> {
    document.modified = time::text(time::now());
    let sql = "UPDATE documents \
               SET name = $1, variant = $2, body = $3, sealed = $4, modified = $5 \
               WHERE kind = $6 AND id = $7";
    let parameters = [
        document.name.as_str().into(),
        document.variant.as_str().into(),
        document.body.to_string().into(),
        document.sealed.clone().into(),
        document.modified.as_str().into(),
        kind.name().into(),
        document.id.as_str().into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Writes the body of a document, unless the document has changed since it was read. It does not count as
/// a change of it.
pub(crate) async fn set_body(
    transaction: &mut dyn Transaction,
    kind: Kind,
    document: &Document,
) -> Result<(), StoreError> {
    let sql = "UPDATE documents SET body = $1 WHERE kind = $2 AND id = $3 AND modified = $4";
    let parameters = [
        document.body.to_string().into(),
        kind.name().into(),
        document.id.as_str().into(),
        document.modified.as_str().into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Writes the file of a document.
pub(crate) async fn set_content(
    transaction: &mut dyn Transaction,
    kind: Kind,
    id: &str,
    content: Vec<u8>,
) -> Result<(), StoreError> {
    let sql = "UPDATE documents SET content = $1 WHERE kind = $2 AND id = $3";
    let parameters = [content.into(), kind.name().into(), id.into()];
    transaction.query(sql, &parameters).await.map(drop)
}

/// The file of a document; nothing where it has none.
pub(crate) async fn content(
    store: &dyn Store,
    kind: Kind,
    id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT content FROM documents WHERE kind = $1 AND id = $2 AND archived = 0";
    let rows = store.query(sql, &[kind.name().into(), id.into()]).await?;
    match rows.first() {
        None => Ok(None),
        Some(row) => Ok(row.maybe_bytes(0)?.map(<[u8]>::to_vec)),
    }
}

/// Removes a document; whether there was one.
pub(crate) async fn remove(
    transaction: &mut dyn Transaction,
    kind: Kind,
    id: &str,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM documents WHERE kind = $1 AND id = $2 RETURNING id";
    let parameters = [kind.name().into(), id.into()];
    Ok(!transaction.query(sql, &parameters).await?.is_empty())
}

fn document(row: &Row) -> Result<Document, StoreError> {
    let body = serde_json::from_str(row.text(3)?);
    Ok(Document {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        variant: row.text(2)?.to_owned(),
        body: body.map_err(|_| StoreError::Unexpected("no JSON"))?,
        sealed: row.maybe_bytes(4)?.map(<[u8]>::to_vec),
        created: row.text(5)?.to_owned(),
        modified: row.text(6)?.to_owned(),
    })
}
