//! `working-tree-encoding`: from UTF-8 to what the attribute names.

use gix::filter::plumbing::encoding::Encoding;
use gix::filter::plumbing::worktree;

/// The bytes in the encoding `label`; `None` where git leaves the file alone too: an unknown
/// encoding, bytes that are no UTF-8, a character that the encoding lacks.
pub(super) fn encode(label: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    if let Some(utf) = Utf::of(label) {
        return utf.encode(bytes);
    }
    let encoding = Encoding::for_label(label.as_bytes())?;
    let mut out = Vec::new();
    worktree::encode_to_worktree(bytes, encoding, &mut out).ok()?;
    Some(out)
}

/// The encodings that the Encoding Standard, and so gix, only reads.
#[derive(Debug, Clone, Copy)]
struct Utf {
    wide: bool,
    big_endian: bool,
    mark: bool,
}

impl Utf {
    fn of(label: &str) -> Option<Utf> {
        let label = label.strip_prefix("utf")?;
        let label = label.strip_prefix('-').unwrap_or(label);
        let (wide, order) = match label.split_at_checked(2)? {
            ("16", order) => (false, order),
            ("32", order) => (true, order),
            _ => return None,
        };
        // Without an order iconv writes a byte order mark and the machine's own order.
        let (big_endian, mark) = match order {
            "" => (cfg!(target_endian = "big"), true),
            "le" => (false, false),
            "be" => (true, false),
            "le-bom" => (false, true),
            "be-bom" => (true, true),
            _ => return None,
        };
        Some(Utf {
            wide,
            big_endian,
            mark,
        })
    }

    fn encode(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mark = self.mark.then_some('\u{feff}');
        let mut out = Vec::with_capacity(2 * bytes.len() + 4);
        for c in mark.into_iter().chain(text.chars()) {
            if self.wide {
                let unit = u32::from(c);
                out.extend(if self.big_endian {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.extend(if self.big_endian {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
            }
        }
        Some(out)
    }
}
