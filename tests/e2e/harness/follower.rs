//! A reader of server-sent events that comes back, as browsers and `dogi tail` do.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};

use super::Dogi;

/// Between two connections.
const PAUSE: Duration = Duration::from_millis(20);

/// Follows a URL over all lives of a server.
#[derive(Debug)]
pub(crate) struct Follower {
    task: JoinHandle<Followed>,
    connected: watch::Receiver<bool>,
}

/// What a follower has seen.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// The text of every output; line breaks are newlines, whatever the job wrote.
    pub(crate) text: BTreeMap<String, String>,
    /// How often an output started over.
    pub(crate) restarts: usize,
    /// How often it connected.
    pub(crate) connections: usize,
    /// The status at the end.
    pub(crate) status: Value,
    last_id: Option<String>,
}

impl Follower {
    /// Begins to follow.
    pub(crate) fn start(dogi: &Dogi, target: &str) -> Self {
        let (client, url) = (dogi.client(), dogi.url(target));
        let (told, connected) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut seen = Followed::default();
            while seen.status.is_null() {
                if seen.connect(&client, &url, &told).await.is_none() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            seen
        });
        Self { task, connected }
    }

    /// Waits until its first connection stands.
    pub(crate) async fn connected(&mut self) {
        let stands = self.connected.wait_for(|connected| *connected);
        let stands = tokio::time::timeout(Duration::from_secs(30), stands).await;
        stands
            .expect("the server answers in time")
            .expect("the follower goes on");
    }

    /// Waits for the status at the end, at most for `limit`.
    pub(crate) async fn finish(mut self, limit: Duration) -> Followed {
        let seen = tokio::time::timeout(limit, &mut self.task).await;
        seen.expect("the stream ends in time")
            .expect("the follower does not panic")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Followed {
    /// One connection, to its end. `None`: there was none, or it broke.
    async fn connect(
        &mut self,
        client: &reqwest::Client,
        url: &str,
        told: &watch::Sender<bool>,
    ) -> Option<()> {
        let mut request = client.get(url).header("accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        let mut response = request.send().await.ok()?;
        assert_eq!(response.status(), 200, "{url} from {:?}", self.last_id);
        self.connections += 1;
        told.send_replace(true);
        let mut received = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            received.extend_from_slice(&chunk);
            // An event that did not come whole does not count.
            while let Some(end) = received.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = received.drain(..end + 2).collect();
                self.event(&String::from_utf8_lossy(&event[..end]));
            }
        }
        Some(())
    }

    fn event(&mut self, event: &str) {
        let mut name = "message";
        let mut data: Option<String> = None;
        for line in event.split('\n') {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value,
                "id" => self.last_id = Some(value.to_owned()),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        match (name, data) {
            (_, None) => {}
            ("status", Some(data)) => {
                self.status = serde_json::from_str(&data).expect("the status is JSON");
            }
            ("truncated", Some(_)) => self.restarts += 1,
            (output, Some(data)) => {
                self.text
                    .entry(output.to_owned())
                    .or_default()
                    .push_str(&data);
            }
        }
    }
}
