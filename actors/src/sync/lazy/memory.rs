//! Which member events each device of a user has been sent: what a lazy sync need not send again.
//!
//! **Invariant** (**I7**): a member counts as sent only where the response that carried it has arrived, and a response
//! has arrived when the client presents the token that came with it. So a member goes out again to a client that
//! repeats an older token, that lost a response, or whose token this process did not issue lately.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::{BuildHasher as _, Hash},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::token::SyncToken;

/// What is remembered of one device, in bytes: of the members that it has been sent, and as much again of those whose
/// response has yet to arrive.
const DEVICE_BYTES: usize = 64 * 1024;
/// What an entry takes in a hash table at its emptiest.
const ENTRY_BYTES: usize = 40;
/// The most members of each of the two generations.
const GENERATION: usize = DEVICE_BYTES / ENTRY_BYTES / 2;
/// The most responses of a device of which it is not known whether they arrive.
const MOST_ANSWERS: usize = 4;
/// The most devices of a user that are remembered; the least recently used one is forgotten first.
const MOST_DEVICES: usize = 8;

/// What the devices of one user have been sent.
#[derive(Debug, Default)]
pub struct SentMembers {
    devices: Mutex<Vec<(String, Device)>>,
    /// Keyed for this process, so that nobody can choose two members of one name.
    hasher: RandomState,
}

/// A member of a room, and which of the member's events it is: both hashed. Where two members share a name, one of
/// them is sent again; nothing is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    member: u64,
    event: u64,
}

/// The members that a device has for sure: the newest few thousand, in two generations. The older one goes as a whole
/// when the younger one is full.
#[derive(Debug, Clone, Default)]
pub struct Told {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Device {
    /// The token that the client presented last; `None` is the beginning.
    token: Option<SyncToken>,
    /// What it had then.
    told: Arc<Told>,
    answers: VecDeque<Answer>,
}

/// A response to `token` of which it is not known whether it arrives.
#[derive(Debug)]
struct Answer {
    next: SyncToken,
    members: Vec<Sent>,
    /// The client has none but these: it got everything anew, or nobody knows what it got.
    anew: bool,
}

impl Told {
    /// Whether the device has this event of the member.
    pub fn has(&self, sent: Sent) -> bool {
        let known = self.young.get(&sent.member).or_else(|| self.old.get(&sent.member));
        known == Some(&sent.event)
    }

    fn bytes(&self) -> usize {
        (self.young.capacity() + self.old.capacity()) * ENTRY_BYTES
    }

    fn note(&mut self, sent: Sent) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(sent.member, sent.event);
    }
}

impl Answer {
    /// Nobody knows what a client has that presents this token.
    fn doubt(&mut self) {
        self.members = Vec::new();
        self.anew = true;
    }
}

impl Device {
    fn bytes(&self) -> usize {
        let unknown: usize = self.answers.iter().map(|answer| answer.members.capacity()).sum();
        self.told.bytes() + unknown * size_of::<Sent>()
    }

    /// The client presents a token: what it had by then.
    fn stand_at(&mut self, since: Option<&SyncToken>) {
        if self.token.as_ref() == since {
            return;
        }
        let arrived = self.answers.iter().position(|answer| Some(&answer.next) == since);
        let arrived = arrived.and_then(|index| self.answers.remove(index));
        // The others answered a token that the client left behind.
        self.answers.iter_mut().for_each(Answer::doubt);
        self.token = since.cloned();
        match arrived {
            Some(answer) if !answer.anew => {
                let told = Arc::make_mut(&mut self.told);
                answer.members.into_iter().for_each(|sent| told.note(sent));
            }
            other => {
                let mut told = Told::default();
                other.into_iter().flat_map(|answer| answer.members).for_each(|sent| told.note(sent));
                self.told = Arc::new(told);
            }
        }
    }

    fn answer(&mut self, mut answer: Answer) {
        // As many as are kept once they have arrived; of a name that comes twice, the last event counts.
        answer.members.drain(..answer.members.len().saturating_sub(GENERATION));
        if self.token.as_ref() == Some(&answer.next) {
            // The client says the same whether it arrived or not.
            if answer.anew {
                self.told = Arc::default();
            }
            return;
        }
        if let Some(other) = self.answers.iter_mut().find(|other| other.next == answer.next) {
            // Which of the two arrived, the token does not say.
            return other.doubt();
        }
        self.answers.push_back(answer);
        if self.answers.len() > MOST_ANSWERS {
            self.answers.pop_front();
        }
    }
}

impl SentMembers {
    /// A member's event, as it is remembered. `place` says in which room, and what else makes it another one.
    pub fn name(&self, place: impl Hash, member: &str, event_id: &str) -> Sent {
        Sent { member: self.hasher.hash_one((place, member)), event: self.hasher.hash_one(event_id) }
    }

    /// What a device has for sure that presents this token.
    pub fn told(&self, device: &str, since: Option<&SyncToken>) -> Arc<Told> {
        let mut devices = self.devices.lock();
        let known = devices.iter().position(|(name, _)| name == device);
        let mut entry = known.map_or_else(|| (device.to_owned(), Device::default()), |at| devices.remove(at));
        entry.1.stand_at(since);
        let told = Arc::clone(&entry.1.told);
        if devices.len() >= MOST_DEVICES {
            devices.remove(0);
        }
        devices.push(entry);
        told
    }

    /// The memory it takes, in bytes, estimated.
    pub fn bytes(&self) -> usize {
        self.devices.lock().iter().map(|(_, device)| device.bytes()).sum()
    }

    /// Forgets it all: every member goes out once more when it is needed.
    pub fn forget(&self) {
        self.devices.lock().clear();
    }

    /// A response to `since` goes out that carries these members; with `anew` to a client that wants everything again.
    pub fn answered(
        &self,
        device: &str,
        since: Option<&SyncToken>,
        next: SyncToken,
        members: Vec<Sent>,
        anew: bool,
    ) {
        let mut devices = self.devices.lock();
        let device = devices.iter_mut().find(|(name, _)| name == device).map(|(_, device)| device);
        // Where another request has moved the device on, this one is forgotten.
        if let Some(device) = device.filter(|device| device.token.as_ref() == since) {
            device.answer(Answer { next, members, anew });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(base: i64) -> SyncToken {
        SyncToken { base, exceptions: std::collections::BTreeMap::new() }
    }

    /// The memory of one device, and what happens to it.
    #[derive(Default)]
    struct Scene(SentMembers);

    impl Scene {
        fn sent(&self, user: &str) -> Sent {
            self.0.name("!room", user, "$first")
        }

        /// The server answers `since` with `next` and sends these members.
        fn answers(&self, since: Option<i64>, next: i64, users: &[&str]) {
            let (since, members) = (since.map(token), users.iter().map(|user| self.sent(user)).collect());
            self.0.told("PHONE", since.as_ref());
            self.0.answered("PHONE", since.as_ref(), token(next), members, false);
        }

        fn has(&self, since: Option<i64>, user: &str) -> bool {
            self.0.told("PHONE", since.map(token).as_ref()).has(self.sent(user))
        }
    }

    #[test]
    fn a_member_counts_as_sent_once_the_token_that_came_with_it_is_presented() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);

        assert!(!scene.has(None, "bob"), "the first response may be lost");
        assert!(scene.has(Some(1), "bob"));
        assert!(!scene.has(Some(1), "carol"));
        scene.answers(Some(1), 2, &["carol"]);
        assert!(!scene.has(Some(1), "carol"), "the second response may be lost");
        assert!(scene.has(Some(2), "bob") && scene.has(Some(2), "carol"));
    }

    #[test]
    fn of_two_responses_to_one_token_only_the_one_that_arrived_counts() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        scene.answers(None, 2, &["carol"]);

        assert!(scene.has(Some(2), "carol"));
        assert!(!scene.has(Some(2), "bob"));
        assert!(!scene.has(Some(1), "bob"), "the client went another way");
    }

    #[test]
    fn what_is_forgotten_takes_no_memory_and_is_sent_again() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        assert!(scene.has(Some(1), "bob"));
        assert!(scene.0.bytes() >= ENTRY_BYTES);

        scene.0.forget();
        assert_eq!(scene.0.bytes(), 0);
        assert!(!scene.has(Some(1), "bob"));
    }

    #[test]
    fn a_client_that_goes_back_has_nothing() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        scene.answers(Some(1), 2, &["carol"]);
        assert!(scene.has(Some(2), "carol"));

        assert!(!scene.has(Some(1), "bob"));
        assert!(!scene.has(Some(2), "carol"), "and it is not known what it has when it comes back");
        assert!(!scene.has(None, "bob"));
    }

    #[test]
    fn a_token_of_two_responses_tells_nothing() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        scene.answers(None, 1, &["carol"]);

        assert!(!scene.has(Some(1), "bob") && !scene.has(Some(1), "carol"));
    }

    #[test]
    fn a_token_that_answers_two_ways_of_a_client_tells_nothing() {
        let scene = Scene::default();
        scene.answers(None, 1, &[]);
        scene.answers(Some(1), 3, &["bob"]);
        scene.answers(Some(2), 3, &["carol"]);

        assert!(!scene.has(Some(3), "bob") && !scene.has(Some(3), "carol"));
    }

    #[test]
    fn a_response_that_does_not_move_the_token_is_never_known_to_have_arrived() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        scene.answers(Some(1), 1, &["carol"]);

        assert!(scene.has(Some(1), "bob"));
        assert!(!scene.has(Some(1), "carol"));
    }

    #[test]
    fn another_event_of_a_member_has_not_been_sent() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        let told = scene.0.told("PHONE", Some(&token(1)));

        assert!(told.has(scene.0.name("!room", "bob", "$first")));
        assert!(!told.has(scene.0.name("!room", "bob", "$second")));
        assert!(!told.has(scene.0.name("!other", "bob", "$first")));
    }

    #[test]
    fn of_a_member_who_was_sent_twice_the_last_event_counts() {
        let scene = Scene::default();
        let (first, second) =
            (scene.0.name("!room", "bob", "$first"), scene.0.name("!room", "bob", "$second"));
        scene.0.told("PHONE", None);
        scene.0.answered("PHONE", None, token(1), vec![first, second], false);

        let told = scene.0.told("PHONE", Some(&token(1)));
        assert!(told.has(second) && !told.has(first));
    }

    #[test]
    fn whoever_wants_everything_again_has_only_what_is_sent_then() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        assert!(scene.has(Some(1), "bob"));
        for next in [2, 1] {
            let carol = vec![scene.sent("carol")];
            scene.0.answered("PHONE", Some(&token(1)), token(next), carol, true);
        }

        assert!(!scene.has(Some(1), "bob"), "the token did not move, but the client has forgotten");
        assert!(scene.has(Some(2), "carol") && !scene.has(Some(2), "bob"));
    }

    #[test]
    fn each_device_has_its_own_and_only_so_many_are_remembered() {
        let scene = Scene::default();
        scene.answers(None, 1, &["bob"]);
        assert!(scene.has(Some(1), "bob"));
        assert!(!scene.0.told("LAPTOP", Some(&token(1))).has(scene.sent("bob")));

        for n in 0..MOST_DEVICES {
            scene.0.told(&format!("DEVICE{n}"), None);
        }

        assert!(!scene.has(Some(1), "bob"));
        assert_eq!(scene.0.devices.lock().len(), MOST_DEVICES);
    }

    #[test]
    fn what_is_remembered_of_a_device_is_bounded_and_the_newest_stays() {
        let scene = Scene::default();
        let name = |n: usize| scene.0.name("!room", &n.to_string(), "$event");
        for round in 0..20_usize {
            let since = (round > 0).then(|| token(round as i64));
            scene.0.told("PHONE", since.as_ref());
            let members = (0..500).map(|n| name(round * 500 + n)).collect();
            scene.0.answered("PHONE", since.as_ref(), token(round as i64 + 1), members, false);
        }
        // One whose client never comes back for them.
        for n in 0..50_i64 {
            let members = (0..100_000).map(name).collect();
            scene.0.answered("PHONE", Some(&token(19)), token(100 + n), members, false);
        }

        let told = scene.0.told("PHONE", Some(&token(19)));
        assert!(told.young.len() <= GENERATION && told.old.len() <= GENERATION);
        assert!((18 * 500..19 * 500).all(|n| told.has(name(n))), "the newest");
        let devices = scene.0.devices.lock();
        assert!(devices[0].1.answers.len() <= MOST_ANSWERS);
        assert!(devices[0].1.answers.iter().all(|answer| answer.members.len() <= GENERATION));
    }
}
