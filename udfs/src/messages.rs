//! Messages: what the draws of rows are taken from.
//!
//! ```text
//! message = field ‖ field ‖ …             the hash inputs, or null ‖ path ‖ place for a row's identity
//! field   = 00                            for null
//!         | LEB128(length + 1) ‖ bytes    for a value in canonical text
//! ```

use std::fmt;
use std::ops::Range;

use arrow::array::{Array, StringViewArray, UInt64Array};

use crate::cmac::SLACK;

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
pub struct Messages {
    base: Base,
    /// What is made of the base; each row's own message where this is missing.
    picked: Option<Picked>,
}

#[derive(Clone)]
enum Base {
    /// These columns in canonical text, of so many rows.
    Fields(Vec<StringViewArray>, usize),
    /// Null, the path of the row's unit and the row's place in it.
    Places(StringViewArray, UInt64Array),
}

/// Messages that begin as those of other rows do: a document that many values are in is kept once.
#[derive(Clone)]
struct Picked {
    /// The row whose message each begins with.
    rows: Vec<u32>,
    /// The fields that follow.
    tails: Written,
}

impl Default for Base {
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
        Self {
            base: Base::Fields(inputs.to_vec(), rows),
            picked: None,
        }
    }

    /// The messages of rows known by their unit's path and their place in it, neither of them null.
    pub fn of_places(paths: StringViewArray, places: UInt64Array) -> Self {
        Self {
            base: Base::Places(paths, places),
            picked: None,
        }
    }

    /// One message for each of `rows`, told apart by its ordinal within the row where that is not zero.
    pub fn select(&self, rows: &[u32], ordinals: &[u32], part: Part) -> Self {
        let rows = rows.iter().map(|&row| row as usize);
        self.longer(rows.zip(ordinals), |tail, &ordinal| {
            if ordinal > 0 {
                tail.field(Some(format!("{}{ordinal}", part.letter()).as_bytes()));
            }
        })
    }

    /// Each message with one more field for each of `inputs`, in canonical text.
    pub(crate) fn followed_by(&self, inputs: &[StringViewArray]) -> Self {
        match (&self.base, &self.picked) {
            (Base::Fields(fields, rows), None) => Self::of(&[fields, inputs].concat(), *rows),
            _ => self.longer((0..self.len()).map(|row| (row, row)), |tail, row| {
                tail.fields(inputs, row);
            }),
        }
    }

    /// The messages of some rows, each with what `more` writes behind it.
    fn longer<T>(
        &self,
        rows: impl ExactSizeIterator<Item = (usize, T)>,
        more: impl Fn(&mut Written, T),
    ) -> Self {
        let mut picked = Picked {
            rows: Vec::with_capacity(rows.len()),
            tails: Written::with_room(0, rows.len()),
        };
        for (row, of_row) in rows {
            picked.rows.push(match &self.picked {
                None => row as u32,
                Some(before) => {
                    picked.tails.bytes.extend_from_slice(before.tails.get(row));
                    before.rows[row]
                }
            });
            more(&mut picked.tails, of_row);
            picked.tails.end();
        }
        Self {
            base: self.base.clone(),
            picked: Some(picked),
        }
    }

    /// The messages of `length` rows from `start` on.
    pub(crate) fn slice(&self, start: usize, length: usize) -> Self {
        if self.picked.is_some() {
            let rows = (start..start + length).map(|row| (row, ()));
            return self.longer(rows, |_, ()| ());
        }
        match &self.base {
            Base::Fields(inputs, _) => {
                let inputs = inputs.iter().map(|input| input.slice(start, length));
                Self::of(&inputs.collect::<Vec<_>>(), length)
            }
            Base::Places(paths, places) => {
                Self::of_places(paths.slice(start, length), places.slice(start, length))
            }
        }
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        match (&self.picked, &self.base) {
            (Some(picked), _) => picked.rows.len(),
            (None, Base::Fields(_, rows)) => *rows,
            (None, Base::Places(_, places)) => places.len(),
        }
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the messages of some rows.
    pub(crate) fn write(&self, rows: Range<usize>, written: &mut Written) {
        match (&self.picked, &self.base) {
            (Some(picked), base) => {
                for row in rows {
                    base.write(picked.rows[row] as usize, written);
                    written.bytes.extend_from_slice(picked.tails.get(row));
                    written.end();
                }
            }
            (None, Base::Fields(inputs, _))
                if let [input] = &inputs[..]
                    && input.null_count() == 0 =>
            {
                written.values(input, rows);
            }
            (None, base) => {
                for row in rows {
                    base.write(row, written);
                    written.end();
                }
            }
        }
    }

    /// The messages of some rows as what they begin with and what follows, where several of them begin
    /// alike with so much that it should be read once. What they begin with is named by a number.
    pub(crate) fn long_fronts(
        &self,
        rows: Range<usize>,
    ) -> Option<impl Iterator<Item = (u32, &[u8])>> {
        let picked = self.picked.as_ref()?;
        let fronts = &picked.rows[rows.clone()];
        let is_long = |pair: &[u32]| pair[0] == pair[1] && self.base.is_long(pair[0] as usize);
        let any = fronts.windows(2).any(is_long);
        any.then(|| rows.map(|row| (picked.rows[row], picked.tails.get(row))))
    }

    /// Writes what messages of [`Messages::long_fronts`] begin with.
    pub(crate) fn write_front(&self, front: u32, written: &mut Written) {
        self.base.write(front as usize, written);
    }
}

impl Base {
    /// Writes the message of a row, but does not end it.
    fn write(&self, row: usize, written: &mut Written) {
        match self {
            Self::Fields(inputs, _) => written.fields(inputs, row),
            Self::Places(paths, places) => {
                written.field(None);
                written.field(Some(paths.value(row).as_bytes()));
                written.number(places.value(row));
            }
        }
    }

    /// Whether a row's message takes longer to read than it takes to do without its neighbours.
    fn is_long(&self, row: usize) -> bool {
        const LONG: usize = 1024;
        match self {
            // The length of a null says nothing, and does no harm.
            Self::Fields(inputs, _) => {
                let lengths = inputs
                    .iter()
                    .map(|input| input.views()[row] as u32 as usize);
                lengths.sum::<usize>() > LONG
            }
            Self::Places(paths, _) => paths.value(row).len() > LONG,
        }
    }
}

/// Messages one behind the other.
#[derive(Clone, Default)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Where each message ends.
    pub(crate) ends: Vec<usize>,
}

impl Written {
    /// Room for `rows` messages of about `bytes` bytes together.
    fn with_room(bytes: usize, rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes + SLACK),
            ends: Vec::with_capacity(rows),
        }
    }

    pub(crate) fn clear(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
