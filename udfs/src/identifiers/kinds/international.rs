//! The kinds that no country gives out.

use super::common::{ALPHANUMERIC, D, DAZ, PLAIN, luhn_last, x_for_ten};
use crate::check_digit::{mod_97_10, one_to_nine};
use crate::identifiers::Field::{Digits, Kept, Other, Places};
use crate::identifiers::{Kind, write_number};

pub(super) const IMEI: Kind = Kind {
    code: "imei",
    // The first two digits name the body that gave out the type code.
    layouts: &[&[Kept(2, D), Digits(12), Other(1)]],
    seal: luhn_last,
    ..PLAIN
};

pub(super) const LEI: Kind = Kind {
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
};

pub(super) const VIN: Kind = Kind {
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
};

fn vehicle(number: &mut [u8]) -> Option<()> {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let terms = number.iter().zip(WEIGHTS);
    let sum: u32 = terms
        .map(|(place, weight)| one_to_nine(*place) * weight)
        .sum();
    *number.get_mut(8)? = x_for_ten(sum % 11);
    Some(())
}

/// As that, without the letters that are mistaken for digits.
const VEHICLE: &[&str] = &[D, "ABCDEFGHJKLMNPRSTUVWXYZ"];
