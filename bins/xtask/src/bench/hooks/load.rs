//! Requests over connections that stay open, by one thread: as cheap as can be, for it shares the
//! machine with the server that it measures.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::{Failure, Result, failure::Doing as _};

/// Connections at once, each with one request under way.
pub(super) const CONNECTIONS: usize = 64;

/// How long a load may take in all.
const PATIENCE: Duration = Duration::from_secs(180);

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// After this time, and the answers that are still due then.
    Time(Duration),
    /// After so many requests.
    Count(usize),
}

/// What came of a load.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers by status.
    statuses: BTreeMap<u16, usize>,
    /// From the first request to the last answer.
    pub(super) time: Duration,
}

impl Tally {
    /// How many were answered with a 2xx.
    pub(super) fn good(&self) -> usize {
        let good = self.statuses.range(200..300);
        good.map(|(_, count)| count).sum()
    }

    pub(super) fn all(&self) -> usize {
        self.statuses.values().sum()
    }

    pub(super) fn per_second(&self) -> f64 {
        self.all() as f64 / self.time.as_secs_f64()
    }
}

/// One and the same request, again and again.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) server: SocketAddr,
    /// As it goes over the wire.
    pub(super) request: Arc<[u8]>,
    /// The body of every answer, if all are to be the same.
    pub(super) wanted: Option<&'static str>,
}

impl Load {
    /// Connects, then sends.
    pub(super) async fn run(&self, until: Until) -> Result<Tally> {
        let load = self.clone();
        let running = spawn_blocking(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.doing("start a runtime for the load")?;
            let all = load.all(until);
            match runtime.block_on(async { timeout(PATIENCE, all).await }) {
                Ok(tally) => tally,
                Err(_) => Failure::err(format!("{until:?} of load took more than {PATIENCE:?}")),
            }
        });
        running.await.doing("run a load")?
    }

    async fn all(self, until: Until) -> Result<Tally> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(self.server).await?);
        }
        let start = Instant::now();
        let left = Arc::new(AtomicUsize::new(match until {
            Until::Time(_) => usize::MAX,
            Until::Count(count) => count,
        }));
        let end = match until {
            Until::Time(time) => Some(start + time),
            Until::Count(_) => None,
        };
        let mut tasks = JoinSet::new();
        for connection in connections {
            let turns = Turns {
                left: left.clone(),
                end,
            };
            tasks.spawn(self.clone().one(connection, turns));
        }
        let mut tally = Tally::default();
        while let Some(done) = tasks.join_next().await {
            for (status, count) in done.doing("send requests")?? {
                *tally.statuses.entry(status).or_default() += count;
            }
        }
        tally.time = start.elapsed();
        Ok(tally)
    }

    async fn one(self, mut connection: Connection, turns: Turns) -> Result<BTreeMap<u16, usize>> {
        let mut statuses = BTreeMap::new();
        while turns.take() {
            let head = connection.ask(&self.request).await?;
            if let Some(wanted) = self.wanted
                && !(head.status == 200 && head.is(&connection.received, wanted))
            {
                let answer = String::from_utf8_lossy(&connection.received);
                return Failure::err(format!("expected 200 and {wanted:?}, not:\n{answer}"));
            }
            *statuses.entry(head.status).or_default() += 1;
        }
        Ok(statuses)
    }
}

/// Whether there is another request to send.
#[derive(Debug)]
struct Turns {
    left: Arc<AtomicUsize>,
    end: Option<Instant>,
}

impl Turns {
    fn take(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.end.is_none_or(|end| Instant::now() < end)
            && self.left.fetch_update(order, order, less).is_ok()
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// The answer.
    received: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    /// Its length; `None`: it comes in chunks.
    length: Option<usize>,
}

impl Connection {
    async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await;
        let stream = stream.doing(format!("connect to {server}"))?;
        stream.set_nodelay(true).doing("set up a connection")?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(4096),
        })
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Head> {
        let sent = self.stream.write_all(request).await;
        sent.doing("send a request")?;
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await;
            if read.doing("read an answer")? == 0 {
                let text = String::from_utf8_lossy(&self.received);
                return Failure::err(format!("an answer ends too early: {text}"));
            }
            if let Some(head) = Head::read(&self.received)?
                && head.has_all(&self.received)
            {
                return Ok(head);
            }
        }
    }
}

impl Head {
    /// Once all of it is there.
    fn read(received: &[u8]) -> Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&received[..end]);
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let found = name.eq_ignore_ascii_case("content-length");
            found.then(|| value.trim().parse().ok())?
        });
        let body = end + 4;
        match status {
            Some(status) => Ok(Some(Self {
                status,
                body,
                length,
            })),
            None => Failure::err(format!("expected a status in:\n{text}")),
        }
    }

    /// Nothing that is asked for here ends in what looks like the last chunk.
    fn has_all(self, received: &[u8]) -> bool {
        match self.length {
            Some(length) => received.len() >= self.body + length,
            None => received[self.body..].ends_with(b"0\r\n\r\n"),
        }
    }

    /// Whether the body is this one; in chunks, it may come in one.
    fn is(self, received: &[u8], wanted: &str) -> bool {
        let body = &received[self.body..];
        match (self.length, wanted) {
            (Some(_), _) => body == wanted.as_bytes(),
            (None, "") => body == b"0\r\n\r\n",
            (None, _) => body == format!("{:X}\r\n{wanted}\r\n0\r\n\r\n", wanted.len()).as_bytes(),
        }
    }
}
