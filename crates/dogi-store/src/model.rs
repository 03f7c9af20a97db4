//! What goes in and comes out.

/// Something that happened, as the caller writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Which kind of event, in the caller's words.
    pub kind: String,
    /// The version of how `body` is written.
    pub version: u32,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// The rest, in the caller's encoding.
    pub body: Vec<u8>,
}

/// Something that happened, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in its stream, from 0.
    pub sequence: u64,
    /// Which kind of event, in the caller's words.
    pub kind: String,
    /// The version of how `body` is written.
    pub version: u32,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// The rest, in the caller's encoding.
    pub body: Vec<u8>,
}

/// A stream with everything that happened in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Its events, in order, numbered from 0 without a gap.
    pub events: Vec<Event>,
}

/// How safe a write is when its future resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// It survives the death of the process, but perhaps not a power cut, which may take the
    /// last writes, the newest first.
    Written,
    /// It is on disk (`fsync`), and so is everything that was written before it.
    Synced,
}

/// Events for one stream, and what changes in the outbox with them: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream's name. A stream begins with its first event.
    pub stream: String,
    /// The number that the first of the events gets: how many the stream has so far.
    pub expected: u64,
    /// What happened, in order. May be empty.
    pub events: Vec<NewEvent>,
    /// What is promised or done because of it.
    pub outbox: Vec<OutboxChange>,
    /// How safe all that is when the future resolves.
    pub durability: Durability,
}

/// A change of the outbox that belongs to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxChange {
    /// Something is to be delivered. An id that is in the outbox already stays there as it is: a
    /// promise is made once.
    Add {
        /// What the caller calls it, unique in the whole store.
        id: String,
        /// Rows of one lane leave the outbox in the order in which they came in.
        lane: String,
        /// Not before then, in milliseconds since 1970.
        due_ms: u64,
        /// What is to be delivered, in the caller's encoding.
        body: Vec<u8>,
    },
    /// It was delivered, or given up. An id that is not there is no error.
    Done {
        /// Which.
        id: String,
    },
}

/// Something that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// What the caller calls it.
    pub id: String,
    /// The stream of the event that caused it.
    pub stream: String,
    /// Rows of one lane leave the outbox in the order in which they came in.
    pub lane: String,
    /// Not before then, in milliseconds since 1970.
    pub due_ms: u64,
    /// How many attempts failed.
    pub attempts: u32,
    /// What is to be delivered, in the caller's encoding.
    pub body: Vec<u8>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Streams.
    pub streams: u64,
    /// Events in all streams.
    pub events: u64,
    /// Rows of the outbox.
    pub outbox: u64,
    /// Small values in all spaces.
    pub values: u64,
}

/// What the store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Appends and other writes that succeeded.
    pub writes: u64,
    /// Transactions that they took.
    pub commits: u64,
    /// Those of them that waited for the disk.
    pub syncs: u64,
}

/// SQLite's integers have a sign; a time past its range means "never".
pub(crate) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Nothing negative is ever written.
pub(crate) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
