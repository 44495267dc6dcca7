//! Order, tokens and pages of the directory.
//!
//! A token names a place in the order, not a row number: rooms that come, go or grow between two pages shift nothing.

use std::{cmp::Reverse, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::OwnedRoomId;

use super::Entry;

/// Rooms on a page where the client names no number.
const DEFAULT_LIMIT: usize = 100;
/// The most rooms on a page.
const MOST_ROOMS: usize = 500;

/// Which page somebody wants.
#[derive(Debug, Clone)]
pub struct PageWish {
    from: Option<Token>,
    limit: usize,
}

/// The string is not a token of this directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of the room directory")]
pub struct BadToken;

/// A page, and the tokens of those beside it.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rooms.
    pub entries: Vec<Arc<Entry>>,
    /// Where the next page starts, if there is one.
    pub next_batch: Option<String>,
    /// Where the page before it starts, if there is one.
    pub prev_batch: Option<String>,
    /// How many rooms there are on all pages.
    pub total: usize,
}

/// A place in the order: beside a room of this size and id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    forward: bool,
    members: usize,
    room_id: OwnedRoomId,
}

impl PageWish {
    /// The first page, or that which a token names. A limit beyond the bounds is taken as the bound.
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn new(since: Option<&str>, limit: Option<u64>) -> Result<Self, BadToken> {
        let limit = match limit {
            None | Some(0) => DEFAULT_LIMIT,
            Some(limit) => usize::try_from(limit).unwrap_or(MOST_ROOMS).min(MOST_ROOMS),
        };
        let from = since.map(|since| Token::decode(since).ok_or(BadToken)).transpose()?;
        Ok(Self { from, limit })
    }
}

type Place<'a> = (Reverse<usize>, &'a str);

fn place(entry: &Entry) -> Place<'_> {
    (Reverse(entry.members), entry.room_id.as_str())
}

/// Sorts the rooms, the largest first, and cuts a page out.
pub(super) fn page(mut entries: Vec<Arc<Entry>>, wish: &PageWish) -> Page {
    entries.sort_by(|a, b| place(a).cmp(&place(b)));
    let total = entries.len();
    let (start, end) = span(&entries, wish);
    let token = |forward: bool, beside: Option<&Arc<Entry>>| {
        beside.map(|entry| Token { forward, members: entry.members, room_id: entry.room_id.clone() }.encode())
    };
    let shown = &entries[start..end];
    Page {
        next_batch: token(true, shown.last().filter(|_| end < total)),
        prev_batch: token(false, shown.first().filter(|_| start > 0)),
        entries: shown.to_vec(),
        total,
    }
}

fn span(entries: &[Arc<Entry>], wish: &PageWish) -> (usize, usize) {
    let Some(token) = &wish.from else { return (0, wish.limit.min(entries.len())) };
    let beside: Place<'_> = (Reverse(token.members), token.room_id.as_str());
    if token.forward {
        let start = entries.partition_point(|entry| place(entry) <= beside);
        (start, (start + wish.limit).min(entries.len()))
    } else {
        let end = entries.partition_point(|entry| place(entry) < beside);
        (end.saturating_sub(wish.limit), end)
    }
}

impl Token {
    fn encode(&self) -> String {
        let direction = if self.forward { 'f' } else { 'b' };
        URL_SAFE_NO_PAD.encode(format!("{direction}{} {}", self.members, self.room_id))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (forward, rest) = match text.split_at_checked(1)? {
            ("f", rest) => (true, rest),
            ("b", rest) => (false, rest),
            _ => return None,
        };
        let (members, room_id) = rest.split_once(' ')?;
        Some(Self { forward, members: members.parse().ok()?, room_id: room_id.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(id: &str, members: usize) -> Arc<Entry> {
        Arc::new(Entry {
            room_id: format!("!{id}:x").try_into().unwrap(),
            members,
            name: None,
            topic: None,
            canonical_alias: None,
            avatar_url: None,
            join_rule: "public".into(),
            guest_can_join: false,
            world_readable: false,
            room_type: None,
        })
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.entries.iter().map(|entry| entry.room_id.as_str()).collect()
    }

    fn wish(since: Option<&str>, limit: u64) -> PageWish {
        PageWish::new(since, Some(limit)).unwrap()
    }

    #[test]
    fn the_largest_room_comes_first() {
        let page = page(vec![entry("a", 1), entry("b", 3), entry("c", 3)], &wish(None, 10));

        assert_eq!(ids(&page), ["!b:x", "!c:x", "!a:x"]);
        assert_eq!((page.next_batch, page.prev_batch, page.total), (None, None, 3));
    }

    #[test]
    fn a_room_that_goes_between_two_pages_hides_no_other() {
        let all = || vec![entry("a", 4), entry("b", 3), entry("c", 2), entry("d", 1)];
        let first = page(all(), &wish(None, 2));

        let without_b: Vec<_> = all().into_iter().filter(|entry| entry.room_id != "!b:x").collect();
        let second = page(without_b, &wish(first.next_batch.as_deref(), 2));

        assert_eq!(ids(&second), ["!c:x", "!d:x"]);
    }

    #[test]
    fn limits_are_bounded() {
        for (asked, given) in [(None, 100), (Some(0), 100), (Some(7), 7), (Some(u64::MAX), 500)] {
            assert_eq!(PageWish::new(None, asked).unwrap().limit, given);
        }
    }

    proptest! {
        #[test]
        fn pages_forth_and_back_show_each_room_once(
            sizes in prop::collection::vec(0_usize..5, 0..30),
            limit in 1_u64..8,
        ) {
            let all = || sizes.iter().enumerate().map(|(n, size)| entry(&n.to_string(), *size)).collect::<Vec<_>>();
            let whole = page(all(), &wish(None, 500));
            let (mut seen, mut since, mut last) = (Vec::new(), None, None);
            loop {
                let page = page(all(), &wish(since.as_deref(), limit));
                seen.extend(page.entries.clone());
                since.clone_from(&page.next_batch);
                last = Some(page).or(last);
                if since.is_none() { break; }
            }
            prop_assert_eq!(&seen, &whole.entries);

            let mut back = last.unwrap();
            let mut seen_back = back.entries.clone();
            while let Some(before) = back.prev_batch.clone() {
                back = page(all(), &wish(Some(&before), limit));
                let mut entries = back.entries.clone();
                entries.append(&mut seen_back);
                seen_back = entries;
            }
            prop_assert_eq!(&seen_back, &whole.entries);
        }

        #[test]
        fn what_is_no_token_is_refused_and_harms_nothing(text in ".*") {
            let _ = PageWish::new(Some(&text), None);
        }
    }

    #[test]
    fn a_forged_token_is_refused() {
        for text in
            ["", "nonsense", "💥", &URL_SAFE_NO_PAD.encode("x1 !a:x"), &URL_SAFE_NO_PAD.encode("f-1 !a:x")]
        {
            assert_eq!(PageWish::new(Some(text), None).unwrap_err(), BadToken, "{text}");
        }
    }
}
