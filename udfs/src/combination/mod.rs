//! Masks made of masks, and plain transformations of text.

mod checksum;
mod class_runs;
mod document;
mod json_places;
mod masks;
mod matchers;
mod pattern;
mod splice;
mod words;
mod xml_places;
mod xml_text;
mod xml_tree;

pub(crate) mod chain;
pub(crate) mod concat;
pub(crate) mod do_nothing;
pub(crate) mod from_column;
pub(crate) mod from_json_path;
pub(crate) mod json;
pub(crate) mod replace_regex;
pub(crate) mod replace_substring;
pub(crate) mod set_checksum;
pub(crate) mod take_substring;
pub(crate) mod transform_case;
pub(crate) mod typecast;
pub(crate) mod unstructured_text;
pub(crate) mod xml;

pub(crate) use masks::Masks;
