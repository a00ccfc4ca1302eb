//! Draws: the 128 keyed pseudo-random bits that decide a generated value.
//!
//! ```text
//! draw       = AES-256-CMAC(mask key, message)
//! message    = field ‖ field ‖ …          the hash inputs, or null ‖ path ‖ place for a row's identity
//! field      = 00                         for null
//!            | LEB128(length + 1) ‖ bytes for a value in canonical text
//! further bits: block j = AES-256(expand key, draw xor j), j = 1, 2, …, after the draw itself
//! ```

use std::fmt;
use std::ops::Range;

use arrow::array::{Array, StringViewArray, UInt64Array};

use crate::cmac::{SLACK, encrypt_blocks};
use crate::key::MaskKey;

/// How many rows are worked on at once where much is made for each on the way: so many stay in the
/// processor's cache, and their memory is used again for the next ones.
pub(crate) const ROWS_AT_ONCE: usize = 1024;

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

/// Draw inputs, a message a row. They are written out only where they are drawn from.
#[derive(Clone, Default)]
pub struct Messages(Source);

#[derive(Clone)]
enum Source {
    /// These columns in canonical text, of so many rows.
    Fields(Vec<StringViewArray>, usize),
    /// Null, the path of the row's unit and the row's place in it.
    Places(StringViewArray, UInt64Array),
    /// Other messages with more fields.
    Written(Written),
}

impl Default for Source {
    fn default() -> Self {
        Self::Fields(vec![], 0)
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages({})", self.len())
    }
}

impl Messages {
    /// The messages of `rows` rows over inputs in canonical text.
    pub fn of(inputs: &[StringViewArray], rows: usize) -> Self {
        Self(Source::Fields(inputs.to_vec(), rows))
    }

    /// The messages of rows known by their unit's path and their place in it, neither of them null.
    pub fn of_places(paths: StringViewArray, places: UInt64Array) -> Self {
        Self(Source::Places(paths, places))
    }

    /// One message for each of `rows`, told apart by its ordinal within the row where that is not zero.
    pub fn select(&self, rows: &[u32], ordinals: &[u32], part: Part) -> Self {
        let mut selected = Written::with_room(0, rows.len());
        for (&row, &ordinal) in rows.iter().zip(ordinals) {
            self.write_one(row as usize, &mut selected);
            if ordinal > 0 {
                selected.field(Some(format!("{}{ordinal}", part.letter()).as_bytes()));
            }
            selected.end();
        }
        Self(Source::Written(selected))
    }

    /// Each message with one more field for each of `inputs`, in canonical text.
    pub(crate) fn followed_by(&self, inputs: &[StringViewArray]) -> Self {
        if let Source::Fields(fields, rows) = &self.0 {
            return Self::of(&[fields, inputs].concat(), *rows);
        }
        let mut longer = Written::with_room(0, self.len());
        for row in 0..self.len() {
            self.write_one(row, &mut longer);
            longer.fields(inputs, row);
            longer.end();
        }
        Self(Source::Written(longer))
    }

    /// The messages of `length` rows from `start` on.
    pub(crate) fn slice(&self, start: usize, length: usize) -> Self {
        Self(match &self.0 {
            Source::Fields(inputs, _) => {
                let inputs = inputs.iter().map(|input| input.slice(start, length));
                Source::Fields(inputs.collect(), length)
            }
            Source::Places(paths, places) => {
                Source::Places(paths.slice(start, length), places.slice(start, length))
            }
            Source::Written(_) => {
                let mut some = Written::with_room(0, length);
                self.write(start..start + length, &mut some);
                Source::Written(some)
            }
        })
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Fields(_, rows) => *rows,
            Source::Places(_, places) => places.len(),
            Source::Written(written) => written.ends.len(),
        }
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the messages of some rows.
    fn write(&self, rows: Range<usize>, written: &mut Written) {
        match &self.0 {
            Source::Fields(inputs, _)
                if let [input] = &inputs[..]
                    && input.null_count() == 0 =>
            {
                written.values(input, rows);
            }
            _ => {
                for row in rows {
                    self.write_one(row, written);
                    written.end();
                }
            }
        }
    }

    /// Writes the message of a row, but does not end it.
    fn write_one(&self, row: usize, written: &mut Written) {
        match &self.0 {
            Source::Fields(inputs, _) => written.fields(inputs, row),
            Source::Places(paths, places) => {
                written.field(None);
                written.field(Some(paths.value(row).as_bytes()));
                written.number(places.value(row));
            }
            Source::Written(other) => written.bytes.extend_from_slice(other.get(row)),
        }
    }
}

/// Messages one behind the other.
#[derive(Clone, Default)]
struct Written {
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Written {
    /// Room for `rows` messages of about `bytes` bytes together.
    fn with_room(bytes: usize, rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes + SLACK),
            ends: Vec::with_capacity(rows),
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn fields(&mut self, inputs: &[StringViewArray], row: usize) {
        for input in inputs {
            self.field(input.is_valid(row).then(|| input.value(row).as_bytes()));
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

    /// The field of a number in decimal digits.
    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.field(Some(&digits[start..]));
            }
        }
    }

    /// The messages of rows over one input, as [`Written::field`] and [`Written::end`] write them.
    fn values(&mut self, input: &StringViewArray, rows: Range<usize>) {
        let Self { bytes, ends } = self;
        let mut at = bytes.len();
        let mut left_over = rows.len();
        for value in &input.slice(rows.start, rows.len()) {
            let (length, value) = match value {
                Some(value) => (value.len() + 1, value),
                None => (0, ""),
            };
            // As many bytes as any length takes, and no need to ask for each of them.
            if bytes.len() < at + length + LONGEST_LENGTH {
                bytes.resize(at + (length + LONGEST_LENGTH) * left_over, 0);
            }
            left_over -= 1;
            let mut left = length;
            while left >= 0x80 {
                bytes[at] = 0x80 | (left & 0x7f) as u8;
                (at, left) = (at + 1, left >> 7);
            }
            bytes[at] = left as u8;
            at += 1;
            copy_short(&mut bytes[at..at + value.len()], value.as_bytes());
            at += value.len();
            ends.push(at);
        }
        bytes.truncate(at);
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
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
    copy_ends::<16>(to, from)
        .or_else(|| copy_ends::<8>(to, from))
        .unwrap_or_else(|| to.copy_from_slice(from));
}

/// Copies the first and the last `N` bytes; `None` where these are not all.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> Option<()> {
    if from.len() > 2 * N {
        return None;
    }
    *to.first_chunk_mut::<N>()? = *from.first_chunk()?;
    *to.last_chunk_mut::<N>()? = *from.last_chunk()?;
    Some(())
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
        let mut draws = vec![[0; 16]; messages.len()];
        let mut written = Written::default();
        let mut start = 0;
        for draws in draws.chunks_mut(ROWS_AT_ONCE) {
            written.clear();
            messages.write(start..start + draws.len(), &mut written);
            written.bytes.extend([0; SLACK]);
            key.mac.tags(&written.bytes, &written.ends, draws);
            start += draws.len();
        }
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

    impl Messages {
        fn get(&self, row: usize) -> Vec<u8> {
            let mut written = Written::default();
            self.write(row..row + 1, &mut written);
            written.bytes
        }
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
        let values: Vec<String> = (0..69)
            .map(|length| "x".repeat(length))
            .chain([long])
            .collect();
        let values = values.iter().map(|value| Some(value.as_str()));
        let one = text(&[None].into_iter().chain(values).collect::<Vec<_>>());
        let messages = Messages::of(std::slice::from_ref(&one), one.len());
        // The same text as one of two, whose other half is cut off again.
        let nulls = text(&vec![None; one.len()]);
        let both = Messages::of(&[nulls, one], 71);
        for row in 0..71 {
            assert_eq!(messages.get(row), both.get(row)[1..], "{row}");
        }
        assert_eq!(messages.slice(69, 2).get(1), messages.get(70));
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
        let places = UInt64Array::from(vec![0, 10_203, u64::MAX]);
        let placed = Messages::of_places(text(&[Some("p"); 3]), places);
        let path = text(&[Some("p"); 3]);
        let digits = text(&[Some("0"), Some("10203"), Some("18446744073709551615")]);
        let spelled = Messages::of(&[text(&[None; 3]), path, digits], 3);
        assert!((0..3).all(|row| placed.get(row) == spelled.get(row)));
        let longer = placed.followed_by(&columns);
        let whole = |row| [placed.get(row), both.get(row)].concat();
        assert!((0..3).all(|row| longer.get(row) == whole(row)));
        assert!((1..3).all(|row| longer.slice(1, 2).get(row - 1) == whole(row)));
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
