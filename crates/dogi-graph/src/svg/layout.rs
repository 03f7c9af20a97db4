use super::layers::Layers;
use super::order::{BOX_HEIGHT, items};

/// Sizes, in pixels.
const MARGIN: i64 = 16;
const BETWEEN_COLUMNS: i64 = 56;

/// Where everything is, in pixels from the upper left corner.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: i64,
    pub(super) height: i64,
    /// The boxes, in the order of the nodes.
    pub(super) boxes: Vec<Place>,
    /// The arrows.
    pub(super) ways: Vec<Vec<Place>>,
}

/// A box, or where an arrow goes through a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) left: i64,
    pub(super) right: i64,
    /// The middle.
    pub(super) y: i64,
}

impl Layout {
    /// `widths` has that of each node.
    pub(super) fn of(layers: &Layers, widths: &[i64]) -> Self {
        let (items, ways) = items(layers);
        let columns = columns(layers, widths);
        let highest = items.iter().map(|item| item.y.abs()).max().unwrap_or(0);
        let height = 2 * (highest + BOX_HEIGHT / 2 + MARGIN);
        let places = items.iter().map(|item| {
            let (left, width) = columns[item.column];
            let width = item.node.map_or(width, |node| widths[node]);
            Place {
                left,
                right: left + width,
                y: height / 2 + item.y,
            }
        });
        let places: Vec<Place> = places.collect();
        let last = columns.last().map_or(0, |(left, width)| left + width);
        let along = |way: Vec<usize>| way.into_iter().map(|at| places[at]).collect();
        Self {
            width: last + MARGIN,
            height,
            ways: ways.into_iter().map(along).collect(),
            boxes: places.into_iter().take(widths.len()).collect(),
        }
    }
}

/// Where each column begins, and its width.
fn columns(layers: &Layers, widths: &[i64]) -> Vec<(i64, i64)> {
    let count = layers.columns.iter().map(|column| column + 1).max();
    let mut columns = vec![(0, 0); count.unwrap_or(0)];
    for (column, width) in layers.columns.iter().zip(widths) {
        let widest = &mut columns[*column].1;
        *widest = (*widest).max(*width);
    }
    let mut left = MARGIN;
    for column in &mut columns {
        column.0 = left;
        left += column.1 + BETWEEN_COLUMNS;
    }
    columns
}
