//! The kinds of identifiers: their layouts, check digits and void numbers.
//!
//! The rules are those of the issuing authorities, as put together in `vectors/national_ids.json`.

use super::dates::*;
use super::{Field, Kind, number_of, write_number};
use crate::check_digit::{
    hybrid, italian, luhn, mod_97_10, one_to_nine, place, pure, verhoeff, weighted, worth,
};

use Field::{Date, Digits, Fixed, Kept, Listed, Other, Places, Range, Repeating, Town};

/// The kind a ruleset calls `code`.
pub(crate) fn kind(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}

/// Capitals.
const AZ: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Digits.
const D: &str = "0123456789";
/// Digits and capitals: a digit becomes a digit, a letter a letter.
const ALPHANUMERIC: &[&str] = &[D, AZ];
/// As that, without the letters that are mistaken for digits.
const VEHICLE: &[&str] = &[D, "ABCDEFGHJKLMNPRSTUVWXYZ"];
/// Digits, odd and even: where that tells the holder's sex.
const PARITY: &[&str] = &["13579", "02468"];
/// Digits but 0.
const D1: &str = "123456789";
/// Digits and capitals in one.
const DAZ: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What most kinds have in common: digits, no check digit, nothing void.
const PLAIN: Kind = Kind {
    code: "",
    digits_only: true,
    separators: " -./",
    layouts: &[],
    seal: |_| Some(()),
    void: |_| false,
    lettered: &[],
};

/// Writes the last place.
fn last(number: &mut [u8], check: impl FnOnce(&[u8]) -> Option<u8>) -> Option<()> {
    let (last, body) = number.split_last_mut()?;
    *last = check(body)?;
    Some(())
}

/// Writes the place at `at` from those before it.
fn after(number: &mut [u8], at: usize, check: impl FnOnce(&[u8]) -> Option<u8>) -> Option<()> {
    last(number.get_mut(..=at)?, check)
}

/// A digit; `None` for ten, which many systems do not use.
fn digit(number: u32) -> Option<u8> {
    (number < 10).then(|| place(number))
}

/// What has to be added to make a multiple.
fn complement(sum: u32, modulus: u32) -> u32 {
    (modulus - sum % modulus) % modulus
}

/// Ten, and for some rules eleven, is written 0.
fn or_zero(number: u32) -> Option<u8> {
    digit(number).or(Some(b'0'))
}

fn luhn_last(number: &mut [u8]) -> Option<()> {
    last(number, |body| digit(luhn(body)))
}

fn cnpj(number: &mut [u8]) -> Option<()> {
    // A letter is worth its ASCII code less 48, so A is 17.
    let sum = |body: &[u8], weights: &[u32]| -> u32 {
        let terms = body.iter().zip(weights);
        terms
            .map(|(place, weight)| u32::from(place.saturating_sub(b'0')) * weight)
            .sum()
    };
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    after(number, 12, |body| {
        or_zero(complement(sum(body, &WEIGHTS[1..]), 11))
    })?;
    after(number, 13, |body| {
        or_zero(complement(sum(body, &WEIGHTS), 11))
    })
}

/// The letter of a Spanish number.
fn spanish(number: u64) -> Option<u8> {
    Some(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize])
}

fn french_key(number: &mut [u8]) -> Option<()> {
    let (body, key) = number.split_at_mut_checked(13)?;
    let mut digits = [0; 13];
    digits.copy_from_slice(body);
    match &body[5..7] {
        b"2A" => digits[5..7].copy_from_slice(b"19"),
        b"2B" => digits[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    write_number(97 - number_of(&digits)? % 97, key);
    Some(())
}

fn singapore(number: &mut [u8]) -> Option<()> {
    let (added, letters) = match number.first()? {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        _ => (3, b"XWUTRQPNJLK"),
    };
    last(number, |body| {
        let sum = weighted(&body[1..], &[2, 7, 6, 5, 4, 3, 2]) + added;
        Some(letters[(sum % 11) as usize])
    })
}

fn irish(number: &mut [u8]) -> Option<()> {
    let second = match number.get(8) {
        Some(letter @ b'A'..=b'I') => u32::from(letter - b'A' + 1),
        _ => 0,
    };
    after(number, 7, |body| {
        let sum = weighted(body, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
        Some(b"WABCDEFGHIJKLMNOPQRSTUV"[(sum % 23) as usize])
    })
}

fn new_zealand(number: &mut [u8]) -> Option<()> {
    last(number, |body| {
        // Shorter numbers count as if a zero stood in front.
        let shift = 8_usize.checked_sub(body.len())?;
        let check = |weights: [u32; 8]| complement(weighted(body, &weights[shift..]), 11);
        digit(check([3, 2, 7, 6, 5, 4, 3, 2])).or_else(|| digit(check([7, 4, 3, 2, 5, 2, 7, 6])))
    })
}

fn vehicle(number: &mut [u8]) -> Option<()> {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let terms = number.iter().zip(WEIGHTS);
    let sum: u32 = terms
        .map(|(place, weight)| one_to_nine(*place) * weight)
        .sum();
    *number.get_mut(8)? = x_for_ten(sum % 11);
    Some(())
}

fn x_for_ten(number: u32) -> u8 {
    digit(number).unwrap_or(b'X')
}

fn belgian(number: &mut [u8]) -> Option<()> {
    let (body, check) = number.split_at_mut_checked(9)?;
    let body = number_of(body)?;
    let from_2000 = match *check.first()? {
        BORN_2000 => true,
        BORN_1900 => false,
        _ => number_of(check) == Some(belgian_check(body, true)),
    };
    write_number(belgian_check(body, from_2000), check);
    Some(())
}

fn all_same(number: &[u8]) -> bool {
    number.windows(2).all(|pair| pair[0] == pair[1])
}

fn all_zero(number: &[u8]) -> bool {
    number.iter().all(|place| *place == b'0')
}

/// Every kind, by code.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        code: "ar_cuit",
        layouts: &[&[
            Listed(
                &["20", "23", "24", "27", "30", "33", "34", "50", "51", "55"],
                0,
            ),
            Digits(8),
            Other(1),
        ]],
        seal: |number| {
            last(number, |body| {
                let sum = weighted(body, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
                digit(complement(sum, 11))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "at_svnr",
        layouts: &[&[Range(3, 100, 999, 999), Other(1), Date(&AUSTRIA)]],
        seal: |number| {
            let sum = weighted(number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
            *number.get_mut(3)? = digit(sum % 11)?;
            Some(())
        },
        ..PLAIN
    },
    Kind {
        code: "au_abn",
        layouts: &[&[Other(2), Digits(9)]],
        seal: |number| {
            let sum = weighted(number.get(2..)?, &[3, 5, 7, 9, 11, 13, 15, 17, 19]);
            // The weights of the first two are 10 and 1, and the first counts one less: 11 to 99.
            write_number(u64::from(99 - sum % 89), number.get_mut(..2)?);
            Some(())
        },
        ..PLAIN
    },
    Kind {
        code: "au_acn",
        layouts: &[&[Digits(8), Other(1)]],
        seal: |number| {
            last(number, |body| {
                digit(complement(weighted(body, &[8, 7, 6, 5, 4, 3, 2, 1]), 10))
            })
        },
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "au_medicare",
        layouts: &[
            &[Places(1, &["23456"]), Digits(7), Other(1), Kept(1, D1)],
            &[Places(1, &["23456"]), Digits(7), Other(1), Kept(2, D1)],
        ],
        seal: |number| {
            after(number, 8, |body| {
                digit(weighted(body, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10)
            })
        },
        ..PLAIN
    },
    Kind {
        code: "au_tfn",
        layouts: &[&[Digits(8), Other(1)]],
        // The ninth weight is 10, which is -1.
        seal: |number| {
            last(number, |body| {
                digit(weighted(body, &[1, 4, 3, 7, 5, 8, 6, 9]) % 11)
            })
        },
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "be_nn",
        layouts: &[&[Date(&BELGIUM), Digits(2), Places(1, PARITY), Other(2)]],
        seal: belgian,
        void: |number| matches!(&number[6..9], b"000" | b"999"),
        ..PLAIN
    },
    Kind {
        code: "br_cnpj",
        layouts: &[&[Digits(8), Kept(4, D), Other(2)]],
        seal: cnpj,
        void: |number| all_zero(&number[..12]),
        ..PLAIN
    },
    Kind {
        code: "br_cnpj_alnum",
        digits_only: false,
        layouts: &[&[Places(8, ALPHANUMERIC), Kept(4, DAZ), Other(2)]],
        seal: cnpj,
        void: |number| all_zero(&number[..12]),
        ..PLAIN
    },
    Kind {
        code: "br_cpf",
        layouts: &[&[Digits(9), Other(2)]],
        seal: |number| {
            const WEIGHTS: [u32; 10] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
            after(number, 9, |body| {
                or_zero(complement(weighted(body, &WEIGHTS[1..]), 11))
            })?;
            after(number, 10, |body| {
                or_zero(complement(weighted(body, &WEIGHTS), 11))
            })
        },
        void: |number| all_same(&number[..9]),
        ..PLAIN
    },
    Kind {
        code: "ca_sin",
        // 0 is for examples, 8 for businesses, 9 for temporary residents.
        layouts: &[&[Places(1, &["1234567", "0", "8", "9"]), Digits(7), Other(1)]],
        seal: luhn_last,
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "ch_ahv",
        layouts: &[&[Fixed("756"), Digits(9), Other(1)]],
        seal: |number| {
            last(number, |body| {
                digit(complement(
                    weighted(body, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]),
                    10,
                ))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "cl_rut",
        digits_only: false,
        layouts: &[
            &[Range(7, 1_000_000, 9_999_999, 9_999_999), Other(1)],
            &[Range(8, 1_000_000, 99_999_999, 99_999_999), Other(1)],
        ],
        seal: |number| {
            last(number, |body| {
                let shift = 8_usize.checked_sub(body.len())?;
                let sum = weighted(body, &[3, 2, 7, 6, 5, 4, 3, 2][shift..]);
                Some(digit(complement(sum, 11)).unwrap_or(b'K'))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "cn_ric",
        digits_only: false,
        layouts: &[&[
            Town(CHINESE_AREAS, CHINESE_TOWNS),
            Date(&CHINA),
            Digits(2),
            Places(1, PARITY),
            Other(1),
        ]],
        seal: |number| last(number, |body| Some(x_for_ten(pure(body, 11, 2)))),
        ..PLAIN
    },
    Kind {
        code: "de_idnr",
        layouts: &[&[Repeating, Other(1)]],
        seal: |number| last(number, |body| digit(hybrid(body, 10))),
        void: |number| number.starts_with(b"0"),
        ..PLAIN
    },
    Kind {
        code: "es_dni",
        digits_only: false,
        layouts: &[&[Digits(8), Other(1)]],
        seal: |number| last(number, |body| spanish(number_of(body)?)),
        ..PLAIN
    },
    Kind {
        code: "es_nie",
        digits_only: false,
        layouts: &[&[Kept(1, "XYZ"), Digits(7), Other(1)]],
        seal: |number| {
            last(number, |body| {
                let (first, rest) = body.split_first()?;
                spanish(u64::from(first.checked_sub(b'X')?) * 10_000_000 + number_of(rest)?)
            })
        },
        ..PLAIN
    },
    Kind {
        code: "fi_hetu",
        digits_only: false,
        separators: " ",
        // Serial numbers from 900 on are temporary; no person gets one for life.
        layouts: &[&[
            Date(&FINLAND),
            Range(2, 0, 99, 89),
            Places(1, PARITY),
            Other(1),
        ]],
        seal: |number| {
            let body = [number.get(..6)?, number.get(7..10)?].concat();
            let check = number_of(&body)? % 31;
            *number.get_mut(10)? = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[check as usize];
            Some(())
        },
        void: |number| matches!(&number[7..10], b"000" | b"001"),
        ..PLAIN
    },
    Kind {
        code: "fr_nir",
        layouts: &[&[
            Kept(1, "123478"),
            Date(&FRANCE),
            Listed(DEPARTMENTS, 94),
            Range(3, 1, 999, 990),
            Range(3, 1, 999, 999),
            Other(2),
        ]],
        seal: french_key,
        ..PLAIN
    },
    Kind {
        code: "fr_siren",
        layouts: &[&[Digits(8), Other(1)]],
        seal: luhn_last,
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "gb_nhs",
        layouts: &[&[Digits(9), Other(1)]],
        seal: |number| {
            last(number, |body| {
                digit(complement(
                    weighted(body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]),
                    11,
                ))
            })
        },
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "gb_nino",
        digits_only: false,
        layouts: &[&[
            Places(1, &["ABCEGHJKLMNOPRSTWXYZ"]),
            Places(1, &["ABCEGHJKLMNPRSTWXYZ"]),
            Digits(6),
            Places(1, &["ABCD"]),
        ]],
        void: |number| {
            matches!(
                &number[..2],
                b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ"
            )
        },
        ..PLAIN
    },
    Kind {
        code: "gb_utr",
        layouts: &[&[Other(1), Digits(9)]],
        seal: |number| {
            let (first, body) = number.split_first_mut()?;
            let sum = weighted(body, &[6, 7, 8, 9, 10, 5, 4, 3, 2]);
            *first = b"21987654321"[(sum % 11) as usize];
            Some(())
        },
        ..PLAIN
    },
    Kind {
        code: "hr_oib",
        layouts: &[&[Digits(10), Other(1)]],
        seal: |number| last(number, |body| digit(hybrid(body, 10))),
        ..PLAIN
    },
    Kind {
        code: "ie_pps",
        digits_only: false,
        layouts: &[
            &[Digits(7), Other(1)],
            &[Digits(7), Other(1), Kept(1, "ABCDEFGHIW")],
        ],
        seal: irish,
        ..PLAIN
    },
    Kind {
        code: "il_id",
        layouts: &[&[Digits(8), Other(1)]],
        seal: luhn_last,
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "imei",
        // The first two digits name the body that gave out the type code.
        layouts: &[&[Kept(2, D), Digits(12), Other(1)]],
        seal: luhn_last,
        ..PLAIN
    },
    Kind {
        code: "in_aadhaar",
        layouts: &[&[Places(1, &["23456789"]), Digits(10), Other(1)]],
        seal: |number| last(number, |body| digit(verhoeff(body))),
        void: |number| number.iter().eq(number.iter().rev()),
        ..PLAIN
    },
    Kind {
        code: "in_pan",
        digits_only: false,
        // The last letter is a check digit by a rule that is not public, so any will do.
        layouts: &[&[
            Places(3, &[AZ]),
            Kept(1, "ABCFGHJLPT"),
            Places(1, &[AZ]),
            Range(4, 1, 9999, 9999),
            Places(1, &[AZ]),
        ]],
        ..PLAIN
    },
    Kind {
        code: "it_cf",
        digits_only: false,
        layouts: &[&[
            Places(6, &[AZ]),
            Date(&ITALY),
            // Towns begin with A to M, other countries with Z.
            Places(1, &["ABCDEFGHILM", "Z"]),
            Range(3, 1, 999, 999),
            Other(1),
        ]],
        seal: |number| last(number, |body| Some(italian(body))),
        lettered: &[6, 7, 9, 10, 12, 13, 14],
        ..PLAIN
    },
    Kind {
        code: "jp_mynumber",
        layouts: &[&[Digits(11), Other(1)]],
        seal: |number| {
            last(number, |body| {
                let sum = weighted(body, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
                or_zero(complement(sum, 11))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "kr_rrn",
        layouts: &[&[Date(&KOREA), Range(2, 0, 96, 96), Digits(3), Other(1)]],
        seal: |number| {
            last(number, |body| {
                let sum = weighted(body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
                digit((11 - sum % 11) % 10)
            })
        },
        ..PLAIN
    },
    Kind {
        code: "lei",
        digits_only: false,
        // The first four places name the issuer.
        layouts: &[&[Kept(4, DAZ), Places(14, ALPHANUMERIC), Other(2)]],
        seal: |number| {
            let (body, check) = number.split_at_mut_checked(18)?;
            write_number(mod_97_10(&[body]).into(), check);
            Some(())
        },
        ..PLAIN
    },
    Kind {
        code: "mx_curp",
        digits_only: false,
        layouts: &[&[
            Places(1, &[AZ]),
            Places(1, &["AEIOUX", "BCDFGHJKLMNPQRSTVWYZ"]),
            Places(2, &[AZ]),
            Date(&MEXICO),
            Kept(1, "HMX"),
            Listed(MEXICAN_STATES, 33),
            Places(3, &["BCDFGHJKLMNPQRSTVWXYZ", "AEIOU"]),
            Other(2),
        ]],
        seal: |number| {
            last(number, |body| {
                // The alphabet has an N with tilde before O.
                let value = |place: u8| worth(place) + u32::from(place > b'N');
                let terms = body.iter().zip((2..=18).rev());
                let sum: u32 = terms.map(|(place, weight)| value(*place) * weight).sum();
                digit(complement(sum, 10))
            })
        },
        void: |number| {
            let start = &number[..4];
            RUDE.binary_search_by(|word| word.as_bytes().cmp(start))
                .is_ok()
        },
        ..PLAIN
    },
    Kind {
        code: "nl_bsn",
        layouts: &[&[Digits(8), Other(1)]],
        // The ninth weight is -1.
        seal: |number| {
            last(number, |body| {
                digit(weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11)
            })
        },
        void: all_zero,
        ..PLAIN
    },
    Kind {
        code: "no_fnr",
        layouts: &[&[Date(&NORWAY), Digits(2), Places(1, PARITY), Other(2)]],
        seal: |number| {
            after(number, 9, |body| {
                digit(complement(weighted(body, &[3, 7, 6, 1, 8, 9, 4, 5, 2]), 11))
            })?;
            after(number, 10, |body| {
                digit(complement(
                    weighted(body, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]),
                    11,
                ))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "nz_ird",
        // From 10,000,000 to 150,000,000, with or without a zero in front.
        layouts: &[
            &[Range(7, 1_000_000, 9_999_999, 9_999_999), Other(1)],
            &[Range(8, 1_000_000, 14_999_999, 14_999_999), Other(1)],
        ],
        seal: new_zealand,
        ..PLAIN
    },
    Kind {
        code: "pl_pesel",
        layouts: &[&[Date(&POLAND), Digits(3), Places(1, PARITY), Other(1)]],
        seal: |number| {
            last(number, |body| {
                digit(complement(
                    weighted(body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]),
                    10,
                ))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "pt_nif",
        // The first digit tells persons from companies.
        layouts: &[&[Kept(1, D1), Digits(7), Other(1)]],
        seal: |number| {
            last(number, |body| {
                or_zero(complement(weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]), 11))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "ro_cnp",
        layouts: &[&[
            Date(&ROMANIA),
            Listed(ROMANIAN_COUNTIES, 42),
            Range(3, 1, 999, 999),
            Other(1),
        ]],
        seal: |number| {
            last(number, |body| {
                let sum = weighted(body, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]);
                digit(sum % 11).or(Some(b'1'))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "se_pnr",
        separators: " -+",
        layouts: &[
            &[Date(&SWEDEN_SHORT), Digits(2), Places(1, PARITY), Other(1)],
            &[Date(&SWEDEN_LONG), Digits(2), Places(1, PARITY), Other(1)],
        ],
        seal: |number| {
            let century = number.len().checked_sub(10)?;
            luhn_last(&mut number[century..])
        },
        ..PLAIN
    },
    Kind {
        code: "sg_nric",
        digits_only: false,
        layouts: &[&[Kept(1, "STFGM"), Digits(7), Other(1)]],
        seal: singapore,
        ..PLAIN
    },
    Kind {
        code: "tr_tckn",
        layouts: &[&[Places(1, &["123456789"]), Digits(8), Other(2)]],
        seal: |number| {
            // Twice -1 and seven times the rest, modulo 10: 9 stands for -1.
            after(number, 9, |body| {
                digit(weighted(body, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10)
            })?;
            after(number, 10, |body| digit(weighted(body, &[1; 10]) % 10))
        },
        ..PLAIN
    },
    Kind {
        code: "us_itin",
        // 50 to 65 are valid since 2022 at the latest; older checks do not know them.
        layouts: &[&[Fixed("9"), Digits(2), Listed(ITIN_GROUPS, 28), Digits(4)]],
        ..PLAIN
    },
    Kind {
        code: "us_npi",
        layouts: &[&[Places(1, &["12"]), Digits(8), Other(1)]],
        // Luhn with 80840 in front, which adds 24.
        seal: |number| last(number, |body| digit((luhn(body) + 6) % 10)),
        ..PLAIN
    },
    Kind {
        code: "us_rtn",
        // Drawn from those of the twelve Federal Reserve districts.
        layouts: &[&[Listed(ROUTING, 24), Digits(6), Other(1)]],
        seal: |number| {
            last(number, |body| {
                digit(complement(weighted(body, &[3, 7, 1, 3, 7, 1, 3, 7]), 10))
            })
        },
        ..PLAIN
    },
    Kind {
        code: "us_ssn",
        layouts: &[&[
            Range(3, 1, 899, 899),
            Range(2, 1, 99, 99),
            Range(4, 1, 9999, 9999),
        ]],
        // Three numbers were printed in advertisements.
        void: |number| {
            number.starts_with(b"666")
                || matches!(number, b"078051120" | b"219099999" | b"457555462")
        },
        ..PLAIN
    },
    Kind {
        code: "vin",
        digits_only: false,
        // The manufacturer's three places and the model year stay.
        layouts: &[&[
            Kept(3, DAZ),
            Places(5, VEHICLE),
            Other(1),
            Kept(1, DAZ),
            Places(7, VEHICLE),
        ]],
        seal: vehicle,
        void: |number| number.iter().any(|place| b"IOQ".contains(place)),
        ..PLAIN
    },
    Kind {
        code: "za_id",
        layouts: &[&[
            Date(&SOUTH_AFRICA),
            Places(1, &["01234", "56789"]),
            Digits(3),
            Kept(1, "012"),
            Kept(1, D),
            Other(1),
        ]],
        seal: luhn_last,
        ..PLAIN
    },
];

/// The departments of France, those without digit and former codes last.
const DEPARTMENTS: &[&str] = &[
    "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33",
    "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47", "48", "49",
    "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63", "64", "65",
    "66", "67", "68", "69", "70", "71", "72", "73", "74", "75", "76", "77", "78", "79", "80", "81",
    "82", "83", "84", "85", "86", "87", "88", "89", "90", "91", "92", "93", "94", "95", "2A", "2B",
    "20", "96", "97", "98", "99",
];

/// Provinces of China (GB/T 2260), and the islands.
const CHINESE_AREAS: &[&str] = &[
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41",
    "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71",
    "81", "82", "83",
];

/// A district or county of each province that has had its code all along (GB/T 2260).
const CHINESE_TOWNS: &[&str] = &[
    "110101", "120101", "140121", "150121", "222402", "232721", "310101", "330122", "340121",
    "350121", "360121", "422822", "430121", "510121", "522323", "530124", "540121", "620121",
    "632221", "640121", "650121",
];

/// The states of Mexico; `NE` is for births abroad.
const MEXICAN_STATES: &[&str] = &[
    "AS", "BC", "BS", "CC", "CL", "CM", "CS", "CH", "DF", "DG", "GT", "GR", "HG", "JC", "MC", "MN",
    "MS", "NT", "NL", "OC", "PL", "QT", "QR", "SP", "SL", "SR", "TC", "TS", "TL", "VZ", "YN", "ZS",
    "NE",
];

/// Starts that are given out with an X as second letter (Mexico, Instructivo normativo for the CURP),
/// sorted.
const RUDE: &[&str] = &[
    "BACA", "BAKA", "BUEI", "BUEY", "CACA", "CACO", "CAGA", "CAGO", "CAKA", "CAKO", "COGE", "COGI",
    "COJA", "COJE", "COJI", "COJO", "COLA", "CULO", "FALO", "FETO", "GETA", "GUEI", "GUEY", "JETA",
    "JOTO", "KACA", "KACO", "KAGA", "KAGO", "KAKA", "KAKO", "KOGE", "KOGI", "KOJA", "KOJE", "KOJI",
    "KOJO", "KOLA", "KULO", "LILO", "LOCA", "LOCO", "LOKA", "LOKO", "MAME", "MAMO", "MEAR", "MEAS",
    "MEON", "MIAR", "MION", "MOCO", "MOKO", "MULA", "MULO", "NACA", "NACO", "PEDA", "PEDO", "PENE",
    "PIPI", "PITO", "POPO", "PUTA", "PUTO", "QULO", "RATA", "ROBA", "ROBE", "ROBO", "RUIN", "SENO",
    "TETA", "VACA", "VAGA", "VAGO", "VAKA", "VUEI", "VUEY", "WUEI", "WUEY",
];

/// The counties of Romania, former and special codes last.
const ROMANIAN_COUNTIES: &[&str] = &[
    "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32",
    "33", "34", "35", "36", "37", "38", "39", "40", "51", "52", "41", "42", "43", "44", "45", "46",
    "47", "48", "70", "80", "81", "82", "83", "90", "91", "92", "93", "94", "95", "96", "97", "98",
    "99",
];

/// The fourth and fifth digit of taxpayer numbers; the 28 oldest first.
const ITIN_GROUPS: &[&str] = &[
    "70", "71", "72", "73", "74", "75", "76", "77", "78", "79", "80", "81", "82", "83", "84", "85",
    "86", "87", "88", "90", "91", "92", "94", "95", "96", "97", "98", "99", "50", "51", "52", "53",
    "54", "55", "56", "57", "58", "59", "60", "61", "62", "63", "64", "65",
];

/// First digits of routing numbers: banks, savings banks, then the government, electronic payments and
/// traveller's cheques.
const ROUTING: &[&str] = &[
    "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "21", "22", "23", "24",
    "25", "26", "27", "28", "29", "30", "31", "32", "00", "61", "62", "63", "64", "65", "66", "67",
    "68", "69", "70", "71", "72", "80",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::Number;

    /// What the table's readers take for granted.
    #[test]
    fn the_table_is_sound() {
        assert!(RUDE.is_sorted() && KINDS.is_sorted_by_key(|kind| kind.code));
        for kind in KINDS {
            for layout in kind.layouts {
                for field in *layout {
                    match field {
                        Listed(list, drawn) => {
                            assert!(list.iter().all(|entry| entry.len() == list[0].len()));
                            assert!(*drawn <= list.len(), "{}", kind.code);
                        }
                        Range(places, first, last, drawn) => {
                            assert!(first < drawn && drawn <= last, "{}", kind.code);
                            assert!(*last < 10_u64.pow(*places as u32), "{}", kind.code);
                        }
                        Town(areas, towns) => {
                            let known = |town: &&str| areas.contains(&&town[..2]);
                            assert!(towns.iter().all(known), "{}", kind.code);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// Numbers that layout and check digits alone would let pass.
    #[test]
    fn void_numbers() {
        for (code, number) in [
            ("us_ssn", "666123456"),
            ("us_ssn", "078051120"),
            ("br_cpf", "11111111111"),
            ("br_cnpj", "00000000000000"),
            ("gb_nino", "GB123456A"),
            ("in_aadhaar", "222222222222"),
            ("fi_hetu", "181034W001X"),
            ("be_nn", "56071499900"),
            ("de_idnr", "06542019820"),
            ("nl_bsn", "000000000"),
            ("mx_curp", "BACA450623HNLHMF06"),
            ("vin", "IHGH3BAJ73147MHU1"),
        ] {
            let kind = kind(code).unwrap();
            let number = kind.read(number).unwrap();
            assert!((kind.void)(number.places()), "{code}");
            // With its check digits set it may be another number, as a palindrome is.
            let sealed = kind.sealed(&number).filter(|one| (kind.void)(one.places()));
            assert!(!sealed.is_some_and(|one| kind.is_valid(&one)), "{code}");
            assert!(!kind.is_valid(&number), "{code}");
        }
    }

    /// No seal panics, whatever stands in the places.
    #[test]
    fn seals_take_any_places() {
        for kind in KINDS {
            for filler in [b'0', b'9', b'A', b'Z', b'+', b'x'] {
                for places in 0..=34 {
                    let mut number = Number::zeros(places);
                    number.places_mut().fill(filler);
                    assert!(filler != b'+' || !kind.is_valid(&number), "{}", kind.code);
                    let _ = kind.sealed(&number);
                }
            }
        }
    }
}
