use dogi_yaml::{Node, Reader, Value, index, join};
use http::{HeaderName, HeaderValue, Method, header};

use super::read_action::{ActionNodes, ReadAction, list};
use super::{Hook, Output, Response};
use crate::incoming::explain::{Explanation, Idle};
use crate::incoming::rule::RuleReader;
use crate::incoming::scalars::{flag, optional_text, status, text};
use crate::incoming::{Argument, PayloadShape, SecretLookup, Source};

/// Every key of a hook.
const KEYS: [&str; 24] = [
    "id",
    "execute-command",
    "dogi",
    "command-working-directory",
    "pass-arguments-to-command",
    "pass-environment-to-command",
    "pass-file-to-command",
    "reject-leading-dash",
    "response-message",
    "response-headers",
    "success-http-response-code",
    "trigger-rule-mismatch-http-response-code",
    "include-command-output-in-response",
    "include-command-output-in-response-on-error",
    "stream-command-output",
    "incoming-payload-content-type",
    "parse-parameters-as-json",
    "http-methods",
    "trigger-rule",
    "trigger-signature-soft-failures",
    "max-concurrent",
    "max-queued",
    "timeout",
    "image",
];

/// Headers that say how an answer is sent, which only who sends it knows.
const OF_THE_SERVER: [HeaderName; 5] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Reads one hook.
pub(in crate::incoming) struct HookReader<'r, 'f> {
    pub(in crate::incoming) reader: &'r mut Reader<'f>,
    pub(in crate::incoming) lookup: &'r dyn SecretLookup,
    /// Its path: `[0]`.
    pub(in crate::incoming) path: String,
}

impl HookReader<'_, '_> {
    pub(in crate::incoming) fn read(&mut self, node: Node) -> Option<Hook> {
        let line = node.line;
        if !matches!(node.value, Value::Map(_)) {
            let message = format!(
                "expected a mapping that is a hook, not {}",
                node.value.kind()
            );
            self.reader.mistake(line, &self.path, message);
            return None;
        }
        let before = self.reader.count();
        let [
            id,
            program,
            dogi,
            directory,
            arguments,
            environment,
            files,
            rejects_leading_dash,
            message,
            headers,
            success,
            mismatch,
            include,
            include_on_error,
            stream,
            content_type,
            json,
            methods,
            rule,
            soft,
            max_concurrent,
            max_queued,
            timeout,
            image,
        ] = self.reader.fields(node, &self.path, KEYS);
        let id = self.id(id, line);
        let nodes = ActionNodes {
            program,
            dogi,
            directory,
            arguments,
            environment,
            files,
            rejects_leading_dash,
            max_concurrent,
            max_queued,
            timeout,
        };
        let action = nodes.read(self.reader, &self.path, line);
        let mut idle = Vec::new();
        let response = Response {
            message: self.text(message, "response-message").unwrap_or_default(),
            headers: self.headers(headers, &mut idle),
            output: self.output(include, include_on_error, stream, &mut idle),
            success: status(
                self.reader,
                success,
                &self.key("success-http-response-code"),
            ),
            mismatch: status(
                self.reader,
                mismatch,
                &self.key("trigger-rule-mismatch-http-response-code"),
            ),
        };
        let shape = PayloadShape {
            content_type: self.text(content_type, "incoming-payload-content-type"),
            json: self.json(json),
        };
        let methods = self.methods(methods);
        let has_soft_signatures = flag(
            self.reader,
            soft,
            &self.key("trigger-signature-soft-failures"),
        );
        let image = self.text(image, "image");
        let mut rules = RuleReader {
            reader: self.reader,
            lookup: self.lookup,
            lines: Default::default(),
            old_names: Vec::new(),
            idle: Vec::new(),
            prefix: &self.path,
        };
        // Nothing in the place of a rule is no rule, as in the original.
        let rule = rule
            .filter(|node| node.value != Value::Null)
            .and_then(|node| rules.root(node));
        let (lines, old_names) = (rules.lines, rules.old_names);
        idle.extend(rules.idle);
        if self.reader.count() != before {
            return None;
        }
        let ReadAction {
            action,
            limits,
            idle: of_action,
            first_from_request,
        } = action?;
        idle.extend(of_action);
        let mut hook = Hook {
            id: id?,
            file: self.reader.file().to_path_buf(),
            line,
            path: self.path.clone(),
            action,
            methods,
            shape,
            rule,
            response,
            limits,
            has_soft_signatures,
            image,
            findings: Vec::new(),
        };
        let explanation = Explanation {
            hook: &hook,
            lines: &lines,
            old_names: &old_names,
            idle: &idle,
            first_from_request,
        };
        hook.findings = explanation.findings();
        Some(hook)
    }

    fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    fn text(&mut self, node: Option<Node>, key: &str) -> Option<String> {
        let here = self.key(key);
        optional_text(self.reader, node, &here, "a text")
    }

    fn id(&mut self, node: Option<Node>, line: u64) -> Option<String> {
        let here = self.key("id");
        let Some(node) = node else {
            self.reader.mistake(line, &self.path, "id is missing");
            return None;
        };
        let line = node.line;
        let id = text(self.reader, node, &here, "a text")?;
        if id.is_empty() {
            self.reader.mistake(
                line,
                &here,
                "is empty: expected what stands in the hook's URL",
            );
            return None;
        }
        Some(id)
    }

    fn output(
        &mut self,
        include: Option<Node>,
        on_error: Option<Node>,
        stream: Option<Node>,
        idle: &mut Vec<Idle>,
    ) -> Output {
        let include_key = self.key("include-command-output-in-response");
        let include = flag(self.reader, include, &include_key);
        let on_error_key = self.key("include-command-output-in-response-on-error");
        let on_error_line = on_error.as_ref().map(|node| node.line);
        let on_error = flag(self.reader, on_error, &on_error_key);
        if on_error && !include {
            idle.extend(on_error_line.map(|line| Idle::new(line, on_error_key)));
        }
        let stream_key = self.key("stream-command-output");
        match (flag(self.reader, stream, &stream_key), include) {
            (true, _) => Output::Streamed,
            (false, true) => Output::Included { on_error },
            (false, false) => Output::Background,
        }
    }

    fn headers(
        &mut self,
        node: Option<Node>,
        idle: &mut Vec<Idle>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let path = self.key("response-headers");
        let Some(node) = node.filter(|node| node.value != Value::Null) else {
            return Vec::new();
        };
        let items = self.reader.list(node, &path, "a list of name and value");
        let mut headers = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let (here, line) = (index(&path, at), item.line);
            let header = self.header(item, &here);
            if header
                .as_ref()
                .is_some_and(|(name, _)| OF_THE_SERVER.contains(name))
            {
                let why = "the server itself says how an answer is sent";
                idle.push(Idle::because(line, here, why));
            }
            headers.extend(header);
        }
        headers
    }

    fn header(&mut self, node: Node, path: &str) -> Option<(HeaderName, HeaderValue)> {
        let line = node.line;
        let [name, value] = self.reader.fields(node, path, ["name", "value"]);
        let Some(name) = name else {
            self.reader.mistake(line, path, "name is missing");
            return None;
        };
        let text = self
            .reader
            .scalar(name, &join(path, "name"), "the name of a header")?;
        let name = HeaderName::from_bytes(text.as_bytes());
        if name.is_err() {
            let message = "expected the name of a header";
            self.reader
                .mistaken_value(line, &join(path, "name"), text, message);
        }
        let value = value.filter(|node| node.value != Value::Null);
        let text = match value {
            Some(node) => self.reader.scalar(node, &join(path, "value"), "a text")?,
            None => String::new(),
        };
        // White space around it is no part of a header's value, and would be sent.
        let text = text.trim_matches([' ', '\t']).to_owned();
        let value = HeaderValue::from_bytes(text.as_bytes());
        if value.is_err() {
            let message = "expected a value of a header, in one line";
            self.reader
                .mistaken_value(line, &join(path, "value"), text, message);
        }
        name.ok().zip(value.ok())
    }

    fn methods(&mut self, node: Option<Node>) -> Vec<Method> {
        let path = self.key("http-methods");
        let Some(node) = node.filter(|node| node.value != Value::Null) else {
            return Vec::new();
        };
        let mut methods = Vec::new();
        let items = self.reader.list(node, &path, "a list of methods");
        for (at, item) in items.into_iter().enumerate() {
            let (here, line) = (index(&path, at), item.line);
            let Some(text) = self.reader.scalar(item, &here, "a method") else {
                continue;
            };
            match Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes()) {
                Ok(method) => methods.push(method),
                Err(_) => {
                    let message = "expected a method such as POST";
                    self.reader.mistaken_value(line, &here, text, message);
                }
            }
        }
        methods
    }

    fn json(&mut self, node: Option<Node>) -> Vec<Argument> {
        let path = self.key("parse-parameters-as-json");
        let mut json = Vec::new();
        for (path, named) in list(self.reader, node, &path) {
            match named.argument.source {
                Source::Header(_) | Source::Query(_) | Source::Payload(_) => {
                    json.push(named.argument);
                }
                _ => {
                    let message = "expected one of the sources header, url and payload";
                    self.reader
                        .mistake(named.line, &join(&path, "source"), message);
                }
            }
        }
        json
    }
}
