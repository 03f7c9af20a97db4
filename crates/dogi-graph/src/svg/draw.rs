use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::NodeView;
use super::layout::{Layout, Place};
use super::order::BOX_HEIGHT;
use super::text::{Label, escaped};

const STYLE: &str = include_str!("style.css");
const INFALLIBLE: &str = "a String takes everything";
/// How far an arrow's head reaches, in pixels.
const HEAD: i64 = 7;

pub(super) fn document(nodes: &[NodeView<'_>], labels: &[Label], layout: &Layout) -> String {
    let mut out = String::new();
    if nodes.is_empty() {
        begin(&mut out, (180, 60), "container graph: nothing to do");
        out.push_str(r#"<text class="name" x="34" y="35">nothing to do</text>"#);
    } else {
        begin(&mut out, (layout.width, layout.height), &summary(nodes));
        layout.ways.iter().for_each(|way| edge(&mut out, way));
        for ((node, label), place) in nodes.iter().zip(labels).zip(&layout.boxes) {
            linked(&mut out, node, label, *place);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn begin(out: &mut String, (width, height): (i64, i64), title: &str) {
    write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>{}</title>
<style>
{STYLE}</style>
"#,
        escaped(title),
    )
    .expect(INFALLIBLE);
}

/// How many nodes are in which state.
fn summary(nodes: &[NodeView<'_>]) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes {
        *states.entry(node.state).or_default() += 1;
    }
    let states = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    format!("container graph: {}", states.collect::<Vec<_>>().join(", "))
}

fn edge(out: &mut String, way: &[Place]) {
    let (Some(first), Some(last)) = (way.first(), way.last()) else {
        return;
    };
    write!(out, r#"<path class="edge" d="M{} {}"#, first.right, first.y).expect(INFALLIBLE);
    let mut from = (first.right, first.y);
    for (at, place) in way.iter().enumerate().skip(1) {
        let is_last = at + 1 == way.len();
        let left = place.left - if is_last { HEAD - 1 } else { 0 };
        let middle = i64::midpoint(from.0, left);
        write!(
            out,
            " C{middle} {} {middle} {} {left} {}",
            from.1, place.y, place.y
        )
        .expect(INFALLIBLE);
        if !is_last {
            write!(out, " H{}", place.right).expect(INFALLIBLE);
        }
        from = (place.right, place.y);
    }
    let Place { left, y, .. } = *last;
    let (tail, up, down) = (left - HEAD, y - 4, y + 4);
    writeln!(
        out,
        r#""/><path class="head" d="M{tail} {up}L{left} {y}L{tail} {down}z"/>"#
    )
    .expect(INFALLIBLE);
}

fn linked(out: &mut String, node: &NodeView<'_>, label: &Label, place: Place) {
    if let Some(href) = node.href {
        write!(out, r#"<a href="{}">"#, escaped(href)).expect(INFALLIBLE);
    }
    boxed(out, node, label, place);
    out.push_str(if node.href.is_some() { "</a>\n" } else { "\n" });
}

fn boxed(out: &mut String, node: &NodeView<'_>, label: &Label, place: Place) {
    let Place { left, right, y } = place;
    let (top, width) = (y - BOX_HEIGHT / 2, right - left);
    let text = left + 17;
    let note = node
        .note
        .map_or_else(String::new, |note| format!(", {note}"));
    write!(
        out,
        r#"<g class="node {class}"><title>{title}</title><rect class="box" x="{left}" y="{top}" width="{width}" height="{BOX_HEIGHT}" rx="6"/><rect class="mark" x="{mark_left}" y="{mark_top}" width="4" height="{mark_height}" rx="2"/><text class="name" x="{text}" y="{name_y}">{name}</text><text class="detail" x="{text}" y="{detail_y}">{detail}</text></g>"#,
        class = class(node.state),
        title = escaped(&format!("{}: {}{note}", node.name, node.state)),
        mark_left = left + 6,
        mark_top = top + 8,
        mark_height = BOX_HEIGHT - 16,
        name_y = y - 3,
        name = escaped(&label.name),
        detail_y = y + 13,
        detail = escaped(&label.detail),
    )
    .expect(INFALLIBLE);
}

/// The colour of a state; what is not known has that of what waits.
fn class(state: &str) -> &'static str {
    match state {
        "succeeded" => "good",
        "failed" | "timed_out" | "aborted" | "superseded" | "lost" => "bad",
        "running" => "busy",
        "skipped" => "left-out",
        _ => "idle",
    }
}
