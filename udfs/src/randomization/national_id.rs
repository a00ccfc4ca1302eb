//! `national_id`: a national or industry identifier becomes another valid one of its kind.
//!
//! - Technique: randomization (ISO/IEC 20889:2018) that keeps the format.
//! - Source: the rules of the issuing authorities, put together in `vectors/national_ids.json`.
//! - Input: text; integers and decimals for kinds of digits only, leading zeros being put back.
//!   Output: a number of the same kind and length with right check digits, its separators and the
//!   case of its letters kept. Null stays null.
//! - Empty text, and a value that is no valid number of the kind, is `on_invalid`.
//! - What a number says of its holder's class stays, so that it fits the rest of the row: sex,
//!   nationality, person or company, head office or branch, issuer. Dates are drawn from 1930 to 2009.
//! - Value and draw decide. A number is as likely as any other with the same class, but for
//!   differences below 2^-40.
//! - With `unique` value and key decide, and no two numbers become the same: see `unique.rs`.

mod unique;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::identifiers::{BirthDate, KINDS, Kept, Kind, Number, draw_until, kind, push_like};
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::numbers::Grid;
use crate::rows::Rows;
use crate::texts::Texts;
use unique::Unique;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "national_id",
    summary: "an identifier becomes another valid one of its kind",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<NationalId>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Depends,
    examples: &[
        Example {
            args: r#"{"kind": "gb_nino"}"#,
            value: Some("kk 14 93 65 c"),
            masked: Some("jx 14 18 29 c"),
        },
        Example {
            args: r#"{"kind": "fi_hetu", "birth_date": "retain_year"}"#,
            value: Some("181034W501L"),
            masked: Some("301134W0719"),
        },
        Example {
            args: r#"{"kind": "es_dni", "on_invalid": "suppress"}"#,
            value: Some("40697614A"),
            masked: None,
        },
        Example {
            args: r#"{"kind": "nl_bsn", "unique": true}"#,
            value: Some("067.306.366"),
            masked: Some("353.492.127"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["kind"]))]
pub(crate) struct NationalId {
    /// What the column holds: `ar_cuit`, `at_svnr`, `au_abn`, `au_acn`, `au_medicare`,
    /// `au_tfn`, `be_nn`, `br_cnpj`, `br_cnpj_alnum`, `br_cpf`, `ca_sin`, `ch_ahv`, `cl_rut`,
    /// `cn_ric`, `de_idnr`, `es_dni`, `es_nie`, `fi_hetu`, `fr_nir`, `fr_siren`, `gb_nhs`, `gb_nino`,
    /// `gb_utr`, `hr_oib`, `ie_pps`, `il_id`, `imei`, `in_aadhaar`, `in_pan`, `it_cf`, `jp_mynumber`,
    /// `kr_rrn`, `lei`, `mx_curp`, `nl_bsn`, `no_fnr`, `nz_ird`, `pl_pesel`, `pt_nif`, `ro_cnp`,
    /// `se_pnr`, `sg_nric`, `tr_tckn`, `us_itin`, `us_npi`, `us_rtn`, `us_ssn`, `vin` or `za_id`.
    kind: String,
    /// A date of birth within the number: `draw` any (default), `retain_year` or `retain` it.
    birth_date: BirthDate,
    /// How many characters at the beginning stay, separators not counted (default 0): the region in
    /// `cn_ric` with 6, the type code in `imei` with 8. A date or code that begins among them stays
    /// whole; check digits are always set anew. At least 100 numbers have to be left to draw from, so
    /// nothing can be retained of `cl_rut`, `de_idnr` and `nz_ird`, which are drawn as a whole.
    retain_prefix_length: usize,
    /// Whether no two numbers may become the same, as a key column needs it (default false). The value and
    /// the key then decide, so `hash_columns` other than `source: self` are refused. A date may become any from
    /// 1930 to 2029, and one outside stays outside, on its side; a place code in `cn_ric` any of its
    /// form.
    unique: bool,
    /// For a value that is no valid number of the kind: `fail` the task (default) or `suppress` it to
    /// null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: NationalId = binder.parse(args)?;
    let kind = kind(&args.kind).ok_or_else(|| {
        let codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
        let message = format!("`kind` has to be one of {}", codes.join(", "));
        BindError::new("kind", message)
    })?;
    let numbers = TypeFamily::of(binder.column()) != Some(TypeFamily::Text);
    if numbers && !kind.digits_only {
        let message = format!("`{}` has letters, and the column holds numbers", kind.code);
        return Err(BindError::new("kind", message));
    }
    let kept = Kept {
        places: args.retain_prefix_length,
        birth_date: args.birth_date,
    };
    let choices = match args.unique {
        false => kind.choices(kept),
        true => kind.smallest_class(kept),
    };
    if choices < FEWEST {
        let message = format!(
            "so little of a number of the kind `{}` would be masked that it could be guessed: \
             retain less",
            kind.code
        );
        return Err(BindError::new("retain_prefix_length", message));
    }
    let grid = Grid::of(binder.column());
    if args.unique && numbers && grid.scale != Some(0) {
        let message = "no numbers with a scale are taken, as two could be rounded to one";
        return Err(BindError::new("unique", message));
    }
    let column = Column {
        kind,
        numbers: numbers.then_some(grid.greatest),
        on_invalid: args.on_invalid,
    };
    let key = binder.key();
    Ok(match args.unique {
        false => Box::new(Redraw { key, column, kept }),
        true => Box::new(Unique::new(key, column, kept)),
    })
}

/// The fewest numbers that one may become.
const FEWEST: u64 = 100;

/// How a column holds numbers of a kind.
#[derive(Debug, Clone, Copy)]
struct Column {
    kind: &'static Kind,
    /// Where it holds numbers, which have lost zeros in front, and not text: the greatest.
    numbers: Option<i128>,
    on_invalid: OnInvalid,
}

impl Column {
    /// The number each value holds; `None` for null and, where it is suppressed, for what is no valid
    /// number.
    fn read(&self, values: &StringViewArray) -> Result<Vec<Option<Number>>, MaskError> {
        let held = |value: &str| match self.numbers {
            Some(_) => self.kind.read_padded(value),
            None => self.kind.read(value),
        };
        let read = |(row, value): (usize, Option<&str>)| {
            let Some(value) = value else {
                return Ok(None);
            };
            match held(value).filter(|number| self.kind.is_valid(number)) {
                None => self.on_invalid.at(row, "a valid number of its kind"),
                valid => Ok(valid),
            }
        };
        values.iter().enumerate().map(read).collect()
    }

    /// Appends `number` in the form of the value it stands for.
    fn push(&self, number: &Number, value: &str, text: &mut Vec<u8>) {
        match self.numbers {
            Some(_) => number.push_to(text),
            None => push_like(number, value, self.kind.separators, text),
        }
    }

    /// The numbers in the form of their values; null where there is none.
    fn written(
        &self,
        numbers: &[Option<Number>],
        values: &StringViewArray,
    ) -> Result<ArrayRef, MaskError> {
        let mut masked = Texts::with_capacity(values.len());
        for (number, value) in numbers.iter().zip(values) {
            let (Some(number), Some(value)) = (number, value) else {
                masked.null();
                continue;
            };
            self.push(number, value, masked.bytes());
            masked.end();
        }
        Ok(Arc::new(masked.finish()?))
    }
}

#[derive(Debug)]
struct Redraw {
    key: MaskKey,
    column: Column,
    kept: Kept,
}

impl Mask for Redraw {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let mut numbers = self.column.read(&values)?;
        let held: Vec<bool> = numbers.iter().map(Option::is_some).collect();
        draw_until(
            &rows.draws(&self.key),
            |row| held[row],
            |row, bits| {
                let old = numbers[row].as_ref();
                let new = old.and_then(|old| self.column.kind.redrawn(old, self.kept, bits));
                if new.is_some() {
                    numbers[row] = new;
                }
                new.is_some()
            },
        )?;
        self.column.written(&numbers, &values)
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.column.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int32Array, Int64Array};
    use arrow::datatypes::{DataType, Int32Type, Int64Type};
    use serde_json::Value;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(kind: &str, more: &str) -> String {
        format!(r#"{{"type": "national_id", "kind": "{kind}"{more}}}"#)
    }

    fn masked(mask: &str, value: &str) -> Option<String> {
        mask_texts(mask, &[Some(value)]).remove(0)
    }

    /// Each kind of the file with its valid and its invalid numbers.
    fn vectors() -> Vec<(String, Vec<String>, Vec<String>)> {
        let kinds: Vec<Value> =
            serde_json::from_str(include_str!("../../vectors/national_ids.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        kinds
            .iter()
            .map(|kind| {
                let valid = kind["valid"].as_array().unwrap().iter();
                let invalid = kind["invalid"].as_array().unwrap().iter();
                (
                    text(&kind["code"]),
                    valid.map(text).collect(),
                    invalid.map(|entry| text(&entry["value"])).collect(),
                )
            })
            .collect()
    }

    /// What stands between the places of a value.
    fn separators(text: &str) -> String {
        text.chars()
            .filter(|char| !char.is_ascii_alphanumeric())
            .collect()
    }

    #[test]
    fn every_kind_takes_and_refuses_what_it_should() {
        let vectors = vectors();
        assert_eq!(vectors.len(), KINDS.len());
        for (code, valid, invalid) in vectors {
            let kind = kind(&code).expect(&code);
            for value in valid {
                let number = kind
                    .read(&value)
                    .unwrap_or_else(|| panic!("{code} {value}"));
                assert!(kind.is_valid(&number), "{code} {value}");
            }
            for value in invalid {
                let number = kind.read(&value);
                assert!(
                    !number.is_some_and(|number| kind.is_valid(&number)),
                    "{code} {value}"
                );
                assert!(
                    try_texts(&mask(&code, ""), &[Some(&value)]).is_err(),
                    "{code} {value}"
                );
            }
        }
    }

    #[test]
    fn what_comes_out_is_valid_and_differs() {
        for (code, valid, _) in vectors() {
            let kind = kind(&code).unwrap();
            let mut same = 0;
            for value in valid {
                let out = masked(&mask(&code, ""), &value).unwrap();
                let number = kind.read(&out).unwrap();
                assert!(kind.is_valid(&number), "{code} {value} {out}");
                assert_eq!(out.len(), value.len(), "{code} {value} {out}");
                if code != "fi_hetu" {
                    assert_eq!(separators(&out), separators(&value), "{code} {value} {out}");
                }
                same += usize::from(out == value);
                let prefix = mask(&code, r#", "retain_prefix_length": 3"#);
                // The body of these is drawn as a whole or not at all.
                if ["nz_ird", "cl_rut", "de_idnr"].contains(&code.as_str()) {
                    bind_error(&prefix, &DataType::Utf8);
                } else {
                    let kept = masked(&prefix, &value).unwrap();
                    let number = kind.read(&kept).unwrap();
                    assert!(kind.is_valid(&number), "{code} {value} {kept}");
                }
                let lower = value.to_lowercase();
                if lower != value {
                    let small = masked(&mask(&code, ""), &lower).unwrap();
                    assert_eq!(small.to_lowercase(), small, "{code}");
                }
            }
            assert_eq!(same, 0, "{code}");
        }
    }

    #[test]
    fn places_lead_there_and_back() {
        for (code, valid, _) in vectors() {
            let kind = kind(&code).unwrap();
            for value in valid {
                let number = kind.read(&value).unwrap();
                let (size, place) = kind.place(&number, Kept::default()).unwrap();
                assert!(place < size, "{code} {value}");
                let back = |place| kind.at_place(&number, Kept::default(), place);
                assert_eq!(back(place), Some(number), "{code} {value}");
                // Neighbours are other numbers, or void.
                for near in [place.checked_sub(1).unwrap_or(size - 1), (place + 1) % size] {
                    if let Some(other) = back(near) {
                        let found = kind.place(&other, Kept::default());
                        assert_eq!(found, Some((size, near)), "{code} {value}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_stays() {
        for (code, more, value, start) in [
            (
                "imei",
                r#", "retain_prefix_length": 8"#,
                "350519343229386",
                "35051934",
            ),
            (
                "cn_ric",
                r#", "retain_prefix_length": 6"#,
                "310101196402199326",
                "310101",
            ),
            (
                "us_rtn",
                r#", "retain_prefix_length": 2"#,
                "273755399",
                "27",
            ),
            (
                "se_pnr",
                r#", "retain_prefix_length": 3"#,
                "19950601-8861",
                "19950601-",
            ),
            (
                "pl_pesel",
                r#", "birth_date": "retain""#,
                "98081195867",
                "980811",
            ),
            (
                "pl_pesel",
                r#", "birth_date": "retain_year""#,
                "98081195867",
                "98",
            ),
            (
                "no_fnr",
                r#", "birth_date": "retain""#,
                "23018242583",
                "230182",
            ),
            (
                "be_nn",
                r#", "birth_date": "retain""#,
                "56071449816",
                "560714",
            ),
            (
                "fr_nir",
                r#", "birth_date": "retain""#,
                "142100630201468",
                "14210",
            ),
            ("sg_nric", "", "G9342838U", "G"),
            ("ar_cuit", "", "24-48548231-4", "24-"),
        ] {
            let out = masked(&mask(code, more), value).unwrap();
            assert!(out.starts_with(start), "{code} {more} {out}");
            assert_ne!(out, value);
        }
        // Sex: the tenth digit of a PESEL, the eleventh place of a CURP, 40 days more in Italy.
        for (code, value, at, same) in [
            ("pl_pesel", "98081195867", 9, "02468"),
            ("mx_curp", "HETD450623HNLHMF06", 10, "H"),
            ("it_cf", "CNRDZS93E56F205Q", 9, "4567"),
            ("ro_cnp", "6070108011257", 0, "246"),
            ("kr_rrn", "830226-1409351", 7, "13"),
        ] {
            let out = masked(&mask(code, ""), value).unwrap();
            assert!(
                same.contains(char::from(out.as_bytes()[at])),
                "{code} {out}"
            );
        }
    }

    /// Italian codes with letters for digits keep them at the same places.
    #[test]
    fn letters_for_digits() {
        let kind = kind("it_cf").unwrap();
        let mut number = kind.read("CNRDZS93E56F20RQ").unwrap();
        number = kind.sealed(&number).unwrap();
        let value = number.text();
        let out = masked(&mask("it_cf", ""), &value).unwrap();
        assert!(out.as_bytes()[14].is_ascii_uppercase() && out.as_bytes()[13].is_ascii_digit());
        assert!(kind.is_valid(&kind.read(&out).unwrap()));
    }

    /// A thousand draws of each kind: what comes out is valid and hardly ever the same.
    #[test]
    fn many_of_each_kind() {
        for (code, valid, _) in vectors() {
            let kind = kind(&code).unwrap();
            let number = kind.read(&valid[0]).unwrap();
            let mut numbers = std::collections::BTreeSet::new();
            let mut state = 1_u128;
            for _ in 0..1000 {
                state = state
                    .wrapping_mul(0xda94_2042_e4dd_58b5_0000_0001)
                    .wrapping_add(99);
                let bits = (state ^ state << 61).to_be_bytes().into();
                if let Some(new) = kind.redrawn(&number, Kept::default(), bits) {
                    assert!(kind.is_valid(&new), "{code} {new:?}");
                    numbers.insert(new.places().to_vec());
                }
            }
            assert!(numbers.len() > 300, "{code}: {}", numbers.len());
        }
    }

    #[test]
    fn digits_come_evenly() {
        let kind = kind("de_idnr").unwrap();
        let number = kind.read("65420198224").unwrap();
        let mut counts = [[0_u32; 10]; 10];
        let mut drawn = 0;
        let mut state = 7_u128;
        while drawn < 20_000 {
            state = state
                .wrapping_mul(0xda94_2042_e4dd_58b5_0000_0001)
                .wrapping_add(99);
            let bits = (state ^ state << 61).to_be_bytes().into();
            if let Some(new) = kind.redrawn(&number, Kept::default(), bits) {
                drawn += 1;
                for (count, digit) in counts.iter_mut().zip(new.places()) {
                    count[usize::from(digit - b'0')] += 1;
                }
            }
        }
        for (at, counts) in counts.iter().enumerate() {
            let digits = if at == 0 { 1..10 } else { 0..10 };
            for digit in digits {
                assert!((1_750..2_450).contains(&counts[digit]), "{at} {counts:?}");
            }
        }
    }

    #[test]
    fn columns_of_numbers() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![Some(67_306_366), None]));
        let masked = mask_array(&mask("nl_bsn", ""), values).unwrap();
        let masked = masked.as_primitive::<Int32Type>();
        assert!(masked.is_valid(0) && masked.is_null(1));
        let kind = kind("nl_bsn").unwrap();
        let number = kind.read_padded(&masked.value(0).to_string()).unwrap();
        assert!(kind.is_valid(&number));
        for bad in [i64::MIN, -67_306_366, 0, 67_306_367, i64::MAX] {
            let values: ArrayRef = Arc::new(Int64Array::from(vec![bad]));
            let error = mask_array(&mask("nl_bsn", ""), values.clone()).unwrap_err();
            assert!(bad == 0 || !error.to_string().contains(&bad.to_string()));
            let null =
                mask_array(&mask("nl_bsn", r#", "on_invalid": "suppress""#), values).unwrap();
            assert!(null.as_primitive::<Int64Type>().is_null(0));
        }
    }

    #[test]
    fn odd_values() {
        for value in [
            "",
            " ",
            "-",
            "Zoë",
            "５１５５９３０２８",
            "515593028\0",
            "1".repeat(99).as_str(),
        ] {
            let suppress = mask("il_id", r#", "on_invalid": "suppress""#);
            assert_eq!(masked(&suppress, value), None, "{value}");
            for (code, ..) in vectors() {
                try_texts(&mask(&code, ""), &[Some(value)]).unwrap_err();
            }
        }
        assert_eq!(mask_texts(&mask("il_id", ""), &[None]), [None]);
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""kind": "xx""#, DataType::Utf8, "[0].kind"),
            (r#""on_invalid": "fail""#, DataType::Utf8, "[0].kind"),
            (r#""kind": "gb_nino""#, DataType::Int64, "[0].kind"),
            (
                r#""kind": "us_ssn", "birth_date": "x""#,
                DataType::Utf8,
                "[0].birth_date",
            ),
            (
                r#""kind": "us_ssn", "retain_prefix_length": 6"#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
            (
                r#""kind": "se_pnr", "retain_prefix_length": 9"#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
            (
                r#""kind": "nl_bsn", "unique": true"#,
                DataType::Decimal128(12, 2),
                "[0].unique",
            ),
            (
                r#""kind": "fi_hetu", "unique": true, "birth_date": "retain""#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
            (
                r#""kind": "il_id", "retain_prefix_length": 18446744073709551615"#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
        ] {
            let mask = format!(r#"{{"type": "national_id", {args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
