//! Rules about documentation and manifests.

use super::{SourceFile, Tree, Violation};

/// Libraries open with what they are for, an example that is tested, limitations and
/// features.
pub fn crate_docs(tree: &Tree) -> Vec<Violation> {
    let libraries = tree.files.iter().filter(|file| {
        file.path.ends_with("/src/lib.rs")
            && (file.path.starts_with("crates/") || file.path.starts_with("bins/"))
    });
    libraries.flat_map(library).collect()
}

fn library(file: &SourceFile) -> Vec<Violation> {
    let header: Vec<&str> = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim())
        .collect();
    let has_heading = |name: &str| header.iter().any(|line| *line == format!("# {name}"));
    let checks = [
        (
            header.first().is_some_and(|line| line.len() > 20),
            "a sentence that says what it is for",
        ),
        (
            has_example(&header),
            "an example that the tests compile (a code block without `ignore` or `text`)",
        ),
        (has_heading("Limitations"), "a section `# Limitations`"),
        (has_heading("Features"), "a section `# Features`"),
    ];
    let missing = checks.iter().filter(|(there, _)| !there);
    missing
        .map(|(_, what)| {
            Violation::new(
                &file.path,
                1,
                "crate-docs",
                format!("the crate's documentation lacks {what}"),
            )
        })
        .collect()
}

/// Whether a code block is a doc test.
fn has_example(header: &[&str]) -> bool {
    let fences = header.iter().filter(|line| line.starts_with("```"));
    // Every other fence closes.
    fences.step_by(2).any(|fence| {
        matches!(
            fence.trim_start_matches('`'),
            "" | "rust" | "should_panic" | "no_run"
        )
    })
}

/// An example that is not even compiled goes stale in silence.
pub fn ignored_examples(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        for (index, line) in file.text.lines().enumerate() {
            let doc = line.trim_start();
            let doc = doc.strip_prefix("///").or_else(|| doc.strip_prefix("//!"));
            if doc.is_some_and(|doc| doc.trim_start().starts_with("```ignore")) {
                let message = "an ignored example: let it run, or mark it `no_run` or `text`";
                found.push(Violation::new(&file.path, index + 1, "crate-docs", message));
            }
        }
    }
    found
}

/// Every relative link of a Markdown file points to a file, and to a heading of it.
pub fn links(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in targets(&file.text) {
            let complaint = check_link(tree, file, &target);
            found.extend(complaint.map(|what| {
                Violation::new(
                    &file.path,
                    line,
                    "links",
                    format!("the link `{target}` {what}"),
                )
            }));
        }
    }
    found
}

fn check_link(tree: &Tree, file: &SourceFile, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let there = if path.is_empty() {
        file.path.clone()
    } else {
        match resolve(&file.path, path) {
            Some(there) => there,
            None => return Some("leaves the repository".to_owned()),
        }
    };
    if !tree.paths.contains(&there) {
        return Some(format!("points to nothing: there is no {there}"));
    }
    let page = tree
        .file(&there)
        .filter(|page| page.path.ends_with(".md"))?;
    let known = anchor.is_empty() || headings(&page.text).iter().any(|slug| slug == anchor);
    (!known).then(|| format!("names no heading of {there}"))
}

/// `[text](target)` outside of code, with line numbers from 1.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in outside_code_blocks(text) {
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
        let links = plain.split("](").skip(1);
        found.extend(links.filter_map(|rest| {
            let target = rest.split([')', ' ']).next()?.trim_matches(['<', '>']);
            Some((number, target.to_owned()))
        }));
    }
    found
}

fn outside_code_blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            return None;
        }
        (!inside).then_some((index + 1, line))
    })
}

/// The anchors of a page, as forges make them from headings.
fn headings(text: &str) -> Vec<String> {
    outside_code_blocks(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| slug(line.trim_start_matches('#').trim()))
        .collect()
}

fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The path from the root of the workspace; nothing when it leads out of it.
fn resolve(from: &str, link: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(absolute) = link.strip_prefix('/') {
        parts.clear();
        parts.extend(absolute.split('/').filter(|part| !part.is_empty()));
        return Some(parts.join("/"));
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every crate takes the workspace's lints.
pub fn lints(tree: &Tree) -> Vec<Violation> {
    let manifests = tree.files.iter().filter(|file| {
        file.path.ends_with("/Cargo.toml")
            && file.text.contains("[package]")
            && !file.path.starts_with("fuzz/")
    });
    manifests
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| {
            let message = "lacks `[lints]` with `workspace = true`";
            Violation::new(&file.path, 0, "lints", message)
        })
        .collect()
}
