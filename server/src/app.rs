//! What all requests share, and the routes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;

use crate::around::{self, Limits, Room};
use crate::error::ApiError;
use crate::in_flight::InFlight;
use crate::passwords::Passwords;
use crate::runs::Runs;
use crate::settings::{Cache, Settings};
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;
use crate::vault::Vault;
use crate::{access, api, hosts};

/// What all requests share; a clone is the same.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    store: Box<dyn Store>,
    vault: Vault,
    config: Config,
    passwords: Passwords,
    throttle: Throttle,
    settings: Cache,
    room: Room,
    runs: Runs,
    in_flight: InFlight,
}

/// How the server was started.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds everything the server keeps in files.
    pub data: PathBuf,
    /// Folders that `mounted_share_connection`s may lie in; none without one.
    pub roots: Vec<PathBuf>,
}

impl App {
    pub(crate) fn new(store: Box<dyn Store>, vault: Vault, config: Config, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            room: Room::new(limits),
            store,
            vault,
            config,
            passwords: Passwords::new(),
            throttle: Throttle::default(),
            settings: Cache::default(),
            runs: Runs::default(),
            in_flight: InFlight::default(),
        }))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// What admins set, as it was seconds ago at most.
    pub(crate) async fn settings(&self) -> Result<Arc<Settings>, StoreError> {
        self.0.settings.get(self.store()).await
    }

    /// Has the settings read again: they were changed.
    pub(crate) fn settings_changed(&self) {
        self.0.settings.forget();
    }

    /// Runs that are at work, and their queue.
    pub(crate) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// Rulesets that mask in flight, bound to their keys.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    /// The file of the secret that goes into every masked value, unless a run says otherwise; made on first use.
    pub(crate) fn instance_secret_file(&self) -> PathBuf {
        self.data().join("instance-secret")
    }

    /// The folder that holds everything the server keeps in files.
    pub(crate) fn data(&self) -> &Path {
        &self.0.config.data
    }
}

/// All routes, behind the guards and what every request goes through.
pub(crate) fn routes(app: &App) -> Router {
    let (router, _) = api::routes().split_for_parts();
    router
        .route_layer(from_fn_with_state(app.clone(), access::guard))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.")
        })
        .layer(DefaultBodyLimit::max(app.room().body_bytes()))
        .layer(from_fn_with_state(app.clone(), hosts::guard))
        .layer(from_fn_with_state(app.clone(), around::around))
        .with_state(app.clone())
}
