//! Where to look: a database, or a place of files.

use std::sync::Arc;

use visard_connectors::Database;
use visard_connectors::store::Store;

use crate::check::{connect, store_config};
use crate::language::{Connection, ConnectionKind};

/// A place that lets us in.
#[derive(Debug, Clone)]
pub enum Place {
    /// A database.
    Database(Arc<dyn Database>),
    /// Files.
    Files(Store),
}

/// Opens the place of a connection; of files in the folder `below` its base directory.
///
/// # Errors
/// Why it cannot be got into, without a secret.
pub async fn open_place(connection: &Connection, below: &str) -> Result<Place, String> {
    if let ConnectionKind::Database(database) = &connection.kind {
        let database = connect(database).await.map_err(|error| error.to_string())?;
        return Ok(Place::Database(database));
    }
    let Some(config) = store_config(connection, below) else {
        return Err("it is neither a database nor a place of files".to_owned());
    };
    let store = Store::open(&connection.name.value, &config).await;
    store.map(Place::Files).map_err(|error| error.to_string())
}
