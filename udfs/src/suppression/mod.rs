//! Values, or parts of them, are removed or made the same.

pub(crate) mod from_blob;
pub(crate) mod from_fixed;
pub(crate) mod partial;
pub(crate) mod suppress;
