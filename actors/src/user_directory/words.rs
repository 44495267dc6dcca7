//! The words of names: what stands between marks and spaces, in lower case.

use std::{collections::BTreeSet, ops::Bound};

use ruma::{ServerName, UserId};

/// The longest word, in characters; of a longer one the beginning counts.
const MOST_CHARS: usize = 40;
/// The most words of one name.
const MOST_WORDS: usize = 16;
/// The characters of a word that name its partition.
const START_CHARS: usize = 2;

/// The words of a text.
fn words(text: &str) -> BTreeSet<String> {
    let pieces = text.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty());
    pieces.take(MOST_WORDS).map(shortened).collect()
}

fn shortened(text: &str) -> String {
    text.to_lowercase().chars().take(MOST_CHARS).collect()
}

/// The words of a user's id; an id of nothing but marks is a word itself.
pub fn of_user(user: &UserId) -> BTreeSet<String> {
    let words = words(user.localpart());
    if words.is_empty() { BTreeSet::from([shortened(user.localpart())]) } else { words }
}

/// The words of a display name.
pub fn of_name(display_name: Option<&str>) -> BTreeSet<String> {
    display_name.map(words).unwrap_or_default()
}

/// Where the words that begin like this one stand.
pub fn start(word: &str) -> String {
    word.chars().take(START_CHARS).collect()
}

/// What a search asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Beginnings of words, all of which a user must have.
    pub words: BTreeSet<String>,
}

impl Wanted {
    /// Reads a search term; `None` if it can mean nobody of this server.
    pub fn parse(term: &str, server: &ServerName) -> Option<Self> {
        let term = term.trim();
        let text = match term.strip_prefix('@') {
            Some(id) => {
                let (localpart, domain) = id.split_once(':').unwrap_or((id, ""));
                server.as_str().starts_with(&domain.to_lowercase()).then_some(localpart)?
            }
            None => term,
        };
        let words = words(text);
        let words =
            if words.is_empty() && !text.is_empty() { BTreeSet::from([shortened(text)]) } else { words };
        (!words.is_empty()).then_some(Self { words })
    }

    /// The word that leads to the fewest users.
    pub fn rarest(&self) -> &str {
        self.words.iter().max_by_key(|word| word.chars().count()).map_or("", String::as_str)
    }

    /// How well a user's words fit: how many are wanted exactly. `None` if one is missing.
    pub fn fit(&self, words: &BTreeSet<String>) -> Option<usize> {
        let begins = |wanted: &String| {
            let next = words.range::<str, _>((Bound::Included(wanted.as_str()), Bound::Unbounded)).next();
            next.is_some_and(|word| word.starts_with(wanted.as_str()))
        };
        let all = self.words.iter().all(begins);
        all.then(|| self.words.intersection(words).count())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::{server_name, user_id};

    use super::*;

    fn set<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
        words.into_iter().map(str::to_owned).collect()
    }

    fn wanted(term: &str) -> Option<BTreeSet<String>> {
        Wanted::parse(term, server_name!("example.org")).map(|wanted| wanted.words)
    }

    #[test]
    fn words_stand_between_marks_and_have_no_capitals() {
        assert_eq!(of_user(user_id!("@user-5.alice:example.org")), set(["user", "5", "alice"]));
        assert_eq!(of_name(Some("Zoë  O'Brien (работа)")), set(["zoë", "o", "brien", "работа"]));
        assert_eq!(of_user(user_id!("@_-_:example.org")), set(["_-_"]));
        assert_eq!(of_name(None), set([]));
    }

    #[test]
    fn a_user_id_is_looked_for_by_its_localpart_on_its_server() {
        assert_eq!(wanted("@user-5"), Some(set(["user", "5"])));
        assert_eq!(wanted("@user-5:exam"), Some(set(["user", "5"])));
        assert_eq!(wanted("@user-5:Example.org"), Some(set(["user", "5"])));
        assert_eq!(wanted("@user-5:elsewhere.org"), None);
        assert_eq!(wanted(" Alice C "), Some(set(["alice", "c"])));
        assert_eq!(wanted(""), None);
        assert_eq!(wanted("@"), None);
        assert_eq!(wanted("--"), Some(set(["--"])));
    }

    #[test]
    fn every_wanted_word_must_begin_one_of_the_users() {
        let wanted = Wanted::parse("ali coop", server_name!("a")).unwrap();

        assert_eq!(wanted.fit(&set(["alice", "cooper"])), Some(0));
        assert_eq!(wanted.fit(&set(["ali", "cooper"])), Some(1));
        assert_eq!(wanted.fit(&set(["alice", "scooper"])), None);
        assert_eq!(wanted.rarest(), "coop");
    }

    proptest! {
        #[test]
        fn every_user_is_found_by_any_beginning_of_any_word(name in ".{0,30}", cut in 1_usize..40) {
            for word in of_name(Some(&name)) {
                let beginning: String = word.chars().take(cut).collect();
                if let Some(wanted) = Wanted::parse(&beginning, server_name!("a")) {
                    prop_assert!(wanted.fit(&of_name(Some(&name))).is_some(), "{beginning}");
                }
            }
        }

        #[test]
        fn a_name_costs_a_bounded_number_of_rows(name in ".{0,3000}") {
            prop_assert!(of_name(Some(&name)).len() <= MOST_WORDS);
            prop_assert!(of_name(Some(&name)).iter().all(|word| word.chars().count() <= MOST_CHARS));
        }
    }
}
