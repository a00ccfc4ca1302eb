//! The database of a pipeline, reached.

use std::time::Duration;

use visard_connectors::postgres::{PostgresConfig, Server, Session, SslMode};
use zeroize::Zeroizing;

use crate::check::Loaded;
use crate::language::{self, ConnectionKind, DatabaseConnection, Diagnostic, Diagnostics, codes};

/// The database that `loaded` masks, and a session on it. Nothing comes back where it cannot be had.
pub(crate) async fn open_server(
    loaded: &Loaded,
    diagnostics: &mut Diagnostics,
) -> Option<(Server, Session)> {
    let place = &loaded.pipeline.source.connection;
    let connection = loaded.pipeline.connection(&place.value)?;
    let ConnectionKind::Database(database) = &connection.kind else {
        return None;
    };
    let server = Server::new(&postgres_config(database));
    let opened = match server {
        Ok(server) => server.connect().await.map(|session| (server, session)),
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => Some(opened),
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

/// A connection as the driver takes it.
pub(crate) fn postgres_config(connection: &DatabaseConnection) -> PostgresConfig {
    PostgresConfig {
        host: connection.host.clone(),
        port: connection.port,
        user: connection.user.clone(),
        password: connection
            .password
            .as_ref()
            .map(|password| Zeroizing::new(password.expose().to_owned())),
        database: connection.database.clone(),
        schema: connection.schema.clone(),
        ssl_mode: Some(match connection.sslmode {
            language::SslMode::Disable => SslMode::Disable,
            language::SslMode::Prefer => SslMode::Prefer,
            language::SslMode::Require => SslMode::Require,
            language::SslMode::VerifyCa => SslMode::VerifyCa,
            language::SslMode::VerifyFull => SslMode::VerifyFull,
        }),
        ssl_root_cert: connection.sslrootcert.clone(),
        connect_timeout: Some(Duration::from_secs(connection.connect_timeout_seconds)),
        application_name: Some(connection.application_name.clone()),
    }
}
