//! The laws of globs. The oracle is the definition, written out without a thought for time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::glob::Glob;
use crate::testing::cases;

/// > The character `*` matches zero or more characters. `?` matches exactly one character.
fn by_definition(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            by_definition(rest, text)
                || text.split_first().is_some_and(|(_, text)| by_definition(pattern, text))
        }
        (Some((expected, pattern)), Some((found, text))) => {
            (*expected == '?' || expected == found) && by_definition(pattern, text)
        }
        _ => false,
    }
}

/// > The pattern must instead match any substring of the value of the property which starts and ends at a word boundary.
fn by_definition_in_words(pattern: &[char], text: &[char]) -> bool {
    let is_word = |at: usize| text[at].is_ascii_alphanumeric() || text[at] == '_';
    let is_boundary = |at: usize| at == 0 || at == text.len() || !is_word(at - 1) || !is_word(at);
    let boundaries: Vec<usize> = (0..=text.len()).filter(|at| is_boundary(*at)).collect();
    boundaries
        .iter()
        .any(|start| boundaries.iter().any(|end| start <= end && by_definition(pattern, &text[*start..*end])))
}

fn chars(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn a_glob_matches_as_defined(pattern in "[abA*?é]{0,7}", text in "[abBé\n]{0,9}") {
        let glob = Glob::new(&pattern).unwrap();
        prop_assert_eq!(glob.matches(&text.to_lowercase()), by_definition(&chars(&pattern), &chars(&text)));
    }

    #[test]
    fn a_glob_matches_words_as_defined(pattern in "[abA*?@ é-]{1,7}", text in "[abB_@ é\n-]{0,9}") {
        let glob = Glob::new(&pattern).unwrap();
        prop_assert_eq!(
            glob.matches_words(&text.to_lowercase()),
            by_definition_in_words(&chars(&pattern), &chars(&text)),
        );
    }

    #[test]
    fn no_pattern_and_no_text_make_a_glob_panic(pattern in ".{0,300}", text in ".{0,300}") {
        if let Some(glob) = Glob::new(&pattern) {
            let _ = (glob.matches(&text), glob.matches_words(&text));
        }
        let _ = Glob::literal(&pattern).map(|glob| glob.matches_words(&text));
    }
}

#[test]
fn the_examples_of_the_specification_hold() {
    let topic = |text: &str| Glob::new("lunc?*").unwrap().matches(&text.to_lowercase());
    let body = |text: &str| Glob::new("ex*ple").unwrap().matches_words(&text.to_lowercase());

    assert!(topic("Lunch plans") && topic("LUNCH"));
    assert!(!topic(" lunch") && !topic("lunc"));
    assert!(body("An example event.") && body("exple") && body("An exciting triple-whammy"));
    assert!(!body("examples") && !body("anexample"));
}

#[test]
fn a_wildcard_in_a_literal_is_itself() {
    let name = Glob::literal("a*b").unwrap();

    assert!(name.matches_words("hi a*b!"));
    assert!(!name.matches_words("hi axb!"));
}

#[test]
fn the_longest_pattern_still_matches_and_a_longer_one_does_not_exist() {
    let longest = "?".repeat(255);

    assert!(Glob::new(&longest).unwrap().matches(&"x".repeat(255)));
    assert!(!Glob::new(&longest).unwrap().matches(&"x".repeat(256)));
    assert!(Glob::new(&format!("{longest}{}", "*".repeat(1000))).unwrap().matches(&"x".repeat(256)));
    assert!(Glob::new(&"?".repeat(256)).is_none());
}

/// Each of these takes hours by backtracking.
#[test]
fn no_pattern_takes_long_on_any_text() {
    let text = "a".repeat(65_536);
    let dashes = "-aa".repeat(21_845);
    for pattern in
        ["a*".repeat(100) + "b", "*a?".repeat(80) + "b", "?".repeat(200) + "*b", "-aa".repeat(84) + "-a"]
    {
        let glob = Glob::new(&pattern).unwrap();
        let start = Instant::now();

        assert!(!glob.matches(&text));
        assert!(!glob.matches_words(&text));
        let _ = glob.matches_words(&dashes);

        assert!(start.elapsed() < Duration::from_secs(2), "{pattern}");
    }
}
