/// What is shown of a log: all of it, or its beginning and its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    head: Vec<u8>,
    left_out: u64,
    tail: Vec<u8>,
}

impl Excerpt {
    /// How many bytes of a log a mail shows, unless somebody wants it otherwise.
    pub const SHOWN: usize = 64 * 1024;

    /// A log of which at most `shown` bytes are kept, half of them from its end. It is cut between
    /// lines where there are any.
    #[must_use]
    pub fn of(log: &[u8], shown: usize) -> Self {
        if log.len() <= shown {
            return Self {
                head: log.to_vec(),
                ..Self::default()
            };
        }
        let half = shown / 2;
        Self::of_ends(&log[..half], &log[log.len() - half..], log.len() as u64)
    }

    /// A log that is too long to be read as a whole: `head` are its first and `tail` its last bytes,
    /// and `total` is how many it has. Both are cut to whole lines where they have one; what
    /// they have in common is left out of the tail.
    #[must_use]
    pub fn of_ends(head: &[u8], tail: &[u8], total: u64) -> Self {
        let apart = total.saturating_sub(tail.len() as u64);
        let common = (head.len() as u64).saturating_sub(apart);
        let tail = &tail[usize::try_from(common).map_or(tail.len(), |n| n.min(tail.len()))..];
        if head.len() as u64 >= apart {
            return Self {
                head: [head, tail].concat(),
                ..Self::default()
            };
        }
        let (head, tail) = (whole_lines_from_start(head), whole_lines_to_end(tail));
        let left_out = total.saturating_sub((head.len() + tail.len()) as u64);
        Self {
            head: head.to_vec(),
            left_out,
            tail: tail.to_vec(),
        }
    }

    /// The log, or its beginning.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many bytes are left out after the head.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The end of the log, where something is left out.
    #[must_use]
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }
}

/// Without what follows the last line break; all but a cut character where that would be nothing.
fn whole_lines_from_start(head: &[u8]) -> &[u8] {
    match memchr::memrchr(b'\n', head) {
        Some(end) => &head[..=end],
        None => &head[..head.len() - cut_off(head)],
    }
}

/// How many bytes at the end are the beginning of a character.
fn cut_off(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(4)..]) {
        Err(e) if e.error_len().is_none() => bytes.len().min(4) - e.valid_up_to(),
        // The window itself may begin within a character: look behind that one.
        Err(e) => {
            let window = &bytes[bytes.len().saturating_sub(4)..];
            let rest = &window[e.valid_up_to() + e.error_len().unwrap_or(1)..];
            if rest.is_empty() { 0 } else { cut_off(rest) }
        }
        Ok(_) => 0,
    }
}

/// Without what precedes the first line break; all but a cut character where that would be nothing.
fn whole_lines_to_end(tail: &[u8]) -> &[u8] {
    match memchr::memchr(b'\n', tail) {
        Some(end) if end + 1 < tail.len() => &tail[end + 1..],
        _ => {
            let continues = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
            let cut = tail.iter().take(3).take_while(continues).count();
            &tail[cut..]
        }
    }
}
