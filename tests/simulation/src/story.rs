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
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
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
/// The most syncs in which a client of a quiet server has caught up.
const TRIES: usize = 200;
/// Syncs that bring nothing, after which a client has caught up.
const QUIET_TRIES: usize = 3;
/// What one user does in one life: few enough that no timeline is ever cut.
const DEEDS: usize = 10;
/// The same where the process dies at every step in turn.
const DEEDS_IN_SHORT: usize = 3;

struct Cast {
    clients: Vec<Arc<Mutex<Client>>>,
    deeds: usize,
    sent_to_device: Arc<Mutex<Vec<(OwnedUserId, String)>>>,
}

/// Plays a story.
///
/// # Errors
/// The law that was broken, in words.
pub async fn play(plot: Plot) -> Result<(), Violation> {
    let mut chance = StdRng::seed_from_u64(plot.seed);
    let machine = Machine::new(plot.seed);
    let cast = Cast::new(DEEDS);
    let first = machine.start(Adversity::none(), None).await.map_err(|error| error.to_string())?;
    let room_id = open(&first, &cast).await?.ok_or("the opening failed on a quiet server")?;
    first.node.shutdown(Duration::from_secs(5)).await;
    for life in 0..plot.lives {
        let crash_at = chance.random_range(1..plot.steps_each);
        let Ok(server) = machine.start(plot.adversity, Some(crash_at)).await else { continue };
        live(&server, &cast, &room_id, u64::from(life), &mut chance).await?;
        server.kill().await;
    }
    end(&machine, &cast).await
}

/// Plays a short story from an empty disk on: the process dies at one step on the store, wherever that is, starts again,
/// and then everything must be there. Answers how many steps the first life took; without a step it lives to its end.
///
/// # Errors
/// The law that was broken, in words.
pub async fn play_cut(seed: u64, step: Option<u64>) -> Result<u64, Violation> {
    let mut chance = StdRng::seed_from_u64(seed);
    let machine = Machine::new(seed);
    let cast = Cast::new(DEEDS_IN_SHORT);
    // The store is correct, and operations interleave.
    let adversity = Adversity { delay_yields: 2, ..Adversity::none() };
    let mut steps = 0;
    if let Ok(server) = machine.start(adversity, step).await {
        if let Some(room_id) = open(&server, &cast).await? {
            live(&server, &cast, &room_id, 0, &mut chance).await?;
        }
        steps = server.backend.steps();
        server.kill().await;
    }
    end(&machine, &cast).await?;
    Ok(steps)
}

impl Cast {
    fn new(deeds: usize) -> Self {
        let clients = USERS.map(|name| Arc::new(Mutex::new(Client::new(user(name)))));
        Self { clients: clients.into(), deeds, sent_to_device: Arc::default() }
    }
}

/// Everybody joins one room, who is not in it from an earlier life; `None` where the process died over it.
async fn open(server: &Life, cast: &Cast) -> Result<Option<OwnedRoomId>, Violation> {
    let Ok(room_id) = server.found_room(&user(USERS[0]), 1).await else { return Ok(None) };
    for client in &cast.clients {
        let mut client = client.lock().await;
        if server.add_device(&client.user, &client.device).await.is_err()
            || !client.is_in(&server.node, &room_id).await
            || !client.syncs(&server.node, Duration::ZERO).await?
        {
            return Ok(None);
        }
    }
    Ok(Some(room_id))
}

/// A last, quiet life, in which everybody finds what they have been told.
async fn end(machine: &Machine, cast: &Cast) -> Result<(), Violation> {
    let last = machine.start(Adversity::none(), None).await.map_err(|error| error.to_string())?;
    let room_id = open(&last, cast).await?.ok_or("the quiet server did not let everybody in")?;
    compare(&last, cast, &room_id).await?;
    last.kill().await;
    Ok(())
}

/// One life: each user sends and syncs until the process dies or everyone has said enough.
async fn live(
    server: &Life,
    cast: &Cast,
    room_id: &OwnedRoomId,
    life: u64,
    chance: &mut StdRng,
) -> Result<(), Violation> {
    let over = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    let mut readers = Vec::new();
    for (index, client) in cast.clients.iter().enumerate() {
        let reader = read_on(Arc::clone(&server.node), Arc::clone(client), Arc::clone(&over));
        readers.push(tokio::spawn(reader));
        let sender = speak(
            Arc::clone(&server.node),
            Arc::clone(client),
            room_id.clone(),
            cast.deeds,
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
    deeds: usize,
    mut chance: StdRng,
    first_value: u64,
    sent_to_device: Arc<Mutex<Vec<(OwnedUserId, String)>>>,
    to: usize,
) -> Result<(), Violation> {
    for n in 0..deeds {
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..10))).await;
        let mut client = client.lock().await;
        let value = first_value + n as u64;
        match chance.random_range(0..4) {
            0 => drop(client.sets_account_data(&node, value).await),
            1 => {
                let text = format!("{}-{value}", client.user.localpart());
                let sent = client.sends_to_device(&node, &user(USERS[to]), text).await;
                sent_to_device.lock().await.extend(sent);
            }
            _ => drop(client.sends(&node, &room_id).await?),
        }
    }
    Ok(())
}

/// A quiet life at the end: everybody catches up, and then everything must be there, once, in order.
async fn compare(server: &Life, cast: &Cast, room_id: &OwnedRoomId) -> Result<(), Violation> {
    for client in &cast.clients {
        catch_up(&mut *client.lock().await, server).await?;
    }
    let view = server.node.rooms().view(room_id).await.map_err(|error| error.to_string())?;
    let log: Vec<OwnedEventId> = view.tail.iter().map(|event| event.pdu.event_id().to_owned()).collect();
    for client in &cast.clients {
        let client = client.lock().await;
        compare_client(&client, &log, &view)?;
        compare_account_data(server, &client).await?;
        let sent = cast.sent_to_device.lock().await;
        for (_, text) in sent.iter().filter(|(to, _)| *to == client.user) {
            if !client.received.contains(text) {
                return Err(format!("{} never got to-device message {text}", client.user));
            }
        }
    }
    Ok(())
}

async fn catch_up(client: &mut Client, server: &Life) -> Result<(), Violation> {
    let mut quiet = 0;
    for _ in 0..TRIES {
        let before = client.holds();
        if !client.syncs(&server.node, Duration::ZERO).await? {
            return Err("the quiet server did not answer".to_owned());
        }
        quiet = if client.holds() == before { quiet + 1 } else { 0 };
        if quiet == QUIET_TRIES {
            return Ok(());
        }
    }
    Err(format!("{} never comes to an end", client.user))
}

/// What a client put together from its syncs is what a new one gets at once.
async fn compare_account_data(server: &Life, client: &Client) -> Result<(), Violation> {
    let mut newcomer = Client::new(client.user.clone());
    newcomer.syncs(&server.node, Duration::ZERO).await?;
    if newcomer.account_data != client.account_data {
        let (told, stored) = (&client.account_data, &newcomer.account_data);
        return Err(format!("{} was told {told:?}\nbut the store holds {stored:?}", client.user));
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
