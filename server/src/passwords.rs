//! Passwords: which ones are taken, and what is kept of them.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::ApiError;

/// Argon2id with 19 MiB, two passes and one lane: the first choice of OWASP's Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is checked for a user who is not there, so that the answer takes as long. Nobody knows its password.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                     $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Characters of a temporary password; none is taken for another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Length of a temporary password.
const TEMPORARY_CHARS: usize = 16;
const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 140;

/// Hashes and checks passwords, on threads of their own and no more at once than there are cores: each takes
/// its 19 MiB and tens of milliseconds.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// What is kept of `password`: a hash as a PHC string, with a salt of its own.
    ///
    /// # Errors
    /// When the system gives no random bits or no memory.
    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String, ApiError> {
        let hashed = self.at_turn(move || {
            let hash = argon2().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string())
        });
        hashed.await?.map_err(|error| ApiError::internal(&error))
    }

    /// Whether `password` is the one that `hash` was made of; never without one, and that takes as long.
    ///
    /// # Errors
    /// When the system gives no memory.
    pub(crate) async fn fits(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<bool, ApiError> {
        let checked = self.at_turn(move || {
            let text = hash.as_deref().unwrap_or(DECOY);
            let fits = PasswordHash::new(text).is_ok_and(|hash| {
                let checked = argon2().verify_password(password.as_bytes(), &hash);
                checked.is_ok()
            });
            fits && hash.is_some()
        });
        checked.await
    }

    async fn at_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| ApiError::internal(&error))?;
        let done = tokio::task::spawn_blocking(move || {
            // Whoever waits for the answer may be gone: the turn ends with the work.
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| ApiError::internal(&error))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the numbers are allowed");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What is wrong with a new password of a user; nothing when it is taken.
pub(crate) fn problems(password: &str, username: &str, email: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let chars: Vec<char> = password.chars().collect();
    if !(MIN_CHARS..=MAX_CHARS).contains(&chars.len()) {
        problems.push(format!(
            "A password has {MIN_CHARS} to {MAX_CHARS} characters."
        ));
    }
    if chars.windows(3).any(is_repeated) {
        problems
            .push("A password has no character three times in a row, such as \"aaa\".".to_owned());
    }
    if chars.windows(3).any(is_sequence) {
        problems.push(
            "A password has no three letters or digits that follow each other, such as \"abc\" or \"321\"."
                .to_owned(),
        );
    }
    let is = |name: &str| password.to_lowercase() == name.to_lowercase();
    if is(username) || is(email) {
        problems.push("A password is not the name or address of its user.".to_owned());
    }
    problems
}

fn is_repeated(three: &[char]) -> bool {
    three.iter().all(|char| *char == three[0])
}

/// Letters or digits, one after the other up or down.
fn is_sequence(three: &[char]) -> bool {
    let steps = |from: char, to: char| i64::from(u32::from(to)) - i64::from(u32::from(from));
    let (first, second) = (steps(three[0], three[1]), steps(three[1], three[2]));
    three.iter().all(char::is_ascii_alphanumeric) && first == second && first.abs() == 1
}

/// A random password that is taken, for a user to log in with once.
///
/// # Errors
/// When the system gives no random bits.
pub(crate) fn temporary() -> Result<Zeroizing<String>, ApiError> {
    loop {
        let mut password = Zeroizing::new(String::with_capacity(TEMPORARY_CHARS));
        while password.len() < TEMPORARY_CHARS {
            let mut byte = [0];
            getrandom::fill(&mut byte).map_err(|error| ApiError::internal(&error))?;
            // A byte beyond the letters is drawn again, so that each is as likely.
            if let Some(letter) = LETTERS.get(usize::from(byte[0] & 63)) {
                password.push(char::from(*letter));
            }
        }
        if problems(&password, "", "").is_empty() {
            return Ok(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_taken() {
        for (password, taken) in [
            ("admin_password", true),
            ("Str0ng&Quiet", true),
            ("pässwörter", true),
            ("aab!bcca", true),
            ("short", false),
            ("", false),
            ("quietaaaplum", false),
            ("quietabcplum", false),
            ("quiet321plum", false),
            ("Vera.Plum", false),
            ("vera@example.com", false),
        ] {
            let problems = problems(password, "vera.plum", "vera@example.com");
            assert_eq!(problems.is_empty(), taken, "{password}: {problems:?}");
        }
        let long = "long-".repeat(28);
        assert!(problems(&long, "", "").is_empty());
        assert!(!problems(&format!("{long}!"), "", "").is_empty());
    }

    #[test]
    fn temporary_passwords_are_taken_and_differ() {
        let some: std::collections::HashSet<String> =
            (0..50).map(|_| temporary().unwrap().to_string()).collect();
        assert_eq!(some.len(), 50);
        assert!(some.iter().all(|one| one.len() == TEMPORARY_CHARS));
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_alone() {
        let passwords = Passwords::new();
        let password = |text: &str| Zeroizing::new(text.to_owned());
        let hash = passwords.hash(password("first one")).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let again = passwords.hash(password("first one")).await.unwrap();
        assert_ne!(hash, again);
        for (text, hash, fits) in [
            ("first one", Some(hash.clone()), true),
            ("first on", Some(hash), false),
            ("first one", None, false),
            ("first one", Some("no hash".to_owned()), false),
        ] {
            assert_eq!(passwords.fits(password(text), hash).await.unwrap(), fits);
        }
    }

    #[test]
    fn the_decoy_costs_what_a_hash_costs() {
        let decoy = PasswordHash::new(DECOY).unwrap();
        let params = Params::try_from(&decoy).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (MEMORY_KIB, PASSES, LANES)
        );
        assert_eq!(decoy.hash.unwrap().as_bytes().len(), 32);
    }
}
