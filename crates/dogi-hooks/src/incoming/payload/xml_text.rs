//! Names and texts of XML.

type Text = Result<String, &'static str>;

/// Whether it is a name. Of the characters outside ASCII none is refused: what they look like
/// makes no difference to how a document is read.
pub(super) fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || c == '_' || c == ':' || !c.is_ascii();
    let other = |c: char| first(c) || c.is_ascii_digit() || c == '-' || c == '.';
    name.starts_with(first) && name.chars().all(other)
}

/// The name without the prefix of its namespace.
pub(super) fn local(name: &str) -> &str {
    match name.split_once(':') {
        Some((prefix, local))
            if !prefix.is_empty() && !local.is_empty() && !local.contains(':') =>
        {
            local
        }
        _ => name,
    }
}

/// Text between tags, without references.
pub(super) fn plain(text: &str) -> Text {
    if text.contains("]]>") {
        return Err("`]]>` outside of CDATA stands");
    }
    cdata(text)
}

/// Text in which `&` and `<` mean themselves.
pub(super) fn cdata(text: &str) -> Text {
    if text.chars().any(|c| !is_allowed(c)) {
        return Err("a control character stands");
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The value of an attribute.
pub(super) fn expand(text: &str) -> Text {
    if text.contains('<') {
        return Err("an unescaped `<` in an attribute stands");
    }
    let mut parts = text.split('&');
    let mut out = plain(parts.next().unwrap_or_default())?;
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or("an `&` without `;` stands")?;
        out.push(reference(name)?);
        out.push_str(&plain(rest)?);
    }
    Ok(out)
}

/// The character that `&name;` stands for.
pub(super) fn reference(name: &str) -> Result<char, &'static str> {
    let unknown = "a reference to an unknown entity or character stands";
    match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => {}
    }
    let digits = name.strip_prefix('#').ok_or(unknown)?;
    let (digits, base) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    if !digits.chars().all(|c| c.is_digit(base)) {
        return Err(unknown);
    }
    let code = u32::from_str_radix(digits, base).map_err(|_| unknown)?;
    // Go makes U+FFFD of half a surrogate pair.
    let half = (0xd800..0xe000).contains(&code);
    let c = char::from_u32(code).or(half.then_some(char::REPLACEMENT_CHARACTER));
    c.filter(|c| is_allowed(*c)).ok_or(unknown)
}

/// `Char` of XML 1.0.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}
