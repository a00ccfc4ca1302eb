//! Visard's tests, as a user sees it: one binary, because each one links all of DataFusion.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub
)]

mod amazon;
mod cli;
mod crashes;
mod databases;
mod distributions;
mod draw_inputs;
mod faults;
mod fuzz;
mod golden;
mod leaks;
mod mariadb;
mod masking;
mod network;
mod odbc;
mod pages;
mod peers;
mod postgres;
mod postgres_types;
mod properties;
mod readback;
mod runs;
mod schemas;
mod serve;
mod serve_runs;
mod servers;
mod shuffle;
mod sql;
mod sqlite;
mod starter;
mod statistics;
mod stores;
mod tidy;
mod unique;
mod uniqueness;
mod visard;
