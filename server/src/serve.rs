//! `visard serve`: starting and stopping.

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::ServiceExt;
use axum::extract::Request;
use tower::Layer;
use tower::util::MapRequestLayer;
use visard::commands::signals::asked_to_stop;
use zeroize::Zeroizing;

use crate::app::{self, App, Config};
use crate::paths;
use crate::store::Sqlite;
use crate::vault::Vault;

/// Commands of the server.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Serve connections, rulesets and masking runs over HTTP.
    #[command(
        after_help = "Example:\n  visard serve --data ./visard-data\n  curl http://127.0.0.1:8000/api/app/check/"
    )]
    Serve(Args),
}

/// Arguments of `visard serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that holds everything the server keeps.
    #[arg(long, value_name = "FOLDER", default_value = "visard-data")]
    data: PathBuf,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// A folder that connections to mounted shares may lie in; may be given again.
    #[arg(long = "root", value_name = "FOLDER")]
    roots: Vec<PathBuf>,
}

/// Does what a command of the server says; the exit code.
///
/// # Errors
/// When the server cannot be started.
pub async fn run(command: Command) -> anyhow::Result<u8> {
    let Command::Serve(args) = command;
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("`{}` cannot be made", args.data.display()))?;
    let store = Sqlite::open(&args.data.join("visard.sqlite"))
        .await
        .context("the store cannot be opened")?;
    let vault = Vault::new(key(&args.data.join("server-key"))?);
    let config = Config {
        data: args.data,
        roots: args.roots,
    };
    let app = App::new(Box::new(store), vault, config);
    if crate::rulesets::finish_validations(&app).await.is_err() {
        anyhow::bail!("the rulesets of the store cannot be read");
    }
    let (router, _) = app::routes(&app);
    let service =
        MapRequestLayer::new(|request: Request| paths::normalize(request, false)).layer(router);
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("`{}` cannot be listened on", args.listen))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(
        listener,
        service.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(asked_to_stop())
    .await?;
    Ok(0)
}

/// The server's own key: 32 random bytes in a file that only its owner can read, made on first use.
fn key(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let wrong = || format!("the key file `{}`", path.display());
    if path.exists() {
        let text = Zeroizing::new(std::fs::read_to_string(path).with_context(wrong)?);
        let key = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes());
        let key = Zeroizing::new(key.with_context(wrong)?);
        anyhow::ensure!(key.len() >= 32, "{} holds fewer than 32 bytes", wrong());
        return Ok(key);
    }
    let mut key = Zeroizing::new(vec![0; 32]);
    getrandom::fill(&mut key).context("the system gives no random bits")?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(wrong)?;
    let text = Zeroizing::new(data_encoding::HEXLOWER.encode(&key));
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(wrong)?;
    file.sync_all().with_context(wrong)?;
    Ok(key)
}
