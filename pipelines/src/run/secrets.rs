//! The run's two secrets: given, or made and kept where only their owner can read them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use etcetera::BaseStrategy;
use zeroize::Zeroizing;

/// Name of the file in a run folder that holds a generated run secret.
const RUN_SECRET_FILE: &str = "run-secret";
/// Characters a run secret has at least and at most.
const RUN_SECRET_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=256;

/// A run secret and how it came about.
pub(super) struct RunSecret {
    /// The secret.
    pub(super) secret: Zeroizing<String>,
    /// Where it was written, if it was generated.
    pub(super) written_to: Option<PathBuf>,
}

/// Where a generated run secret is kept.
pub(super) fn run_secret_path(run_folder: &Path) -> PathBuf {
    run_folder.join(RUN_SECRET_FILE)
}

/// The run secret that was given, else the one in the run folder, else a new one written there.
///
/// # Errors
/// When the given one has a wrong length, or the file cannot be read or written.
pub(super) fn run_secret(given: Option<&str>, run_folder: &Path) -> anyhow::Result<RunSecret> {
    if let Some(given) = given {
        let characters = given.chars().count();
        if !RUN_SECRET_CHARACTERS.contains(&characters) {
            bail!("a run secret has 16 to 256 characters, this one has {characters}");
        }
        return Ok(RunSecret {
            secret: Zeroizing::new(given.to_owned()),
            written_to: None,
        });
    }
    let path = run_secret_path(run_folder);
    let secret = read_or_create(&path)?;
    Ok(RunSecret {
        secret,
        written_to: Some(path),
    })
}

/// The run secret that an earlier run made and kept in `run_folder`.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(super) fn kept_run_secret(run_folder: &Path) -> anyhow::Result<Zeroizing<String>> {
    let path = run_secret_path(run_folder);
    read(&path)?.with_context(|| format!("`{}` holds no run secret", run_folder.display()))
}

/// The secret of this installation: in `file`, else in the user's configuration folder; made on first use.
///
/// # Errors
/// When the file cannot be read or written.
pub fn instance_secret(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => etcetera::choose_base_strategy()
            .context("there is no home folder; name a file with --instance-secret-file")?
            .config_dir()
            .join("visard")
            .join("instance-secret"),
    };
    read_or_create(&path)
}

fn read_or_create(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    match read(path)? {
        Some(secret) => Ok(secret),
        None => create(path)
            .with_context(|| format!("the secret file `{}` cannot be written", path.display())),
    }
}

/// The secret in the file at `path`, if there is one.
fn read(path: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let secret = Zeroizing::new(
                Zeroizing::new(text)
                    .trim_end_matches(['\r', '\n'])
                    .to_owned(),
            );
            if secret.is_empty() {
                bail!("the secret file `{}` is empty", path.display());
            }
            Ok(Some(secret))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error)
            .with_context(|| format!("the secret file `{}` cannot be read", path.display())),
    }
}

/// 256 random bits.
///
/// # Errors
/// When the system gives none.
pub(super) fn random() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut bits = Zeroizing::new([0; 32]);
    getrandom::fill(bits.as_mut_slice()).context("the system gives no random bits")?;
    Ok(bits)
}

/// A new secret of 256 random bits in a file that only its owner can read.
fn create(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let bits = random()?;
    let secret = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(bits.as_slice()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Written aside and linked into place, so that two runs starting at once agree on one secret. A number of a
    // process is no name for it: another one may have it, and be killed here.
    let name = data_encoding::HEXLOWER.encode(&random()?[..8]);
    let aside = path.with_extension(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    writeln!(file, "{}", secret.as_str())?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_or_create(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_generated_secret_is_private_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = run_secret(None, folder.path()).unwrap();
        let path = first.written_to.unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(first.secret.len(), 52);
        assert_eq!(
            *run_secret(None, folder.path()).unwrap().secret,
            *first.secret
        );
        assert_eq!(*kept_run_secret(folder.path()).unwrap(), *first.secret);
        assert!(kept_run_secret(&folder.path().join("other")).is_err());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn runs_that_start_together_agree_on_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance-secret");
        let made = std::thread::scope(|scope| {
            let each = || scope.spawn(|| instance_secret(Some(&path)).unwrap());
            let threads: Vec<_> = std::iter::repeat_with(each).take(8).collect();
            let made = threads.into_iter().map(|thread| thread.join().unwrap());
            made.collect::<Vec<_>>()
        });
        assert!(made.iter().all(|secret| **secret == *made[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn lengths_of_given_secrets() {
        let folder = tempfile::tempdir().unwrap();
        for (length, taken) in [(15, false), (16, true), (256, true), (257, false)] {
            let secret = run_secret(Some(&"é".repeat(length)), folder.path());
            assert_eq!(secret.is_ok(), taken, "{length}");
        }
    }
}
