//! The columns from top to bottom, so that few arrows cross.

use super::layers::Layers;

/// Most places that arrows are led through. With more of them they go straight.
const MAX_LANES: usize = 4000;
/// Sizes, in pixels.
pub(super) const BOX_HEIGHT: i64 = 44;
const LANE_HEIGHT: i64 = 10;
const GAP: i64 = 16;

/// What stands in a column: a box, or an arrow on its way through.
#[derive(Debug)]
pub(super) struct Item {
    /// The box; `None` for an arrow.
    pub(super) node: Option<usize>,
    pub(super) column: usize,
    /// The middle, in pixels from the middle of the picture.
    pub(super) y: i64,
    before: Vec<usize>,
    behind: Vec<usize>,
}

/// All items, those of the nodes first, in their order; and each arrow as the items it leads over.
pub(super) fn items(layers: &Layers) -> (Vec<Item>, Vec<Vec<usize>>) {
    let nodes = layers.columns.iter().enumerate();
    let mut items: Vec<Item> = nodes
        .map(|(node, &column)| item(Some(node), column))
        .collect();
    let arrows = layers.after.iter().enumerate();
    let arrows = arrows.flat_map(|(to, from)| from.iter().map(move |from| (*from, to)));
    let arrows: Vec<(usize, usize)> = arrows.collect();
    let between = |&(from, to): &(usize, usize)| layers.columns[from] + 1..layers.columns[to];
    let lanes: usize = arrows.iter().map(|arrow| between(arrow).len()).sum();
    let mut ways = Vec::with_capacity(arrows.len());
    for arrow in arrows {
        let mut way = vec![arrow.0];
        if lanes <= MAX_LANES {
            for column in between(&arrow) {
                way.push(items.len());
                items.push(item(None, column));
            }
        }
        way.push(arrow.1);
        for pair in way.windows(2) {
            items[pair[0]].behind.push(pair[1]);
            items[pair[1]].before.push(pair[0]);
        }
        ways.push(way);
    }
    arrange(&mut items);
    (items, ways)
}

fn item(node: Option<usize>, column: usize) -> Item {
    Item {
        node,
        column,
        y: 0,
        before: Vec::new(),
        behind: Vec::new(),
    }
}

/// Puts each item near those that it hangs together with: columns from left to right, back, and
/// once more.
fn arrange(items: &mut [Item]) {
    let count = items.iter().map(|item| item.column + 1).max().unwrap_or(0);
    let mut columns = vec![Vec::new(); count];
    for (at, item) in items.iter().enumerate() {
        columns[item.column].push(at);
    }
    for column in &mut columns {
        settle(items, column, |item| &item.before);
    }
    for column in columns.iter_mut().rev() {
        settle(items, column, |item| &item.behind);
    }
    for column in &mut columns {
        settle(items, column, |item| &item.before);
    }
}

fn settle(items: &mut [Item], column: &mut [usize], near: fn(&Item) -> &Vec<usize>) {
    column.sort_by_cached_key(|at| middle(items, near(&items[*at])).unwrap_or(items[*at].y));
    let height = |item: &Item| match item.node {
        Some(_) => BOX_HEIGHT,
        None => LANE_HEIGHT,
    };
    let all: i64 = column.iter().map(|at| height(&items[*at]) + GAP).sum();
    let mut top = -(all - GAP) / 2;
    for at in column {
        let item = &mut items[*at];
        item.y = top + height(item) / 2;
        top += height(item) + GAP;
    }
}

/// Where these are on average.
fn middle(items: &[Item], near: &[usize]) -> Option<i64> {
    let sum: i64 = near.iter().map(|at| items[*at].y).sum();
    let count = i64::try_from(near.len()).ok().filter(|count| *count > 0)?;
    Some(sum / count)
}
