//! In-flight masking: values come in a request and go back masked.
//!
//! | Question | File |
//! |---|---|
//! | what does a ruleset of a plan say? | `ruleset.rs` |
//! | what is a plan, and where is it kept? | `plans.rs` |
//! | how are values masked? | `compiled.rs`, `data.rs` |
//!
//! A ruleset is bound to its keys once and kept, so that a request only masks.

mod compiled;
mod data;
pub(crate) mod plans;
mod ruleset;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use visard::check::seed_table;
use visard_engine::udfs::{Root, shipped};
use zeroize::Zeroizing;

pub(crate) use compiled::HashValues;
use compiled::{Compiled, Seeds};
pub(crate) use plans::{LogLevel, Plan, PlanOptions};
pub(crate) use ruleset::{Problem, Ruleset};

use crate::app::App;
use crate::documents::{self, Kind};
use crate::error::ApiError;

/// Bound rulesets that are kept at most.
const MOST_KEPT: usize = 64;

/// Which keys a request masks under.
pub(crate) struct Secrets<'a> {
    /// Without one, the server has one of its own for each plan, which nobody knows.
    pub(crate) run_secret: Option<&'a str>,
    pub(crate) disable_instance_secret: bool,
}

/// Rulesets that are bound to their keys.
#[derive(Default)]
pub(crate) struct InFlight {
    kept: Mutex<Kept>,
    instance_secret: OnceLock<Zeroizing<String>>,
}

#[derive(Default)]
struct Kept {
    compiled: HashMap<Bound, (u64, Arc<Compiled>)>,
    /// How often one was asked for.
    asked: u64,
}

/// What makes a bound ruleset another one.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Bound {
    plan: String,
    serial: i64,
    /// Ids of the stored seed files in it.
    seeds: Vec<Option<String>>,
    /// A hash of the secrets.
    secrets: [u8; 32],
    hash_values: usize,
}

impl InFlight {
    /// The secret of this installation, read once.
    fn instance_secret(&self, app: &App) -> Result<&Zeroizing<String>, ApiError> {
        if let Some(secret) = self.instance_secret.get() {
            return Ok(secret);
        }
        let file = app.instance_secret_file();
        let secret = block_in_place(|| visard::run::instance_secret(Some(&file)));
        let secret = secret.map_err(|error| ApiError::internal(&format!("{error:#}")))?;
        Ok(self.instance_secret.get_or_init(|| secret))
    }

    fn find(&self, bound: &Bound) -> Option<Arc<Compiled>> {
        let mut kept = self.kept.lock();
        kept.asked += 1;
        let asked = kept.asked;
        let (last, compiled) = kept.compiled.get_mut(bound)?;
        *last = asked;
        Some(Arc::clone(compiled))
    }

    /// Keeps `compiled`, in the place of the one that was not asked for the longest where there are many.
    fn keep(&self, bound: Bound, compiled: &Arc<Compiled>) {
        let mut kept = self.kept.lock();
        if kept.compiled.len() >= MOST_KEPT {
            let oldest = kept.compiled.iter().min_by_key(|(_, (last, _))| *last);
            if let Some(oldest) = oldest.map(|(bound, _)| bound.clone()) {
                kept.compiled.remove(&oldest);
            }
        }
        let asked = kept.asked;
        kept.compiled.insert(bound, (asked, Arc::clone(compiled)));
    }
}

/// `data` masked by `plan`.
///
/// # Errors
/// Where the server fails; inside, why the masks refuse.
pub(crate) async fn mask(
    app: &App,
    plan: &Plan,
    data: &[serde_json::Value],
    hash_values: &HashValues,
    secrets: &Secrets<'_>,
) -> Result<Result<Vec<serde_json::Value>, String>, ApiError> {
    let compiled = compiled(app, plan, hash_values.count(), secrets).await?;
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(problem) => return Ok(Err(problem)),
    };
    let nonce = match (hash_values, secrets.run_secret) {
        // Under a secret of the caller the same request gives the same values.
        (HashValues::Columns(_), _) | (_, Some(_)) => String::new(),
        (HashValues::None, None) => {
            let mut bits = [0; 16];
            getrandom::fill(&mut bits).map_err(|error| ApiError::internal(&error))?;
            data_encoding::HEXLOWER.encode(&bits)
        }
    };
    Ok(block_in_place(|| compiled.mask(data, hash_values, &nonce)))
}

async fn compiled(
    app: &App,
    plan: &Plan,
    hash_values: usize,
    secrets: &Secrets<'_>,
) -> Result<Result<Arc<Compiled>, String>, ApiError> {
    let mut seeds = Vec::new();
    for name in &plan.seeds {
        seeds.push(documents::named(app.store(), Kind::Seed, "", name).await?);
    }
    let bound = Bound {
        plan: plan.id.clone(),
        serial: plan.serial,
        seeds: seeds
            .iter()
            .map(|seed| seed.as_ref().map(|seed| seed.id.clone()))
            .collect(),
        secrets: fingerprint(secrets),
        hash_values,
    };
    if let Some(compiled) = app.in_flight().find(&bound) {
        return Ok(Ok(compiled));
    }
    let ruleset = match Ruleset::read(&plan.ruleset_yaml) {
        Ok(ruleset) => ruleset,
        // It was sound when it was saved, under another version of the server.
        Err(problems) => return Ok(Err(told(&problems))),
    };
    let tables = match stored_seeds(app, &ruleset).await? {
        Ok(tables) => tables,
        Err(problem) => return Ok(Err(problem)),
    };
    let root = root(app, secrets)?;
    let compiled = Arc::new(Compiled::new(ruleset, root, tables, hash_values));
    app.in_flight().keep(bound, &compiled);
    Ok(Ok(compiled))
}

fn root(app: &App, secrets: &Secrets<'_>) -> Result<Root, ApiError> {
    let instance = match secrets.disable_instance_secret {
        true => None,
        false => Some(app.in_flight().instance_secret(app)?.as_bytes()),
    };
    match secrets.run_secret {
        Some(given) => Ok(Root::new(given.as_bytes(), instance)),
        None => {
            let mut random = Zeroizing::new([0; 32]);
            getrandom::fill(random.as_mut_slice()).map_err(|error| ApiError::internal(&error))?;
            Ok(Root::new(random.as_slice(), instance))
        }
    }
}

fn fingerprint(secrets: &Secrets<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([
        u8::from(secrets.disable_instance_secret),
        u8::from(secrets.run_secret.is_some()),
    ]);
    hasher.update(secrets.run_secret.unwrap_or_default());
    hasher.finalize().into()
}

/// The seed files of a ruleset that users keep.
async fn stored_seeds(app: &App, ruleset: &Ruleset) -> Result<Result<Seeds, String>, ApiError> {
    let mut tables = std::collections::BTreeMap::new();
    for name in &ruleset.seeds {
        let Some(seed) = documents::named(app.store(), Kind::Seed, "", name).await? else {
            if shipped(name).is_none() {
                return Ok(Err(format!("there is no seed file `{name}`")));
            }
            continue;
        };
        let content = documents::content(app.store(), Kind::Seed, &seed.id).await?;
        match seed_table(&content.unwrap_or_default()) {
            Ok(table) => tables.insert(name.clone(), Arc::new(table)),
            Err(why) => return Ok(Err(format!("the seed file `{name}` {why}"))),
        };
    }
    Ok(Ok(Seeds(tables)))
}

/// Problems in one line.
fn told(problems: &[Problem]) -> String {
    let problems = problems.iter().map(ToString::to_string);
    problems.collect::<Vec<_>>().join("; ")
}

/// Reads the ruleset of a plan that is to be saved.
///
/// # Errors
/// Where the server fails; inside, all that is wrong with the ruleset.
pub(crate) async fn check(
    app: &App,
    yaml: &str,
) -> Result<Result<Ruleset, Vec<Problem>>, ApiError> {
    let whole = |message: String| {
        vec![Problem {
            message,
            place: None,
        }]
    };
    let ruleset = match block_in_place(|| Ruleset::read(yaml)) {
        Ok(ruleset) => ruleset,
        Err(problems) => return Ok(Err(problems)),
    };
    let seeds = match stored_seeds(app, &ruleset).await? {
        Ok(seeds) => seeds,
        Err(problem) => return Ok(Err(whole(problem))),
    };
    let bound = Compiled::new(ruleset, Root::new(b"a check masks nothing", None), seeds, 1);
    match block_in_place(|| bound.problem().map(str::to_owned)) {
        Some(problem) => Ok(Err(whole(problem))),
        None => Ok(Ok(bound.into_ruleset())),
    }
}
