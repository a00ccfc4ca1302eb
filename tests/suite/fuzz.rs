//! Mutated input through the library: rulesets, arguments of masks, delimited text, Parquet, JSON documents.
//! Whatever comes, nothing panics or hangs, an output is there exactly where the run says so, and it holds no original value.
//!
//! Seeded and time-boxed: 20 seconds for each campaign, five minutes with `VISARD_TEST_LONG`. An input
//! that failed once is kept under `tests/fuzz/` and tried first from then on.

mod json;
mod masks;
mod parquet;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use crate::visard::Visard;
use ::visard::check::BuiltMasks;
use ::visard::language::{Diagnostics, Language, Renderer, Sources, to_json};
use ::visard::run::{Outcome, Request, Silent, Status, exit, run};

/// In every original value of a masked column.
const MARK: &str = "LeakMark";

/// Small, seeded, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// Panics of our own crates so far, and where they were. A decoder of `parquet` may panic over damage:
/// that is caught and told as such.
static PANICS: AtomicUsize = AtomicUsize::new(0);
static PLACES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic
                .location()
                .map(|at| at.file().to_owned())
                .unwrap_or_default();
            let ours = ["udfs/", "connectors/", "engine/", "pipelines/"];
            if ours.iter().any(|room| place.starts_with(room)) {
                PANICS.fetch_add(1, Ordering::SeqCst);
                PLACES
                    .lock()
                    .unwrap()
                    .push(panic.location().unwrap().to_string());
            }
            if !place.contains("/registry/src/") {
                before(panic);
            }
        }));
    });
}

/// Tries inputs until the time is over, and says how many.
fn campaign(name: &str, mut attempt: impl FnMut(&mut Random) -> Result<(), Failed>) {
    watch_panics();
    let long = std::env::var_os("VISARD_TEST_LONG").is_some();
    let time = Duration::from_secs(if long { 300 } else { 20 });
    let seed = std::env::var("VISARD_TEST_SEED").ok();
    let mut random = Random(seed.map_or(7, |seed| seed.parse().unwrap()));
    let (start, mut tried, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    while start.elapsed() < time {
        let (began, panics) = (Instant::now(), PANICS.load(Ordering::SeqCst));
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| attempt(&mut random)));
        let failed = match caught {
            Ok(Ok(())) if PANICS.load(Ordering::SeqCst) == panics => None,
            Ok(Err(failed)) => Some(failed),
            Ok(Ok(())) => Some(Failed::because("a panic was caught")),
            Err(_) => Some(Failed::because("it panicked")),
        };
        if let Some(failed) = failed {
            let places = PLACES.lock().unwrap().join(", ");
            panic!(
                "{name}: input {tried}: {} ({places}); kept: {}",
                failed.why,
                failed.kept()
            );
        }
        tried += 1;
        slowest = slowest.max(began.elapsed());
    }
    println!("{name}: {tried} inputs, the slowest took {slowest:.1?}");
    assert!(
        slowest < Duration::from_secs(30),
        "{name}: one took {slowest:?}"
    );
    assert!(tried > 20, "{name}: only {tried} inputs");
}

/// Why an input failed; the input itself lies in `LAST`.
struct Failed {
    why: String,
}

/// Names and bytes.
type Files = Vec<(String, Vec<u8>)>;

/// The last input of each campaign, by the name of its thread, as files.
static LAST: Mutex<BTreeMap<String, Files>> = Mutex::new(BTreeMap::new());

impl Failed {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }

    /// Writes the input where it can be looked at, and names the folder.
    fn kept(&self) -> String {
        let folder = std::env::temp_dir().join(format!("visard-fuzz-{}", std::process::id()));
        let last = LAST.lock().unwrap();
        for (name, bytes) in last.get(&this_thread()).into_iter().flatten() {
            let path = folder.join(this_thread()).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder.join(this_thread()).display().to_string()
    }
}

fn this_thread() -> String {
    std::thread::current()
        .name()
        .unwrap_or("main")
        .replace("::", "-")
}

fn remember(files: Files) {
    LAST.lock().unwrap().insert(this_thread(), files);
}

/// Inputs that failed once.
fn kept(kind: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(kind);
    Visard::files_below(&folder)
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap()))
        .collect()
}

/// Changes some bytes. Words come from the outside: bytes of the input itself are never moved, so
/// a value cannot get where no mask is for it.
fn mutate(bytes: &mut Vec<u8>, from: usize, words: &[&[u8]], random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        let room = bytes.len().saturating_sub(from);
        let at = from + random.below(room);
        let length = (1 + random.below(16)).min(bytes.len().saturating_sub(at));
        match random.below(8) {
            _ if room == 0 => bytes.extend_from_slice(random.one_of(words)),
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..at + length)),
            3 => bytes.truncate(at),
            4 => {
                bytes[at..at + length].fill(random.one_of(&[&0_u8, &0xFF, &b' ', &b'"']).to_owned())
            }
            5 => {
                bytes[at] = bytes[at].wrapping_add(random.one_of(&[&1_u8, &0xFF, &0x80]).to_owned())
            }
            _ => {
                let word = random.one_of(words);
                let over = if random.below(2) == 0 {
                    word.len().min(length)
                } else {
                    0
                };
                drop(bytes.splice(at..at + over, word.iter().copied()));
            }
        }
    }
}

// --- rulesets -----------------------------------------------------------------------------------

/// Every pipeline, ruleset and library of the golden cases and examples.
fn yaml_seeds() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    for root in [tests.join("golden"), tests.join("../examples")] {
        for file in Visard::files_below(&root) {
            if file.ends_with(".yml") {
                seeds.push(std::fs::read(root.join(file)).unwrap());
            }
        }
    }
    assert!(seeds.len() > 20);
    seeds
}

const YAML_WORDS: [&str; 49] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n        ",
    "\t",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!int ",
    "!x ",
    "|\n ",
    ">-\n  ",
    "? ",
    "---\n",
    "...\n",
    "# ",
    "%YAML 1.2\n",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "é",
    "null",
    "~",
    "true",
    "1e400",
    "0x1F",
    "-0",
    ".nan",
    "99999999999999999999",
    "00501",
    "${HOME}",
    "${",
    "$${X}",
    "file:x",
    "$ref: 'a/b#c'\n",
    "{{ locality }}",
    "masks: ",
    "column: ",
    "tasks: ",
    "rules: ",
    "if: ",
];

/// Reads one pipeline and draws its problems.
fn load(folder: &Path, bytes: &[u8]) {
    let path = folder.join("pipeline.yml");
    std::fs::write(&path, bytes).unwrap();
    let environment = BTreeMap::from([("HOME".to_owned(), "/nowhere".to_owned())]);
    let language = Language {
        masks: &BuiltMasks,
        environment: &environment,
    };
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let (pipeline, ruleset) = language.load(&path, &mut sources, &mut diagnostics);
    let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
    let json = to_json(&diagnostics, &sources);
    assert_eq!(drawn.is_empty(), json.as_array().unwrap().is_empty());
    let ready = pipeline.is_some() && ruleset.is_some();
    assert!(
        ready || diagnostics.has_errors(),
        "nothing was read, and nothing is said"
    );
    std::hint::black_box(format!("{pipeline:?}{ruleset:?}"));
}

#[test]
fn rulesets() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = yaml_seeds();
    let words: Vec<&[u8]> = YAML_WORDS.iter().map(|word| word.as_bytes()).collect();
    for (name, bytes) in kept("yaml") {
        println!("once failed: {name}");
        load(folder.path(), &bytes);
    }
    campaign("rulesets", |random| {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        if random.below(4) == 0 {
            // A part of another one, or of itself.
            let other = &seeds[random.below(seeds.len())];
            let (start, at) = (random.below(other.len()), random.below(bytes.len()));
            let end = (start + random.below(300)).min(other.len());
            drop(bytes.splice(at..at, other[start..end].iter().copied()));
        }
        mutate(&mut bytes, 0, &words, random);
        remember(vec![("pipeline.yml".to_owned(), bytes.clone())]);
        load(folder.path(), &bytes);
        Ok(())
    });
}

// --- files --------------------------------------------------------------------------------------

/// A folder to run in, and what it needs.
struct Arena {
    visard: Visard,
    /// Whether a header may hold values: messages name columns, and so would quote them.
    values_as_names: Cell<bool>,
    runtime: tokio::runtime::Runtime,
}

impl Arena {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            visard: Visard::new(),
            values_as_names: Cell::new(false),
            runtime,
        }
    }

    /// Masks these files.
    fn run(
        &self,
        options: &str,
        rules: &str,
        files: &[(String, Vec<u8>)],
    ) -> Result<Outcome, Failed> {
        for folder in ["in", "out", "run"] {
            std::fs::remove_dir_all(self.visard.path(folder)).unwrap_or_default();
        }
        for (name, bytes) in files {
            self.visard.write(&format!("in/{name}"), bytes);
        }
        self.visard.pipeline(
            &format!("workers: 2\ncontinue_on_failure: true\n{options}"),
            rules,
        );
        let mut kept = files.to_vec();
        kept.push(("pipeline.yml".to_owned(), self.visard.read("pipeline.yml")));
        remember(kept);
        let request = Request {
            pipeline: self.visard.path("pipeline.yml"),
            run_folder: Some(self.visard.path("run")),
            instance_secret_file: Some(self.visard.path("instance-secret")),
            ..Request::default()
        };
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let outcome = self.runtime.block_on(async {
            let never = std::future::pending();
            let run = run(&request, &mut sources, &mut diagnostics, &Silent, never);
            tokio::time::timeout(Duration::from_secs(60), run).await
        });
        let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
        if drawn.contains(MARK) && !self.values_as_names.get() {
            return Err(Failed::because("a message quotes a value"));
        }
        match outcome {
            Err(_) => Err(Failed::because("it hangs")),
            Ok(Err(error)) => Err(Failed::because(format!("the run did not start: {error:#}"))),
            Ok(Ok(outcome)) => Ok(outcome),
        }
    }

    /// That outputs are there exactly where the run says so; their names.
    fn settled(&self, outcome: &Outcome) -> Result<Vec<String>, Failed> {
        let written = self.visard.files("out");
        let masked: Vec<String> = match &outcome.report {
            None => Vec::new(),
            Some(report) => {
                let files = report.files.iter();
                if let Some(file) = files.clone().find(|file| {
                    let reason = file.reason.as_deref().unwrap_or_default();
                    reason.contains(MARK) && !self.values_as_names.get()
                        || reason.contains("panicked")
                        || reason.contains("report it")
                }) {
                    let reason = file
                        .reason
                        .as_deref()
                        .unwrap_or_default()
                        .replace(MARK, "[value]");
                    return Err(Failed::because(format!("a file's reason: {reason}")));
                }
                let masked = files.filter(|file| file.status == Status::Masked);
                masked.map(|file| file.path.clone()).collect()
            }
        };
        let expected = match outcome.code {
            exit::MASKED | exit::PARTLY => !masked.is_empty(),
            exit::FAILED | exit::REFUSED => masked.is_empty(),
            _ => false,
        };
        if !expected || written != masked {
            return Err(Failed::because(format!(
                "exit code {}, written {written:?}, masked {masked:?}",
                outcome.code
            )));
        }
        Ok(masked)
    }

    fn holds_mark(&self, file: &str) -> bool {
        let bytes = self.visard.read(&format!("out/{file}"));
        bytes
            .windows(MARK.len())
            .any(|window| window == MARK.as_bytes())
    }
}

const CSV_WORDS: [&str; 20] = [
    "\"", "\"\"", ",", "\n", "\r\n", "\r", ";", "\t", "\\", "'", "\"\n", ",\"", "\",", "\0",
    "\u{feff}", "é", "NULL", " ", ",,", "\n\n",
];

/// What is after the header; `MARK` is in every value that is not empty.
fn csv_bodies() -> Vec<String> {
    let plain = (0..20)
        .map(|n| format!("{MARK}{n},a{MARK},{MARK}b{MARK}\n"))
        .collect();
    let quoted = (0..8)
        .map(|n| format!("\"{MARK}{n}\",\"{MARK}, \"\"{MARK}\"\"\",\"line\n{MARK}\"\r\n"))
        .collect();
    let odd = format!(
        "{MARK},,\"\"\n\n\"\",{MARK}\"x\",'{MARK}'\n{MARK};{MARK},\\\"{MARK},\u{feff}{MARK}"
    );
    vec![plain, quoted, odd, String::new(), "\n".to_owned()]
}

#[test]
fn delimited_text() {
    let arena = Arena::new();
    let bodies = csv_bodies();
    let words: Vec<&[u8]> = CSV_WORDS.iter().map(|word| word.as_bytes()).collect();
    const HEADER: &str = "first,second,third";
    const HASHED: &str = "- columns: ['*']\n  masks: [{type: hash, length: 8}]";
    const KEPT: &str = "- columns: ['*']\n  masks: [{type: do_nothing}]";
    let (sound, changed) = (Cell::new(0), Cell::new(0));
    let all_masked = |options: &str, files: &[(String, Vec<u8>)]| {
        let outcome = arena.run(options, HASHED, files)?;
        let written = arena.settled(&outcome)?;
        sound.set(sound.get() + written.len());
        changed.set(changed.get() + files.len());
        match written.iter().find(|file| arena.holds_mark(file)) {
            Some(file) => Err(Failed::because(format!(
                "an original value is left in {file}"
            ))),
            None => Ok(()),
        }
    };
    for (name, bytes) in kept("csv") {
        println!("once failed: {name}");
        all_masked("", &[(name, bytes)])
            .map_err(|failed| failed.why)
            .unwrap();
    }
    campaign("delimited text", |random| {
        let line_end = random.one_of(&["\n", "\r\n"]);
        let files: Files = (0..8)
            .map(|number| {
                let mut bytes = format!("{HEADER}{line_end}").into_bytes();
                let header = bytes.len();
                bytes.extend_from_slice(bodies[random.below(bodies.len())].as_bytes());
                mutate(&mut bytes, header, &words, random);
                (format!("{number}.csv"), bytes)
            })
            .collect();
        let csv = random.one_of(&[
            "",
            "csv: {quote: \"'\"}",
            "csv: {quote: ''}",
            "csv: {escape: '\\'}",
            "csv: {encoding: latin1}",
            "csv: {null_string: '\\N'}",
            "csv: {encoding: euc-jp}",
        ]);
        match random.below(4) {
            // Nothing is as it was.
            0 | 1 => all_masked(csv, &files),
            // Everything is as it was.
            2 => {
                let outcome = arena.run(csv, KEPT, &files)?;
                for file in arena.settled(&outcome)? {
                    let (_, before) = files.iter().find(|(name, _)| *name == file).unwrap();
                    if arena.visard.read(&format!("out/{file}")) != *before {
                        return Err(Failed::because(format!("{file} changed")));
                    }
                }
                Ok(())
            }
            // Whatever the header has become, and the options are.
            _ => {
                arena.values_as_names.set(true);
                let mut files = files;
                for (_, bytes) in &mut files {
                    mutate(bytes, 0, &words, random);
                }
                let csv = random.one_of(&[
                    "csv: {ragged: keep}",
                    "csv: {ragged: keep, encoding: utf-16le}",
                    "csv: {delimiter: '|', ragged: keep}",
                    "csv: {header: false, columns: [a, b, c]}",
                    "csv: {encoding: shift_jis, ragged: keep}",
                    "csv: {header: false, columns: [a], ragged: keep, encoding: gb18030}",
                ]);
                let ended = arena.run(csv, HASHED, &files);
                let settled = ended.and_then(|outcome| arena.settled(&outcome));
                arena.values_as_names.set(false);
                settled.map(drop)
            }
        }
    });
    println!(
        "delimited text: {} of {} mutated files were still sound",
        sound.get(),
        changed.get()
    );
    assert!(sound.get() > 0 && sound < changed);
}

/// Where inputs that failed are kept, so that the folder is not lost from sight when it is empty.
#[test]
fn kept_inputs_have_a_kind() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for file in Visard::files_below(&folder) {
        let kind = file.split('/').next().unwrap_or_default();
        assert!(["yaml", "csv", "parquet"].contains(&kind), "{file}");
    }
}
