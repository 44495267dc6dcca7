//! A story: some users chat through several lives of the server; at the end everything is compared.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use playhouse_actors::{Node, room::RoomView};
use playhouse_storage::backends::memory::Adversity;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ruma::{OwnedEventId, OwnedRoomId};
use tokio::sync::Mutex;

use crate::{
    client::{Client, Violation},
    server::{Life, Machine, user},
};

/// How rough a story is.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// The seed of everything.
    pub seed: u64,
    /// Lives of the server before the last, quiet one.
    pub lives: u32,
    /// Steps on the store after which a life ends at the latest.
    pub steps_each: u64,
    /// How unhelpful the store is.
    pub adversity: Adversity,
}

impl Plot {
    /// The usual roughness.
    pub const fn rough(seed: u64) -> Self {
        let adversity = Adversity {
            unknown_per_mille: 20,
            lose_projection_per_mille: 20,
            partial_write_per_mille: 20,
            delay_yields: 3,
        };
        Self { seed, lives: 4, steps_each: 1_500, adversity }
    }
}

const USERS: [&str; 3] = ["alice", "bob", "carol"];
/// Tries of something that the store may refuse now and then.
const TRIES: usize = 200;
/// Messages of one user in one life: few enough that no timeline is ever cut.
const MESSAGES: usize = 10;

struct Cast {
    clients: Vec<Arc<Mutex<Client>>>,
    room_id: OwnedRoomId,
    sent_to_device: Arc<Mutex<Vec<(usize, String)>>>,
}

/// Plays a story.
///
/// # Errors
/// The law that was broken, in words.
pub async fn play(plot: Plot) -> Result<(), Violation> {
    let mut chance = StdRng::seed_from_u64(plot.seed);
    let machine = Machine::new(plot.seed);
    let cast = opening(&machine).await?;
    for life in 0..plot.lives {
        let crash_at = chance.random_range(1..plot.steps_each);
        let Ok(server) = machine.start(plot.adversity, Some(crash_at)).await else { continue };
        live(&server, &cast, u64::from(life), &mut chance).await?;
        server.kill().await;
    }
    let last = machine.start(Adversity::none(), None).await.map_err(|error| error.to_string())?;
    compare(&last, &cast).await?;
    last.kill().await;
    Ok(())
}

/// A quiet life in which everybody joins one room.
async fn opening(machine: &Machine) -> Result<Cast, Violation> {
    let server = machine.start(Adversity::none(), None).await.map_err(|error| error.to_string())?;
    let creator = user(USERS[0]);
    let room_id = server.found_room(&creator, 1).await?;
    let mut clients = Vec::new();
    for name in USERS {
        let mut client = Client::new(user(name));
        server.add_device(&client.user, &client.device).await.map_err(|error| error.to_string())?;
        if !client.joins(&server.node, &room_id).await {
            return Err(format!("{name} could not join"));
        }
        client.syncs(&server.node, Duration::ZERO).await?;
        clients.push(Arc::new(Mutex::new(client)));
    }
    server.node.shutdown(Duration::from_secs(5)).await;
    Ok(Cast { clients, room_id, sent_to_device: Arc::default() })
}

/// One life: each user sends and syncs until the process dies or everyone has said enough.
async fn live(server: &Life, cast: &Cast, life: u64, chance: &mut StdRng) -> Result<(), Violation> {
    let over = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    let mut readers = Vec::new();
    for (index, client) in cast.clients.iter().enumerate() {
        let reader = read_on(Arc::clone(&server.node), Arc::clone(client), Arc::clone(&over));
        readers.push(tokio::spawn(reader));
        let sender = speak(
            Arc::clone(&server.node),
            Arc::clone(client),
            cast.room_id.clone(),
            StdRng::seed_from_u64(chance.random()),
            life * 1_000 + index as u64 * 100,
            Arc::clone(&cast.sent_to_device),
            (index + 1) % USERS.len(),
        );
        senders.push(tokio::spawn(sender));
    }
    for sender in senders {
        sender.await.map_err(|error| error.to_string())??;
    }
    over.store(true, Ordering::Release);
    for reader in readers {
        reader.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn read_on(
    node: Arc<Node>,
    client: Arc<Mutex<Client>>,
    over: Arc<AtomicBool>,
) -> Result<(), Violation> {
    while !over.load(Ordering::Acquire) {
        let answered = client.lock().await.syncs(&node, Duration::from_millis(5)).await?;
        if !answered {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "a task takes what it owns")]
async fn speak(
    node: Arc<Node>,
    client: Arc<Mutex<Client>>,
    room_id: OwnedRoomId,
    mut chance: StdRng,
    first_value: u64,
    sent_to_device: Arc<Mutex<Vec<(usize, String)>>>,
    to: usize,
) -> Result<(), Violation> {
    for n in 0..MESSAGES {
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..10))).await;
        let mut client = client.lock().await;
        let value = first_value + n as u64;
        match chance.random_range(0..4) {
            0 => drop(client.sets_account_data(&node, value).await),
            1 => {
                let text = format!("{}-{value}", client.user.localpart());
                let sent = client.sends_to_device(&node, &user(USERS[to]), &text).await;
                sent_to_device.lock().await.extend(sent.map(|text| (to, text)));
            }
            _ => drop(client.sends(&node, &room_id).await?),
        }
    }
    Ok(())
}

/// A quiet life at the end: everybody catches up, and then everything must be there, once, in order.
async fn compare(server: &Life, cast: &Cast) -> Result<(), Violation> {
    for client in &cast.clients {
        let mut client = client.lock().await;
        for _ in 0..TRIES {
            let before = client.since.clone();
            if !client.syncs(&server.node, Duration::ZERO).await? {
                return Err("the quiet server did not answer".to_owned());
            }
            if before.is_some() && client.seen.is_empty() {
                return Err(format!("{} never saw the room", client.user));
            }
        }
    }
    let view = server.node.rooms().view(&cast.room_id).await.map_err(|error| error.to_string())?;
    let log: Vec<OwnedEventId> = view.tail.iter().map(|event| event.pdu.event_id().to_owned()).collect();
    for (index, client) in cast.clients.iter().enumerate() {
        let client = client.lock().await;
        compare_client(&client, &log, &view)?;
        let sent = cast.sent_to_device.lock().await;
        for (_, text) in sent.iter().filter(|(to, _)| *to == index) {
            if !client.received.contains(text) {
                return Err(format!("{} never got to-device message {text}", client.user));
            }
        }
    }
    Ok(())
}

fn compare_client(client: &Client, log: &[OwnedEventId], view: &RoomView) -> Result<(), Violation> {
    let seen = client.seen.get(&view.room_id).map(Vec::as_slice).unwrap_or_default();
    // A first sync shows the newest events; from its first event on, the client must have seen the log itself.
    let from = seen.first().and_then(|first| log.iter().position(|id| id == first)).unwrap_or(0);
    if seen != &log[from..] {
        return Err(format!("{} saw {seen:?}\nbut the log is {:?}", client.user, &log[from..]));
    }
    for (transaction, event_id) in &client.acknowledged {
        let made: Vec<_> = view
            .tail
            .iter()
            .filter(|event| event.transaction.as_ref().is_some_and(|known| known.id == *transaction))
            .collect();
        if made.len() != 1 || made[0].pdu.event_id() != event_id {
            return Err(format!(
                "{transaction} was acknowledged as {event_id} and made {} events",
                made.len()
            ));
        }
    }
    if let Some(duplicate) = client.doubled().first() {
        return Err(format!("{} got to-device message {duplicate} twice", client.user));
    }
    Ok(())
}
