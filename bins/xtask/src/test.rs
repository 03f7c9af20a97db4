//! `cargo xtask test`: the set-up, every test, and a look at what they left behind.

mod leftovers;
pub mod runner;

use crate::{
    Failure, Result, root, say, setup,
    tidy::{Tree, sources},
};

use runner::Runner;

/// Runs the tests: all of them, or those whose name contains `filter`.
///
/// # Errors
///
/// When a test fails or leaves something behind in the engine.
pub async fn run(heavy: bool, filter: Option<&str>) -> Result<()> {
    let watch = say::Watch::start();
    setup::prepare(setup::Need::Tests).await?;
    let before = leftovers::Snapshot::take()?;

    let runner = Runner::find();
    let mut report = runner.run(heavy, filter).await?;
    let left = before.what_is_new().await?;
    let tree = Tree::read(&root())?;
    let (parts, mut not_run): (Vec<_>, Vec<_>) = sources::ignored(&tree)
        .into_iter()
        .partition(|test| test.is_part_of_a_test(&tree));
    not_run.retain(|test| !(heavy && test.is_heavy()));

    say::line("");
    say::step(format_args!(
        "tests: what came of it, after {}",
        watch.text()
    ));
    for test in &not_run {
        say::line(format_args!(
            "not run: {} in {} ({})",
            test.name, test.path, test.reason
        ));
    }
    if !not_run.is_empty() {
        say::line("         `cargo xtask test --heavy` runs them too");
    }
    for part in parts {
        say::line(format_args!(
            "not run by itself: {} in {}: {}",
            part.name, part.path, part.reason
        ));
    }
    if let Some(filter) = filter {
        say::line(format_args!(
            "not run: doc tests, and tests without `{filter}` in their name"
        ));
    }
    for line in &report.closing {
        say::line(line);
    }
    if left.is_empty() {
        say::line("left behind in the engine: no container, no network, no volume");
    } else {
        report.failed.push(format!(
            "{} things are left behind in the engine",
            left.len()
        ));
    }
    match before.images_built()? {
        0 => {}
        built => say::line(format_args!(
            "{built} small images stay, as dogi keeps what it builds; to remove all such images: \
             docker image prune -a --filter label=dogi.built-by"
        )),
    }
    for thing in left {
        say::line(format_args!(
            "left behind: {:?} {} {}",
            thing.kind, thing.name, thing.id
        ));
    }
    match report.failed.is_empty() {
        true => Ok(()),
        false => Failure::err(report.failed.join("; ")),
    }
}
