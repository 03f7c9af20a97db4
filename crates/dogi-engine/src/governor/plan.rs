//! What is given up: a decision that needs no disk.

use crate::ports::{Kept, KeptKind};

/// Bytes that the things of each kind may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Mirrors of repositories.
    pub mirrors: u64,
    /// Images of the server's own builds.
    pub images: u64,
    /// Outputs of finished runs.
    pub runs: u64,
}

impl Budgets {
    /// Nothing is kept that is not in use.
    pub const NOTHING: Self = Self {
        mirrors: 0,
        images: 0,
        runs: 0,
    };

    /// The budget of one kind.
    #[must_use]
    pub fn of(&self, kind: KeptKind) -> u64 {
        match kind {
            KeptKind::Mirrors => self.mirrors,
            KeptKind::Images => self.images,
            KeptKind::Runs => self.runs,
        }
    }
}

/// A thing that is kept, as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What sort of thing.
    pub kind: KeptKind,
    /// Whether giving it up makes room where room is needed.
    pub makes_room: bool,
    /// The thing.
    pub kept: Kept,
}

/// What to give up so that every kind keeps to its budget and `needed` bytes become free: indices
/// of `items`, in the order of removal.
///
/// What was not used for the longest time goes first, what is in use never. Of each kind no more
/// goes than its budget asks for; then, over all kinds that make room, no more than is still
/// needed. Where even all of it would not be enough, runs stay: mirrors and images can be had
/// again, history can't, and it would be given up in vain. What takes no bytes goes for nobody's
/// sake.
///
/// ```
/// use dogi_engine::{governor::{Budgets, Item, plan}, ports::{Kept, KeptKind}};
/// use dogi_job::UnixMillis;
///
/// let mirror = |bytes, last_used, in_use| Item {
///     kind: KeptKind::Mirrors,
///     makes_room: true,
///     kept: Kept {
///         id: String::new(),
///         label: String::new(),
///         bytes,
///         last_used: UnixMillis(last_used),
///         in_use,
///     },
/// };
/// let items = [mirror(50, 3, false), mirror(50, 1, true), mirror(50, 2, false)];
/// let budgets = Budgets { mirrors: 100, ..Budgets::NOTHING };
/// assert_eq!(plan(&items, &budgets, 0), [2]);
/// assert_eq!(plan(&items, &budgets, 70), [2, 0]);
/// ```
#[must_use]
pub fn plan(items: &[Item], budgets: &Budgets, needed: u64) -> Vec<usize> {
    let mut goes = Goes::new(items);
    for kind in KeptKind::ALL {
        let total = sum(items.iter().filter(|item| item.kind == kind));
        let surplus = total.saturating_sub(budgets.of(kind));
        goes.until(surplus, |item| item.kind == kind);
    }
    let made = sum(goes.chosen().filter(|item| item.makes_room));
    let lacking = needed.saturating_sub(made);
    let enough = goes.possible() >= lacking;
    goes.until(lacking, |item| {
        item.makes_room && (enough || item.kind != KeptKind::Runs)
    });
    goes.order
}

/// Everything that is not in use, in the order of removal.
pub(super) fn everything(items: &[Item]) -> Vec<usize> {
    Goes::new(items).idle
}

/// What goes, as far as it is decided.
struct Goes<'a> {
    items: &'a [Item],
    /// Those that may go, the least recently used first.
    idle: Vec<usize>,
    order: Vec<usize>,
}

impl<'a> Goes<'a> {
    fn new(items: &'a [Item]) -> Self {
        let mut idle: Vec<usize> = (0..items.len())
            .filter(|index| !items[*index].kept.in_use)
            .collect();
        idle.sort_by_key(|index| items[*index].kept.last_used);
        Self {
            items,
            idle,
            order: Vec::new(),
        }
    }

    fn chosen(&self) -> impl Iterator<Item = &Item> {
        self.order.iter().map(|index| &self.items[*index])
    }

    /// Bytes of room that could still be made.
    fn possible(&self) -> u64 {
        let idle = self.idle.iter().map(|index| &self.items[*index]);
        sum(idle.filter(|item| item.makes_room))
    }

    /// Lets things go that `counts` until they are at least `bytes` large together.
    fn until(&mut self, mut bytes: u64, counts: impl Fn(&Item) -> bool) {
        let (items, order) = (self.items, &mut self.order);
        self.idle.retain(|index| {
            let item = &items[*index];
            if bytes == 0 || item.kept.bytes == 0 || !counts(item) {
                return true;
            }
            bytes = bytes.saturating_sub(item.kept.bytes);
            order.push(*index);
            false
        });
    }
}

fn sum<'a>(items: impl Iterator<Item = &'a Item>) -> u64 {
    items.fold(0, |sum, item| sum.saturating_add(item.kept.bytes))
}
