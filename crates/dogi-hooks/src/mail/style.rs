//! How a character looks: "select graphic rendition" (ECMA-48, section 8.3.117, and what xterm adds).

use std::fmt;

use vte::Params;

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Color(u8, u8, u8);

/// How a character looks; all off is how the page looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub(super) foreground: Option<Color>,
    pub(super) background: Option<Color>,
    pub(super) bold: bool,
    pub(super) faint: bool,
    pub(super) italic: bool,
    pub(super) underlined: bool,
    pub(super) crossed_out: bool,
    pub(super) reversed: bool,
}

/// The sixteen colours that have names, eight of them bright: each to be read on a dark ground.
const NAMED: [Color; 16] = [
    Color(0x3b, 0x42, 0x4c),
    Color(0xe0, 0x5f, 0x5f),
    Color(0x6c, 0xb8, 0x6c),
    Color(0xd0, 0xa8, 0x4a),
    Color(0x5f, 0x9f, 0xe0),
    Color(0xc0, 0x7f, 0xd0),
    Color(0x4f, 0xb8, 0xb8),
    Color(0xd0, 0xd4, 0xd8),
    Color(0x7c, 0x84, 0x8f),
    Color(0xff, 0x7f, 0x7f),
    Color(0x90, 0xe0, 0x90),
    Color(0xf0, 0xd0, 0x70),
    Color(0x8f, 0xc0, 0xff),
    Color(0xe0, 0xa8, 0xf0),
    Color(0x80, 0xe0, 0xe0),
    Color(0xff, 0xff, 0xff),
];

impl Color {
    /// Of the 256: the named ones, a cube of six levels, a ladder of greys.
    fn indexed(index: u16) -> Option<Self> {
        let index = u8::try_from(index).ok()?;
        let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
        Some(match index {
            0..16 => NAMED[usize::from(index)],
            16..232 => {
                let cube = index - 16;
                Self(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
            }
            232.. => {
                let grey = 8 + 10 * (index - 232);
                Self(grey, grey, grey)
            }
        })
    }

    fn rgb(parts: [u16; 3]) -> Option<Self> {
        let [red, green, blue] = parts.map(u8::try_from);
        Some(Self(red.ok()?, green.ok()?, blue.ok()?))
    }
}

/// As CSS has it.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(red, green, blue) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Style {
    /// The style after such a sequence.
    pub(super) fn after(mut self, params: &Params) -> Self {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            match param {
                [code @ (38 | 48 | 58), rest @ ..] => {
                    // Either all in one, with colons, or one after the other, with semicolons.
                    let color = match rest {
                        [] => color(|| params.next().and_then(|param| param.first().copied())),
                        [2, _, red, green, blue] => Color::rgb([*red, *green, *blue]),
                        _ => {
                            let mut rest = rest.iter().copied();
                            color(|| rest.next())
                        }
                    };
                    match code {
                        38 => self.foreground = color.or(self.foreground),
                        48 => self.background = color.or(self.background),
                        // Of the line below: it has that of the text here.
                        _ => (),
                    }
                }
                [4, 0] => self.underlined = false,
                [code, ..] => self = self.with(*code),
                [] => (),
            }
        }
        self
    }

    fn with(mut self, code: u16) -> Self {
        match code {
            0 => self = Self::default(),
            1 => self.bold = true,
            2 => self.faint = true,
            3 => self.italic = true,
            4 | 21 => self.underlined = true,
            7 => self.reversed = true,
            9 => self.crossed_out = true,
            22 => (self.bold, self.faint) = (false, false),
            23 => self.italic = false,
            24 => self.underlined = false,
            27 => self.reversed = false,
            29 => self.crossed_out = false,
            30..=37 => self.foreground = Color::indexed(code - 30),
            39 => self.foreground = None,
            40..=47 => self.background = Color::indexed(code - 40),
            49 => self.background = None,
            90..=97 => self.foreground = Color::indexed(code - 90 + 8),
            100..=107 => self.background = Color::indexed(code - 100 + 8),
            _ => (),
        }
        self
    }
}

/// `5` and an index, or `2` and three parts.
fn color(mut next: impl FnMut() -> Option<u16>) -> Option<Color> {
    match next()? {
        5 => Color::indexed(next()?),
        2 => Color::rgb([next()?, next()?, next()?]),
        _ => None,
    }
}
