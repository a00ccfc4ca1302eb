//! Does a connection work?

use visard_connectors::database::Facts;
pub use visard_connectors::store::{Check, Exposure, Outcome};
use visard_connectors::store::{Store, exposure, probe};

use super::database::connect;
use super::stores::store_config;
use crate::language::{Connection, ConnectionKind};

/// What was found out about a place that lets us in.
#[derive(Debug)]
pub enum Tried {
    /// It holds files.
    Files {
        /// Where it is, without a secret.
        place: String,
        /// What works there, and what does not.
        checks: Vec<Check>,
        /// Whether strangers can read it.
        exposure: Exposure,
    },
    /// It is a database.
    Database {
        /// Where it is, without a secret.
        place: String,
        /// What it says of itself.
        facts: Facts,
    },
}

/// Tries a connection, in the folder `below` its base directory, as what it is used for.
///
/// # Errors
/// Why it cannot be got into, without a secret.
pub async fn try_connection(
    connection: &Connection,
    below: &str,
    as_source: bool,
    as_target: bool,
) -> Result<Tried, String> {
    if let ConnectionKind::Database(database) = &connection.kind {
        let database = connect(database).await.map_err(|error| error.to_string())?;
        let facts = database.facts().await.map_err(|error| error.to_string())?;
        let place = database.shown();
        return Ok(Tried::Database { place, facts });
    }
    let Some(config) = store_config(connection, below) else {
        return Err("it is neither a database nor a place of files".to_owned());
    };
    let store = Store::open(&connection.name.value, &config).await;
    let store = store.map_err(|error| error.to_string())?;
    let checks = probe(&store, as_source, as_target).await;
    let exposure = exposure(&store).await;
    store.settle().await;
    Ok(Tried::Files {
        place: store.describe(),
        checks,
        exposure,
    })
}
