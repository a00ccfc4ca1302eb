//! What each role may: one table of all endpoints.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a user may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Connections, rulesets, runs, files; reads libraries.
    MaskBuilder,
    /// Connections and runs.
    MaskRunner,
    /// Writes libraries too; only beside `MaskBuilder`.
    RulesetLibraryManagers,
}

impl Role {
    /// All of them, by the names that clients write.
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("admin", Self::Admin),
        ("mask_builder", Self::MaskBuilder),
        ("mask_runner", Self::MaskRunner),
        ("ruleset_library_managers", Self::RulesetLibraryManagers),
    ];

    /// The role of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name).map(|(_, role)| role)
    }

    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, role)| *role == self)
            .map_or("", |(name, _)| name)
    }
}

/// Who may ask something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever reaches the server.
    Anyone,
    /// Every user, whatever their role.
    Users,
    /// Users with one of these roles, and admins.
    Roles(&'static [Role]),
}

/// One endpoint: method, path as its route has it, and who may.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    /// Whether the token of an account will do.
    pub(crate) api_token: bool,
}

const ADMINS: Who = Who::Roles(&[]);
const BUILDERS: Who = Who::Roles(&[Role::MaskBuilder]);
const RUNNERS: Who = Who::Roles(&[Role::MaskBuilder, Role::MaskRunner]);
const LIBRARIANS: Who = Who::Roles(&[Role::RulesetLibraryManagers]);

const fn endpoint(method: Method, path: &'static str, who: Who) -> Endpoint {
    Endpoint {
        method,
        path,
        who,
        api_token: false,
    }
}

/// As [`endpoint`], also for the token of an account.
const fn about_runs(method: Method, path: &'static str, who: Who) -> Endpoint {
    Endpoint {
        method,
        path,
        who,
        api_token: true,
    }
}

/// All endpoints.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    // System
    endpoint(Method::GET, "/api/healthcheck", Who::Anyone),
    endpoint(Method::GET, "/api/app/check", Who::Anyone),
    endpoint(Method::GET, "/api/schema", Who::Anyone),
    endpoint(Method::GET, "/api/schema/page", Who::Anyone),
    about_runs(Method::GET, "/api/health-check", Who::Users),
    about_runs(Method::GET, "/metrics", Who::Users),
    endpoint(Method::GET, "/api/license", Who::Users),
    endpoint(Method::POST, "/api/license-upload", ADMINS),
    endpoint(Method::GET, "/api/settings", BUILDERS),
    endpoint(Method::PATCH, "/api/settings", ADMINS),
    endpoint(Method::GET, "/api/logs/download", ADMINS),
    endpoint(Method::GET, "/api/audit-logs", ADMINS),
    endpoint(Method::GET, "/api/audit-logs/download", ADMINS),
    // Who is who
    endpoint(Method::POST, "/api/auth/token/login", Who::Anyone),
    endpoint(Method::POST, "/api/auth/token/logout", Who::Users),
    endpoint(Method::POST, "/api/auth/jwt/login", Who::Anyone),
    endpoint(Method::POST, "/api/auth/jwt/refresh", Who::Anyone),
    endpoint(Method::POST, "/api/users/admin-install", Who::Anyone),
    endpoint(Method::GET, "/api/users", ADMINS),
    endpoint(Method::POST, "/api/users", ADMINS),
    endpoint(Method::GET, "/api/users/me", Who::Users),
    endpoint(Method::GET, "/api/users/me/profile", Who::Users),
    endpoint(Method::POST, "/api/users/me/profile", Who::Users),
    endpoint(Method::POST, "/api/users/me/api-token", Who::Users),
    endpoint(Method::GET, "/api/users/{id}", Who::Users),
    endpoint(Method::PATCH, "/api/users/{id}", Who::Users),
    endpoint(Method::DELETE, "/api/users/{id}", ADMINS),
    endpoint(Method::POST, "/api/users/{id}/reset-password", ADMINS),
    // Connections
    endpoint(Method::GET, "/api/connections", RUNNERS),
    endpoint(Method::POST, "/api/connections", RUNNERS),
    endpoint(Method::POST, "/api/connections/test", RUNNERS),
    endpoint(Method::GET, "/api/connections/{id}", RUNNERS),
    endpoint(Method::PUT, "/api/connections/{id}", RUNNERS),
    endpoint(Method::PATCH, "/api/connections/{id}", RUNNERS),
    endpoint(Method::DELETE, "/api/connections/{id}", RUNNERS),
    endpoint(Method::POST, "/api/connections/{id}/test", RUNNERS),
    // Rulesets and libraries
    endpoint(Method::GET, "/api/rulesets", RUNNERS),
    endpoint(Method::POST, "/api/rulesets", BUILDERS),
    endpoint(Method::GET, "/api/rulesets/{id}", RUNNERS),
    endpoint(Method::PUT, "/api/rulesets/{id}", BUILDERS),
    endpoint(Method::PATCH, "/api/rulesets/{id}", BUILDERS),
    endpoint(Method::DELETE, "/api/rulesets/{id}", BUILDERS),
    endpoint(Method::GET, "/api/v2/rulesets", RUNNERS),
    endpoint(Method::GET, "/api/ruleset-libraries", BUILDERS),
    endpoint(Method::POST, "/api/ruleset-libraries", LIBRARIANS),
    endpoint(Method::GET, "/api/ruleset-libraries/{id}", BUILDERS),
    endpoint(Method::PUT, "/api/ruleset-libraries/{id}", LIBRARIANS),
    endpoint(Method::PATCH, "/api/ruleset-libraries/{id}", LIBRARIANS),
    endpoint(Method::DELETE, "/api/ruleset-libraries/{id}", LIBRARIANS),
    endpoint(
        Method::GET,
        "/api/ruleset-libraries/{id}/rulesets",
        BUILDERS,
    ),
    endpoint(Method::GET, "/api/export/v1", BUILDERS),
    endpoint(Method::POST, "/api/import/v1", BUILDERS),
    // Files
    endpoint(Method::GET, "/api/seeds", BUILDERS),
    endpoint(Method::POST, "/api/seeds", BUILDERS),
    endpoint(Method::GET, "/api/seeds/{id}", BUILDERS),
    endpoint(Method::DELETE, "/api/seeds/{id}", BUILDERS),
    endpoint(Method::GET, "/api/oracle-wallets", RUNNERS),
    endpoint(Method::POST, "/api/oracle-wallets", RUNNERS),
    endpoint(Method::GET, "/api/oracle-wallets/{id}", RUNNERS),
    endpoint(Method::DELETE, "/api/oracle-wallets/{id}", RUNNERS),
    endpoint(Method::GET, "/api/connection-filesets", RUNNERS),
    endpoint(Method::POST, "/api/connection-filesets", RUNNERS),
    endpoint(Method::GET, "/api/connection-filesets/{id}", RUNNERS),
    endpoint(Method::PUT, "/api/connection-filesets/{id}", RUNNERS),
    endpoint(Method::DELETE, "/api/connection-filesets/{id}", RUNNERS),
    endpoint(Method::GET, "/api/files/snowflake-keys", RUNNERS),
    endpoint(Method::POST, "/api/files/snowflake-keys", RUNNERS),
    endpoint(Method::GET, "/api/files/snowflake-keys/{id}", RUNNERS),
    endpoint(Method::DELETE, "/api/files/snowflake-keys/{id}", RUNNERS),
    endpoint(Method::GET, "/api/table-references", BUILDERS),
    endpoint(Method::POST, "/api/table-references", BUILDERS),
    endpoint(Method::GET, "/api/table-references/{id}", BUILDERS),
    endpoint(Method::PUT, "/api/table-references/{id}", BUILDERS),
    endpoint(Method::PATCH, "/api/table-references/{id}", BUILDERS),
    endpoint(Method::DELETE, "/api/table-references/{id}", BUILDERS),
    // Runs
    about_runs(Method::GET, "/api/runs", RUNNERS),
    about_runs(Method::POST, "/api/runs", RUNNERS),
    about_runs(Method::GET, "/api/runs/{id}", RUNNERS),
    about_runs(Method::POST, "/api/runs/{id}/cancel", RUNNERS),
    about_runs(Method::GET, "/api/runs/{id}/log", RUNNERS),
    about_runs(Method::GET, "/api/runs/{id}/sdd-report", RUNNERS),
    about_runs(Method::GET, "/api/runs/{id}/run-report", RUNNERS),
    about_runs(
        Method::GET,
        "/api/runs/{id}/db-discovery-results/report",
        BUILDERS,
    ),
    about_runs(
        Method::GET,
        "/api/runs/{id}/file-discovery-results",
        BUILDERS,
    ),
    endpoint(
        Method::GET,
        "/api/discovery/runs/{id}/config-snapshot",
        BUILDERS,
    ),
    // Discovery and generation
    endpoint(Method::POST, "/api/schema-discovery", BUILDERS),
    endpoint(Method::POST, "/api/schema-discovery/v2", BUILDERS),
    endpoint(Method::GET, "/api/schema-discovery/v2/{id}", BUILDERS),
    endpoint(Method::POST, "/api/run-file-data-discovery", BUILDERS),
    endpoint(Method::POST, "/api/run-file-data-discovery/v2", BUILDERS),
    endpoint(Method::POST, "/api/generate-ruleset", BUILDERS),
    endpoint(Method::POST, "/api/generate-ruleset/v2", BUILDERS),
    endpoint(Method::POST, "/api/generate-ruleset/v3", BUILDERS),
    endpoint(Method::POST, "/api/generate-file-ruleset", BUILDERS),
    endpoint(Method::POST, "/api/generate-file-ruleset/v2", BUILDERS),
    endpoint(
        Method::GET,
        "/api/async-generate-ruleset/{connection_id}",
        BUILDERS,
    ),
    endpoint(
        Method::POST,
        "/api/async-generate-ruleset/{connection_id}",
        BUILDERS,
    ),
    endpoint(
        Method::POST,
        "/api/async-generate-ruleset/v2/{connection_id}",
        BUILDERS,
    ),
    endpoint(
        Method::POST,
        "/api/async-generate-ruleset/{connection_id}/from-csv",
        BUILDERS,
    ),
    endpoint(
        Method::POST,
        "/api/async-generate-ruleset/v2/{connection_id}/from-csv",
        BUILDERS,
    ),
    endpoint(
        Method::GET,
        "/api/async-generate-ruleset/{connection_id}/download-rulesets",
        BUILDERS,
    ),
    endpoint(Method::GET, "/api/discovery/configs", BUILDERS),
    endpoint(Method::POST, "/api/discovery/configs", BUILDERS),
    endpoint(Method::GET, "/api/discovery/configs/defaults", BUILDERS),
    endpoint(Method::GET, "/api/discovery/configs/{id}", BUILDERS),
    endpoint(Method::PUT, "/api/discovery/configs/{id}", BUILDERS),
    endpoint(Method::PATCH, "/api/discovery/configs/{id}", BUILDERS),
    endpoint(Method::DELETE, "/api/discovery/configs/{id}", BUILDERS),
    endpoint(Method::GET, "/api/discovery/config-libraries", BUILDERS),
    endpoint(Method::POST, "/api/discovery/config-libraries", LIBRARIANS),
    endpoint(
        Method::GET,
        "/api/discovery/config-libraries/{id}",
        BUILDERS,
    ),
    endpoint(
        Method::PUT,
        "/api/discovery/config-libraries/{id}",
        LIBRARIANS,
    ),
    endpoint(
        Method::PATCH,
        "/api/discovery/config-libraries/{id}",
        LIBRARIANS,
    ),
    endpoint(
        Method::DELETE,
        "/api/discovery/config-libraries/{id}",
        LIBRARIANS,
    ),
    endpoint(Method::GET, "/api/ruleset-generation-configs", BUILDERS),
    endpoint(Method::POST, "/api/ruleset-generation-configs", BUILDERS),
    endpoint(
        Method::GET,
        "/api/ruleset-generation-configs/defaults",
        BUILDERS,
    ),
    endpoint(
        Method::GET,
        "/api/ruleset-generation-configs/{id}",
        BUILDERS,
    ),
    endpoint(
        Method::PUT,
        "/api/ruleset-generation-configs/{id}",
        BUILDERS,
    ),
    endpoint(
        Method::PATCH,
        "/api/ruleset-generation-configs/{id}",
        BUILDERS,
    ),
    endpoint(
        Method::DELETE,
        "/api/ruleset-generation-configs/{id}",
        BUILDERS,
    ),
    // In-flight masking, with tokens of its own
    endpoint(Method::GET, "/ifm/verify-token", Who::Users),
    endpoint(Method::GET, "/ifm/ruleset-plans", RUNNERS),
    endpoint(Method::POST, "/ifm/ruleset-plans", BUILDERS),
    endpoint(Method::GET, "/ifm/ruleset-plans/{name}", RUNNERS),
    endpoint(Method::PUT, "/ifm/ruleset-plans/{name}", BUILDERS),
    endpoint(Method::PATCH, "/ifm/ruleset-plans/{name}", BUILDERS),
    endpoint(Method::DELETE, "/ifm/ruleset-plans/{name}", BUILDERS),
    endpoint(Method::POST, "/ifm/ruleset-plans/{name}/mask", RUNNERS),
];
