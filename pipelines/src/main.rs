//! The `visard` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    visard::commands::main()
}
