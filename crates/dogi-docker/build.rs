//! Compiles the follow helper (`helper/tail.rs`) to a static program that the library embeds.
//!
//! Where that is not possible (no static C library, a target that is not Linux) the library is built
//! without it and follows files by asking the engine for them again and again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=helper/tail.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let program = out.join("tail");
    let target = env::var_os("TARGET").expect("cargo sets TARGET");
    let target = target.to_string_lossy();
    if let Err(reason) = compile(&target, &program) {
        println!("cargo:warning=no follow helper, files will be polled: {reason}");
        fs::write(&program, []).expect("OUT_DIR can be written");
    }
    let bytes = fs::read(&program).expect("the helper was just written");
    println!("cargo:rustc-env=DOGI_TAIL={}", program.display());
    println!("cargo:rustc-env=DOGI_TAIL_HASH={:016x}", fnv1a(&bytes));
}

fn compile(target: &str, program: &Path) -> Result<(), String> {
    if !target.contains("-linux-") {
        return Err(format!("{target} is not Linux"));
    }
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let mut command = Command::new(rustc);
    command
        .args([
            "--edition=2024",
            "--crate-name=tail",
            "--crate-type=bin",
            "--target",
            target,
        ])
        .args([
            "-C",
            "target-feature=+crt-static",
            "-C",
            "relocation-model=static",
        ])
        .args([
            "-C",
            "opt-level=s",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        ])
        .args(["-C", "lto=fat", "-C", "codegen-units=1"])
        .arg("-o")
        .arg(program)
        .arg("helper/tail.rs");
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = std::ffi::OsString::from("linker=");
        flag.push(linker);
        command.arg("-C").arg(flag);
    }
    // What cargo was told for the workspace is not meant for this program.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = command
        .output()
        .map_err(|err| format!("rustc can't be run: {err}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr
        .lines()
        .find(|line| line.starts_with("error"))
        .unwrap_or("rustc failed")
        .to_owned())
}

/// Tells versions of the helper apart in its file name; nothing depends on its strength.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
