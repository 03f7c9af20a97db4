//! Hooks files, their rules and what they start, by tables of what the well-known `webhook`
//! server makes of them.

mod command;
mod explain;
mod mistakes;
mod pattern;
mod properties;
mod read;
mod rules;
mod signatures;

use dogi_hooks::incoming::{
    Hooks, PayloadShape, Received, Request, Secret, SecretLookup, Unreadable,
};

/// What a test's secrets are.
struct Secrets;

impl SecretLookup for Secrets {
    fn env(&self, name: &str) -> Result<Option<Secret>, Unreadable> {
        match name {
            "SECRET" => Ok(Some(Secret::new("hidden"))),
            "EMPTY" => Ok(Some(Secret::new(""))),
            "BYTES" => Err(Unreadable("is not UTF-8".to_owned())),
            _ => Ok(None),
        }
    }

    fn file(&self, path: &str) -> Result<Secret, Unreadable> {
        match path {
            "/secret" => Ok(Secret::new("from a file\r\n")),
            _ => Err(Unreadable("cannot be read: no such file".to_owned())),
        }
    }
}

/// The hooks of a file, or its mistakes, a line each, without its name.
fn read(text: &str) -> Result<Hooks, String> {
    let files = [("hooks.yaml".into(), text.to_owned())];
    Hooks::read(&files, &Secrets).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        lines.join("\n").replace("hooks.yaml:", "")
    })
}

/// A file with one hook that has this rule, in flow style.
fn with_rule(rule: &str) -> String {
    format!("- id: h\n  execute-command: /bin/true\n  trigger-rule: {rule}\n")
}

#[derive(Clone)]
struct Asked {
    query: &'static str,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
    client: &'static str,
    at: u64,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            query: "",
            headers: Vec::new(),
            body: r#"{"ref": "main", "n": 1, "b": true}"#,
            client: "192.0.2.1",
            at: 1_504_765_804,
        }
    }
}

impl Asked {
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    fn request(&self) -> Request {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        for (name, value) in &self.headers {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.insert(http::HeaderName::from_static(name), value);
        }
        let received = Received {
            method: http::Method::POST,
            headers,
            query: self.query.to_owned(),
            peer: "192.0.2.9:4711".parse().unwrap(),
            client: self.client.parse().unwrap(),
            body: self.body.as_bytes().to_vec().into(),
            at: self.at,
        };
        Request::read(received, &PayloadShape::default()).unwrap()
    }
}

/// What becomes of a request: `true`, or the code of the answer, false or unknown, and why.
fn ask(rule: &str, asked: &Asked) -> String {
    use dogi_hooks::incoming::Verdict;
    let hooks = read(&with_rule(rule)).unwrap_or_else(|mistakes| panic!("{rule}\n{mistakes}"));
    let hook = hooks.get("h").unwrap();
    let verdict = hook.evaluate(&asked.request());
    let status = hook.mismatch_status(&verdict).as_u16();
    match verdict {
        Verdict::True => "true".to_owned(),
        Verdict::False(reason) => format!("{status} false {reason}"),
        Verdict::Unknown(reason) => format!("{status} unknown {reason}"),
    }
}
