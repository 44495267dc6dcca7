//! Glob patterns in bounded time.
//!
//! A pattern is run as a nondeterministic automaton whose states are bits, so that a text of *n* characters costs *n*
//! steps of four machine words whatever the pattern: there is no backtracking to blow up, and a user's keywords cannot be
//! made expensive by somebody else's message.
//!
//! Specification: <https://spec.matrix.org/v1.19/appendices/#glob-style-matching>

/// The words of a set of states.
const WORDS: usize = 4;
/// The most characters of a pattern, without its `*`: the states are one more.
const MAX_ELEMENTS: usize = WORDS * 64 - 1;

/// A set of states: *s* is in it if the first *s* elements of the pattern are matched.
type States = [u64; WORDS];

/// A compiled pattern. `*` is any number of characters, `?` is one; case is ignored, so text is to be given in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    /// The pattern itself, if it has no `*` and no `?`.
    literal: Option<Box<str>>,
    /// The states that each character of the pattern leaves, ordered by character.
    leaves_by: Box<[(char, States)]>,
    /// The states that any character leaves: those before a `?`.
    leaves_by_any: States,
    /// The states that stay: those at a `*`.
    stays: States,
    /// The last state.
    accepts: usize,
}

impl Glob {
    /// Compiles a pattern; `None` if it is too long, in which case it matches nothing.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let pattern = pattern.to_lowercase();
        let literal = (!pattern.contains(['*', '?'])).then(|| Box::from(&*pattern));
        Self::compile(pattern.chars(), literal, true)
    }

    /// Compiles a text in which `*` and `?` are themselves.
    pub(crate) fn literal(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        Self::compile(text.chars(), Some(Box::from(&*text)), false)
    }

    fn compile(
        chars: impl Iterator<Item = char>,
        literal: Option<Box<str>>,
        wildcards: bool,
    ) -> Option<Self> {
        let mut glob = Self {
            literal,
            leaves_by: Box::new([]),
            leaves_by_any: [0; WORDS],
            stays: [0; WORDS],
            accepts: 0,
        };
        let mut leaves_by = std::collections::BTreeMap::<char, States>::new();
        for char in chars {
            if wildcards && char == '*' {
                add(&mut glob.stays, glob.accepts);
                continue;
            }
            if glob.accepts == MAX_ELEMENTS {
                return None;
            }
            let states = match char {
                '?' if wildcards => &mut glob.leaves_by_any,
                char => leaves_by.entry(char).or_default(),
            };
            add(states, glob.accepts);
            glob.accepts += 1;
        }
        glob.leaves_by = leaves_by.into_iter().collect();
        Some(glob)
    }

    /// Whether the pattern matches the whole of `text`.
    pub(crate) fn matches(&self, text: &str) -> bool {
        if let Some(literal) = &self.literal {
            return **literal == *text;
        }
        let mut states = [0; WORDS];
        add(&mut states, 0);
        for char in text.chars() {
            self.step(&mut states, char);
            if states == [0; WORDS] {
                return false;
            }
        }
        has(&states, self.accepts)
    }

    /// Whether the pattern matches a part of `text` that starts and ends at a word boundary.
    ///
    /// > A word boundary is defined as the start or end of the value, or any character not in the sets `[A-Z]`, `[a-z]`,
    /// > `[0-9]` or `_`.
    pub(crate) fn matches_words(&self, text: &str) -> bool {
        let Some(literal) = &self.literal else { return self.runs_in_words(text) };
        if literal.is_empty() {
            return text.is_empty();
        }
        // Nearly every text lacks the word, and to find that out is quick.
        let Some(start) = text.find(&**literal) else { return false };
        let end = start + literal.len();
        let before = &text[..start];
        (is_boundary(before, &text[start..]) && is_boundary(&text[..end], &text[end..]))
            || self.runs_in_words(text)
    }

    fn runs_in_words(&self, text: &str) -> bool {
        let mut states = [0; WORDS];
        let mut last: Option<char> = None;
        for char in text.chars() {
            if is_boundary_between(last, Some(char)) {
                add(&mut states, 0);
                if has(&states, self.accepts) {
                    return true;
                }
            }
            self.step(&mut states, char);
            last = Some(char);
        }
        add(&mut states, 0);
        has(&states, self.accepts)
    }

    fn step(&self, states: &mut States, char: char) {
        let by_char = match self.leaves_by.binary_search_by_key(&char, |(char, _)| *char) {
            Ok(index) => self.leaves_by[index].1,
            Err(_) => [0; WORDS],
        };
        let mut carry = 0;
        for word in 0..WORDS {
            let leaving = states[word] & (by_char[word] | self.leaves_by_any[word]);
            states[word] = (leaving << 1) | carry | (states[word] & self.stays[word]);
            carry = leaving >> 63;
        }
    }
}

fn add(states: &mut States, state: usize) {
    states[state / 64] |= 1 << (state % 64);
}

fn has(states: &States, state: usize) -> bool {
    states[state / 64] & (1 << (state % 64)) != 0
}

fn is_boundary(before: &str, after: &str) -> bool {
    is_boundary_between(before.chars().next_back(), after.chars().next())
}

fn is_boundary_between(before: Option<char>, after: Option<char>) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    !(before.is_some_and(is_word) && after.is_some_and(is_word))
}
