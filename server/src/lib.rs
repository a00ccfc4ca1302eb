//! Who is asking, may they, and in which dialect do we answer?
//!
//! | Question | File |
//! |---|---|
//! | how is the server started and stopped? | [`serve`] |
//! | what do all requests share? | [`app`] |
//! | which path is meant? | `paths.rs` |
//! | who is asking, and may they? | `access.rs`, `roles.rs`, `tokens.rs`, `passwords.rs` |
//! | what is kept, and where? | [`store`], `documents.rs` |
//! | how are secrets kept? | `vault.rs` |
//! | who did what? | `audit.rs` |
//! | how do runs run? | `runs/` |
//! | which endpoints are there, for a page? | [`reference`] |
//! | what is answered? | `api/`, `answer.rs`, `page.rs`, `error.rs` |

pub mod app;
pub mod reference;
pub mod serve;
pub mod store;

mod access;
mod api;
mod audit;
mod documents;
mod error;
mod extract;
mod page;
mod paths;
mod roles;
mod sessions;
mod time;
mod vault;
