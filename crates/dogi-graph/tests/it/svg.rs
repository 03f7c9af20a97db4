//! The picture.

use dogi_graph::{NodeView, svg};
use quick_xml::events::Event;

pub(crate) fn view<'a>(name: &'a str, state: &'a str, after: &[&'a str]) -> NodeView<'a> {
    NodeView {
        name,
        state,
        after: after.to_vec(),
        ..NodeView::default()
    }
}

/// The names and attributes of all elements, and the texts. It has to be well-formed.
pub(crate) fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut found = Vec::new();
    let mut depth = 0;
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let name = attribute.key.as_ref().to_owned();
                    (name, attribute.value.into_owned())
                });
                let name = start.name().as_ref().to_owned();
                found.push((name, attributes.collect()));
            }
            Event::Eof => break,
            _ => {}
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{xml}");
    found
}

fn count(xml: &str, name: &str) -> usize {
    elements(xml)
        .iter()
        .filter(|(found, _)| found == name)
        .count()
}

fn attribute(element: &[(String, String)], name: &str) -> i64 {
    let found = element.iter().find(|(found, _)| found == name);
    found.unwrap().1.parse().unwrap()
}

/// Left, top, right, bottom of each box.
pub(crate) fn boxes(xml: &str) -> Vec<[i64; 4]> {
    let class = |(name, value): &(String, String)| name == "class" && value == "box";
    let elements = elements(xml).into_iter();
    let boxes = elements.filter(|(_, attributes)| attributes.iter().any(class));
    boxes
        .map(|(_, at)| {
            let [left, top] = ["x", "y"].map(|name| attribute(&at, name));
            let [width, height] = ["width", "height"].map(|name| attribute(&at, name));
            [left, top, left + width, top + height]
        })
        .collect()
}

#[test]
fn says_that_there_is_nothing_to_do() {
    let drawn = svg(&[]);
    assert!(drawn.contains(">nothing to do</text>"), "{drawn}");
    assert_eq!(elements(&drawn)[0].0, "svg");
}

#[test]
fn boxes_arrows_and_links() {
    let mut test = view("test", "running", &["build", "elsewhere"]);
    test.href = Some("/runs/1/node_test?a=1&sig=\"><script>");
    test.note = Some("1.2 s");
    let drawn = svg(&[
        view("deploy", "waiting", &["test", "build"]),
        test,
        view("build", "succeeded", &[]),
    ]);
    let all = elements(&drawn);
    let svg = &all[0].1;
    assert!(
        svg.contains(&("role".to_owned(), "img".to_owned())),
        "{svg:?}"
    );
    assert!(drawn.contains("<title>container graph: 1 running, 1 succeeded, 1 waiting</title>"));
    // That deploy is behind build is said by the way over test.
    assert_eq!(
        (
            count(&drawn, "path"),
            count(&drawn, "a"),
            count(&drawn, "script")
        ),
        (4, 1, 0)
    );
    assert!(drawn.contains("href=\"/runs/1/node_test?a=1&#38;sig=&#34;&#62;&#60;script&#62;\""));
    assert!(drawn.contains(">running · 1.2 s</text>"));
    for class in ["node idle", "node busy", "node good"] {
        assert!(drawn.contains(class), "{class}");
    }
    let [deploy, test, build] = boxes(&drawn)[..] else {
        panic!("three boxes")
    };
    assert!(build[2] < test[0] && test[2] < deploy[0], "{drawn}");
}

#[test]
fn long_names_are_shortened_and_told_in_full() {
    let name = "n".repeat(128);
    let drawn = svg(&[view(&name, "failed", &[])]);
    assert!(drawn.contains(&format!("<title>{name}: failed</title>")));
    assert!(drawn.contains(&format!(">{}…</text>", "n".repeat(27))));
    let [one] = boxes(&drawn)[..] else {
        panic!("one box")
    };
    assert!(one[2] - one[0] < 300);
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let drawn = svg(&[
        view("a<&\u{1}", "\u{1b}[31m\n", &["b", "a<&\u{1}"]),
        view("b", "x", &["a<&\u{1}", "b"]),
        view("b", "twice", &[]),
    ]);
    assert_eq!(boxes(&drawn).len(), 3);
    assert!(!drawn.contains(['\u{1}', '\u{1b}']));
}

#[test]
fn a_full_graph_is_drawn_soon() {
    let names: Vec<String> = (0..256).map(|at| format!("n{at:03}")).collect();
    let nodes = names.iter().enumerate().map(|(at, name)| {
        let after: Vec<&str> = names[..at].iter().map(String::as_str).collect();
        view(name, "waiting", &after)
    });
    let drawn = svg(&nodes.collect::<Vec<_>>());
    // Each behind the one before, and nothing else to be said.
    assert_eq!(count(&drawn, "path"), 2 * 255);
}
