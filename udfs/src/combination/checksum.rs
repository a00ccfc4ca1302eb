//! What check digits follow from: a system, the rules of bank accounts, or a kind of identifier.

use std::ops::RangeInclusive;

use crate::check_digit::{hybrid, luhn, mod_97_10, place, pure, verhoeff};
use crate::identifiers::iban::Structures;
use crate::identifiers::{KINDS, Kind, Number, kind};

/// What stands between places.
const SEPARATORS: &str = " -./";

/// Numbers in running text are looked for from so many places on: shorter ones are right by chance
/// too often.
const IN_TEXT: RangeInclusive<usize> = 8..=34;

/// The systems that need no kind.
const SYSTEMS: &[System] = &[
    System {
        name: "luhn",
        write: |body, check| check[0] = place(luhn(body)),
        ..System::OF_DIGITS
    },
    System {
        name: "credit_card",
        in_text: 12..=19,
        write: |body, check| check[0] = place(luhn(body)),
        ..System::OF_DIGITS
    },
    System {
        name: "verhoeff",
        write: |body, check| check[0] = place(verhoeff(body)),
        ..System::OF_DIGITS
    },
    System {
        name: "mod_97_10",
        digits: false,
        checks: 2,
        write: |body, check| {
            let number = mod_97_10(&[body]);
            check.copy_from_slice(&[place(number / 10), place(number % 10)]);
        },
        ..System::OF_DIGITS
    },
    System {
        name: "mod_11_2",
        write: |body, check| {
            check[0] = match pure(body, 11, 2) {
                10 => b'X',
                digit => place(digit),
            };
        },
        ..System::OF_DIGITS
    },
    System {
        name: "mod_11_10",
        write: |body, check| check[0] = place(hybrid(body, 10)),
        ..System::OF_DIGITS
    },
    System {
        name: "mod_37_2",
        digits: false,
        starred: true,
        write: |body, check| check[0] = place(pure(body, 37, 2)),
        ..System::OF_DIGITS
    },
    System {
        name: "mod_37_36",
        digits: false,
        starred: true,
        write: |body, check| check[0] = place(hybrid(body, 36)),
        ..System::OF_DIGITS
    },
];

/// A check digit system by itself.
#[derive(Debug)]
pub(super) struct System {
    name: &'static str,
    /// Whether the places before the check digits are digits.
    digits: bool,
    /// How many check characters there are, at the end.
    checks: usize,
    /// Whether a `*` may stand in the last place.
    starred: bool,
    /// How many places a number has that is looked for in a text.
    in_text: RangeInclusive<usize>,
    /// Makes the check characters.
    write: fn(&[u8], &mut [u8]),
}

impl System {
    const OF_DIGITS: Self = Self {
        name: "",
        digits: true,
        checks: 1,
        starred: false,
        in_text: IN_TEXT,
        write: |_, _| {},
    };

    /// Reads a text with what may stand between places.
    fn read(&self, text: &str, separators: &str, number: &mut Number) -> Option<()> {
        // A `*` is read as the place it is in.
        match text.strip_suffix('*') {
            Some(start) if self.starred => {
                number.read_from(start, separators)?;
                *number = number.followed_by_zero()?;
                Some(())
            }
            _ => number.read_from(text, separators),
        }
    }

    fn seal(&self, number: &mut Number) -> Option<()> {
        let length = number.places().len().checked_sub(self.checks)?;
        let (body, check) = number.places_mut().split_at_mut(length);
        let fits = |place: &u8| match self.digits {
            true => place.is_ascii_digit(),
            false => place.is_ascii_alphanumeric(),
        };
        if body.is_empty() || !body.iter().all(fits) {
            return None;
        }
        (self.write)(body, check);
        Some(())
    }
}

/// What the check digits of a number follow from.
#[derive(Debug)]
pub(super) enum Checksum {
    System(&'static System),
    Iban(Structures),
    Kind(&'static Kind),
}

impl Checksum {
    /// What a ruleset calls `name`.
    ///
    /// # Errors
    /// A message when there is no such thing, or it has no public check digits; `argument` is what
    /// the name was given for.
    pub(super) fn named(name: &str, argument: &str) -> Result<Self, String> {
        if let Some(system) = SYSTEMS.iter().find(|system| system.name == name) {
            return Ok(Self::System(system));
        }
        match kind(name) {
            _ if name == "iban" => Ok(Self::Iban(Structures::all())),
            Some(kind) if kind.has_checks() => Ok(Self::Kind(kind)),
            Some(_) => Err(format!(
                "a number of the kind `{name}` has no public check digits"
            )),
            None => {
                let mut names: Vec<&str> = SYSTEMS.iter().map(|system| system.name).collect();
                names.push("iban");
                let kinds = KINDS.iter().filter(|kind| kind.has_checks());
                names.extend(kinds.map(|kind| kind.code));
                Err(format!(
                    "`{argument}` has to be one of {}",
                    names.join(", ")
                ))
            }
        }
    }

    /// Whether a column of numbers can hold them.
    pub(super) fn fits_numbers(&self) -> bool {
        match self {
            Self::System(system) => system.digits || system.checks > 1,
            Self::Iban(_) => false,
            Self::Kind(kind) => kind.digits_only,
        }
    }

    /// What may stand between the places.
    pub(super) fn separators(&self) -> &'static str {
        match self {
            Self::System(_) | Self::Iban(_) => SEPARATORS,
            Self::Kind(kind) => kind.separators,
        }
    }

    /// The last places of a number that was sealed, where all the others are as they were and a check
    /// digit is a digit.
    pub(super) fn digits_at_end<'n>(&self, number: &'n Number) -> Option<&'n [u8]> {
        let Self::System(system) = self else {
            return None;
        };
        let places = number.places();
        let end = &places[places.len().checked_sub(system.checks)?..];
        end.iter().all(u8::is_ascii_digit).then_some(end)
    }

    /// Makes `number` the one in a text, with right check digits; `None` where it can have none.
    pub(super) fn sealed(&self, text: &str, number: &mut Number) -> Option<()> {
        match self {
            Self::System(system) => {
                system.read(text, SEPARATORS, number)?;
                system.seal(number)
            }
            _ => {
                *number = self.seal(&self.read(text)?)?;
                Some(())
            }
        }
    }

    /// As [`Checksum::sealed`], for the text of a number that lost its leading zeros.
    pub(super) fn sealed_number(&self, text: &str, number: &mut Number) -> Option<()> {
        match self {
            Self::Kind(kind) => *number = kind.sealed(&kind.read_padded(text)?)?,
            Self::System(system) => {
                number.read_from(text, "")?;
                system.seal(number)?;
            }
            Self::Iban(_) => return None,
        }
        Some(())
    }

    fn read(&self, text: &str) -> Option<Number> {
        match self {
            Self::Kind(kind) => kind.read(text),
            Self::Iban(_) => Number::read(text, SEPARATORS),
            Self::System(system) => {
                let mut number = Number::zeros(0);
                system.read(text, SEPARATORS, &mut number)?;
                Some(number)
            }
        }
    }

    fn seal(&self, number: &Number) -> Option<Number> {
        match self {
            Self::Kind(kind) => kind.sealed(number),
            Self::System(system) => {
                let mut sealed = *number;
                system.seal(&mut sealed)?;
                Some(sealed)
            }
            Self::Iban(structures) => structures.sealed(number),
        }
    }

    /// How many places a number has that is looked for in a text.
    pub(super) fn lengths(&self) -> RangeInclusive<usize> {
        match self {
            Self::System(system) => system.in_text.clone(),
            Self::Iban(_) => IN_TEXT,
            Self::Kind(kind) => kind.shortest()..=kind.longest(),
        }
    }

    /// Whether a part of a text is a number with right check digits, of a length that is looked for.
    pub(super) fn is_right(&self, part: &str) -> bool {
        let Some(number) = self.read(part) else {
            return false;
        };
        let fits = self.lengths().contains(&number.places().len());
        let has_digit = number.places().iter().any(u8::is_ascii_digit);
        let fits = fits && (has_digit || matches!(self, Self::Kind(_)));
        fits && self
            .seal(&number)
            .is_some_and(|sealed| match part.ends_with('*') {
                true => sealed.places().ends_with(b"*"),
                false => sealed == number,
            })
    }

    /// Whether a number may end with a `*`.
    pub(super) fn is_starred(&self) -> bool {
        matches!(self, Self::System(system) if system.starred)
    }

    /// Whether a number begins with a digit, whatever stands behind.
    pub(super) fn begins_with_digit(&self) -> bool {
        match self {
            Self::System(system) => system.digits,
            Self::Iban(_) => false,
            Self::Kind(kind) => kind.digits_only,
        }
    }

    /// Whether one separator stands in all gaps of a number, as no layout tells where which one is.
    pub(super) fn is_evenly_parted(&self) -> bool {
        !matches!(self, Self::Kind(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::valid_ids;

    /// Of numbers with right check digits those of the lengths that are looked for are right, and no
    /// other ones.
    #[test]
    fn lengths() {
        for system in SYSTEMS {
            let expected = match system.name {
                "credit_card" => 12..=19,
                _ => 8..=34,
            };
            let checksum = Checksum::named(system.name, "type").unwrap();
            for length in system.checks + 1..=40 {
                let mut number: Vec<u8> = (0..length).map(|at| b'1' + (at % 9) as u8).collect();
                let (body, check) = number.split_at_mut(length - system.checks);
                (system.write)(body, check);
                let number = String::from_utf8(number).unwrap();
                let wanted = expected.contains(&length);
                assert_eq!(
                    checksum.is_right(&number),
                    wanted,
                    "{} {number}",
                    system.name
                );
            }
        }
        for kind in KINDS.iter().filter(|kind| kind.has_checks()) {
            let checksum = Checksum::named(kind.code, "type").unwrap();
            let has = |length: &usize| kind.read(&"0".repeat(*length)).is_some();
            let lengths: Vec<usize> = (1..=34).filter(has).collect();
            assert_eq!(checksum.lengths(), lengths[0]..=lengths[lengths.len() - 1]);
            for number in valid_ids(kind.code) {
                assert!(checksum.is_right(&number), "{} {number}", kind.code);
            }
        }
        for (number, right) in [
            ("NO9386011117947", true),
            ("MT84MALT011000012345MTLCAST001S", true),
            ("NO93860111179470", false),
            ("NO938601111794", false),
        ] {
            let checksum = Checksum::named("iban", "type").unwrap();
            assert_eq!(checksum.is_right(number), right, "{number}");
        }
    }
}
