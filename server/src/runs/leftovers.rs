//! What a server left below its data folder when it was killed, and nothing names: the next one removes it.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::Context;

use super::{GIVEN, Status, folders};
use crate::app::App;
use crate::private;
use crate::store::StoreError;

/// Removes folders of work that was cut off, of runs that never came to be, and what runs were given that are at
/// their end. For a server that answers nobody yet.
///
/// # Errors
/// When the store cannot be read, or the data folder cannot be written.
pub(crate) async fn remove_leftovers(app: &App) -> anyhow::Result<()> {
    let unwritable = "the data folder cannot be tidied up";
    for cut_off in entries(&private::temp_folders(app)).context(unwritable)? {
        remove(&cut_off.path()).context(unwritable)?;
    }
    let node = app.runs().node(app).context(unwritable)?;
    let runs = of_node(app, node).await?;
    for folder in entries(&folders(app)).context(unwritable)? {
        let name = folder.file_name();
        let Some(run) = name.to_str().and_then(|name| name.parse::<i64>().ok()) else {
            continue;
        };
        match runs.get(&run) {
            None => remove(&folder.path()).context(unwritable)?,
            Some(true) => remove(&folder.path().join(GIVEN)).context(unwritable)?,
            Some(false) => {}
        }
    }
    Ok(())
}

/// The runs of this server, and whether they are at their end.
async fn of_node(app: &App, node: &str) -> Result<HashMap<i64, bool>, StoreError> {
    let sql = "SELECT id, status FROM runs WHERE node = $1";
    let rows = app.store().query(sql, &[node.into()]).await?;
    let runs = rows.iter().map(|row| {
        let status = Status::named(row.text(1)?).ok_or(StoreError::Unexpected("no status"))?;
        Ok((row.int(0)?, status.is_final()))
    });
    runs.collect()
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
