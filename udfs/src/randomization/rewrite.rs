//! Masks that write a new text in place of each one they know how to read: the loop they share.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};

use crate::canonical::plain_text;
use crate::key::MaskKey;
use crate::length::Lengths;
use crate::mask::{Mask, MaskError, OnInvalid};
use crate::rows::Rows;

/// How one value is written anew.
pub(super) trait Rewrite: Debug + Send + Sync {
    /// What a value has to be, for the error of one that is not.
    const EXPECTED: &'static str;

    /// How many blocks of its draw `value` needs, at least 1: the draw itself.
    fn blocks(&self, value: &str) -> usize;

    /// See [`Mask::lengths`].
    fn lengths(&self, _input: Option<usize>) -> Option<Lengths> {
        None
    }

    /// Appends the masked value to `text`; `None` where `value` is not what the mask takes.
    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()>;
}

/// A [`Rewrite`] as a mask. Null stays null; value and draw decide.
#[derive(Debug)]
pub(super) struct Rewriting<K> {
    pub(super) key: MaskKey,
    pub(super) on_invalid: OnInvalid,
    pub(super) kernel: K,
}

impl<K: Rewrite> Mask for Rewriting<K> {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let blocks_of = |row: usize| match values.is_valid(row) {
            true => self.kernel.blocks(values.value(row)),
            false => 0,
        };
        let blocks = rows.draws(&self.key).expand(blocks_of);
        let mut blocks = blocks.as_slice();
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.append_null();
                continue;
            };
            let (own, rest) = blocks.split_at(blocks_of(row));
            blocks = rest;
            text.clear();
            match self.kernel.rewrite(value, own, &mut text) {
                Some(()) => masked.append_value(&text),
                None => masked.append_option(self.on_invalid.at::<&str>(row, K::EXPECTED)?),
            }
        }
        Ok(Arc::new(masked.finish()))
    }

    fn draws(&self) -> bool {
        true
    }

    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        self.kernel.lengths(input)
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

/// One of `0..n` out of `bits`, which then holds what is left of them.
pub(super) fn take_from(bits: &mut u64, n: u64) -> u64 {
    let product = u128::from(*bits) * u128::from(n);
    *bits = product as u64;
    (product >> 64) as u64
}

/// `values` masked by `mask`, none of them to null.
#[cfg(test)]
pub(super) fn mask_all(mask: &str, values: &[String]) -> Vec<String> {
    let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
    let masked = crate::examples::mask_texts(mask, &values);
    masked.into_iter().map(Option::unwrap).collect()
}

#[cfg(test)]
mod tests {
    use crate::examples::{mask_texts, try_texts};
    use crate::mask::MaskError;

    /// A mask and the `n`th of many values for it.
    type Case = (&'static str, fn(u32) -> String);

    const CASES: [Case; 8] = [
        (r#""email", "keep_domain": true"#, |n| {
            format!("ann{n}@acme{}.com", n % 7)
        }),
        (r#""ip_address""#, |n| {
            format!("10.{}.{}.1/24", n / 256, n % 256)
        }),
        (r#""ip_address", "keep_prefix_ipv6": 48"#, |n| {
            format!("2001:db8::{n:x}")
        }),
        (r#""mac_address""#, |n| {
            format!("00:1A:2B:3C:{:02X}:{:02X}", n / 256, n % 256)
        }),
        (r#""phone""#, |n| {
            format!("+64 21 {n:0width$}", width = 1 + n as usize % 9)
        }),
        (r#""phone", "country": "GB""#, |n| {
            format!("020 7123 {n:04} ext. {n}")
        }),
        (r#""url""#, |n| {
            format!("https://acme.com/{}?id={n}", "path/".repeat(n as usize % 9))
        }),
        (r#""url", "keep_parameters": true"#, |n| {
            format!("acme.com/%C3%BC?{n}&a={n}")
        }),
    ];

    fn mask_of(case: &str) -> String {
        format!(r#"{{"type": {case}}}"#)
    }

    #[test]
    fn a_value_is_masked_alike_in_every_batch() {
        for (case, value) in CASES {
            let values: Vec<Option<String>> = (0..10_000)
                .map(|n| (n % 5 != 4).then(|| value(n)))
                .collect();
            let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
            let whole = mask_texts(&mask_of(case), &values);
            let slices = values
                .chunks(997)
                .flat_map(|slice| mask_texts(&mask_of(case), slice));
            assert!(whole.iter().cloned().eq(slices), "{case}");
            let reversed: Vec<Option<&str>> = values.iter().rev().copied().collect();
            let reversed = mask_texts(&mask_of(case), &reversed);
            assert!(whole.iter().eq(reversed.iter().rev()), "{case}");
            for (value, masked) in values.iter().zip(&whole) {
                assert_eq!(value.is_none(), masked.is_none(), "{case}");
            }
        }
    }

    #[test]
    fn what_is_refused_tells_its_row_and_not_its_value() {
        for (case, value) in CASES {
            let good = value(1);
            let values = [
                Some(good.as_str()),
                None,
                Some("S3cret value, no such thing"),
            ];
            let error = try_texts(&mask_of(case), &values).expect_err(case);
            assert!(matches!(error, MaskError::Refused { row: 2, .. }), "{case}");
            assert!(!error.to_string().contains("S3cret"), "{case}");
        }
    }

    /// No text makes a mask panic: every value cut short at every place, and with odd ends.
    #[test]
    fn any_text_is_masked_or_suppressed() {
        for (case, value) in CASES {
            let mask = mask_of(&format!(r#"{case}, "on_invalid": "suppress""#));
            let value = value(1234);
            let mut texts = vec![String::new()];
            for end in 0..=value.len() {
                for odd in [
                    "",
                    "%",
                    "%z",
                    "/",
                    "@",
                    ":",
                    "+",
                    "é",
                    "\u{1F600}",
                    "#x1",
                    "\0",
                    "[",
                    "]",
                ] {
                    texts.push(format!("{}{odd}", &value[..end]));
                    texts.push(format!("{odd}{}", &value[end..]));
                    texts.push(format!("{}{odd}{}", &value[..end], &value[end..]));
                }
            }
            let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
            let masked = mask_texts(&mask, &texts);
            assert!(masked.iter().any(Option::is_some), "{case}");
            assert!(masked.iter().any(Option::is_none), "{case}");
        }
    }
}
