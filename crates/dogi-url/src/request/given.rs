//! The parameters as they were given: by name, each once, from query and body.

use std::collections::BTreeMap;

use super::body::{self, Body};
use super::error::{Place, RequestError};
use super::fields;
use crate::Verified;
use crate::query::{self, EscapeError};
use crate::text::excerpt;

/// Parameters that are about the URL itself, and have been looked at when it was verified.
const OF_THE_URL: [&str; 3] = ["sig", "exp", "body_sha256"];

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    /// A list in JSON.
    List(Vec<String>),
}

/// All parameters, each known, none twice; the query wins.
pub(super) fn collect(
    url: &Verified<'_>,
    body: Option<Body<'_>>,
) -> Result<BTreeMap<String, Given>, RequestError> {
    body::verify(url, body.map_or(&[], |body| body.bytes))?;
    let mut given = unique(texts(url.params()?), Place::Query)?;
    let Some(body) = body.filter(|body| !body.bytes.is_empty()) else {
        return Ok(given);
    };
    let body = body::read(body)?;
    let misplaced = |name: &&str| body.iter().any(|(given, _)| given == name);
    if let Some(parameter) = OF_THE_URL.into_iter().find(|name| misplaced(name)) {
        return Err(RequestError::NotInBody { parameter });
    }
    for (name, value) in unique(body, Place::Body)? {
        given.entry(name).or_insert(value);
    }
    Ok(given)
}

/// The pairs of a query or a form.
pub(super) fn decode(text: &str, place: Place) -> Result<Vec<(String, String)>, RequestError> {
    query::pairs(text)
        .map(|pair| {
            let fail = |problem: EscapeError| RequestError::Escape {
                parameter: excerpt(pair.name),
                place,
                problem,
            };
            let name = query::decode(pair.name).map_err(fail)?;
            let value = query::decode(pair.value).map_err(fail)?;
            Ok((name, value))
        })
        .collect()
}

pub(super) fn texts(pairs: Vec<(String, String)>) -> Vec<(String, Given)> {
    pairs
        .into_iter()
        .map(|(name, value)| (name, Given::Text(value)))
        .collect()
}

fn unique(
    pairs: Vec<(String, Given)>,
    place: Place,
) -> Result<BTreeMap<String, Given>, RequestError> {
    for (name, _) in &pairs {
        if !fields::is_known(name) {
            let (parameter, nearest) = (excerpt(name), fields::nearest(name));
            return Err(RequestError::Unknown {
                parameter,
                place,
                nearest,
            });
        }
    }
    once(&pairs, place)?;
    Ok(pairs.into_iter().collect())
}

fn once<T>(pairs: &[(String, T)], place: Place) -> Result<(), RequestError> {
    let mut names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.chunk_by(|a, b| a == b).find(|same| same.len() > 1) {
        None => Ok(()),
        Some(same) => {
            let (parameter, count) = (excerpt(same[0]), same.len());
            Err(RequestError::Repeated {
                parameter,
                place,
                count,
            })
        }
    }
}

impl Verified<'_> {
    /// The parameters of any route, decoded, in their order, without those that are about the URL
    /// itself (`sig`, `exp`, `body_sha256`). Which names there are is the route's business.
    ///
    /// # Errors
    /// [`RequestError::Escape`] and [`RequestError::Repeated`].
    pub fn params(&self) -> Result<Vec<(String, String)>, RequestError> {
        let mut pairs = decode(self.query(), Place::Query)?;
        pairs.retain(|(name, _)| !OF_THE_URL.contains(&name.as_str()));
        once(&pairs, Place::Query)?;
        Ok(pairs)
    }
}
