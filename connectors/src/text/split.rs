//! Where a block of a file stands among the quotes, so that blocks can be read side by side.
//!
//! A line end inside quotes ends no record, so a block cannot tell where its first record begins
//! until all blocks in front of it are known. Each block therefore works out how it ends for every
//! way it could begin, which takes little more than one search for quotes: a quote only opens a
//! field at the field's start, so two ways of reading soon agree. Then the states run down the
//! [`Chain`] from block to block without waiting for anyone's bytes.

use memchr::{memchr, memchr2};
use parking_lot::{Condvar, Mutex};

use super::dialect::Dialect;
use super::parity::follow;

/// What stands in front of a place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The end of a record, or nothing.
    RecordStart,
    /// A delimiter.
    FieldStart,
    /// A byte of an unquoted field, or one behind a closing quote.
    Unquoted,
    /// A byte inside quotes.
    Quoted,
    /// A quote inside quotes: the closing one, if no other follows.
    QuoteSeen,
    /// An escape.
    Escaped,
}

impl Dialect {
    /// The state behind `byte`.
    pub(super) fn step(&self, state: State, byte: u8) -> State {
        match state {
            State::Escaped if self.quote.is_some() => State::Quoted,
            State::Escaped => State::Unquoted,
            State::Quoted if Some(byte) == self.quote => State::QuoteSeen,
            State::Quoted if Some(byte) == self.escape => State::Escaped,
            State::Quoted => State::Quoted,
            State::QuoteSeen | State::RecordStart | State::FieldStart
                if Some(byte) == self.quote =>
            {
                State::Quoted
            }
            _ if byte == self.newline => State::RecordStart,
            _ if byte == self.delimiter => State::FieldStart,
            _ if self.quote.is_none() && Some(byte) == self.escape => State::Escaped,
            _ => State::Unquoted,
        }
    }

    /// Where the first record of `block` begins if `state` stands in front of it.
    pub(super) fn first_record(&self, block: &[u8], mut state: State) -> Option<usize> {
        if state == State::RecordStart {
            return Some(0);
        }
        let end = block.iter().position(|byte| {
            state = self.step(state, *byte);
            state == State::RecordStart
        });
        end.map(|end| end + 1)
    }

    /// The state behind `block` if `start` stands in front of it.
    pub(super) fn end_state(&self, block: &[u8], start: State) -> State {
        self.run(block, start, &mut Opens::with_room(0), None)
    }

    /// Follows the quotes of `block`. Notes where quoted fields open in `opens`; meets an earlier
    /// run, and has its end, as soon as both open a field at one place.
    fn run(
        &self,
        block: &[u8],
        start: State,
        opens: &mut Opens,
        earlier: Option<(&Opens, State)>,
    ) -> State {
        let (Some(first), Some(quote)) = (block.first(), self.quote) else {
            return self.run_unquoted(block, start);
        };
        let escape = self.escape.unwrap_or(quote);
        let (mut at, mut inside) = match self.step(start, *first) {
            State::Quoted => (1, true),
            // A quote or an escape: looked at again together with the byte behind it.
            State::QuoteSeen | State::Escaped => (0, true),
            State::RecordStart | State::FieldStart | State::Unquoted => (1, false),
        };
        loop {
            if opens.are_full() {
                (at, inside) = follow(self, block, at, inside);
            }
            let rest = &block[at..];
            if inside {
                let Some(found) = memchr2(quote, escape, rest) else {
                    return State::Quoted;
                };
                match rest.get(found + 1) {
                    None if rest[found] == quote => return State::QuoteSeen,
                    None => return State::Escaped,
                    Some(next) if rest[found] == quote && *next != quote => {
                        inside = false;
                        at += found + 1;
                    }
                    Some(_) => at += found + 2,
                }
            } else {
                let Some(found) = memchr(quote, rest) else {
                    let last = block[block.len() - 1];
                    return self.step(State::Unquoted, last);
                };
                at += found + 1;
                let before = block[at - 2];
                inside = before == self.delimiter || before == self.newline;
                if inside {
                    match earlier {
                        Some((known, end)) if known.contains(at) => return end,
                        _ => opens.push(at),
                    }
                }
            }
        }
    }

    /// The same where no field is quoted.
    fn run_unquoted(&self, block: &[u8], start: State) -> State {
        let Some(escape) = self.escape else {
            return block
                .last()
                .map_or(start, |last| self.step(State::Unquoted, *last));
        };
        let mut at = usize::from(start == State::Escaped);
        while let Some(found) = block.get(at..).and_then(|rest| memchr(escape, rest)) {
            at += found + 2;
        }
        match block.last() {
            None => start,
            Some(_) if at == block.len() + 1 => State::Escaped,
            Some(_) if at == block.len() => State::Unquoted,
            Some(last) => self.step(State::Unquoted, *last),
        }
    }
}

/// How a block ends for every state in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transitions {
    /// Outside quotes, when the first byte is not a quote that opens.
    outside: State,
    inside: State,
    /// Inside quotes from the second byte on.
    behind_first: State,
    first_is_quote: bool,
}

impl Transitions {
    /// How `block`, which is not empty, ends.
    pub(super) fn new(dialect: &Dialect, block: &[u8]) -> Self {
        let mut opens = Opens::with_room(FEW);
        let outside = dialect.run(block, State::Unquoted, &mut opens, None);
        let known = Some((&opens, outside));
        let inside = dialect.run(block, State::Quoted, &mut Opens::with_room(FEW), known);
        let behind_first = dialect.run(block, State::Escaped, &mut Opens::with_room(FEW), known);
        let first_is_quote = dialect.opens(block.first());
        Self {
            outside,
            inside,
            behind_first,
            first_is_quote,
        }
    }

    /// The state behind the block if `start` stands in front of it.
    pub(super) fn end(&self, start: State) -> State {
        match start {
            State::Quoted => self.inside,
            State::Escaped => self.behind_first,
            State::Unquoted => self.outside,
            State::RecordStart | State::FieldStart | State::QuoteSeen => {
                if self.first_is_quote {
                    self.behind_first
                } else {
                    self.outside
                }
            }
        }
    }
}

/// Places that are remembered: two readings of a block agree long before, or hardly ever.
const FEW: usize = 256;

/// The first few places where a quoted field opens.
#[derive(Debug)]
struct Opens {
    places: Vec<usize>,
    room: usize,
}

impl Opens {
    fn with_room(room: usize) -> Self {
        Self {
            places: vec![],
            room,
        }
    }

    fn are_full(&self) -> bool {
        self.places.len() >= self.room
    }

    fn push(&mut self, at: usize) {
        if !self.are_full() {
            self.places.push(at);
        }
    }

    fn contains(&self, at: usize) -> bool {
        self.places.binary_search(&at).is_ok()
    }
}

/// The states between the blocks of one file, handed on from slice to slice.
#[derive(Debug)]
pub(super) struct Chain {
    links: Mutex<Vec<Link>>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Unknown,
    Known(State),
    /// The slice in front failed or was cancelled before it knew.
    Broken,
}

impl Chain {
    /// A chain for `slices` slices. The first record begins where the first slice does.
    pub(super) fn new(slices: usize) -> Self {
        let mut links = vec![Link::Unknown; slices + 1];
        links[0] = Link::Known(State::RecordStart);
        Self {
            links: Mutex::new(links),
            changed: Condvar::new(),
        }
    }

    /// The state in front of `slice`, if it is known by now.
    pub(super) fn known(&self, slice: usize) -> Option<State> {
        match self.links.lock()[slice] {
            Link::Known(state) => Some(state),
            Link::Unknown | Link::Broken => None,
        }
    }

    /// Waits for the state in front of `slice`; `None` when it will never be known. The slices in
    /// front have started, so someone is at it.
    pub(super) fn wait(&self, slice: usize) -> Option<State> {
        let mut links = self.links.lock();
        loop {
            match links[slice] {
                Link::Known(state) => return Some(state),
                Link::Broken => return None,
                Link::Unknown => self.changed.wait(&mut links),
            }
        }
    }

    /// Makes the state behind `slice` known.
    pub(super) fn publish(&self, slice: usize, state: State) {
        self.set(slice + 1, Link::Known(state));
    }

    /// Tells those who wait for the state behind `slice` that it will never be known.
    pub(super) fn break_behind(&self, slice: usize) {
        self.set(slice + 1, Link::Broken);
    }

    /// Tells everyone who waits.
    pub(super) fn break_all(&self) {
        for link in self
            .links
            .lock()
            .iter_mut()
            .filter(|link| **link == Link::Unknown)
        {
            *link = Link::Broken;
        }
        self.changed.notify_all();
    }

    fn set(&self, at: usize, link: Link) {
        let mut links = self.links.lock();
        if links[at] == Link::Unknown {
            links[at] = link;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::TextOptions;
    use super::*;

    const STATES: [State; 6] = [
        State::RecordStart,
        State::FieldStart,
        State::Unquoted,
        State::Quoted,
        State::QuoteSeen,
        State::Escaped,
    ];

    fn dialects() -> Vec<Dialect> {
        let kinds = [
            (Some(b'"'), None),
            (Some(b'"'), Some(b'\\')),
            (None, None),
            (None, Some(b'\\')),
        ];
        let dialect = |(quote, escape)| {
            let options = TextOptions {
                quote,
                escape,
                ..TextOptions::default()
            };
            Dialect::new(&options, "a.csv", None).unwrap()
        };
        kinds.map(dialect).into()
    }

    /// Whether a file can be in `state` at all.
    fn possible(dialect: &Dialect, state: State) -> bool {
        match state {
            State::Quoted | State::QuoteSeen => dialect.quote.is_some(),
            State::Escaped => dialect.escape.is_some(),
            State::RecordStart | State::FieldStart | State::Unquoted => true,
        }
    }

    proptest! {
        #[test]
        fn jumps_and_steps_agree(text in r#"[a,"\\\n]{1,60}|([a,"\\\n]{1,9}|"[a,\n]{0,50}",|a{40}){1,20}"#) {
            let block = text.as_bytes();
            for dialect in dialects() {
                let transitions = Transitions::new(&dialect, block);
                for start in STATES.into_iter().filter(|state| possible(&dialect, *state)) {
                    let end = block.iter().fold(start, |state, byte| dialect.step(state, *byte));
                    prop_assert_eq!(transitions.end(start), end, "{:?} {:?}", start, dialect);
                    prop_assert_eq!(dialect.end_state(block, start), end, "{:?}", start);
                }
            }
        }
    }

    #[test]
    fn first_records() {
        let dialect = &dialects()[0];
        for (block, state, first) in [
            ("a,b\nc", State::RecordStart, Some(0)),
            ("a,b\nc", State::FieldStart, Some(4)),
            ("a,b\nc", State::Quoted, None),
            ("\"\nc", State::Quoted, Some(2)),
            ("\"\nc", State::FieldStart, None),
            ("\"\nc", State::QuoteSeen, None),
            ("\nc", State::QuoteSeen, Some(1)),
            ("c\n", State::Unquoted, Some(2)),
        ] {
            assert_eq!(
                dialect.first_record(block.as_bytes(), state),
                first,
                "{block:?} {state:?}"
            );
        }
    }

    #[test]
    fn a_broken_chain_tells_those_who_wait() {
        let chain = Chain::new(3);
        assert_eq!(chain.wait(0), Some(State::RecordStart));
        chain.publish(0, State::Quoted);
        chain.break_behind(1);
        chain.publish(1, State::Quoted);
        assert_eq!((chain.known(1), chain.wait(2)), (Some(State::Quoted), None));
    }
}
