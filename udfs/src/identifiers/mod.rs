//! Identifiers: numbers with a layout and check digits, taken apart and drawn anew.
//!
//! A [`Kind`] is a table: its layouts by length, each a row of [`Field`]s; how the check digits follow
//! ([`Kind::seal`]); which bodies are void all the same ([`Kind::void`]).

mod classes;
mod dates;
mod field;
mod fraction;
mod generated;
pub(crate) mod iban;
mod kind;
mod kinds;
mod repeating;
mod written;

pub(crate) use dates::BirthDate;
pub(crate) use field::Field;
pub(crate) use fraction::{Fraction, draw_until};
pub(crate) use generated::Generated;
pub(crate) use kind::{Kept, Kind};
pub(crate) use kinds::{KINDS, kind};
pub(crate) use written::{Number, push_like, push_with_end};
use written::{number_of, write_number};
