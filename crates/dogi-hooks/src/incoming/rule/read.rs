use std::collections::BTreeMap;

use dogi_yaml::{Key, Node, Reader, Value, did_you_mean, index, join};

use super::{Algorithm, Hmac, IpRanges, Match, Rule, Scalr};
use crate::incoming::argument_reader::argument;
use crate::incoming::explain::Idle;
use crate::incoming::secret::{Empty, read_many};
use crate::incoming::{Argument, Pattern, Secret, SecretLookup};

const KINDS: [&str; 4] = ["and", "or", "not", "match"];

const TYPES: [(&str, Type); 10] = [
    ("value", Type::Value),
    ("regex", Type::Regex),
    ("payload-hmac-sha1", Type::Hmac(Algorithm::Sha1)),
    ("payload-hmac-sha256", Type::Hmac(Algorithm::Sha256)),
    ("payload-hmac-sha512", Type::Hmac(Algorithm::Sha512)),
    ("payload-hash-sha1", Type::OldHmac(Algorithm::Sha1)),
    ("payload-hash-sha256", Type::OldHmac(Algorithm::Sha256)),
    ("payload-hash-sha512", Type::OldHmac(Algorithm::Sha512)),
    ("ip-whitelist", Type::IpWhitelist),
    ("scalr-signature", Type::Scalr),
];

#[derive(Clone, Copy)]
enum Type {
    Value,
    Regex,
    Hmac(Algorithm),
    OldHmac(Algorithm),
    IpWhitelist,
    Scalr,
}

/// Reads a rule; knows afterwards where everything stood.
pub(in crate::incoming) struct RuleReader<'r, 'f> {
    pub(in crate::incoming) reader: &'r mut Reader<'f>,
    pub(in crate::incoming) lookup: &'r dyn SecretLookup,
    /// The lines of rules, by path below `trigger-rule`.
    pub(in crate::incoming) lines: BTreeMap<String, u64>,
    /// Paths of matches whose type has an old name.
    pub(in crate::incoming) old_names: Vec<String>,
    /// Keys that mean nothing to the type of their match.
    pub(in crate::incoming) idle: Vec<Idle>,
    /// Where the hook stands: what comes before `trigger-rule` in a path.
    pub(in crate::incoming) prefix: &'r str,
}

impl RuleReader<'_, '_> {
    /// Reads the rule of a hook.
    pub(in crate::incoming) fn root(&mut self, node: Node) -> Option<Rule> {
        self.rule(node, "trigger-rule")
    }

    fn full(&self, path: &str) -> String {
        join(self.prefix, path)
    }

    /// Goes down with the document, whose depth is bounded.
    fn rule(&mut self, node: Node, path: &str) -> Option<Rule> {
        let line = node.line;
        self.lines.insert(path.to_owned(), line);
        let full = self.full(path);
        if !matches!(node.value, Value::Map(_)) {
            let message = format!(
                "expected a mapping with and, or, not or match, not {}",
                node.value.kind()
            );
            self.reader.mistake(line, &full, message);
            return None;
        }
        let entries = self.reader.map(node, &full);
        // An unknown key makes the whole rule unusable, but everything in it is read first.
        let mut rules = Vec::new();
        let mut is_right = true;
        for (key, node) in entries {
            let rule = self.entry(&key, node, path);
            is_right &= rule.is_some();
            rules.extend(rule.map(|rule| (key, rule)));
        }
        if let [(first, _), (second, _), ..] = &rules[..] {
            let message = format!(
                "expected one of and, or, not and match, not {} and {}",
                first.text, second.text
            );
            self.reader.mistake(second.line, &full, message);
            return None;
        }
        let rule = rules.pop().map_or(Rule::Nothing, |(_, rule)| rule);
        is_right.then_some(rule)
    }

    fn entry(&mut self, key: &Key, node: Node, path: &str) -> Option<Rule> {
        let here = join(path, &key.text);
        match key.text.as_str() {
            "and" => Some(Rule::And(self.rules(node, &here)?)),
            "or" => Some(Rule::Or(self.rules(node, &here)?)),
            "not" => Some(Rule::Not(Box::new(self.rule(node, &here)?))),
            "match" => Some(Rule::Match(self.question(node, &here)?)),
            _ => {
                let full = self.full(path);
                self.reader.unknown(key, &full, &KINDS);
                None
            }
        }
    }

    fn rules(&mut self, node: Node, path: &str) -> Option<Vec<Rule>> {
        self.lines.insert(path.to_owned(), node.line);
        let full = self.full(path);
        let is_list = matches!(node.value, Value::List(_));
        let mut all = is_list.then(Vec::new);
        let items = self.reader.list(node, &full, "a list of rules");
        for (at, item) in items.into_iter().enumerate() {
            match (self.rule(item, &index(path, at)), &mut all) {
                (Some(rule), Some(all)) => all.push(rule),
                _ => all = None,
            }
        }
        all
    }

    fn question(&mut self, node: Node, path: &str) -> Option<Match> {
        let line = node.line;
        self.lines.insert(path.to_owned(), line);
        let full = self.full(path);
        if !matches!(node.value, Value::Map(_)) {
            let message = format!("expected a mapping, not {}", node.value.kind());
            self.reader.mistake(line, &full, message);
            return None;
        }
        let known = ["type", "parameter", "value", "regex", "secret", "ip-range"];
        let before = self.reader.count();
        let [kind, parameter, value, regex, secret, range] = self.reader.fields(node, &full, known);
        let Some(kind) = kind else {
            self.reader.mistake(line, &full, "type is missing");
            return None;
        };
        let kind = self.kind(kind, path)?;
        let mut fields = Fields {
            line,
            path: full,
            all: [
                ("parameter", parameter),
                ("value", value),
                ("regex", regex),
                ("secret", secret),
                ("ip-range", range),
            ],
        };
        let question = match kind {
            Type::Value => self.value(&mut fields),
            Type::Regex => self.regex(&mut fields),
            Type::Hmac(algorithm) | Type::OldHmac(algorithm) => self.hmac(algorithm, &mut fields),
            Type::IpWhitelist => self.ip(&mut fields),
            Type::Scalr => {
                let secrets = self.secrets(&mut fields, "secret", Empty::Refused);
                secrets.map(|secrets| Match::ScalrSignature(Scalr::new(&secrets)))
            }
        };
        for (name, node) in fields.all {
            if let Some(node) = node {
                self.idle
                    .push(Idle::new(node.line, join(&fields.path, name)));
            }
        }
        question.filter(|_| self.reader.count() == before)
    }

    fn kind(&mut self, node: Node, path: &str) -> Option<Type> {
        let here = self.full(&join(path, "type"));
        let line = node.line;
        let text = self.reader.scalar(node, &here, "the type of a match")?;
        if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == text) {
            if matches!(kind, Type::OldHmac(_)) {
                self.old_names.push(path.to_owned());
            }
            return Some(*kind);
        }
        let names = TYPES.iter().map(|(name, _)| *name);
        let near = did_you_mean(&text, names.clone());
        let known: Vec<&str> = names
            .filter(|name| !name.starts_with("payload-hash"))
            .collect();
        let message = format!("expected one of {}{near}", known.join(", "));
        self.reader.mistaken_value(line, &here, text, message);
        None
    }

    fn value(&mut self, fields: &mut Fields) -> Option<Match> {
        let parameter = self.parameter(fields);
        let values = self.secrets(fields, "value", Empty::Allowed);
        Some(Match::Value {
            parameter: parameter?,
            values: values?,
        })
    }

    fn regex(&mut self, fields: &mut Fields) -> Option<Match> {
        let parameter = self.parameter(fields);
        let node = self.needed(fields, "regex")?;
        let (line, path) = (node.line, join(&fields.path, "regex"));
        let text = self.reader.scalar(node, &path, "a pattern")?;
        match Pattern::new(&text) {
            Ok(pattern) => Some(Match::Regex {
                parameter: parameter?,
                pattern,
            }),
            Err(error) => {
                let message = format!("not a pattern: {error}");
                self.reader.mistaken_value(line, &path, text, message);
                None
            }
        }
    }

    fn hmac(&mut self, algorithm: Algorithm, fields: &mut Fields) -> Option<Match> {
        let parameter = self.parameter(fields);
        let secrets = self.secrets(fields, "secret", Empty::Refused);
        Some(Match::Hmac(Hmac::new(algorithm, parameter?, &secrets?)))
    }

    fn ip(&mut self, fields: &mut Fields) -> Option<Match> {
        let node = self.needed(fields, "ip-range")?;
        let (line, path) = (node.line, join(&fields.path, "ip-range"));
        let text = self.reader.scalar(node, &path, "addresses and ranges")?;
        match text.parse::<IpRanges>() {
            Ok(ranges) => Some(Match::IpWhitelist(ranges)),
            Err(error) => {
                let message = "expected an address or a range such as 192.0.2.0/24 or \
                               2001:db8::/32, or several with spaces between them";
                self.reader
                    .mistaken_value(line, &path, error.range, message);
                None
            }
        }
    }

    fn parameter(&mut self, fields: &mut Fields) -> Option<Argument> {
        let node = self.needed(fields, "parameter")?;
        let path = join(&fields.path, "parameter");
        Some(argument(self.reader, node, &path)?.argument)
    }

    fn secrets(&mut self, fields: &mut Fields, key: &str, empty: Empty) -> Option<Vec<Secret>> {
        let node = self.needed(fields, key)?;
        let path = join(&fields.path, key);
        let before = self.reader.count();
        let secrets = read_many(self.reader, self.lookup, node, &path, empty);
        (self.reader.count() == before).then_some(secrets)
    }

    fn needed(&mut self, fields: &mut Fields, key: &str) -> Option<Node> {
        let found = fields.take(key);
        if found.is_none() {
            let message = format!("{key} is missing");
            self.reader.mistake(fields.line, &fields.path, message);
        }
        found
    }
}

/// The keys of a match that are left to read.
struct Fields {
    line: u64,
    path: String,
    all: [(&'static str, Option<Node>); 5],
}

impl Fields {
    fn take(&mut self, key: &str) -> Option<Node> {
        let (_, node) = self.all.iter_mut().find(|(name, _)| *name == key)?;
        node.take()
    }
}
