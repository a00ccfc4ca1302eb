//! Bank account numbers: ISO 13616-1, the IBAN registry's structures by country, and the check digits
//! some countries have inside.

use crate::check_digit::{italian, mod_97_10, one_to_nine, place, rest_97, weighted};

use super::{Fraction, Number};

/// What a place of an account number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `n`: a digit.
    Digit,
    /// `a`: a capital.
    Capital,
    /// `c`: either. A digit is drawn as a digit, a letter as a letter.
    Either,
}

/// How the account numbers of a country are built.
#[derive(Debug)]
pub(crate) struct Structure {
    /// The places behind the check digits.
    places: Vec<Class>,
    /// Those that name the bank, as far as the structure tells them apart.
    bank: std::ops::Range<usize>,
    /// Writes the country's own check digits; `None` where an account has none.
    seal: fn(&mut [u8]) -> Option<()>,
}

/// The structures of all countries.
#[derive(Debug)]
pub(crate) struct Structures(Vec<Option<Structure>>);

/// Where the country of two capitals is kept.
fn index(country: &[u8]) -> Option<usize> {
    let letter = |at: usize| {
        let letter = country
            .get(at)
            .filter(|letter| letter.is_ascii_uppercase())?;
        Some(usize::from(letter - b'A'))
    };
    Some(letter(0)? * 26 + letter(1)?)
}

impl Structures {
    /// All countries of the table.
    pub(crate) fn all() -> Self {
        let mut structures: Vec<Option<Structure>> = (0..26 * 26).map(|_| None).collect();
        for (country, bban) in COUNTRIES {
            if let Some(index) = index(country.as_bytes()) {
                structures[index] = Some(Structure::parse(country, bban));
            }
        }
        Self(structures)
    }

    /// The structure of the country a number names.
    fn of(&self, number: &Number) -> Option<&Structure> {
        self.0[index(number.places())?].as_ref()
    }

    /// Whether a number has the structure of its country and the right check digits. A country's own
    /// check digits are not looked at: not all banks keep to them.
    pub(crate) fn is_valid(&self, number: &Number) -> bool {
        let Some(sealed) = self.sealed(number) else {
            return false;
        };
        sealed == *number
    }

    /// The number with its check digits set; `None` where it has not the structure of its country.
    pub(crate) fn sealed(&self, number: &Number) -> Option<Number> {
        let structure = self.of(number)?;
        let account = number.places().get(4..)?;
        let fits = account.len() == structure.places.len()
            && account
                .iter()
                .zip(&structure.places)
                .all(|(place, class)| match class {
                    Class::Digit => place.is_ascii_digit(),
                    Class::Capital => place.is_ascii_uppercase(),
                    Class::Either => place.is_ascii_digit() || place.is_ascii_uppercase(),
                });
        fits.then(|| checked(*number))
    }

    /// The number with the country's own check digits set.
    #[cfg(test)]
    pub(crate) fn own_checks(&self, number: &Number) -> Option<Number> {
        let mut new = *number;
        (self.of(number)?.seal)(new.places_mut().get_mut(4..)?)?;
        Some(new)
    }

    /// Another account of the country of `old`, which is valid; `None` where `bits` give an account
    /// that has no check digit. The first block of bits is for the first half.
    pub(crate) fn redrawn(
        &self,
        old: &Number,
        keep_bank: bool,
        bits: [Fraction; 2],
    ) -> Option<Number> {
        let structure = self.of(old)?;
        let mut new = *old;
        let [mut first, mut second] = bits;
        let account = new.places_mut().get_mut(4..)?;
        let length = account.len().min(structure.places.len());
        let kept = |at: usize| keep_bank && structure.bank.contains(&at);
        let mut at = 0;
        while at < length {
            let (bits, end) = match at < 16 {
                true => (&mut first, length.min(16)),
                false => (&mut second, length),
            };
            let is_digit = |at: usize| match structure.places[at] {
                Class::Digit => true,
                Class::Capital => false,
                Class::Either => account[at].is_ascii_digit(),
            };
            // Digits that follow each other are drawn together.
            let run = (at..end)
                .take_while(|at| !kept(*at) && is_digit(*at))
                .count();
            if run > 0 {
                bits.fill(&mut account[at..at + run]);
                at += run;
                continue;
            }
            if !kept(at) {
                account[at] = b'A' + bits.pick(26) as u8;
            }
            at += 1;
        }
        (structure.seal)(account)?;
        Some(checked(new))
    }
}

/// The number with its check digits set: MOD 97-10 over account, country, check digits.
fn checked(mut number: Number) -> Number {
    let places = number.places();
    let (country, account) = (&places[..2], &places[4..]);
    let check = mod_97_10(&[account, country]);
    super::write_number(check.into(), &mut number.places_mut()[2..4]);
    number
}

impl Structure {
    /// From the registry's notation: `4!n4!n12!c`.
    fn parse(country: &str, bban: &str) -> Self {
        let mut places = vec![];
        let mut parts = vec![];
        let mut count = 0;
        for char in bban.bytes() {
            let class = match char {
                b'0'..=b'9' => {
                    count = count * 10 + usize::from(char - b'0');
                    continue;
                }
                b'n' => Class::Digit,
                b'a' => Class::Capital,
                b'c' => Class::Either,
                _ => continue,
            };
            parts.push(places.len()..places.len() + count);
            places.resize(places.len() + count, class);
            count = 0;
        }
        // Italy's account begins with its check letter. One part alone tells no bank apart.
        let bank = match (country, parts.as_slice()) {
            ("IT" | "SM", [_, bank, ..]) | (_, [bank, _, ..]) => bank.clone(),
            _ => 0..0,
        };
        Self {
            places,
            bank,
            seal: own_check(country),
        }
    }
}

/// Writes the last two places so that the account leaves 1 when divided by 97.
fn last_two_97(account: &mut [u8]) -> Option<()> {
    let (body, check) = account.split_at_mut_checked(account.len().checked_sub(2)?)?;
    super::write_number(mod_97_10(&[body]).into(), check);
    Some(())
}

/// Check digits that countries have inside their accounts, as their banks' associations define them.
fn own_check(country: &str) -> fn(&mut [u8]) -> Option<()> {
    match country {
        // The rest of the ten digits before, 97 for 0.
        "BE" => |account| {
            let (body, check) = account.split_at_mut_checked(10)?;
            let rest = match rest_97(&[body]) {
                0 => 97,
                rest => rest,
            };
            super::write_number(rest.into(), check);
            Some(())
        },
        // One digit for bank and branch, one for the account.
        "ES" => |account| {
            let digit = |sum: u32| match 11 - sum % 11 {
                11 => b'0',
                10 => b'1',
                digit => place(digit),
            };
            const WEIGHTS: [u32; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];
            let bank = digit(weighted(account.get(..8)?, &WEIGHTS[2..]));
            let own = digit(weighted(account.get(10..)?, &WEIGHTS));
            account.get_mut(8..10)?.copy_from_slice(&[bank, own]);
            Some(())
        },
        "FR" | "MC" => |account| {
            let (body, key) = account.split_at_mut_checked(21)?;
            let body: &[u8; 21] = body.as_array()?;
            let digits = body.map(|letter| place(one_to_nine(letter)));
            super::write_number((97 - rest_97(&[&digits]) * 100 % 97).into(), key);
            Some(())
        },
        "IT" | "SM" => |account| {
            let (letter, body) = account.split_first_mut()?;
            *letter = italian(body);
            Some(())
        },
        // Modulo 11; an account whose digit would be ten is not given out.
        "NO" => |account| {
            let (last, body) = account.split_last_mut()?;
            let sum = weighted(body, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
            *last = Some((11 - sum % 11) % 11)
                .filter(|digit| *digit < 10)
                .map(place)?;
            Some(())
        },
        "BA" | "ME" | "MK" | "PT" | "RS" | "SI" | "TL" | "XK" => last_two_97,
        _ => |_| Some(()),
    }
}

/// Country and structure of the account, from the SWIFT IBAN registry; those with one part only are
/// partly from the experimental list of countries outside it.
const COUNTRIES: &[(&str, &str)] = &[
    ("AD", "4!n4!n12!c"),
    ("AE", "3!n16!n"),
    ("AL", "8!n16!c"),
    ("AO", "21!n"),
    ("AT", "5!n11!n"),
    ("AX", "3!n11!n"),
    ("AZ", "4!a20!c"),
    ("BA", "3!n3!n8!n2!n"),
    ("BE", "3!n7!n2!n"),
    ("BF", "2!c22!n"),
    ("BG", "4!a4!n2!n8!c"),
    ("BH", "4!a14!c"),
    ("BI", "5!n5!n11!n2!n"),
    ("BJ", "2!c22!n"),
    ("BL", "5!n5!n11!c2!n"),
    ("BR", "8!c5!n10!n1!c1!c"),
    ("BY", "4!c4!n16!c"),
    ("CF", "23!n"),
    ("CG", "23!n"),
    ("CH", "5!n12!c"),
    ("CI", "2!a22!n"),
    ("CM", "23!n"),
    ("CR", "4!n14!n"),
    ("CV", "21!n"),
    ("CY", "3!n5!n16!c"),
    ("CZ", "4!n6!n10!n"),
    ("DE", "8!n10!n"),
    ("DJ", "23!n"),
    ("DK", "4!n9!n1!n"),
    ("DO", "4!c20!n"),
    ("DZ", "22!n"),
    ("EE", "2!n2!n11!n1!n"),
    ("EG", "4!n4!n17!n"),
    ("ES", "4!n4!n1!n1!n10!n"),
    ("FI", "3!n11!n"),
    ("FK", "2!a12!n"),
    ("FO", "4!n9!n1!n"),
    ("FR", "5!n5!n11!c2!n"),
    ("GA", "23!n"),
    ("GB", "4!a6!n8!n"),
    ("GE", "2!a16!n"),
    ("GF", "5!n5!n11!c2!n"),
    ("GG", "4!a6!n8!n"),
    ("GI", "4!a15!c"),
    ("GL", "4!n9!n1!n"),
    ("GP", "5!n5!n11!c2!n"),
    ("GQ", "23!n"),
    ("GR", "3!n4!n16!c"),
    ("GT", "4!c20!c"),
    ("GW", "2!c19!n"),
    ("HN", "4!a20!n"),
    ("HR", "7!n10!n"),
    ("HU", "3!n4!n1!n15!n1!n"),
    ("IE", "4!a6!n8!n"),
    ("IL", "3!n3!n13!n"),
    ("IM", "4!a6!n8!n"),
    ("IQ", "4!a3!n12!n"),
    ("IR", "22!n"),
    ("IS", "4!n2!n6!n10!n"),
    ("IT", "1!a5!n5!n12!c"),
    ("JE", "4!a6!n8!n"),
    ("JO", "4!a4!n18!c"),
    ("KM", "23!n"),
    ("KW", "4!a22!c"),
    ("KZ", "3!n13!c"),
    ("LB", "4!n20!c"),
    ("LC", "4!a24!c"),
    ("LI", "5!n12!c"),
    ("LT", "5!n11!n"),
    ("LU", "3!n13!c"),
    ("LV", "4!a13!c"),
    ("LY", "3!n3!n15!n"),
    ("MA", "24!n"),
    ("MC", "5!n5!n11!c2!n"),
    ("MD", "2!c18!c"),
    ("ME", "3!n13!n2!n"),
    ("MF", "5!n5!n11!c2!n"),
    ("MG", "23!n"),
    ("MK", "3!n10!c2!n"),
    ("ML", "2!c22!n"),
    ("MN", "4!n12!n"),
    ("MQ", "5!n5!n11!c2!n"),
    ("MR", "5!n5!n11!n2!n"),
    ("MT", "4!a5!n18!c"),
    ("MU", "4!a2!n2!n12!n3!n3!a"),
    ("MZ", "21!n"),
    ("NC", "5!n5!n11!c2!n"),
    ("NE", "2!a22!n"),
    ("NI", "4!a20!n"),
    ("NL", "4!a10!n"),
    ("NO", "4!n6!n1!n"),
    ("OM", "3!n16!c"),
    ("PF", "5!n5!n11!c2!n"),
    ("PK", "4!a16!c"),
    ("PL", "8!n16!n"),
    ("PM", "5!n5!n11!c2!n"),
    ("PS", "4!a21!c"),
    ("PT", "4!n4!n11!n2!n"),
    ("QA", "4!a21!c"),
    ("RE", "5!n5!n11!c2!n"),
    ("RO", "4!a16!c"),
    ("RS", "3!n13!n2!n"),
    ("RU", "9!n5!n15!c"),
    ("SA", "2!n18!c"),
    ("SC", "4!a2!n2!n16!n3!a"),
    ("SD", "2!n12!n"),
    ("SE", "3!n16!n1!n"),
    ("SI", "5!n8!n2!n"),
    ("SK", "4!n6!n10!n"),
    ("SM", "1!a5!n5!n12!c"),
    ("SN", "2!a22!n"),
    ("SO", "4!n3!n12!n"),
    ("ST", "4!n4!n11!n2!n"),
    ("SV", "4!a20!n"),
    ("TD", "23!n"),
    ("TF", "5!n5!n11!c2!n"),
    ("TG", "2!a3!n5!n12!n2!n"),
    ("TL", "3!n14!n2!n"),
    ("TN", "2!n3!n13!n2!n"),
    ("TR", "5!n1!n16!c"),
    ("UA", "6!n19!c"),
    ("VA", "3!n15!n"),
    ("VG", "4!a16!n"),
    ("WF", "5!n5!n11!c2!n"),
    ("XK", "4!n10!n2!n"),
    ("YE", "4!a4!n18!c"),
    ("YT", "5!n5!n11!c2!n"),
];
