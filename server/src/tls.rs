//! TLS of the server itself: a certificate and its key, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(10);

/// A certificate chain and its key, in files of PEM.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    /// What the server speaks TLS with.
    ///
    /// # Errors
    /// When the files hold no certificate and key, or they do not belong together.
    pub(crate) fn read(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let shown = |path: &Path| format!("`{}`", path.display());
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("{} holds no certificates", shown(&self.certificate)))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("{} holds no key", shown(&self.key)))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("certificate and key do not belong together")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When and how large they are: what changes with them.
    fn state(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }
}

/// Has new connections use what the files hold, at SIGHUP and when they change. What cannot be used is told, and
/// the old ones stay.
pub(crate) async fn keep_fresh(files: Files, config: RustlsConfig) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut used = files.state();
    loop {
        let is_asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        let found = files.state();
        if found == used && !is_asked {
            continue;
        }
        match files.read() {
            Ok(fresh) => {
                config.reload_from_config(fresh);
                used = found;
                tracing::info!("the certificate was read again");
            }
            // It is tried again: two files are seldom replaced in one moment.
            Err(error) => tracing::warn!("the certificate stays as it was: {error:#}"),
        }
    }
}
