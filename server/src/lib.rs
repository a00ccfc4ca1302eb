//! Who is asking, may they, and in which dialect do we answer?
//!
//! | Question | File |
//! |---|---|
//! | how is the server started and stopped? | [`serve`], `tls.rs`, `proxy.rs` |
//! | what do all requests share? | [`app`] |
//! | what does every request go through? | `around.rs` |
//! | what does the server tell of itself? | [`logs`], `metrics.rs` |
//! | which path is meant? | `paths.rs` |
//! | who is asking, and may they? | `access.rs`, `roles.rs`, `sessions.rs`, `jwt.rs`, `client.rs` |
//! | who may log in, and how often may they try? | `users.rs`, `passwords.rs`, `throttle.rs` |
//! | under which names may it be asked, and what else do admins set? | `hosts.rs`, `settings.rs` |
//! | what is kept, where, and who changed it? | [`store`], `documents.rs`, `edits.rs` |
//! | how are secrets kept, and under which key? | `vault.rs`, `folder.rs`, `rotate.rs` |
//! | which secret goes into every masked value? | `instance.rs` |
//! | who did what? | `audit.rs` |
//! | what is a connection to clients, and to pipelines? | `connections/` |
//! | is a ruleset sound, and what does a run need of it? | `rulesets/` |
//! | what do clients upload? | `uploads.rs`, `archives.rs`, `files.rs`, `bundle.rs` |
//! | where does work lie meanwhile? | `private.rs` |
//! | how do runs run? | `runs/` |
//! | which columns hold personal data, and which ruleset masks them? | `discovery/` |
//! | which endpoints are there, for a page? | [`reference`] |
//! | how are values masked in flight? | `in_flight/` |
//! | what is answered? | `api/`, `answer.rs`, `page.rs`, `error.rs` |

pub mod app;
pub mod logs;
pub mod reference;
pub mod serve;
pub mod store;

mod access;
mod api;
mod archives;
mod around;
mod audit;
mod bundle;
mod client;
mod connections;
mod discovery;
mod documents;
mod edits;
mod error;
mod extract;
mod files;
mod folder;
mod hosts;
mod in_flight;
mod instance;
mod jwt;
mod metrics;
mod page;
mod passwords;
mod paths;
mod private;
mod proxy;
mod roles;
mod rotate;
mod rulesets;
mod runs;
mod sessions;
mod settings;
#[cfg(test)]
mod testing;
mod throttle;
mod time;
mod tls;
mod uploads;
mod users;
mod vault;
