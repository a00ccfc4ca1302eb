//! Follows quotes 64 bytes at a time: behind an odd number of them, a byte is quoted.
//!
//! That is true as long as every quote that makes the number odd opens a field: it stands behind a
//! delimiter or a line end, or behind the quote that closed the same field a byte before, the two of
//! them being a quote within it. Where another one turns up, and in files with an escape, fields are
//! to be read byte by byte.

use super::dialect::Dialect;
use super::marks::{CHUNK, find};

/// The bytes that make up fields where counting can tell them apart.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    /// Delimiter and line end.
    separators: [u8; 2],
    quote: Option<u8>,
}

impl Kinds {
    fn of(dialect: &Dialect) -> Option<Self> {
        dialect.escape.is_none().then_some(Self {
            separators: [dialect.delimiter, dialect.newline],
            quote: dialect.quote,
        })
    }
}

/// What the bytes in front leave behind.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// All bits set inside quotes, else none.
    inside: u64,
    /// 1 if a quote may stand next that opens or opens again.
    opens: u64,
}

impl Before {
    const RECORD: Self = Self {
        inside: 0,
        opens: 1,
    };

    /// The separators outside quotes in the chunk of `buffer` at `start`, where the bytes of `from`
    /// are looked at, and what its bytes leave behind. `None` where counting does not tell.
    fn step(self, kinds: Kinds, buffer: &[u8], start: usize, from: u64) -> Option<(u64, Self)> {
        let separators = find(buffer, start, kinds.separators) & from;
        let Some(quote) = kinds.quote else {
            return Some((separators, self));
        };
        let quotes = find(buffer, start, [quote]) & from;
        if quotes == 0 {
            let separators = separators & !self.inside;
            let opens = separators >> (CHUNK - 1);
            return Some((separators, Self { opens, ..self }));
        }
        let inside = odd(quotes) ^ self.inside;
        let separators = separators & !inside;
        let may_open = separators | (quotes & !inside);
        let behind = (may_open << 1) | (self.opens << from.trailing_zeros());
        let strange = quotes & inside & !behind;
        (strange == 0).then_some((
            separators,
            Self {
                inside: (inside >> (CHUNK - 1)).wrapping_neg(),
                opens: may_open >> (CHUNK - 1),
            },
        ))
    }
}

/// A bit is set if the number of bits set up to it and with it is odd.
fn odd(bits: u64) -> u64 {
    (0..6).fold(bits, |odd, step| odd ^ (odd << (1 << step)))
}

/// The delimiters and line ends of a buffer that stand outside quotes, from left to right.
#[derive(Debug)]
pub(super) struct Separators<'a> {
    buffer: &'a [u8],
    kinds: Kinds,
    /// Where the chunk begins whose separators are in `found`.
    chunk: usize,
    found: u64,
    before: Before,
    state: Counting,
}

/// Whether counting goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    On,
    /// The separators of the buffer are all found.
    Over,
    /// In the chunk at hand counting does not tell.
    Stuck,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Separator(usize),
    /// The end of the buffer, inside quotes or outside.
    End {
        inside: bool,
    },
    /// Counting does not tell.
    Unknown,
}

impl<'a> Separators<'a> {
    /// The separators of records that begin with the buffer; `None` for a dialect where counting
    /// does not tell.
    pub(super) fn of(dialect: &Dialect, buffer: &'a [u8]) -> Option<Self> {
        let mut separators = Self {
            buffer,
            kinds: Kinds::of(dialect)?,
            chunk: 0,
            found: 0,
            before: Before::RECORD,
            state: Counting::On,
        };
        separators.restart(0);
        Some(separators)
    }

    /// Goes on with the record at `place`.
    pub(super) fn restart(&mut self, place: usize) {
        self.chunk = place - place % CHUNK;
        self.before = Before::RECORD;
        self.state = Counting::On;
        self.load(u64::MAX << (place % CHUNK));
    }

    pub(super) fn next(&mut self) -> Next {
        while self.found == 0 {
            match self.state {
                Counting::Stuck => return Next::Unknown,
                Counting::Over => {
                    let inside = self.before.inside != 0;
                    return Next::End { inside };
                }
                Counting::On => {
                    self.chunk += CHUNK;
                    self.load(u64::MAX);
                }
            }
        }
        let at = self.chunk + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Next::Separator(at)
    }

    fn load(&mut self, from: u64) {
        if self.chunk >= self.buffer.len() {
            (self.found, self.state) = (0, Counting::Over);
            return;
        }
        match self.before.step(self.kinds, self.buffer, self.chunk, from) {
            Some((found, before)) => (self.found, self.before) = (found, before),
            None => (self.found, self.state) = (0, Counting::Stuck),
        }
    }
}

/// Follows the quotes of `block` from `at` on, which is inside quotes or not, as far as counting
/// tells; returns how far that was and whether the byte there is inside quotes. Never goes up to the
/// end of the block. Outside quotes, the byte in front of `at` is there and does not belong to a
/// quoted field.
pub(super) fn follow(dialect: &Dialect, block: &[u8], at: usize, inside: bool) -> (usize, bool) {
    let Some(kinds) = Kinds::of(dialect) else {
        return (at, inside);
    };
    let is_separator = |byte: &u8| kinds.separators.contains(byte);
    let opens = !inside
        && at
            .checked_sub(1)
            .is_none_or(|before| is_separator(&block[before]));
    let mut before = Before {
        inside: u64::from(inside).wrapping_neg(),
        opens: u64::from(opens),
    };
    let mut end = at;
    while end + CHUNK < block.len()
        && let Some((_, next)) = before.step(kinds, block, end, u64::MAX)
    {
        before = next;
        end += CHUNK;
    }
    let inside = before.inside != 0;
    // A quote that closes may be half of two: look at it again together with the byte behind it.
    match end > at && !inside && Some(block[end - 1]) == kinds.quote && before.opens == 1 {
        true => (end - 1, true),
        false => (end, inside),
    }
}
