use super::{Match, Reason, Rule, Verdict, Why};
use crate::incoming::{Argument, Missing, Request};

/// Whether signatures are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// As the rules say.
    #[default]
    Checked,
    /// They count as right: somebody verified the request before. For hooks files that come out
    /// of a repository, whose secrets nobody commits.
    Trusted,
}

/// Where a rule stands below `trigger-rule`; written out only for a reason.
#[derive(Clone, Copy)]
struct Place<'p> {
    outer: Option<&'p Place<'p>>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Root,
    Item(&'static str, usize),
    Key(&'static str),
}

impl<'p> Place<'p> {
    fn below(&'p self, step: Step) -> Place<'p> {
        Place {
            outer: Some(self),
            step,
        }
    }

    fn path(&self) -> String {
        let outer = self.outer.map(Place::path).unwrap_or_default();
        match self.step {
            Step::Root => "trigger-rule".to_owned(),
            Step::Item(key, index) => format!("{outer}.{key}[{index}]"),
            Step::Key(key) => format!("{outer}.{key}"),
        }
    }

    fn reason(&self, why: Why) -> Reason {
        Reason {
            rule: self.path(),
            why,
        }
    }
}

impl Rule {
    /// What the rule says of a request.
    ///
    /// `and` goes in order and stops at the first that is not true, with its verdict; `or` stops
    /// at the first that is true. A wrong signature is what an `or` tells of several unknowns.
    #[must_use]
    pub fn evaluate(&self, request: &Request) -> Verdict {
        self.evaluate_with(request, Signatures::Checked)
    }

    /// The same, where somebody else may have verified the request.
    #[must_use]
    pub fn evaluate_with(&self, request: &Request, signatures: Signatures) -> Verdict {
        let asked = Asked {
            request,
            signatures,
        };
        let root = Place {
            outer: None,
            step: Step::Root,
        };
        asked.rule(self, &root)
    }
}

struct Asked<'r> {
    request: &'r Request,
    signatures: Signatures,
}

impl Asked<'_> {
    fn rule(&self, rule: &Rule, place: &Place<'_>) -> Verdict {
        match rule {
            Rule::And(rules) => self.and(rules, place),
            Rule::Or(rules) => self.or(rules, place),
            Rule::Not(rule) => match self.rule(rule, &place.below(Step::Key("not"))) {
                Verdict::True => Verdict::False(place.below(Step::Key("not")).reason(Why::Denied)),
                Verdict::False(_) => Verdict::True,
                unknown @ Verdict::Unknown(_) => unknown,
            },
            Rule::Match(question) => self.question(question, &place.below(Step::Key("match"))),
            Rule::Nothing => Verdict::Unknown(place.reason(Why::Nothing)),
        }
    }

    fn and(&self, rules: &[Rule], place: &Place<'_>) -> Verdict {
        for (index, rule) in rules.iter().enumerate() {
            let verdict = self.rule(rule, &place.below(Step::Item("and", index)));
            if !verdict.is_true() {
                return verdict;
            }
        }
        Verdict::True
    }

    fn or(&self, rules: &[Rule], place: &Place<'_>) -> Verdict {
        let mut unknown: Option<Verdict> = None;
        for (index, rule) in rules.iter().enumerate() {
            let verdict = self.rule(rule, &place.below(Step::Item("or", index)));
            let tells_more =
                |known: &Verdict| verdict.wrong_signature() && !known.wrong_signature();
            match &verdict {
                Verdict::True => return verdict,
                Verdict::False(_) => {}
                Verdict::Unknown(_) if unknown.as_ref().is_none_or(tells_more) => {
                    unknown = Some(verdict);
                }
                Verdict::Unknown(_) => {}
            }
        }
        unknown.unwrap_or_else(|| {
            let place = place.below(Step::Key("or"));
            Verdict::False(place.reason(Why::NoAlternative(rules.len())))
        })
    }

    fn question(&self, question: &Match, place: &Place<'_>) -> Verdict {
        let trusted = self.signatures == Signatures::Trusted;
        let answer = match question {
            Match::Value { parameter, values } => self.compare(parameter, Why::Differs, |text| {
                // All of them, so that the time tells nothing of which it was.
                values
                    .iter()
                    .fold(false, |found, value| found | value.is(text))
            }),
            Match::Regex { parameter, pattern } => {
                self.compare(parameter, Why::NoMatch, |text| pattern.is_match(text))
            }
            Match::IpWhitelist(ranges) => match ranges.contains(self.request.received().client) {
                true => Ok(()),
                false => Err((false, Why::OutOfRange)),
            },
            Match::Hmac(_) | Match::ScalrSignature(_) if trusted => Ok(()),
            Match::Hmac(hmac) => hmac.check(self.request).map_err(|why| (true, why)),
            Match::ScalrSignature(scalr) => scalr.check(self.request).map_err(|why| (true, why)),
        };
        match answer {
            Ok(()) => Verdict::True,
            Err((true, why)) => Verdict::Unknown(place.reason(why)),
            Err((false, why)) => Verdict::False(place.reason(why)),
        }
    }

    /// What is wrong, and whether that is unknown instead of false.
    fn compare(
        &self,
        parameter: &Argument,
        why: impl FnOnce(super::super::Source) -> Why,
        is_so: impl FnOnce(&[u8]) -> bool,
    ) -> Result<(), (bool, Why)> {
        match parameter.get(self.request) {
            Ok(text) if is_so(&text) => Ok(()),
            Ok(_) => Err((false, why(parameter.source.clone()))),
            Err(Missing(source)) => Err((true, Why::Missing(source))),
        }
    }
}
