use std::{fmt, str::FromStr};

use lettre::Address;
use serde::{Deserialize, Serialize};

/// The longest name before an address, in characters.
const LONGEST_NAME: usize = 200;

/// Where a mail goes or comes from: `ci@acme.example` or `dogi <ci@acme.example>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress {
    name: Option<String>,
    address: Address,
}

/// A text that is no mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no mail address {problem}: wanted is name@host or Name <name@host>, in ASCII but for the Name",
    .text.escape_debug()
)]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// Where it is wrong, as the end of a half sentence.
    pub problem: &'static str,
}

impl MailAddress {
    /// The name of whoever has the address.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address alone: `ci@acme.example`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.as_ref()
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.domain()
    }

    pub(super) fn envelope(&self) -> Address {
        self.address.clone()
    }

    pub(super) fn header(&self) -> mail_builder::headers::address::Address<'_> {
        mail_builder::headers::address::Address::new_address(self.name(), self.address())
    }
}

impl FromStr for MailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = |problem| AddressError {
            text: text.to_owned(),
            problem,
        };
        if text.chars().any(char::is_control) {
            return Err(bad("since it holds a control character"));
        }
        let (name, address) = match text.trim().strip_suffix('>') {
            None => ("", text.trim()),
            Some(rest) => rest
                .rsplit_once('<')
                .ok_or_else(|| bad("since it has a `>` and no `<`"))?,
        };
        let quoted = |name: &str| -> Option<String> {
            let inner = name.strip_prefix('"')?.strip_suffix('"')?;
            Some(inner.to_owned())
        };
        let name = name.trim();
        let name = quoted(name).unwrap_or_else(|| name.to_owned());
        if name.contains(['<', '>', '"', '\\']) {
            return Err(bad("since its Name holds one of `<>\"\\`"));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(bad("since its Name is longer than 200 characters"));
        }
        if !address.is_ascii() {
            return Err(bad("since its address is not ASCII"));
        }
        let parsed = address
            .parse()
            .map_err(|_| bad("by the rules of RFC 5321"))?;
        Ok(Self {
            name: (!name.is_empty()).then_some(name),
            address: parsed,
        })
    }
}

impl TryFrom<String> for MailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "\"{name}\" <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}
