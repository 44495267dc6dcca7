//! JSON text, written directly.

/// Appends a JSON string, escaped as canonical JSON has it. Plain text, which nearly all is, is copied.
///
/// Specification: <https://spec.matrix.org/v1.19/appendices/#canonical-json>
pub(crate) fn push_text(out: &mut String, text: &str) {
    // Counted without an early end, so that many bytes are looked at in one instruction.
    let special = text.bytes().filter(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')).count();
    if special == 0 {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Text always encodes; a failure would leave a hole and so be caught where the whole is parsed.
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            let mut out = String::new();
            push_text(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }
}
