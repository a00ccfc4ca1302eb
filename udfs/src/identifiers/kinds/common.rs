//! What rules of several kinds are made of.

use crate::check_digit::{luhn, place};
use crate::identifiers::Kind;

/// Capitals.
pub(super) const AZ: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits.
pub(super) const D: &str = "0123456789";

/// Digits and capitals: a digit becomes a digit, a letter a letter.
pub(super) const ALPHANUMERIC: &[&str] = &[D, AZ];

/// Digits, odd and even: where that tells the holder's sex.
pub(super) const PARITY: &[&str] = &["13579", "02468"];

/// Digits but 0.
pub(super) const D1: &str = "123456789";

/// Digits and capitals in one.
pub(super) const DAZ: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What most kinds have in common: digits, no check digit, nothing void.
pub(super) const PLAIN: Kind = Kind {
    code: "",
    digits_only: true,
    separators: " -./",
    layouts: &[],
    seal: |_| Some(()),
    void: |_| false,
    lettered: &[],
};

/// Writes the last place.
pub(super) fn last(number: &mut [u8], check: impl FnOnce(&[u8]) -> Option<u8>) -> Option<()> {
    let (last, body) = number.split_last_mut()?;
    *last = check(body)?;
    Some(())
}

/// Writes the place at `at` from those before it.
pub(super) fn after(
    number: &mut [u8],
    at: usize,
    check: impl FnOnce(&[u8]) -> Option<u8>,
) -> Option<()> {
    last(number.get_mut(..=at)?, check)
}

/// A digit; `None` for ten, which many systems do not use.
pub(super) fn digit(number: u32) -> Option<u8> {
    (number < 10).then(|| place(number))
}

/// What has to be added to make a multiple.
pub(super) fn complement(sum: u32, modulus: u32) -> u32 {
    (modulus - sum % modulus) % modulus
}

/// Ten, and for some rules eleven, is written 0.
pub(super) fn or_zero(number: u32) -> Option<u8> {
    digit(number).or(Some(b'0'))
}

pub(super) fn luhn_last(number: &mut [u8]) -> Option<()> {
    last(number, |body| digit(luhn(body)))
}

pub(super) fn x_for_ten(number: u32) -> u8 {
    digit(number).unwrap_or(b'X')
}

pub(super) fn all_zero(number: &[u8]) -> bool {
    number.iter().all(|place| *place == b'0')
}
