//! The kinds of Africa, Asia and Oceania.

use super::common::{
    AZ, D, D1, PARITY, PLAIN, after, all_zero, complement, digit, last, luhn_last, or_zero,
    x_for_ten,
};
use crate::check_digit::{pure, verhoeff, weighted};
use crate::identifiers::Field::{Date, Digits, Kept, Other, Places, Range, Town};
use crate::identifiers::dates::{CHINA, KOREA, SOUTH_AFRICA};
use crate::identifiers::{Kind, write_number};

pub(super) const AU_ABN: Kind = Kind {
    code: "au_abn",
    layouts: &[&[Other(2), Digits(9)]],
    seal: |number| {
        let sum = weighted(number.get(2..)?, &[3, 5, 7, 9, 11, 13, 15, 17, 19]);
        // The weights of the first two are 10 and 1, and the first counts one less: 11 to 99.
        write_number(u64::from(99 - sum % 89), number.get_mut(..2)?);
        Some(())
    },
    ..PLAIN
};

pub(super) const AU_ACN: Kind = Kind {
    code: "au_acn",
    layouts: &[&[Digits(8), Other(1)]],
    seal: |number| {
        last(number, |body| {
            digit(complement(weighted(body, &[8, 7, 6, 5, 4, 3, 2, 1]), 10))
        })
    },
    void: all_zero,
    ..PLAIN
};

pub(super) const AU_MEDICARE: Kind = Kind {
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
};

pub(super) const AU_TFN: Kind = Kind {
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
};

pub(super) const CN_RIC: Kind = Kind {
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
};

pub(super) const IL_ID: Kind = Kind {
    code: "il_id",
    layouts: &[&[Digits(8), Other(1)]],
    seal: luhn_last,
    void: all_zero,
    ..PLAIN
};

pub(super) const IN_AADHAAR: Kind = Kind {
    code: "in_aadhaar",
    layouts: &[&[Places(1, &["23456789"]), Digits(10), Other(1)]],
    seal: |number| last(number, |body| digit(verhoeff(body))),
    void: |number| number.iter().eq(number.iter().rev()),
    ..PLAIN
};

pub(super) const IN_PAN: Kind = Kind {
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
};

pub(super) const JP_MYNUMBER: Kind = Kind {
    code: "jp_mynumber",
    layouts: &[&[Digits(11), Other(1)]],
    seal: |number| {
        last(number, |body| {
            let sum = weighted(body, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
            or_zero(complement(sum, 11))
        })
    },
    ..PLAIN
};

pub(super) const KR_RRN: Kind = Kind {
    code: "kr_rrn",
    layouts: &[&[Date(&KOREA), Range(2, 0, 96, 96), Digits(3), Other(1)]],
    seal: |number| {
        last(number, |body| {
            let sum = weighted(body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
            digit((11 - sum % 11) % 10)
        })
    },
    ..PLAIN
};

pub(super) const NZ_IRD: Kind = Kind {
    code: "nz_ird",
    // From 10,000,000 to 150,000,000, with or without a zero in front.
    layouts: &[
        &[Range(7, 1_000_000, 9_999_999, 9_999_999), Other(1)],
        &[Range(8, 1_000_000, 14_999_999, 14_999_999), Other(1)],
    ],
    seal: new_zealand,
    ..PLAIN
};

pub(super) const SG_NRIC: Kind = Kind {
    code: "sg_nric",
    digits_only: false,
    layouts: &[&[Kept(1, "STFGM"), Digits(7), Other(1)]],
    seal: singapore,
    ..PLAIN
};

pub(super) const ZA_ID: Kind = Kind {
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
};

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

fn new_zealand(number: &mut [u8]) -> Option<()> {
    last(number, |body| {
        // Shorter numbers count as if a zero stood in front.
        let shift = 8_usize.checked_sub(body.len())?;
        let check = |weights: [u32; 8]| complement(weighted(body, &weights[shift..]), 11);
        digit(check([3, 2, 7, 6, 5, 4, 3, 2])).or_else(|| digit(check([7, 4, 3, 2, 5, 2, 7, 6])))
    })
}

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
