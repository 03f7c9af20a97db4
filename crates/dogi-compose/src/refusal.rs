use std::fmt;

use crate::Permission;

/// Something that a project asks for and may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it stands: `services.web.volumes[0]`, or file, line and key.
    pub place: String,
    /// The value as found.
    pub value: String,
    /// Why not, as the end of a sentence about it.
    pub reason: String,
    /// What would permit it; `None`: nothing does.
    pub permission: Option<Permission>,
}

/// Longer values are cut in messages.
const QUOTED: usize = 120;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value: String = self.value.chars().take(QUOTED).collect();
        if value.len() < self.value.len() {
            value.push('…');
        }
        write!(f, "{}: {value:?}: {}", self.place, self.reason)?;
        match self.permission {
            Some(permission) => write!(f, " (allow: [{permission}] would permit it)"),
            None => Ok(()),
        }
    }
}
