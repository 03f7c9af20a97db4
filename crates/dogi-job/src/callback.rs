use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::UnixMillis;

/// One try of a callback: what was sent, and what came back if anything did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackExchange {
    /// What was sent.
    pub request: CallbackRequest,
    /// What came back; `None` when the connection failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<CallbackResponse>,
    /// Why there is no response, or why it counts as a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The request of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackRequest {
    /// Where it went.
    pub url: String,
    /// Its HTTP method.
    pub method: String,
    /// Its body.
    pub data: Value,
}

/// The response to a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The body: parsed where it is JSON, a string otherwise.
    pub data: Value,
}

/// How far the callback of a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallbackProgress {
    /// How often it was tried.
    pub attempts: u32,
    /// When the first try ended.
    pub first_at: Option<UnixMillis>,
    /// When it is tried next; `None` before the first try.
    pub next_at: Option<UnixMillis>,
    /// Whether it was accepted or given up.
    pub settled: bool,
    /// The newest try.
    pub last: Option<CallbackExchange>,
}
