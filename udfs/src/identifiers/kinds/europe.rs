//! The kinds of Europe and Turkey.

use super::common::{
    AZ, D1, PARITY, PLAIN, after, all_zero, complement, digit, last, luhn_last, or_zero,
};
use crate::check_digit::{hybrid, italian, weighted};
use crate::identifiers::Field::{
    Date, Digits, Fixed, Kept, Listed, Other, Places, Range, Repeating,
};
use crate::identifiers::dates::{
    AUSTRIA, BELGIUM, BORN_1900, BORN_2000, FINLAND, FRANCE, ITALY, NORWAY, POLAND, ROMANIA,
    SWEDEN_LONG, SWEDEN_SHORT, belgian_check,
};
use crate::identifiers::{Kind, number_of, write_number};

pub(super) const AT_SVNR: Kind = Kind {
    code: "at_svnr",
    layouts: &[&[Range(3, 100, 999, 999), Other(1), Date(&AUSTRIA)]],
    seal: |number| {
        let sum = weighted(number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
        *number.get_mut(3)? = digit(sum % 11)?;
        Some(())
    },
    ..PLAIN
};

pub(super) const BE_NN: Kind = Kind {
    code: "be_nn",
    layouts: &[&[Date(&BELGIUM), Digits(2), Places(1, PARITY), Other(2)]],
    seal: belgian,
    void: |number| matches!(&number[6..9], b"000" | b"999"),
    ..PLAIN
};

pub(super) const CH_AHV: Kind = Kind {
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
};

pub(super) const DE_IDNR: Kind = Kind {
    code: "de_idnr",
    layouts: &[&[Repeating, Other(1)]],
    seal: |number| last(number, |body| digit(hybrid(body, 10))),
    void: |number| number.starts_with(b"0"),
    ..PLAIN
};

pub(super) const ES_DNI: Kind = Kind {
    code: "es_dni",
    digits_only: false,
    layouts: &[&[Digits(8), Other(1)]],
    seal: |number| last(number, |body| spanish(number_of(body)?)),
    ..PLAIN
};

pub(super) const ES_NIE: Kind = Kind {
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
};

pub(super) const FI_HETU: Kind = Kind {
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
};

pub(super) const FR_NIR: Kind = Kind {
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
};

pub(super) const FR_SIREN: Kind = Kind {
    code: "fr_siren",
    layouts: &[&[Digits(8), Other(1)]],
    seal: luhn_last,
    void: all_zero,
    ..PLAIN
};

pub(super) const GB_NHS: Kind = Kind {
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
};

pub(super) const GB_NINO: Kind = Kind {
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
};

pub(super) const GB_UTR: Kind = Kind {
    code: "gb_utr",
    layouts: &[&[Other(1), Digits(9)]],
    seal: |number| {
        let (first, body) = number.split_first_mut()?;
        let sum = weighted(body, &[6, 7, 8, 9, 10, 5, 4, 3, 2]);
        *first = b"21987654321"[(sum % 11) as usize];
        Some(())
    },
    ..PLAIN
};

pub(super) const HR_OIB: Kind = Kind {
    code: "hr_oib",
    layouts: &[&[Digits(10), Other(1)]],
    seal: |number| last(number, |body| digit(hybrid(body, 10))),
    ..PLAIN
};

pub(super) const IE_PPS: Kind = Kind {
    code: "ie_pps",
    digits_only: false,
    layouts: &[
        &[Digits(7), Other(1)],
        &[Digits(7), Other(1), Kept(1, "ABCDEFGHIW")],
    ],
    seal: irish,
    ..PLAIN
};

pub(super) const IT_CF: Kind = Kind {
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
};

pub(super) const NL_BSN: Kind = Kind {
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
};

pub(super) const NO_FNR: Kind = Kind {
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
};

pub(super) const PL_PESEL: Kind = Kind {
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
};

pub(super) const PT_NIF: Kind = Kind {
    code: "pt_nif",
    // The first digit tells persons from companies.
    layouts: &[&[Kept(1, D1), Digits(7), Other(1)]],
    seal: |number| {
        last(number, |body| {
            or_zero(complement(weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]), 11))
        })
    },
    ..PLAIN
};

pub(super) const RO_CNP: Kind = Kind {
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
};

pub(super) const SE_PNR: Kind = Kind {
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
};

pub(super) const TR_TCKN: Kind = Kind {
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
};

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

/// The counties of Romania, former and special codes last.
const ROMANIAN_COUNTIES: &[&str] = &[
    "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32",
    "33", "34", "35", "36", "37", "38", "39", "40", "51", "52", "41", "42", "43", "44", "45", "46",
    "47", "48", "70", "80", "81", "82", "83", "90", "91", "92", "93", "94", "95", "96", "97", "98",
    "99",
];
