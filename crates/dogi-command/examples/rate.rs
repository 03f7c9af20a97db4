//! How many programs per second: `cargo run --release -p dogi-command --example rate [PROGRAM]`.
#![allow(clippy::print_stdout, reason = "it prints a figure")]

use std::{error::Error, ffi::OsStr, time::Instant};

use dogi_command::{CommandSpec, Program};
use futures::{StreamExt as _, TryStreamExt as _, stream};

const PROGRAMS: u32 = 5_000;
const AT_ONCE: usize = 16;
const KEPT: usize = 1 << 20;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args_os().nth(1).unwrap_or("true".into());
    let program = Program::find(&name, None, OsStr::new("/usr/bin:/bin"))?;
    let spec = CommandSpec::new(program, name);
    let began = Instant::now();
    stream::iter(0..PROGRAMS)
        .map(|_| {
            let spec = spec.clone();
            async move {
                // As a server does: each in a task of its own.
                let running = tokio::spawn(async move {
                    spec.spawn()
                        .await?
                        .collect(KEPT)
                        .await
                        .map_err(<Box<dyn Error + Send + Sync>>::from)
                });
                running.await?
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(async |_| Ok(()))
        .await
        .map_err(|error: Box<dyn Error + Send + Sync>| error.to_string())?;
    let rate = f64::from(PROGRAMS) / began.elapsed().as_secs_f64();
    println!("{rate:.0} programs per second, {AT_ONCE} at once");
    Ok(())
}
