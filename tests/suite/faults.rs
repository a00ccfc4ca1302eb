//! Things that go wrong while a run works: kills, full disks, stops. Never a truncated output, never an
//! unmasked row, never a wrong exit code.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::visard::{Ended, Visard};

const RULES: &str = "- column: email\n  masks: [{type: hash, length: 12}]\n\
                     - column: name\n  masks: [{type: imitate}]";
/// What every unmasked row holds and no masked one.
const MARK: &str = "@unmasked.example";

/// Several files of a few slices each.
fn inputs(visard: &Visard) {
    for file in 0..6 {
        let mut text = String::from("id,name,email\n");
        for row in 0..40_000 * (file % 3 + 1) {
            text += &format!("{row},Name{row},user{row}{MARK}\n");
        }
        visard.write(&format!("in/folder {}/file-{file}.csv", file % 2), text);
    }
    visard.pipeline("workers: 2", RULES);
}

/// The hash of each output: files too large to be shown where they differ.
fn outputs(visard: &Visard) -> BTreeMap<String, String> {
    use sha2::{Digest, Sha256};
    let hash = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
    let files = visard.files("out");
    files
        .into_iter()
        .map(|file| (file.clone(), hash(visard.read(&format!("out/{file}")))))
        .collect()
}

/// Small, seeded, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

#[test]
fn killed_runs_resume_to_the_same_bytes() {
    let visard = Visard::new();
    inputs(&visard);
    let began = Instant::now();
    visard.run(&[]).expect(0);
    let whole = began.elapsed();
    let expected = outputs(&visard);
    assert_eq!(expected.len(), 6);
    let long = std::env::var_os("VISARD_TEST_LONG").is_some();
    let (most, box_) = if long {
        (200, Duration::MAX)
    } else {
        (60, Duration::from_secs(90))
    };
    let mut random = Random(42);
    let mut kills = 0;
    let start = Instant::now();
    while kills < most && start.elapsed() < box_ {
        for folder in ["out", "run"] {
            std::fs::remove_dir_all(visard.path(folder)).unwrap();
        }
        let mut resume: &[&str] = &[];
        // Killed again and again, until a run outlives its delay.
        loop {
            let mut child = visard.start(resume);
            let delay = Duration::from_micros(random.below(whole.as_micros() as u64 * 11 / 10));
            std::thread::sleep(delay);
            let ended = child.try_wait().unwrap();
            child.kill().unwrap_or_default();
            let output = Ended::of(child.wait_with_output().unwrap());
            if ended.is_some() {
                output.expect(0);
                break;
            }
            kills += 1;
            for (path, bytes) in outputs(&visard) {
                if path.ends_with(".tmp") {
                    continue;
                }
                assert_eq!(
                    Some(&bytes),
                    expected.get(&path),
                    "{path} after kill {kills} is whole or absent"
                );
            }
            resume = match visard.path("run/journal.jsonl").exists() {
                true => &["--resume"],
                false => {
                    std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
                    &[]
                }
            };
        }
        assert_eq!(
            outputs(&visard),
            expected,
            "after {kills} kills: the same files, and no temp file"
        );
    }
    println!(
        "killed {kills} runs with kill -9 in {:.0?}",
        start.elapsed()
    );
    assert!(kills >= 10, "only {kills} kills fell into a run");
}

#[test]
fn a_stop_by_the_user_leaves_whole_files_and_says_so() {
    let visard = Visard::new();
    inputs(&visard);
    // Nothing that reads the files in front of the run, where a signal still ends the process.
    visard.pipeline("workers: 2", "- column: email\n  masks: [{type: hash}]");
    visard.run(&[]).expect(0);
    let expected = outputs(&visard);
    let mut interrupted = std::collections::BTreeSet::new();
    let signals = ["-INT", "-TERM", "-HUP"].iter().cycle();
    for (delay, stop) in (0..21).map(|n| 5 + n * 25).zip(signals) {
        for folder in ["out", "run"] {
            std::fs::remove_dir_all(visard.path(folder)).unwrap_or_default();
        }
        let child = visard.start(&[]);
        std::thread::sleep(Duration::from_millis(delay));
        signal(&child, stop);
        let ended = Ended::of(child.wait_with_output().unwrap());
        for (path, bytes) in outputs(&visard) {
            assert_eq!(
                Some(&bytes),
                expected.get(&path),
                "{path}: no temp file, no torn file"
            );
        }
        // Before the handler is there the signal ends the process; after the last file nothing is left.
        if ended.code == Some(130) {
            interrupted.insert(*stop);
            assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
            visard.run(&["--resume"]).expect(0);
            assert_eq!(outputs(&visard), expected);
        }
    }
    assert_eq!(interrupted.len(), 3, "only {interrupted:?} came in time");
}

/// Under `nohup` a run goes on when its terminal goes away.
#[test]
fn a_run_that_ignores_hang_ups_goes_on() {
    let visard = Visard::new();
    inputs(&visard);
    visard.pipeline("workers: 2", "- column: email\n  masks: [{type: hash}]");
    let mut command = visard.run_command(&[]);
    through_the_shell(&mut command, "trap '' HUP");
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let journal = || std::fs::read_to_string(visard.path("run/journal.jsonl"));
    while !journal().is_ok_and(|journal| journal.contains("\"begun\"")) {
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-HUP");
    Ended::of(child.wait_with_output().unwrap()).expect(0);
}

#[test]
fn a_full_disk_fails_the_file_and_leaves_nothing_of_it() {
    let visard = Visard::new();
    let mut text = String::from("id,name,email\n");
    for row in 0..100_000 {
        text += &format!("{row},Name{row},user{row}{MARK}\n");
    }
    visard.write("in/large.csv", &text);
    visard.write(
        "in/small.csv",
        "id,name,email\n1,Ann,ann@unmasked.example\n",
    );
    visard.pipeline("continue_on_failure: true", RULES);
    let mut command = visard.command(&["run", "pipeline.yml", "--run-folder", "run"]);
    // A file-size limit stands in for a full disk: mounting one needs rights that tests may lack.
    let limit = 256 * 1024;
    through_the_shell(&mut command, &format!("ulimit -f {}", limit / 1024));
    let ended = Ended::of(command.output().unwrap()).expect(3);
    assert!(ended.stderr.contains("large.csv"), "{}", ended.stderr);
    assert_eq!(visard.files("out"), ["small.csv"]);
}

/// Has a shell do `first` and then become the command.
fn through_the_shell(command: &mut std::process::Command, first: &str) {
    let program = command.get_program().to_owned();
    let args: Vec<_> = command.get_args().map(|arg| arg.to_owned()).collect();
    let envs: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(|value| value.to_owned())))
        .collect();
    let folder = command.get_current_dir().unwrap().to_owned();
    let script = format!("{first}; exec \"$0\" \"$@\"");
    let mut limited = std::process::Command::new("bash");
    limited
        .arg("-c")
        .arg(script)
        .arg(program)
        .args(args)
        .current_dir(folder);
    for (name, value) in envs {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.arg0("bash");
    *command = limited;
}

#[test]
fn a_source_that_changes_is_refused() {
    const VICTIM: &str = "folder 1/file-5.csv";
    // The run is stopped, changed under and let go; some stops come too late for that.
    for _ in 0..50 {
        let visard = Visard::new();
        inputs(&visard);
        let child = visard.start(&[]);
        let journal = || std::fs::read_to_string(visard.path("run/journal.jsonl"));
        while !journal().is_ok_and(|journal| journal.contains("\"begun\"")) {
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&child, "-STOP");
        let status = format!("/proc/{}/stat", child.id());
        while !std::fs::read_to_string(&status).unwrap().contains(") T ") {
            std::thread::sleep(Duration::from_millis(1));
        }
        let begun = |line: &str| line.contains("\"begun\"") && line.contains(VICTIM);
        let in_time = !journal().unwrap().lines().any(begun);
        if in_time {
            let victim = visard.path("in").join(VICTIM);
            let mut text = std::fs::read(&victim).unwrap();
            text.extend_from_slice(b"1,x,y\n");
            std::fs::write(&victim, text).unwrap();
        }
        signal(&child, "-CONT");
        let ended = Ended::of(child.wait_with_output().unwrap());
        if !in_time {
            continue;
        }
        assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
        assert!(ended.stderr.contains("changed"), "{}", ended.stderr);
        assert!(!visard.path("out").join(VICTIM).exists());
        return;
    }
    panic!("no run was stopped in time");
}

pub fn signal(child: &std::process::Child, signal: &str) {
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args([signal, &pid])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn somebody_elses_file_at_the_destination_stops_a_resumed_run() {
    let visard = Visard::new();
    inputs(&visard);
    visard.run(&[]).expect(0);
    visard.write("out/folder 0/file-0.csv", "not ours");
    let journal = String::from_utf8(visard.read("run/journal.jsonl")).unwrap();
    let kept: Vec<&str> = journal
        .lines()
        .filter(|line| !line.contains("ended"))
        .collect();
    visard.write("run/journal.jsonl", kept.join("\n") + "\n");
    let ended = visard.run(&["--resume"]).expect(2);
    assert!(ended.stderr.contains("somebody else"), "{}", ended.stderr);
    assert_eq!(visard.read("out/folder 0/file-0.csv"), b"not ours");
}

#[test]
fn another_seed_file_does_not_resume() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,name\n1,Ann\n");
    visard.write("seeds.csv", "name\nZed\n");
    visard.pipeline(
        "",
        "- column: name\n  masks: [{type: from_file, seed_file: seeds.csv}]",
    );
    visard.run(&[]).expect(0);
    visard.run(&["--resume"]).expect(0);
    let file = &visard.report()["files"][0];
    assert_eq!(file["columns"]["name"]["masked"], 1, "as first reported");
    assert_eq!(file["unmasked"], serde_json::json!(["id"]));
    visard.write("seeds.csv", "name\nYak\n");
    let ended = visard.run(&["--resume"]).expect(2);
    assert!(ended.stderr.contains("a seed file"), "{}", ended.stderr);
}

#[test]
fn other_secrets_or_another_ruleset_do_not_resume() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id,name,email\n1,Ann,ann@unmasked.example\n");
    visard.pipeline("", RULES);
    visard.run(&[]).expect(0);
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    for (changed, said) in [
        (
            yaml.replace("for tests only", "of another kind"),
            "other secrets",
        ),
        (yaml.replace("length: 12", "length: 13"), "changed since"),
    ] {
        visard.write("pipeline.yml", changed);
        let ended = visard.run(&["--resume"]).expect(2);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
