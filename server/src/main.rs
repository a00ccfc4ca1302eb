//! The `visard` command.

use std::process::ExitCode;

// docs/decisions/0011-allocator.md
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    visard::commands::main(visard_server::logs::layer(), visard_server::serve::run)
}
