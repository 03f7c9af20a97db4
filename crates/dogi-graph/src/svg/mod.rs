//! The graph as a picture.

mod draw;
mod layers;
mod layout;
mod order;
mod text;

use layers::Layers;
use layout::Layout;
use text::Label;

/// A node as it is drawn. Whoever draws fills it from the state of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeView<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it stands, in one word, which is shown: `waiting`, `running`, `succeeded`, `failed`, `skipped` and
    /// the like.
    pub state: &'a str,
    /// The names of the nodes that it depends on itself; those that are not drawn are ignored.
    pub after: Vec<&'a str>,
    /// Where a click leads. It stands in the picture as it is, so that it has to be a link that the
    /// caller made.
    pub href: Option<&'a str>,
    /// What is told besides, such as `1.2 s`.
    pub note: Option<&'a str>,
}

/// Draws nodes as an SVG of its own: from left to right, each behind all that it depends on.
///
/// Nothing in it is a script or comes from elsewhere, except that links lead where they lead. It
/// needs `style-src 'unsafe-inline'` where a policy restricts styles. An arrow that others imply is
/// left out. Made for graphs of at most [`MAX_NODES`](crate::MAX_NODES) nodes; time and memory grow
/// with the square of their number.
#[must_use]
pub fn svg(nodes: &[NodeView<'_>]) -> String {
    let labels: Vec<Label> = nodes.iter().map(Label::of).collect();
    let layers = Layers::of(nodes);
    let widths: Vec<i64> = labels.iter().map(Label::width).collect();
    let layout = Layout::of(&layers, &widths);
    draw::document(nodes, &labels, &layout)
}
