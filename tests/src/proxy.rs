//! A TCP proxy that does to a connection what networks do: cut it, slow it, answer in its place.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the proxy does, as numbers that may change while it runs; zero is nothing.
#[derive(Debug, Default)]
pub struct Faults {
    /// Every n-th connection is answered with 503 and closed.
    pub unavailable_every: AtomicU64,
    /// A connection is cut once it carried this many bytes, in either direction…
    pub cut_after: AtomicU64,
    /// …and this many more cuts are made.
    pub cuts_left: AtomicU64,
    /// Bytes a second of one direction of one connection.
    pub bytes_per_second: AtomicU64,
    /// Whether connections are refused.
    pub gone: AtomicBool,
    /// Whether every request is answered with 403 and Amazon's code for credentials that expired.
    pub expired: AtomicBool,
    /// A connection whose first request does not have this in its head is answered with 403.
    pub only: Mutex<Option<&'static str>>,
}

/// A running proxy; it stops with its process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// What it does at present.
    pub faults: Arc<Faults>,
    connections: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy on a free loopback port in front of `upstream`, such as `127.0.0.1:9000`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(upstream: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let faults = Arc::new(Faults::default());
        let connections = Arc::new(AtomicU64::new(0));
        let (upstream, shared, count) = (
            upstream.to_owned(),
            Arc::clone(&faults),
            Arc::clone(&connections),
        );
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let (upstream, faults) = (upstream.clone(), Arc::clone(&shared));
                thread::spawn(move || serve(client, &upstream, &faults, number));
            }
        });
        Ok(Self {
            address,
            faults,
            connections,
        })
    }

    /// Where it listens, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Ends of connections are what this is about: none of its errors is one.
fn serve(client: TcpStream, upstream: &str, faults: &Arc<Faults>, number: u64) {
    if faults.gone.load(Ordering::Relaxed) {
        return;
    }
    let every = faults.unavailable_every.load(Ordering::Relaxed);
    if every > 0 && number.is_multiple_of(every) {
        return answer(client, "503 Service Unavailable", "");
    }
    if faults.expired.load(Ordering::Relaxed) {
        return answer(
            client,
            "403 Forbidden",
            "<Error><Code>ExpiredToken</Code></Error>",
        );
    }
    let only = faults.only.lock().map_or(None, |only| *only);
    if only.is_some_and(|only| !head(&client).contains(only)) {
        return answer(
            client,
            "403 Forbidden",
            "<Error><Code>AccessDenied</Code></Error>",
        );
    }
    let Ok(server) = TcpStream::connect(upstream) else {
        return;
    };
    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let carried = Arc::new(AtomicU64::new(0));
    let up = {
        let (faults, carried) = (Arc::clone(faults), Arc::clone(&carried));
        thread::spawn(move || pump(from_client, server, &faults, &carried))
    };
    pump(from_server, client, faults, &carried);
    up.join().unwrap_or_default();
}

/// The first request up to its body, which is left to be read.
fn head(client: &TcpStream) -> String {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let peeked = client.peek(&mut buffer).unwrap_or(0);
        let head = String::from_utf8_lossy(&buffer[..peeked]).into_owned();
        if peeked == 0 || peeked == buffer.len() || head.contains("\r\n\r\n") {
            return head;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads the request as far as it comes at once, so that the answer is not lost to a reset.
fn answer(mut client: TcpStream, status: &str, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap_or_default();
    let mut buffer = [0; 64 << 10];
    while client.read(&mut buffer).is_ok_and(|read| read > 0) {}
    client.write_all(answer.as_bytes()).unwrap_or_default();
    client.shutdown(Shutdown::Write).unwrap_or_default();
}

fn pump(mut from: TcpStream, mut to: TcpStream, faults: &Faults, carried: &AtomicU64) {
    let mut buffer = [0; 32 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        let ended = [&faults.gone, &faults.expired];
        if read == 0 || ended.iter().any(|fault| fault.load(Ordering::Relaxed)) {
            break;
        }
        let total = carried.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        let cut_after = faults.cut_after.load(Ordering::Relaxed);
        if cut_after > 0 && total > cut_after && take_one(&faults.cuts_left) {
            break;
        }
        let rate = faults.bytes_per_second.load(Ordering::Relaxed);
        if let Some(micros) = (read as u64 * 1_000_000).checked_div(rate) {
            thread::sleep(Duration::from_micros(micros));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    for end in [&from, &to] {
        end.shutdown(Shutdown::Both).unwrap_or_default();
    }
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}
