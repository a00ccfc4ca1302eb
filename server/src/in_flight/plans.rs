//! Plans: rulesets under names, each with a number that grows with every change.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Ruleset;
use crate::access::Caller;
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::store::StoreError;

/// Characters of the random end of a name.
const SUFFIX: usize = 6;

/// What goes for requests that say nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlanOptions {
    /// Whether the plan masks; by default it does.
    pub(crate) enabled: Option<bool>,
    /// No effect.
    pub(crate) default_encoding: Option<String>,
    /// No effect.
    pub(crate) default_charset: Option<String>,
    /// The least level of the lines that are told.
    pub(crate) default_log_level: Option<LogLevel>,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// A plan.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) serial: i64,
    pub(crate) options: PlanOptions,
    pub(crate) ruleset_yaml: String,
    /// Names of the seed files in it.
    pub(crate) seeds: Vec<String>,
    pub(crate) created: String,
    pub(crate) modified: String,
}

/// What is kept of a plan in its document.
#[derive(Serialize, Deserialize)]
struct Kept {
    serial: i64,
    options: PlanOptions,
    ruleset_yaml: String,
    seeds: Vec<String>,
}

impl TryFrom<Document> for Plan {
    type Error = StoreError;

    fn try_from(document: Document) -> Result<Self, StoreError> {
        let kept: Kept =
            serde_json::from_value(document.body).map_err(|_| StoreError::Unexpected("no plan"))?;
        Ok(Self {
            id: document.id,
            name: document.name,
            serial: kept.serial,
            options: kept.options,
            ruleset_yaml: kept.ruleset_yaml,
            seeds: kept.seeds,
            created: document.created,
            modified: document.modified,
        })
    }
}

/// All plans, oldest first.
///
/// # Errors
/// As of the store.
pub(crate) async fn all(app: &App) -> Result<Vec<Plan>, ApiError> {
    let all = documents::all(app.store(), Kind::InFlightPlan).await?;
    let all = all.into_iter().map(Plan::try_from);
    Ok(all.collect::<Result<_, _>>()?)
}

/// The plan of this name.
///
/// # Errors
/// 404 without one.
pub(crate) async fn get(app: &App, name: &str) -> Result<Plan, ApiError> {
    Ok(document(app, name).await?.try_into()?)
}

async fn document(app: &App, name: &str) -> Result<Document, ApiError> {
    // No name has it, and PostgreSQL takes no text with it.
    if name.contains('\0') {
        return Err(ApiError::not_found());
    }
    let found = documents::named(app.store(), Kind::InFlightPlan, "", name).await?;
    found.ok_or_else(ApiError::not_found)
}

/// Adds a plan under `name` and six random characters.
///
/// # Errors
/// As of the store.
pub(crate) async fn create(
    app: &App,
    caller: &Caller,
    name: &str,
    (yaml, ruleset): (String, &Ruleset),
    options: PlanOptions,
) -> Result<Plan, ApiError> {
    let name = format!("{name}-{}", suffix()?);
    let kept = Kept {
        serial: 1,
        options,
        ruleset_yaml: yaml,
        seeds: ruleset.seeds.iter().cloned().collect(),
    };
    let document = Document::new(&name, "", json!(kept));
    let mut transaction = app.store().begin().await?;
    let kind = Kind::InFlightPlan;
    edits::add(transaction.as_mut(), caller, kind, &document, None).await?;
    transaction.commit().await?;
    Ok(document.try_into()?)
}

/// Changes what is given of a plan; what is not given stays.
///
/// # Errors
/// 404 without one.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    name: &str,
    ruleset: Option<(String, &Ruleset)>,
    options: Option<PlanOptions>,
) -> Result<Plan, ApiError> {
    let id = document(app, name).await?.id;
    let mut transaction = app.store().begin().await?;
    let sql = "SELECT body FROM documents WHERE kind = $1 AND id = $2 AND archived = 0";
    let parameters = [Kind::InFlightPlan.name().into(), id.as_str().into()];
    let rows = transaction.query(sql, &parameters).await?;
    let row = rows.first().ok_or_else(ApiError::not_found)?;
    let mut kept: Kept =
        serde_json::from_str(row.text(0)?).map_err(|_| StoreError::Unexpected("no plan"))?;
    kept.serial += 1;
    if let Some((yaml, ruleset)) = ruleset {
        kept.ruleset_yaml = yaml;
        kept.seeds = ruleset.seeds.iter().cloned().collect();
    }
    if let Some(options) = options {
        kept.options = options;
    }
    let mut changed = document(app, name).await?;
    changed.body = json!(kept);
    let kind = Kind::InFlightPlan;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut changed).await?;
    transaction.commit().await?;
    Ok(changed.try_into()?)
}

/// Removes a plan.
///
/// # Errors
/// 404 without one.
pub(crate) async fn remove(app: &App, caller: &Caller, name: &str) -> Result<(), ApiError> {
    let document = document(app, name).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::InFlightPlan;
    edits::remove(transaction.as_mut(), caller, kind, &document).await?;
    Ok(transaction.commit().await?)
}

fn suffix() -> Result<String, ApiError> {
    const CHARACTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bits = [0; SUFFIX];
    getrandom::fill(&mut bits).map_err(|error| ApiError::internal(&error))?;
    let characters = bits
        .iter()
        .map(|bits| char::from(CHARACTERS[usize::from(bits % 32)]));
    Ok(characters.collect())
}
