use dogi_url::{EnvName, InvalidValue};

/// The variable that holds what a node or an outside variable of this name gives: upper case, `-`
/// and `.` become `_`.
///
/// # Errors
/// When that is no name of a variable, as with a name that begins with a digit.
pub(crate) fn variable(name: &str) -> Result<EnvName, InvalidValue> {
    EnvName::new(name.to_ascii_uppercase().replace(['-', '.'], "_"))
}
