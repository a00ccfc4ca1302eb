//! Draws: the 128 keyed pseudo-random bits that decide a generated value.
//!
//! ```text
//! draw       = AES-256-CMAC(mask key, message)
//! message    = field ‖ field ‖ …          the hash inputs, or null ‖ path ‖ place for a row's identity
//! field      = 00                         for null
//!            | LEB128(length + 1) ‖ bytes for a value in canonical text
//! further bits: block j = AES-256(expand key, draw xor j), j = 1, 2, …, after the draw itself
//! ```

use arrow::array::{Array, StringViewArray};

use crate::cmac::{SLACK, encrypt_blocks};
use crate::key::MaskKey;

/// What a row may have several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Elements of lists and maps.
    Element,
    /// Matches of a regular expression.
    Match,
    /// Transforms of a document that draw from the same and apart.
    Transform,
}

impl Part {
    fn letter(self) -> char {
        match self {
            Self::Element => 'e',
            Self::Match => 'm',
            Self::Transform => 't',
        }
    }
}

/// Encoded draw inputs, a message a row.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    /// One message after the other, and behind them the slack the cipher may read.
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Messages {
    /// The messages of `rows` rows over inputs in canonical text.
    pub fn of(inputs: &[StringViewArray], rows: usize) -> Self {
        // The length of a value is the lower half of its view.
        let lengths = inputs
            .iter()
            .flat_map(|input| input.views().iter().map(|view| *view as u32 as usize));
        let text: usize = lengths.sum();
        let mut messages = Writer::new(text + rows * inputs.len(), rows);
        match inputs {
            [input] if input.null_count() == 0 => return Self::of_values(input, text),
            inputs => {
                for row in 0..rows {
                    for input in inputs {
                        let value = input.is_valid(row).then(|| input.value(row).as_bytes());
                        messages.field(value);
                    }
                    messages.end();
                }
            }
        }
        messages.finish()
    }

    /// The messages of rows over one input without nulls, `text` bytes together, as [`Messages::of`]
    /// writes them.
    fn of_values(input: &StringViewArray, text: usize) -> Self {
        // Most lengths take one byte.
        let mut bytes = vec![0; text + input.len() + LONGEST_LENGTH];
        let mut ends = Vec::with_capacity(input.len());
        let mut at = 0;
        for (row, view) in input.views().iter().enumerate() {
            let length = *view as u32 as usize;
            // As many bytes as any length takes, and no need to ask for each of them.
            if bytes.len() < at + length + LONGEST_LENGTH {
                bytes.resize(bytes.len() + length + input.len() * LONGEST_LENGTH, 0);
            }
            let mut left = length + 1;
            while left >= 0x80 {
                bytes[at] = 0x80 | (left & 0x7f) as u8;
                (at, left) = (at + 1, left >> 7);
            }
            bytes[at] = left as u8;
            at += 1;
            copy_short(&mut bytes[at..at + length], input.value(row).as_bytes());
            at += length;
            ends.push(at);
        }
        bytes.resize(at + SLACK, 0);
        bytes[at..].fill(0);
        Self { bytes, ends }
    }

    /// The messages of rows known by their unit's path and their place in it.
    pub fn of_places<'p>(places: impl ExactSizeIterator<Item = (&'p str, u64)>) -> Self {
        let mut messages = Writer::new(0, places.len());
        for (path, place) in places {
            messages.field(None);
            messages.field(Some(path.as_bytes()));
            messages.field(Some(place.to_string().as_bytes()));
            messages.end();
        }
        messages.finish()
    }

    /// One message for each of `rows`, told apart by its ordinal within the row where that is not zero.
    pub fn select(&self, rows: &[u32], ordinals: &[u32], part: Part) -> Self {
        let mut selected = Writer::new(0, rows.len());
        for (&row, &ordinal) in rows.iter().zip(ordinals) {
            selected.bytes.extend_from_slice(self.get(row as usize));
            if ordinal > 0 {
                selected.field(Some(format!("{}{ordinal}", part.letter()).as_bytes()));
            }
            selected.end();
        }
        selected.finish()
    }

    /// Each message with one more field for each of `inputs`, in canonical text.
    pub(crate) fn followed_by(&self, inputs: &[StringViewArray]) -> Self {
        let mut longer = Writer::new(self.bytes.len(), self.len());
        for row in 0..self.len() {
            longer.bytes.extend_from_slice(self.get(row));
            for input in inputs {
                longer.field(input.is_valid(row).then(|| input.value(row).as_bytes()));
            }
            longer.end();
        }
        longer.finish()
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

/// Bytes of the longest length in front of a value.
const LONGEST_LENGTH: usize = 10;

/// Copies between slices of one length; without a call where that is 8 to 32, as by far most values are.
#[inline(always)]
fn copy_short(to: &mut [u8], from: &[u8]) {
    let length = from.len();
    match length {
        16..=32 => {
            to[..16].copy_from_slice(&from[..16]);
            to[length - 16..].copy_from_slice(&from[length - 16..]);
        }
        8..=15 => {
            to[..8].copy_from_slice(&from[..8]);
            to[length - 8..].copy_from_slice(&from[length - 8..]);
        }
        _ => to.copy_from_slice(from),
    }
}

/// Writes messages one behind the other.
struct Writer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Writer {
    /// Room for `rows` messages of about `bytes` bytes together.
    fn new(bytes: usize, rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes + SLACK),
            ends: Vec::with_capacity(rows),
        }
    }

    fn field(&mut self, value: Option<&[u8]>) {
        let Some(value) = value else {
            return self.bytes.push(0);
        };
        let mut length = value.len() + 1;
        while length >= 0x80 {
            self.bytes.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        self.bytes.push(length as u8);
        self.bytes.extend_from_slice(value);
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn finish(mut self) -> Messages {
        self.bytes.extend([0; SLACK]);
        Messages {
            bytes: self.bytes,
            ends: self.ends,
        }
    }
}

/// The 128 bits of one row under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw([u8; 16]);

impl Draw {
    /// The bits, most significant first.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The bits as a number.
    pub fn bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// One of `0..n`, each as likely as the others within `n / 2^64`; `0` for `n` of zero.
    pub fn pick(self, n: u64) -> u64 {
        let high = (self.bits() >> 64) as u64;
        ((u128::from(high) * u128::from(n)) >> 64) as u64
    }
}

/// The draws of a batch and the key they came from.
#[derive(Debug)]
pub struct Draws<'k> {
    key: &'k MaskKey,
    draws: Vec<[u8; 16]>,
}

impl<'k> Draws<'k> {
    /// The draw of each message under `key`.
    pub fn new(key: &'k MaskKey, messages: &Messages) -> Self {
        let draws = match messages.is_empty() {
            true => vec![],
            false => key.mac.tags(&messages.bytes, &messages.ends),
        };
        Self { key, draws }
    }

    /// A draw a row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Draw> + '_ {
        self.draws.iter().map(|draw| Draw(*draw))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.draws.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.draws.is_empty()
    }

    /// The draw of `row`.
    pub fn get(&self, row: usize) -> Draw {
        Draw(self.draws[row])
    }

    /// For each row as many 16-byte blocks as `blocks` asks for, the draw itself first, row after row.
    pub fn expand(&self, blocks: impl Fn(usize) -> usize) -> Vec<[u8; 16]> {
        let mut expanded = Vec::with_capacity(self.draws.len());
        let mut counters = Vec::new();
        let mut places = Vec::new();
        for (row, draw) in self.iter().enumerate() {
            for block in 0..blocks(row) {
                if block == 0 {
                    expanded.push(draw.0);
                } else {
                    places.push(expanded.len());
                    counters.push((draw.bits() ^ block as u128).to_be_bytes());
                    expanded.push([0; 16]);
                }
            }
        }
        encrypt_blocks(&self.key.expand, &mut counters);
        for (place, block) in places.into_iter().zip(counters) {
            expanded[place] = block;
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Root;

    fn text(values: &[Option<&str>]) -> StringViewArray {
        values.iter().copied().collect()
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let long = "x".repeat(300);
        let rows: Vec<[Option<&str>; 2]> = vec![
            [Some("ab"), Some("c")],
            [Some("a"), Some("bc")],
            [Some("abc"), None],
            [None, Some("abc")],
            [Some(""), None],
            [None, Some("")],
            [Some(&long), Some("")],
        ];
        let columns: Vec<_> = (0..2)
            .map(|c| text(&rows.iter().map(|row| row[c]).collect::<Vec<_>>()))
            .collect();
        let messages = Messages::of(&columns, rows.len());
        for one in 0..rows.len() {
            for other in one + 1..rows.len() {
                assert_ne!(messages.get(one), messages.get(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn one_input_is_written_as_several_are() {
        let long = "é".repeat(20_000);
        let values: Vec<String> = (0..70)
            .map(|length| "x".repeat(length))
            .chain([long])
            .collect();
        let one = text(
            &values
                .iter()
                .map(|value| Some(value.as_str()))
                .collect::<Vec<_>>(),
        );
        let messages = Messages::of(std::slice::from_ref(&one), one.len());
        // The same text as one of two, whose other half is cut off again.
        let nulls = text(&vec![None; one.len()]);
        let both = Messages::of(&[nulls, one], 71);
        for row in 0..71 {
            assert_eq!(messages.get(row), &both.get(row)[1..], "{row}");
        }
        assert_eq!(messages.bytes.len(), messages.ends[70] + SLACK);
    }

    #[test]
    fn more_fields_are_as_if_they_had_been_there() {
        let columns = [
            text(&[Some("a"), None, Some("")]),
            text(&[Some("b"), Some("c"), None]),
        ];
        let (one, both) = (Messages::of(&columns[..1], 3), Messages::of(&columns, 3));
        let longer = one.followed_by(&columns[1..]);
        assert!((0..3).all(|row| longer.get(row) == both.get(row)));
        assert_eq!(one.followed_by(&[]).bytes, one.bytes);
    }

    #[test]
    fn a_pick_stays_below_its_bound_and_reaches_both_ends() {
        for (draw, n, picked) in [
            (0, 7, 0),
            (u128::MAX, 7, 6),
            (u128::MAX, 1, 0),
            (u128::MAX, 0, 0),
            (1 << 127, 10, 5),
        ] {
            assert_eq!(
                Draw(u128::to_be_bytes(draw)).pick(n),
                picked,
                "{draw} of {n}"
            );
        }
    }

    /// Computed with Python's `hmac` and `cryptography` by the construction above.
    #[test]
    fn draws_are_pinned() {
        let root = Root::new(b"golden run secret 0123456789", Some(b"golden instance"));
        let key = root.mask_key("imitate", "customer id");
        let messages = Messages::of(&[text(&[Some("42"), None, Some("Zoë")])], 3);
        let draws = Draws::new(&key, &messages);
        let hex: Vec<String> = draws
            .expand(|_| 2)
            .iter()
            .map(|b| data_encoding::HEXLOWER.encode(b))
            .collect();
        assert_eq!(hex, GOLDEN);
    }

    const GOLDEN: [&str; 6] = [
        "7416842bb52696e16ff09ab7433aea89",
        "1ca72edb5b3061aa2378167451c3f0c8",
        "9d37b7fd548ab3e8eef7ca45623d77c0",
        "bac452df28cb05abccc8f8c37b5b91df",
        "b7cf4b4793aa9e85e8909ee75283325b",
        "16bc55dcd6a89715b84eb17c5718d653",
    ];
}
