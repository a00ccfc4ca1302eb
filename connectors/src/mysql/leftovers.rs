//! What still holds old values after a table was masked: removed where we may, named where we may not.

use mysql_async::Row;

use super::back;
use super::error::MysqlError;
use super::job::TableJob;
use super::marks::is_there;
use super::session::{Server, Session, literal, quoted};

/// Puts back what was taken off the table, removes what `job` made, then what still holds old values. What
/// cannot be removed, in words.
///
/// # Errors
/// When the connection fails.
pub(super) async fn clean_up(
    server: &Server,
    job: &TableJob,
    rewritten: bool,
) -> Result<Vec<String>, MysqlError> {
    let mut left = put_back(server, job).await?;
    let kept: &[&str] = match left.is_empty() {
        true => &[],
        // Foreign keys may still refer to it.
        false => &["old", "back"],
    };
    if !left.is_empty() && rewritten {
        left.push(format!(
            "{} holds the old rows until what is to be run by hand was, and it is dropped",
            job.beside("old")
        ));
    }
    let mut session = server.connect().await?;
    let statistics = has_statistics(&mut session, job, rewritten).await?;
    remove(server, job, kept).await?;
    let table = job.table.sql();
    if !rewritten {
        let otherwise = "free pages of the table hold old values until `OPTIMIZE TABLE`";
        maintained(
            &mut session,
            &format!("OPTIMIZE TABLE {table}"),
            otherwise,
            &mut left,
        )
        .await?;
    }
    let (analysed, otherwise) = match statistics {
        Some(true) => (
            format!("ANALYZE TABLE {table} PERSISTENT FOR ALL"),
            "statistics of the table hold old values until `ANALYZE TABLE … PERSISTENT FOR ALL`",
        ),
        _ => (
            format!("ANALYZE TABLE {table}"),
            "statistics of the table are old until `ANALYZE TABLE`",
        ),
    };
    maintained(&mut session, &analysed, otherwise, &mut left).await?;
    if statistics == Some(true) {
        let kept = "OPTIMIZE TABLE mysql.column_stats";
        let otherwise =
            "free space of `mysql.column_stats` holds old values until `OPTIMIZE TABLE`";
        maintained(&mut session, kept, otherwise, &mut left).await?;
    }
    if statistics.is_none() {
        left.push(
            "histograms of the table, if it has any, hold old values until they are made again"
                .to_owned(),
        );
    }
    logs(&mut session, &mut left).await?;
    left.push(
        "redo and undo logs and the doublewrite buffer hold old values until they are written over; \
         replicas and backups keep them"
            .to_owned(),
    );
    Ok(left)
}

/// Puts back what was taken off the table; in words, what could not be.
///
/// # Errors
/// When the connection fails.
pub(super) async fn put_back(server: &Server, job: &TableJob) -> Result<Vec<String>, MysqlError> {
    put_back_of(server, &job.name).await
}

/// The same for tables that have got their places, of which `name` is known only; nothing where they have not.
///
/// # Errors
/// When the connection fails.
pub(super) async fn put_back_exchanged(server: &Server, name: &str) -> Result<(), MysqlError> {
    server.end_others(name).await?;
    let made = made(&mut server.connect().await?, name).await?;
    let old = format!("{name}_old");
    if made.iter().any(|(_, table)| *table == old) {
        // What is left is told of as the tables are cleaned up behind.
        put_back_of(server, name).await?;
    }
    Ok(())
}

async fn put_back_of(server: &Server, name: &str) -> Result<Vec<String>, MysqlError> {
    // A session that was cut off may still be taking off what would be found in its place.
    server.end_others(name).await?;
    let mut session = server.connect().await?;
    let mut reader = server.connect().await?;
    back::put_back(name, &mut [], &mut session, &mut reader).await
}

/// Drops the tables that `job` made, but for those that `kept` names.
///
/// # Errors
/// When the server refuses.
pub(super) async fn remove(
    server: &Server,
    job: &TableJob,
    kept: &[&str],
) -> Result<(), MysqlError> {
    server.end_others(&job.name).await?;
    let mut session = server.connect().await?;
    // References to what is dropped are to its masked successor, by name, or gone.
    session.run("SET foreign_key_checks = 0").await?;
    for (schema, name) in made(&mut session, &job.name).await? {
        // What is made for tables that follow has a number in its name.
        if kept.iter().any(|kept| name.ends_with(&format!("_{kept}"))) {
            continue;
        }
        let table = format!("{}.{}", quoted(&schema), quoted(&name));
        session
            .run(&format!("DROP TABLE IF EXISTS {table}"))
            .await?;
    }
    Ok(())
}

/// Tables whose names begin with `name`, each with its database: those that were made for tables that follow may
/// be in others.
///
/// # Errors
/// When the server refuses.
pub(super) async fn made(
    session: &mut Session,
    name: &str,
) -> Result<Vec<(String, String)>, MysqlError> {
    let made = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME LIKE {}",
        literal(&format!("{}\\_%", name.replace('_', "\\_")))
    );
    session.rows(&made).await
}

/// Whether the server keeps statistics with values of the table; `None` where we may not know.
async fn has_statistics(
    session: &mut Session,
    job: &TableJob,
    rewritten: bool,
) -> Result<Option<bool>, MysqlError> {
    let schema = literal(&job.table.schema);
    let mut names = vec![literal(&job.table.name)];
    if rewritten {
        // They followed the old table.
        names.push(literal(&format!("{}_old", job.name)));
    }
    if !session.is_mariadb().await? {
        if !is_there(session, "information_schema", "COLUMN_STATISTICS").await? {
            return Ok(Some(false));
        }
        let of = format!(
            "information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = {schema} AND TABLE_NAME IN ({})",
            names.join(", ")
        );
        let has = session.count(&of).await? > 0;
        return Ok((!has).then_some(false));
    }
    let of = format!(
        "mysql.column_stats WHERE db_name = {schema} AND table_name IN ({})",
        names.join(", ")
    );
    match session.count(&of).await {
        Ok(count) => Ok(Some(count > 0)),
        Err(error) if error.code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs a statement of upkeep, which answers in rows; where it is not done, `otherwise` is what is left.
async fn maintained(
    session: &mut Session,
    statement: &str,
    otherwise: &str,
    left: &mut Vec<String>,
) -> Result<(), MysqlError> {
    let refused = match session.rows::<Row>(statement).await {
        Ok(rows) => rows.into_iter().any(|mut row| {
            let kind: Option<String> = row.take(2);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("error"))
        }),
        Err(error) if error.code().is_some() => true,
        Err(error) => return Err(error),
    };
    if refused {
        left.push(otherwise.to_owned());
    }
    Ok(())
}

/// Logs of the server that hold old values.
async fn logs(session: &mut Session, left: &mut Vec<String>) -> Result<(), MysqlError> {
    let settings = "SELECT @@GLOBAL.log_bin, @@GLOBAL.innodb_file_per_table, @@GLOBAL.general_log";
    let settings: Option<(bool, bool, bool)> = session.first(settings).await?;
    let (binary, per_table, general) = settings.unwrap_or((true, true, true));
    if binary {
        left.push("the binary log holds old values until its files are purged".to_owned());
    }
    if !per_table {
        left.push(
            "free pages of the system tablespace hold old values: `innodb_file_per_table` is off"
                .to_owned(),
        );
    }
    if general {
        left.push("the general log holds the conditions of `where`".to_owned());
    }
    Ok(())
}
