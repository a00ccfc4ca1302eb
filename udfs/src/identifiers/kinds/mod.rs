//! The kinds of identifiers: their layouts, check digits and void numbers.
//!
//! The rules are those of the issuing authorities, as put together in `vectors/national_ids.json`.

mod africa_asia_oceania;
mod americas;
mod common;
mod europe;
mod international;

use super::Kind;

/// The kind a ruleset calls `code`.
pub(crate) fn kind(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}

/// Every kind, by code.
pub(crate) const KINDS: &[Kind] = &[
    americas::AR_CUIT,
    europe::AT_SVNR,
    africa_asia_oceania::AU_ABN,
    africa_asia_oceania::AU_ACN,
    africa_asia_oceania::AU_MEDICARE,
    africa_asia_oceania::AU_TFN,
    europe::BE_NN,
    americas::BR_CNPJ,
    americas::BR_CNPJ_ALNUM,
    americas::BR_CPF,
    americas::CA_SIN,
    europe::CH_AHV,
    americas::CL_RUT,
    africa_asia_oceania::CN_RIC,
    europe::DE_IDNR,
    europe::ES_DNI,
    europe::ES_NIE,
    europe::FI_HETU,
    europe::FR_NIR,
    europe::FR_SIREN,
    europe::GB_NHS,
    europe::GB_NINO,
    europe::GB_UTR,
    europe::HR_OIB,
    europe::IE_PPS,
    africa_asia_oceania::IL_ID,
    international::IMEI,
    africa_asia_oceania::IN_AADHAAR,
    africa_asia_oceania::IN_PAN,
    europe::IT_CF,
    africa_asia_oceania::JP_MYNUMBER,
    africa_asia_oceania::KR_RRN,
    international::LEI,
    americas::MX_CURP,
    europe::NL_BSN,
    europe::NO_FNR,
    africa_asia_oceania::NZ_IRD,
    europe::PL_PESEL,
    europe::PT_NIF,
    europe::RO_CNP,
    europe::SE_PNR,
    africa_asia_oceania::SG_NRIC,
    europe::TR_TCKN,
    americas::US_ITIN,
    americas::US_NPI,
    americas::US_RTN,
    americas::US_SSN,
    international::VIN,
    africa_asia_oceania::ZA_ID,
];

#[cfg(test)]
mod tests {
    use super::americas::RUDE;
    use super::*;
    use crate::identifiers::Field::{Listed, Range, Town};
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
