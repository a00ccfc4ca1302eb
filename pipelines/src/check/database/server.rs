//! The database of a pipeline, reached.

use std::sync::Arc;
use std::time::Duration;

use visard_connectors::database::SslMode;
use visard_connectors::mysql::{Mysql, MysqlConfig};
#[cfg(feature = "odbc")]
use visard_connectors::odbc::{Dialect, Odbc, OdbcConfig};
use visard_connectors::postgres::{Postgres, PostgresConfig};
use visard_connectors::sqlite::Sqlite;
use visard_connectors::{Database, DatabaseError};
use zeroize::Zeroizing;

use crate::check::Loaded;
use crate::language::{
    self, ConnectionKind, DatabaseConnection, DbType, Diagnostic, Diagnostics, Place, Secret, codes,
};

/// The database at `place`. Nothing comes back where it cannot be had.
pub(super) async fn open_database_of(
    loaded: &Loaded,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<dyn Database>> {
    let place = &place.connection;
    let connection = loaded.pipeline.connection(&place.value)?;
    let ConnectionKind::Database(database) = &connection.kind else {
        return None;
    };
    match connect(database).await {
        Ok(database) => Some(database),
        Err(error) => {
            let message = format!("`{}`: {error}", connection.name.value);
            diagnostics.push(
                Diagnostic::new(&codes::CONNECTION_FAILED, message)
                    .at(place.span, "")
                    .help("try it with `visard connections test`"),
            );
            None
        }
    }
}

/// The database of a connection.
///
/// # Errors
/// When it cannot be reached, or does not let us in.
pub(crate) async fn connect(
    connection: &DatabaseConnection,
) -> Result<Arc<dyn Database>, DatabaseError> {
    if connection.is_odbc() {
        return odbc(connection).await;
    }
    Ok(match connection.db_type {
        DbType::Mysql | DbType::Mariadb => {
            Arc::new(Mysql::connect(&mysql_config(connection)).await?)
        }
        DbType::Sqlite => {
            let path = connection.database.as_deref().unwrap_or_default();
            Arc::new(Sqlite::connect(path).await?)
        }
        // Kinds that are not built were refused as the pipeline was read.
        _ => Arc::new(Postgres::connect(&postgres_config(connection)).await?),
    })
}

fn secret(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.expose().to_owned())
}

impl From<language::SslMode> for SslMode {
    fn from(mode: language::SslMode) -> Self {
        match mode {
            language::SslMode::Disable => Self::Disable,
            language::SslMode::Prefer => Self::Prefer,
            language::SslMode::Require => Self::Require,
            language::SslMode::VerifyCa => Self::VerifyCa,
            language::SslMode::VerifyFull => Self::VerifyFull,
        }
    }
}

/// A connection as the driver of MySQL takes it. A schema is a database there.
fn mysql_config(connection: &DatabaseConnection) -> MysqlConfig {
    let settings = connection.engine_options.iter();
    MysqlConfig {
        host: connection.host.clone(),
        port: connection.port,
        user: connection.user.clone(),
        password: connection.password.as_ref().map(secret),
        database: connection.schema.clone().or(connection.database.clone()),
        ssl_mode: connection.sslmode.into(),
        ssl_root_cert: connection.sslrootcert.clone(),
        connect_timeout: Some(Duration::from_secs(connection.connect_timeout_seconds)),
        application_name: Some(connection.application_name.clone()),
        settings: settings
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
    }
}

/// The database of a connection, by a driver of ODBC.
#[cfg(feature = "odbc")]
async fn odbc(connection: &DatabaseConnection) -> Result<Arc<dyn Database>, DatabaseError> {
    Ok(Arc::new(Odbc::connect(odbc_config(connection)?).await?))
}

/// Without a driver manager there are no drivers.
#[cfg(not(feature = "odbc"))]
async fn odbc(_: &DatabaseConnection) -> Result<Arc<dyn Database>, DatabaseError> {
    let message = "this visard was built without ODBC: build it with `--features odbc`";
    Err(DatabaseError::new(message))
}

/// A connection as drivers of ODBC take it.
#[cfg(feature = "odbc")]
fn odbc_config(connection: &DatabaseConnection) -> Result<OdbcConfig, DatabaseError> {
    let dialect = match connection.db_type {
        DbType::Oracle => Dialect::Oracle,
        DbType::Mssql => Dialect::SqlServer,
        DbType::Db2Luw => Dialect::Db2,
        DbType::Db2i => Dialect::Db2i,
        DbType::Redshift => Dialect::Redshift,
        DbType::Snowflake => Dialect::Snowflake,
        DbType::Postgres => Dialect::Postgres,
        DbType::Mysql | DbType::Mariadb => Dialect::Mysql,
        DbType::Sqlite => Dialect::Sqlite,
        // Refused as the pipeline was read.
        other => {
            let message = format!("{} is not reached over ODBC", other.product());
            return Err(DatabaseError::new(message));
        }
    };
    let part = |key: &str| connection.parts.get(key).cloned();
    let (mut host, mut database) = (connection.host.clone(), connection.database.clone());
    match dialect {
        Dialect::Oracle => database = part("service_name").or(database),
        Dialect::Snowflake => {
            let of_account = |account| format!("{account}.snowflakecomputing.com");
            host = host.or(part("snowflake_account_id").map(of_account));
        }
        // A schema is a database there.
        Dialect::Mysql => database = connection.schema.clone().or(database),
        _ => {}
    }
    let settings = connection.engine_options.iter();
    let mut options: Vec<(String, Zeroizing<String>)> = settings
        .map(|(name, value)| (name.clone(), secret(value)))
        .collect();
    for (key, name) in [
        ("snowflake_warehouse", "Warehouse"),
        ("snowflake_role", "Role"),
    ] {
        if let Some(value) = part(key) {
            options.push((name.to_owned(), Zeroizing::new(value)));
        }
    }
    Ok(OdbcConfig {
        dialect,
        driver: connection.driver.clone(),
        connection_string: connection.connection_string.as_ref().map(secret),
        host,
        port: connection.port,
        database,
        user: connection.user.clone(),
        password: connection.password.as_ref().map(secret),
        schema: match dialect {
            Dialect::Mysql | Dialect::Sqlite => None,
            _ => connection.schema.clone(),
        },
        ssl_mode: connection.sslmode.into(),
        ssl_root_cert: connection.sslrootcert.clone(),
        options,
        connect_timeout_seconds: u32::try_from(connection.connect_timeout_seconds)
            .unwrap_or(u32::MAX),
    })
}

/// A connection as the driver takes it.
fn postgres_config(connection: &DatabaseConnection) -> PostgresConfig {
    PostgresConfig {
        host: connection.host.clone(),
        port: connection.port,
        user: connection.user.clone(),
        password: connection.password.as_ref().map(secret),
        database: connection.database.clone(),
        schema: connection.schema.clone(),
        ssl_mode: Some(connection.sslmode.into()),
        ssl_root_cert: connection.sslrootcert.clone(),
        connect_timeout: Some(Duration::from_secs(connection.connect_timeout_seconds)),
        application_name: Some(connection.application_name.clone()),
    }
}
