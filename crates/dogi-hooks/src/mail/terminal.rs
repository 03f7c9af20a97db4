use vte::{Params, Parser, Perform};

use super::style::Style;
use crate::forge::inert;

/// A line of a log, as a terminal would have left it.
#[derive(Debug, Default)]
pub(super) struct Row {
    cells: Vec<(char, Style)>,
}

impl Row {
    /// Its text.
    pub(super) fn text(&self) -> impl Iterator<Item = char> {
        self.cells.iter().map(|(c, _)| *c)
    }

    /// Its text in pieces of one style each.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Style, String)> {
        self.cells
            .chunk_by(|(_, one), (_, other)| one == other)
            .filter_map(|piece| {
                let (_, style) = piece.first()?;
                Some((*style, piece.iter().map(|(c, _)| *c).collect()))
            })
    }
}

/// What a terminal would show of a log, line by line. Memory: in proportion to the log.
pub(super) fn rows(log: &[u8]) -> Vec<Row> {
    let text = String::from_utf8_lossy(log);
    let mut style = Style::default();
    text.lines()
        .map(|line| {
            let mut writing = Writing {
                row: Row::default(),
                column: 0,
                style,
            };
            // A new one for each line: a sequence that has no end would swallow all others.
            Parser::<MAX_OSC>::new_with_size().advance(&mut writing, line.as_bytes());
            style = writing.style;
            writing.row
        })
        .collect()
}

/// Of commands to the operating system, which are dropped, nothing need be kept.
const MAX_OSC: usize = 16;

struct Writing {
    row: Row,
    /// Where the next character goes; never beyond the row's end.
    column: usize,
    style: Style,
}

impl Writing {
    fn erase(&mut self, what: u16) {
        match what {
            0 => self.row.cells.truncate(self.column),
            1 => {
                let until = self.row.cells.len().min(self.column + 1);
                self.row.cells[..until].fill((' ', Style::default()));
            }
            // The cursor stays where it is; so does what is before it, as blanks.
            2 => {
                self.row.cells.truncate(self.column);
                self.row.cells.fill((' ', Style::default()));
            }
            _ => (),
        }
    }

    fn put(&mut self, c: char) {
        let cell = (c, self.style);
        match self.row.cells.get_mut(self.column) {
            Some(place) => *place = cell,
            None => self.row.cells.push(cell),
        }
        self.column += 1;
    }
}

impl Perform for Writing {
    fn print(&mut self, c: char) {
        if !c.is_control() {
            self.put(inert(c));
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\x08' => self.column = self.column.saturating_sub(1),
            b'\t' => self.put('\t'),
            _ => (),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        match action {
            'm' if params.is_empty() => self.style = Style::default(),
            'm' => self.style = self.style.after(params),
            'K' => {
                let first = params.iter().next().and_then(|param| param.first());
                self.erase(first.copied().unwrap_or(0));
            }
            _ => (),
        }
    }
}
