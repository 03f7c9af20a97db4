use http::{HeaderName, HeaderValue, StatusCode};

/// How a hook answers.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// `response-message`: the body where the output is not asked for.
    pub message: String,
    /// `response-headers`, for requests that trigger the hook; the last of a name wins.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What becomes of the command's output.
    pub output: Output,
    /// `success-http-response-code`
    pub success: Option<StatusCode>,
    /// `trigger-rule-mismatch-http-response-code`
    pub mismatch: Option<StatusCode>,
}

/// What becomes of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The answer does not wait for the command.
    #[default]
    Background,
    /// `include-command-output-in-response`: the answer is what the command wrote, once it ended.
    Included {
        /// `include-command-output-in-response-on-error`: also when it failed.
        on_error: bool,
    },
    /// `stream-command-output`: the answer is what it writes, while it writes. It wins over
    /// [`Included`](Self::Included).
    Streamed,
}
