//! The DataMasque API, a file for each of its objects.

mod account;
mod audit_logs;
mod auth;
mod bundles;
mod connections;
mod discovery;
mod discovery_configs;
mod discovery_libraries;
mod files;
mod generation;
mod generation_configs;
mod in_flight;
mod libraries;
mod rulesets;
mod runs;
mod schema;
mod settings;
mod system;
mod table_references;
#[cfg(test)]
mod tests;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of all objects.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(account::routes())
        .merge(audit_logs::routes())
        .merge(auth::routes())
        .merge(bundles::routes())
        .merge(connections::routes())
        .merge(discovery::routes())
        .merge(discovery_configs::routes())
        .merge(discovery_libraries::routes())
        .merge(files::routes())
        .merge(generation::routes())
        .merge(generation_configs::routes())
        .merge(in_flight::routes())
        .merge(libraries::routes())
        .merge(rulesets::routes())
        .merge(runs::routes())
        .merge(schema::routes())
        .merge(settings::routes())
        .merge(system::routes())
        .merge(table_references::routes())
        .merge(users::routes())
}
