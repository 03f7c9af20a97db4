//! The `dogi` program; everything it does is in the library.

use std::process::ExitCode;

use dogi::cli::{self, Console};
use dogi::config::Environment;

fn main() -> ExitCode {
    let env = Environment::of_process();
    cli::main(std::env::args_os(), &env, &mut Console::of_process()).into()
}
