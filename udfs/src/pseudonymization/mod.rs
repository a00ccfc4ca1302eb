//! Values become others that cannot be led back without the key.

pub(crate) mod fpe;
pub(crate) mod hash;
