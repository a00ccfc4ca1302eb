//! Load for `benches/serve.py`: requests over many connections, or the same masks without a server.
//!
//! A line of JSON on standard input says which ([`Asked`]); what came of it is one on standard output ([`Told`]). Each
//! connection, or without a server each thread, begins its next batch when its last one is done.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
// For its allocator, which is that of `visard`.
use visard_benches as _;
use visard_udfs::{HashColumn, Masker, Root};

type Failed = Box<dyn Error + Send + Sync>;

/// What to do.
#[derive(Deserialize)]
struct Asked {
    /// Connections, or threads.
    at_once: usize,
    seconds: f64,
    work: Work,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    /// Send `requests`, whole ones of HTTP/1.1, in turn to `address`.
    Http {
        address: String,
        requests: Vec<String>,
    },
    /// Apply `masks` to `texts` under `run_secret` alone; `hash_values` decide draws.
    Masker {
        masks: Value,
        run_secret: String,
        texts: Vec<String>,
        hash_values: Vec<String>,
    },
}

/// What came of it.
#[derive(Serialize)]
struct Told {
    /// Requests that were answered with 200, or batches that were masked.
    batches: usize,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of one batch, without a server.
    masked: Vec<Option<String>>,
}

fn main() -> Result<(), Failed> {
    let asked: Asked = serde_json::from_reader(io::stdin().lock())?;
    let told = match asked.work {
        Work::Http {
            ref address,
            ref requests,
        } => {
            let next = AtomicUsize::new(0);
            let request =
                || requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()].as_bytes();
            measure(&asked, Vec::new(), || {
                let mut connection = Connection::open(address)?;
                Ok(move || connection.ask(request()))
            })?
        }
        Work::Masker {
            ref masks,
            ref run_secret,
            ref texts,
            ref hash_values,
        } => {
            let root = Root::new(run_secret.as_bytes(), None);
            let column = HashColumn::from("by");
            // Masks that go by the value alone take no hash values.
            let masker = Masker::new(&root, "value", &DataType::Utf8, masks, &[])
                .or_else(|_| Masker::new(&root, "value", &DataType::Utf8, masks, &[column]))?;
            let array = |texts: &[String]| -> ArrayRef {
                Arc::new(texts.iter().map(Some).collect::<StringArray>())
            };
            let (values, by) = (array(texts), array(hash_values));
            let mask = || masker.mask(&values, &[("by", &by)]);
            let masked = mask()?;
            let masked = masked.as_string::<i32>().iter();
            let masked = masked.map(|text| text.map(str::to_owned)).collect();
            measure(&asked, masked, || Ok(|| Ok(mask().map(drop)?)))?
        }
    };
    writeln!(io::stdout(), "{}", serde_json::to_string(&told)?)?;
    Ok(())
}

/// Does what `begin` makes for each of those at once, over and over, until the time is up.
fn measure<W>(
    asked: &Asked,
    masked: Vec<Option<String>>,
    begin: impl Fn() -> Result<W, Failed> + Sync,
) -> Result<Told, Failed>
where
    W: FnMut() -> Result<(), Failed>,
{
    let began = Instant::now();
    let until = began + Duration::from_secs_f64(asked.seconds);
    let one = || {
        let mut work = begin()?;
        let (mut took, mut last) = (Vec::new(), Instant::now());
        while last < until {
            work()?;
            let now = Instant::now();
            took.push(now - last);
            last = now;
        }
        Ok::<_, Failed>(took)
    };
    let took = std::thread::scope(|scope| {
        let all: Vec<_> = (0..asked.at_once).map(|_| scope.spawn(one)).collect();
        let all = all.into_iter().map(|one| one.join().expect("no panics"));
        all.collect::<Result<Vec<_>, Failed>>()
    })?;
    let mut took = took.concat();
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).copied();
    let ms = |part| at(part).unwrap_or_default().as_secs_f64() * 1e3;
    Ok(Told {
        batches: took.len(),
        seconds: began.elapsed().as_secs_f64(),
        p50_ms: ms(50),
        p99_ms: ms(99),
        masked,
    })
}

/// A connection that is kept alive.
struct Connection {
    from: BufReader<TcpStream>,
    line: String,
}

impl Connection {
    fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            from: BufReader::with_capacity(64 << 10, stream),
            line: String::new(),
        })
    }

    /// Sends a request and reads its answer to the end, which has to be 200.
    fn ask(&mut self, request: &[u8]) -> Result<(), Failed> {
        self.from.get_mut().write_all(request)?;
        let status = self.line()?.to_owned();
        if !status.starts_with("HTTP/1.1 200 ") {
            return Err(format!("the server answered {status}").into());
        }
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.parse()?);
            }
        }
        match length {
            Some(length) => self.skip(length),
            None => self.skip_chunks(),
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<&str, Failed> {
        self.line.clear();
        match self.from.read_line(&mut self.line)? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(self.line.trim_end()),
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Failed> {
        match io::copy(&mut (&mut self.from).take(bytes), &mut io::sink())? == bytes {
            true => Ok(()),
            false => Err("the answer was cut off".into()),
        }
    }

    fn skip_chunks(&mut self) -> Result<(), Failed> {
        loop {
            let size = u64::from_str_radix(self.line()?, 16)?;
            // Each chunk, also the empty one at the end, has the end of a line behind it.
            self.skip(size + 2)?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}
