/// The longest line that is waited for, in bytes, its end not counted. What is longer comes in parts.
pub(super) const LONGEST: usize = 64 * 1024;

/// The lines of bytes that come in pieces. Every byte is looked at once, however small the pieces
/// are, and copied only where its line lies in several of them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What there is of a line that is not whole yet: at most [`LONGEST`] bytes.
    begun: Vec<u8>,
}

impl Lines {
    /// Gives every line that is whole by now to `each`, without its end: what was there of it before,
    /// and what `bytes` have of it.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8], &[u8])) {
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let rest = self.give_parts(&bytes[begin..end], &mut each);
            each(&self.begun, rest);
            self.begun.clear();
            begin = end + 1;
        }
        let rest = self.give_parts(&bytes[begin..], &mut each);
        self.begun.extend_from_slice(rest);
    }

    /// The line ends here: one that has begun is given to `each` as it is.
    pub(super) fn finish(&mut self, each: impl FnOnce(&[u8], &[u8])) {
        let begun = std::mem::take(&mut self.begun);
        if !begun.is_empty() {
            each(&begun, &[]);
        }
    }

    /// Gives away the parts of a line that goes on with `bytes`, until its rest is short enough to be
    /// waited for; returns what `bytes` have of that.
    fn give_parts<'a>(
        &mut self,
        mut bytes: &'a [u8],
        each: &mut impl FnMut(&[u8], &[u8]),
    ) -> &'a [u8] {
        // A part that is just full waits: were its end to come next, an empty line would follow.
        while let Some((part, rest)) = bytes.split_at_checked(LONGEST - self.begun.len())
            && !rest.is_empty()
        {
            each(&self.begun, part);
            self.begun.clear();
            bytes = rest;
        }
        bytes
    }
}
