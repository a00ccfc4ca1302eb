//! `visard serve` and what goes with it: starting and stopping.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::Router;
use axum::extract::Request;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use tower::Layer;
use tower::util::MapRequestLayer;
use visard::commands::signals::{Hangup, asked_to_stop};

use crate::app::{self, App, Config};
use crate::around::Limits;
use crate::audit::{self, Verdict};
use crate::folder::{self, Folder, FolderArgs};
use crate::{instance, logs, paths, proxy, rotate, rulesets, runs, tls};

/// How long requests that are being answered have, once the server is to stop.
const GRACE: Duration = Duration::from_secs(30);
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// Commands of the server.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Serve connections, rulesets and masking runs over HTTP.
    #[command(
        after_help = "Example:\n  visard serve --data ./visard-data\n  curl http://127.0.0.1:8000/api/app/check/",
        args_conflicts_with_subcommands = true
    )]
    Serve(Box<Args>),
    /// Look at what the server noted.
    #[command(subcommand)]
    Audit(Audit),
}

/// Commands about the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Audit {
    /// Check that no entry of the audit log was changed or is missing; a server may run meanwhile.
    Verify {
        /// The data folder of the server.
        #[arg(
            long,
            value_name = "FOLDER",
            default_value = "visard-data",
            env = "VISARD_DATA"
        )]
        data: PathBuf,
        /// The server's database of PostgreSQL, if it has one.
        #[arg(long, value_name = "URL", env = "VISARD_STORE", hide_env_values = true)]
        store: Option<String>,
    },
}

/// Arguments of `visard serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Other>,
    #[command(flatten)]
    folder: FolderArgs,
    /// Address and port to listen on.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8000",
        env = "VISARD_LISTEN"
    )]
    listen: SocketAddr,
    /// A folder that connections to mounted shares may lie in; may be given again.
    #[arg(
        long = "root",
        value_name = "FOLDER",
        env = "VISARD_ROOTS",
        value_delimiter = ':'
    )]
    roots: Vec<PathBuf>,
    /// The certificate chain to speak TLS with, in PEM; read again when it changes, and at SIGHUP.
    #[arg(
        long,
        value_name = "FILE",
        env = "VISARD_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(
        long,
        value_name = "FILE",
        env = "VISARD_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Take the address of a client from the last entry of `X-Forwarded-For`: a proxy is in front.
    #[arg(long, env = "VISARD_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Requests that are worked on at once.
    #[arg(long, value_name = "N", default_value_t = Limits::default().concurrent, env = "VISARD_MAX_REQUESTS")]
    max_requests: usize,
    /// Requests of one address in a second, in the long run; those of this machine are not counted.
    #[arg(long, value_name = "N", default_value_t = Limits::default().per_second, env = "VISARD_MAX_REQUESTS_PER_SECOND")]
    max_requests_per_second: u32,
    /// Largest body of a request but of a file, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().body_bytes >> 20, env = "VISARD_MAX_BODY")]
    max_body: usize,
    /// How long a request may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().timeout.as_secs(), env = "VISARD_REQUEST_TIMEOUT")]
    request_timeout: u64,
    /// Runs at work at once [default: one for each two cores].
    #[arg(long, value_name = "N", env = "VISARD_MAX_RUNS")]
    max_runs: Option<NonZeroUsize>,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    /// Seal all secrets under a new key; the server has to be stopped. Tokens of accounts change with it.
    RotateKey(FolderArgs),
}

/// Does what a command of the server says; the exit code.
///
/// # Errors
/// When the server cannot be started.
pub async fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Serve(args) => match args.command {
            Some(Other::RotateKey(args)) => {
                let count = rotate::rotate(&Folder::take(args)?).await?;
                say(&format!("{count} secrets are sealed under a new key\n"));
                Ok(0)
            }
            None => serve(*args).await,
        },
        Command::Audit(Audit::Verify { data, store }) => {
            ensure!(
                store.is_some() || data.join("visard.sqlite").exists(),
                "there is no store in `{}`",
                data.display()
            );
            let store = folder::open(store.as_deref(), &data).await?;
            let (told, code) = match audit::verify(&*store).await? {
                Verdict::Whole(count, last) => (
                    format!("{count} entries, all as they were written; the last hash is {last}"),
                    0,
                ),
                Verdict::Broken(id) => (format!("entry {id} was changed, or is missing"), 1),
            };
            say(&format!("{told}\n"));
            Ok(code)
        }
    }
}

async fn serve(args: Args) -> anyhow::Result<u8> {
    let files = args.tls_cert.zip(args.tls_key);
    let files = files.map(|(certificate, key)| tls::Files { certificate, key });
    let tls = files.as_ref().map(tls::Files::read).transpose()?;
    let folder = Folder::take(args.folder)?;
    logs::begin(&folder.data.join("logs")).context("the folder of the logs")?;
    let store = folder.store().await?;
    let vault = folder.vault(&*store).await?;
    let config = Config {
        data: folder.data.clone(),
        roots: args.roots,
    };
    let limits = Limits {
        concurrent: args.max_requests,
        per_second: args.max_requests_per_second,
        timeout: Duration::from_secs(args.request_timeout),
        body_bytes: args.max_body << 20,
    };
    let app = App::new(store, vault, config, limits);
    instance::settle(app.store(), app.vault(), &app.instance_secret_file()).await?;
    runs::remove_leftovers(&app).await?;
    if rulesets::finish_validations(&app).await.is_err() {
        bail!("the rulesets of the store cannot be read");
    }
    let queue = runs::start(&app, most_runs(args.max_runs)).context("runs cannot be kept")?;
    let (is_tls, behind_proxy) = (tls.is_some(), args.behind_proxy);
    // The path has its one form before a route is looked for.
    let service = MapRequestLayer::new(move |mut request: Request| {
        if behind_proxy {
            proxy::restore(&mut request);
        }
        paths::normalize(request, is_tls)
    });
    let service = Router::new()
        .fallback_service(service.layer(app::routes(&app)))
        .into_make_service_with_connect_info::<SocketAddr>();

    let unheard = || format!("`{}` cannot be listened on", args.listen);
    let listener = TcpListener::bind(args.listen).with_context(unheard)?;
    listener.set_nonblocking(true).with_context(unheard)?;
    let scheme = if is_tls { "https" } else { "http" };
    say(&format!(
        "listening on {scheme}://{}\n",
        listener.local_addr()?
    ));
    tracing::info!("the server begins");
    let handle = Handle::new();
    let server = limited(axum_server::from_tcp(listener)?).handle(handle.clone());
    tokio::spawn(async move {
        asked_to_stop(Hangup::GoOn).await;
        tracing::info!("the server stops");
        handle.graceful_shutdown(Some(GRACE));
    });
    match (tls, files) {
        (Some(tls), Some(files)) => {
            let tls = RustlsConfig::from_config(tls);
            tokio::spawn(tls::keep_fresh(files, tls.clone()));
            server
                .acceptor(RustlsAcceptor::new(tls))
                .serve(service)
                .await?;
        }
        _ => {
            tokio::spawn(outlive_hangups());
            server.serve(service).await?;
        }
    }
    queue.shut_down().await;
    Ok(0)
}

/// How many runs are at work at once: each has the cores for itself as it would on the command line, and most wait
/// for their stores and databases half of the time.
fn most_runs(said: Option<NonZeroUsize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    said.map_or_else(|| (cores() / 2).max(1), NonZeroUsize::get)
}

/// Bounds what a client may send before it is known what it asks.
fn limited(mut server: Server<SocketAddr>) -> Server<SocketAddr> {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(hyper_util::rt::TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(100);
    server
}

/// Without TLS there is nothing to read again, and a daemon does not end with a terminal.
async fn outlive_hangups() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {}
    Ok(())
}

/// Tells a person something, on standard error. A closed standard error is no reason to stop.
fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    out.write_all(text.as_bytes()).unwrap_or_default();
}
