//! The command, driven as a user does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with pipelines, inputs and outputs, and the command in it.
pub struct Visard {
    pub folder: TempDir,
    instance: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Visard {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let instance = folder.path().join("instance-secret");
        std::fs::write(&instance, "golden instance secret 0123456789\n").unwrap();
        Self { folder, instance }
    }

    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, below: &str) -> Vec<u8> {
        let path = self.path(below);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The command, in the folder.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("VISARD_LOG");
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command
    }

    /// Runs the command to its end.
    pub fn call<S: AsRef<OsStr>>(&self, args: &[S]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// `visard run pipeline.yml` with the fixed instance secret and `run` as run folder.
    pub fn run(&self, more: &[&str]) -> Ended {
        Ended::of(self.run_command(more).output().unwrap())
    }

    /// The same, yet to be started.
    pub fn run_command(&self, more: &[&str]) -> Command {
        let mut args = self.run_args();
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        self.command(&args)
    }

    /// The same, started and left alone.
    pub fn start(&self, more: &[&str]) -> Child {
        self.run_command(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run_args(&self) -> Vec<String> {
        let instance = self.instance.display().to_string();
        [
            "run",
            "pipeline.yml",
            "--run-folder",
            "run",
            "--instance-secret-file",
            &instance,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The report of the run in `run`.
    pub fn report(&self) -> Value {
        serde_json::from_slice(&self.read("run/report.json")).unwrap()
    }

    /// Paths of all files below a folder, sorted; none where there is no folder.
    pub fn files(&self, below: &str) -> Vec<String> {
        Self::files_below(&self.path(below))
    }

    /// The same for any folder.
    pub fn files_below(root: &Path) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    /// A pipeline from `in/` to `out/` with these options and rules of one task over all files.
    pub fn pipeline(&self, options: &str, rules: &str) {
        let indent = |text: &str, by: usize| {
            text.lines()
                .map(|line| format!("{:by$}{line}\n", ""))
                .collect::<String>()
        };
        let yaml = format!(
            "version: '1.0'\nname: test\nconnections:\n  \
             in: {{type: mounted_share_connection, base_directory: in}}\n  \
             out: {{type: mounted_share_connection, base_directory: out}}\n\
             source: in\ndestination: out\noptions:\n  \
             run_secret: a run secret for tests only\n{}ruleset:\n  version: '1.0'\n  tasks:\n    \
             - type: mask_tabular_file\n      recurse: true\n      rules:\n{}",
            indent(options, 2),
            indent(rules, 8),
        );
        self.write("pipeline.yml", yaml);
    }
}

impl Ended {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Fails the test unless the command ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// The binary under test: the one that was named, else the one beside the test binary.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("VISARD_TEST_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("visard");
    assert!(built.exists(), "build it first: cargo build --bin visard");
    built
}
