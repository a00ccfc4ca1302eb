//! The kinds of North and South America.

use super::common::{
    ALPHANUMERIC, AZ, D, DAZ, PLAIN, after, all_zero, complement, digit, last, luhn_last, or_zero,
};
use crate::check_digit::{luhn, weighted, worth};
use crate::identifiers::Field::{Date, Digits, Fixed, Kept, Listed, Other, Places, Range};
use crate::identifiers::Kind;
use crate::identifiers::dates::MEXICO;

pub(super) const AR_CUIT: Kind = Kind {
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
};

pub(super) const BR_CNPJ: Kind = Kind {
    code: "br_cnpj",
    layouts: &[&[Digits(8), Kept(4, D), Other(2)]],
    seal: cnpj,
    void: |number| all_zero(&number[..12]),
    ..PLAIN
};

pub(super) const BR_CNPJ_ALNUM: Kind = Kind {
    code: "br_cnpj_alnum",
    digits_only: false,
    layouts: &[&[Places(8, ALPHANUMERIC), Kept(4, DAZ), Other(2)]],
    seal: cnpj,
    void: |number| all_zero(&number[..12]),
    ..PLAIN
};

pub(super) const BR_CPF: Kind = Kind {
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
};

pub(super) const CA_SIN: Kind = Kind {
    code: "ca_sin",
    // 0 is for examples, 8 for businesses, 9 for temporary residents.
    layouts: &[&[Places(1, &["1234567", "0", "8", "9"]), Digits(7), Other(1)]],
    seal: luhn_last,
    void: all_zero,
    ..PLAIN
};

pub(super) const CL_RUT: Kind = Kind {
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
};

pub(super) const MX_CURP: Kind = Kind {
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
};

pub(super) const US_ITIN: Kind = Kind {
    code: "us_itin",
    // 50 to 65 are valid since 2022 at the latest; older checks do not know them.
    layouts: &[&[Fixed("9"), Digits(2), Listed(ITIN_GROUPS, 28), Digits(4)]],
    ..PLAIN
};

pub(super) const US_NPI: Kind = Kind {
    code: "us_npi",
    layouts: &[&[Places(1, &["12"]), Digits(8), Other(1)]],
    // Luhn with 80840 in front, which adds 24.
    seal: |number| last(number, |body| digit((luhn(body) + 6) % 10)),
    ..PLAIN
};

pub(super) const US_RTN: Kind = Kind {
    code: "us_rtn",
    // Drawn from those of the twelve Federal Reserve districts.
    layouts: &[&[Listed(ROUTING, 24), Digits(6), Other(1)]],
    seal: |number| {
        last(number, |body| {
            digit(complement(weighted(body, &[3, 7, 1, 3, 7, 1, 3, 7]), 10))
        })
    },
    ..PLAIN
};

pub(super) const US_SSN: Kind = Kind {
    code: "us_ssn",
    layouts: &[&[
        Range(3, 1, 899, 899),
        Range(2, 1, 99, 99),
        Range(4, 1, 9999, 9999),
    ]],
    // Three numbers were printed in advertisements.
    void: |number| {
        number.starts_with(b"666") || matches!(number, b"078051120" | b"219099999" | b"457555462")
    },
    ..PLAIN
};

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

fn all_same(number: &[u8]) -> bool {
    number.windows(2).all(|pair| pair[0] == pair[1])
}

/// The states of Mexico; `NE` is for births abroad.
const MEXICAN_STATES: &[&str] = &[
    "AS", "BC", "BS", "CC", "CL", "CM", "CS", "CH", "DF", "DG", "GT", "GR", "HG", "JC", "MC", "MN",
    "MS", "NT", "NL", "OC", "PL", "QT", "QR", "SP", "SL", "SR", "TC", "TS", "TL", "VZ", "YN", "ZS",
    "NE",
];

/// Starts that are given out with an X as second letter (Mexico, Instructivo normativo for the CURP),
/// sorted.
pub(super) const RUDE: &[&str] = &[
    "BACA", "BAKA", "BUEI", "BUEY", "CACA", "CACO", "CAGA", "CAGO", "CAKA", "CAKO", "COGE", "COGI",
    "COJA", "COJE", "COJI", "COJO", "COLA", "CULO", "FALO", "FETO", "GETA", "GUEI", "GUEY", "JETA",
    "JOTO", "KACA", "KACO", "KAGA", "KAGO", "KAKA", "KAKO", "KOGE", "KOGI", "KOJA", "KOJE", "KOJI",
    "KOJO", "KOLA", "KULO", "LILO", "LOCA", "LOCO", "LOKA", "LOKO", "MAME", "MAMO", "MEAR", "MEAS",
    "MEON", "MIAR", "MION", "MOCO", "MOKO", "MULA", "MULO", "NACA", "NACO", "PEDA", "PEDO", "PENE",
    "PIPI", "PITO", "POPO", "PUTA", "PUTO", "QULO", "RATA", "ROBA", "ROBE", "ROBO", "RUIN", "SENO",
    "TETA", "VACA", "VAGA", "VAGO", "VAKA", "VUEI", "VUEY", "WUEI", "WUEY",
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
