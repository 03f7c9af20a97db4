//! The format of recorded cases.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// A hooks file, a request and the answer that is wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The text of the file.
    pub(crate) hooks: String,
    #[serde(default)]
    pub(crate) extra_hooks: Vec<String>,
    /// Flags of the original's command line.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Executable files in the server's directory.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// What is done before the request.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    pub(crate) request: Request,
    pub(crate) expect: Expect,
    /// An oddity of the original's.
    #[serde(default, rename = "quirk")]
    _quirk: Option<Value>,
    /// Why the answer is wanted so.
    #[serde(default)]
    pub(crate) note: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    WriteHooks(String),
    RemoveHooks(IgnoredAny),
    Signal(String),
    /// A test waits for what is to happen meanwhile instead.
    Sleep(IgnoredAny),
    Request(Request),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: Headers,
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) body_b64: Option<String>,
    #[serde(default)]
    pub(crate) scalr: Option<Scalr>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Headers {
    Named(BTreeMap<String, String>),
    Listed(Vec<(String, String)>),
}

/// A request that is signed as Scalr does when it is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scalr {
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) offset_s: i64,
    /// As of `strftime`.
    #[serde(default)]
    pub(crate) format: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) body_equals: Option<String>,
    #[serde(default)]
    pub(crate) body_contains: Texts,
    #[serde(default)]
    pub(crate) body_not_contains: Option<String>,
    #[serde(default)]
    pub(crate) body_regex: Option<String>,
    /// `None`: there is no such header.
    #[serde(default)]
    pub(crate) header: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(crate) file: Option<FileExpected>,
    #[serde(default)]
    pub(crate) file_absent: Option<String>,
    /// `fail`: the server does not start.
    #[serde(default)]
    pub(crate) startup: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileExpected {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) equals: Option<String>,
    #[serde(default)]
    pub(crate) contains: Option<String>,
}

/// How a file with the hook `h` begins.
pub(crate) const ONE_HOOK: &str = "- id: h\n";

impl Case {
    /// Whether its hook can be one of many, under another name.
    pub(crate) fn has_one_hook(&self) -> bool {
        let rest = self.hooks.strip_prefix(ONE_HOOK);
        self.extra_hooks.is_empty() && rest.is_some_and(is_of_one_hook)
    }

    /// Whether it leaves its server as it was, so that others can have it too.
    pub(crate) fn shares_its_server(&self) -> bool {
        self.expect.startup.is_none()
            && self.steps.is_empty()
            && self.env.is_empty()
            && self.files.is_empty()
            && self.expect.file.is_none()
            && self.expect.file_absent.is_none()
    }
}

/// No other item of the list, no end of the document, no name.
fn is_of_one_hook(rest: &str) -> bool {
    rest.lines()
        .all(|line| line.starts_with("  ") && !line.starts_with("  id:"))
}

impl Default for Headers {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Headers {
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        match self {
            Self::Named(fields) => fields.clone().into_iter().collect(),
            Self::Listed(fields) => fields.clone(),
        }
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Texts {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// The cases of a file, not filled in yet.
pub(crate) fn read(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("cases are a list")
}

/// The case with the directory's path for each `{{TMP}}`.
pub(crate) fn fill(case: &Value, folder: &Path) -> Case {
    let mut case = case.clone();
    replace(&mut case, folder.to_str().expect("UTF-8"));
    let name = case["name"].clone();
    serde_json::from_value(case).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn replace(value: &mut Value, folder: &str) {
    match value {
        Value::String(text) => *text = text.replace("{{TMP}}", folder),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, folder)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, folder)),
        _ => {}
    }
}
