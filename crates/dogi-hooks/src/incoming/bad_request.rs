/// A body that is not what its content type says, or is too much.
///
/// The texts say what was wrong and where, and never quote the body: it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// Not JSON.
    #[error("the body is no JSON: {problem} at byte {at}")]
    Json {
        /// Bytes before the mistake.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// JSON, but neither an object nor a list, so that it has no values with a name.
    #[error("the body is JSON, but neither an object nor a list")]
    Scalar,
    /// Not a URL-encoded form.
    #[error("the body is no URL-encoded form: {problem} in field {field}")]
    Form {
        /// Which field, counted from 1.
        field: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Not XML.
    #[error("the body is no XML: {problem} in line {line}")]
    Xml {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Not a multipart form.
    #[error("the body is no multipart form: {problem} after {parts} parts")]
    Multipart {
        /// How many whole parts came before the mistake.
        parts: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A part of a multipart form that should be a JSON object.
    #[error("part {part} of the multipart form is no JSON object")]
    Part {
        /// Which part, counted from 1.
        part: usize,
        /// Why it is no JSON; `None` where it is JSON and no object.
        #[source]
        source: Option<Box<BadRequest>>,
    },
    /// Well-formed so far, but more than is read.
    #[error("the body has {what}: at most {limit} are read")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How many may be.
        limit: usize,
    },
}

impl BadRequest {
    /// Whether the body is too much (an HTTP server answers 413) and not malformed (400).
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        match self {
            Self::TooMuch { .. } => true,
            Self::Part { source, .. } => source.as_ref().is_some_and(|it| it.is_too_much()),
            _ => false,
        }
    }
}
