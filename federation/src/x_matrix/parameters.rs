//! The parameters of an `X-Matrix` header, as new and old servers write them.
//!
//! The grammar is that of RFC 9110, section 11.4, but colons may stand outside quotes: older servers write
//! `key=ed25519:1`.

use std::collections::BTreeMap;

/// The most parameters of a header; four are of use.
const MOST_PARAMETERS: usize = 16;

/// What is wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is not made of `name=value`.
    #[error("it is not a list of name=\"value\"")]
    Shape,
    /// A parameter is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// A parameter is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter has a value that it cannot have.
    #[error("`{0}` is not what it should be")]
    Value(&'static str),
}

/// The parameters by name, in lower case. `text` is what follows the scheme.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, HeaderError> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(found);
        }
        let (name, after) = rest.split_once('=').ok_or(HeaderError::Shape)?;
        let name = name.trim_end().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(is_token) || found.len() == MOST_PARAMETERS {
            return Err(HeaderError::Shape);
        }
        let (value, after) = value(after.trim_start())?;
        if found.contains_key(&name) {
            return Err(HeaderError::Twice(name));
        }
        found.insert(name, value);
        rest = after;
        if !rest.is_empty() && !rest.starts_with([' ', '\t', ',']) {
            return Err(HeaderError::Shape);
        }
    }
}

/// A value at the start of `text`, and what follows it.
fn value(text: &str) -> Result<(String, &str), HeaderError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        // Base64 and ids have some characters that are of no token.
        let is_plain = |byte: u8| is_token(byte) || b":/=[]".contains(&byte);
        return if value.bytes().all(is_plain) {
            Ok((value.to_owned(), rest))
        } else {
            Err(HeaderError::Shape)
        };
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next().ok_or(HeaderError::Shape)?.1),
            other => value.push(other),
        }
    }
    Err(HeaderError::Shape)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        read(text).unwrap().into_iter().collect()
    }

    #[test]
    fn quoted_bare_escaped_and_spaced_values_are_read() {
        let expected = [("a".to_owned(), "x:1".to_owned()), ("b".to_owned(), "y, \"z\"".to_owned())];
        for text in [r#"a="x:1",b="y, \"z\"""#, r#" A=x:1 ,	B="\y, \"z\"" , "#, r#"a = x:1, b = "y, \"z\"""#]
        {
            assert_eq!(pairs(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_parameters_is_refused() {
        for text in ["a", "=b", "a=\"b", "a=\"b\"c=d", "a b=c", "a=b c", "a=\"\\", "a=(b)", "ä=b"] {
            assert_eq!(read(text), Err(HeaderError::Shape), "{text}");
        }
        assert_eq!(read("a=b,A=c"), Err(HeaderError::Twice("a".to_owned())));
        let many: Vec<String> = (0..17).map(|n| format!("p{n}=v")).collect();
        assert_eq!(read(&many.join(",")), Err(HeaderError::Shape));
    }

    proptest! {
        #[test]
        fn what_is_written_with_quotes_is_read_back(values in prop::collection::vec("[ -~]{0,20}", 0..8)) {
            let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let written: Vec<_> = values.iter().enumerate().map(|(n, text)| format!("p{n}=\"{}\"", escaped(text))).collect();
            let found = read(&written.join(","));
            prop_assert_eq!(found.unwrap().into_values().collect::<Vec<_>>(), values);
        }

        #[test]
        fn no_text_does_harm(text in "\\PC{0,200}") {
            let _ = read(&text);
        }
    }
}
