//! Two people verify each other and talk encrypted through matrix-rust-sdk; a new device then reads all from the key
//! backup. Prints a line for each law, then `N passed, N failed`. `$HOMESERVER_URL` names the server.

#![recursion_limit = "256"] // the SDK's sync future is deep

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use matrix_sdk::config::SyncSettings;
use matrix_sdk::encryption::verification::{SasVerification, Verification};
use matrix_sdk::encryption::{BackupDownloadStrategy, EncryptionSettings};
use matrix_sdk::room::{MessagesOptions, Room};
use matrix_sdk::ruma::api::client::account::register::v3::Request as Registration;
use matrix_sdk::ruma::api::client::room::create_room::v3::Request as NewRoom;
use matrix_sdk::ruma::api::client::uiaa::{AuthData, Dummy};
use matrix_sdk::ruma::events::room::message::{OriginalSyncRoomMessageEvent, RoomMessageEventContent};
use matrix_sdk::ruma::{OwnedRoomId, assign};
use matrix_sdk::{Client, RoomMemberships, RoomState};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PASSWORD: &str = "a long enough password";

/// One device, which syncs in the background and notes what it hears.
struct Device {
    client: Client,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Device {
    async fn new() -> Result<Client> {
        let encryption = EncryptionSettings {
            auto_enable_cross_signing: true,
            backup_download_strategy: BackupDownloadStrategy::OneShot,
            auto_enable_backups: false,
        };
        let url = std::env::var("HOMESERVER_URL").context("HOMESERVER_URL names the server")?;
        Ok(Client::builder().homeserver_url(url).with_encryption_settings(encryption).build().await?)
    }

    async fn registers(name: &str) -> Result<Self> {
        let client = Self::new().await?;
        let request = assign!(Registration::new(), {
            username: Some(name.to_owned()),
            password: Some(PASSWORD.to_owned()),
            auth: Some(AuthData::Dummy(Dummy::new())),
        });
        client.matrix_auth().register(request).await?;
        Self::starts(client).await
    }

    async fn logs_in(name: &str) -> Result<Self> {
        let client = Self::new().await?;
        client.matrix_auth().login_username(name, PASSWORD).initial_device_display_name("second").await?;
        Self::starts(client).await
    }

    async fn starts(client: Client) -> Result<Self> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        client.add_event_handler(move |event: OriginalSyncRoomMessageEvent| async move {
            notes.lock().expect("not poisoned").push(event.content.body().to_owned());
        });
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        client.sync_once(SyncSettings::new()).await?;
        let syncing = client.clone();
        tokio::spawn(async move { syncing.sync(SyncSettings::new().timeout(Duration::from_secs(5))).await });
        Ok(Self { client, heard })
    }

    fn room(&self, id: &OwnedRoomId) -> Result<Room> {
        self.client.get_room(id).context("the room is known")
    }

    async fn hears(&self, text: &str) -> Result<()> {
        until(text, async || {
            Ok(self.heard.lock().expect("not poisoned").iter().any(|t| t == text).then_some(()))
        })
        .await
    }
}

/// Looks again and again until there is an answer.
async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let began = tokio::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("never came: {what}")
}

async fn until_true(what: &str, mut met: impl FnMut() -> bool) -> Result<()> {
    until(what, || std::future::ready(Ok(met().then_some(())))).await
}

/// What the laws share; each goes on from where the one before it stopped.
struct Stage {
    alice: Device,
    bob: Device,
    room: OwnedRoomId,
    recovery_key: String,
}

impl Stage {
    async fn accounts_are_registered_with_cross_signing() -> Result<(Device, Device)> {
        let (alice, bob) = (Device::registers("rust_alice").await?, Device::registers("rust_bob").await?);
        for device in [&alice, &bob] {
            let status =
                device.client.encryption().cross_signing_status().await.context("a crypto machine")?;
            ensure!(status.is_complete(), "{status:?}");
        }
        Ok((alice, bob))
    }

    async fn an_encrypted_room_is_created_and_joined(&mut self) -> Result<()> {
        let invite = vec![self.bob.client.user_id().context("logged in")?.to_owned()];
        let request = assign!(NewRoom::new(), { name: Some("Stage".to_owned()), invite });
        let room = self.alice.client.create_room(request).await?;
        room.enable_encryption().await?;
        self.room = room.room_id().to_owned();
        let invited = until("the invite", async || Ok(self.bob.client.get_room(&self.room))).await?;
        ensure!(invited.state() == RoomState::Invited);
        invited.join().await?;
        until("the members", async || {
            Ok((room.members_no_sync(RoomMemberships::JOIN).await?.len() == 2).then_some(()))
        })
        .await?;
        until("encryption", async || {
            Ok(self.bob.room(&self.room)?.latest_encryption_state().await?.is_encrypted().then_some(()))
        })
        .await
    }

    async fn the_devices_verify_each_other(&self) -> Result<()> {
        let (alice, bob) = (&self.alice.client, &self.bob.client);
        let (alice_id, bob_id) = (alice.user_id().context("id")?, bob.user_id().context("id")?);
        let bobs = bob.device_id().context("a device")?;
        let device =
            until("Bob's device", async || Ok(alice.encryption().get_device(bob_id, bobs).await?)).await?;
        ensure!(!device.is_verified());

        let asked = device.request_verification().await?;
        let flow = asked.flow_id();
        let request = until("the request", async || {
            Ok(bob.encryption().get_verification_request(alice_id, flow).await)
        });
        request.await?.accept().await?;
        until_true("ready", || asked.is_ready()).await?;
        let alices_side = asked.start_sas().await?.context("a short string")?;
        let bobs_side = until("the short string", async || {
            let found = bob.encryption().get_verification(alice_id, flow).await;
            Ok(found.and_then(|v| if let Verification::SasV1(sas) = v { Some(sas) } else { None }))
        })
        .await?;
        bobs_side.accept().await?;
        compare(&alices_side, &bobs_side).await?;

        let device = alice.encryption().get_device(bob_id, bobs).await?.context("Bob's device")?;
        ensure!(device.is_verified(), "Bob's device is not verified");
        until("Bob's identity is verified", async || {
            let identity =
                alice.encryption().request_user_identity(bob_id).await?.context("Bob's identity")?;
            Ok(identity.is_verified().then_some(()))
        })
        .await
    }

    async fn encrypted_messages_are_read_at_both_sides(&self) -> Result<()> {
        self.alice.room(&self.room)?.send(RoomMessageEventContent::text_plain("a secret")).await?;
        self.bob.hears("a secret").await?;
        self.bob.room(&self.room)?.send(RoomMessageEventContent::text_plain("well kept")).await?;
        self.alice.hears("well kept").await
    }

    async fn room_keys_are_backed_up(&mut self) -> Result<()> {
        let recovery = self.alice.client.encryption().recovery();
        self.recovery_key = recovery.enable().wait_for_backups_to_upload().await?;
        ensure!(self.alice.client.encryption().backups().fetch_exists_on_server().await?);
        Ok(())
    }

    async fn a_new_device_reads_history_from_the_backup(&self) -> Result<()> {
        let second = Device::logs_in("rust_alice").await?;
        let room = second.room(&self.room)?;
        ensure!(!texts(&room).await?.contains("a secret"), "it has the keys before it recovered them");
        second.client.encryption().recovery().recover(&self.recovery_key).await?;
        second.client.encryption().backups().download_room_keys_for_room(&self.room).await?;
        let own = second.client.encryption().get_own_device().await?.context("a device")?;
        ensure!(own.is_cross_signed_by_owner(), "the new device is not signed by its owner");
        let read = texts(&room).await?;
        ensure!(read.contains("a secret") && read.contains("well kept"), "{read}");
        self.bob.room(&self.room)?.send(RoomMessageEventContent::text_plain("to both")).await?;
        self.alice.hears("to both").await?;
        second.hears("to both").await
    }

    async fn logging_out_ends_the_device(&self) -> Result<()> {
        let third = Device::logs_in("rust_bob").await?;
        let token = third.client.access_token().context("a token")?;
        third.client.matrix_auth().logout().await?;
        let refused = third.client.whoami().await;
        ensure!(refused.is_err(), "the token {token} still works");
        Ok(())
    }
}

/// Both sides see the same emoji, and say so.
async fn compare(one: &SasVerification, other: &SasVerification) -> Result<()> {
    until_true("the emoji", || one.can_be_presented() && other.can_be_presented()).await?;
    let shown = |sas: &SasVerification| sas.emoji().map(|e| e.map(|e| e.symbol));
    ensure!(shown(one) == shown(other), "the emoji differ");
    one.confirm().await?;
    other.confirm().await?;
    until_true("the end of the verification", || one.is_done() && other.is_done())
        .await
        .with_context(|| format!("one side is at {:?}, the other at {:?}", one.state(), other.state()))
}

/// All that the last hundred events say, as JSON after decryption.
async fn texts(room: &Room) -> Result<String> {
    let mut options = MessagesOptions::backward();
    options.limit = 100u32.into();
    let page = room.messages(options).await?;
    Ok(page.chunk.iter().map(|e| e.raw().json().get()).collect())
}

/// Counts one law.
fn tell<T>(name: &str, outcome: Result<T>, counts: &mut (u32, u32)) -> Option<T> {
    match outcome {
        Ok(value) => {
            println!("ok {name}");
            counts.0 += 1;
            Some(value)
        }
        Err(e) => {
            println!("FAILED {name}\n{e:#}");
            counts.1 += 1;
            None
        }
    }
}

async fn all_laws(counts: &mut (u32, u32)) {
    let begun = Stage::accounts_are_registered_with_cross_signing().await;
    let Some((alice, bob)) = tell("accounts_are_registered_with_cross_signing", begun, counts) else {
        return;
    };
    let room = OwnedRoomId::try_from("!none:localhost").expect("a room id");
    let mut stage = Stage { alice, bob, room, recovery_key: String::new() };
    macro_rules! law {
        ($name:ident) => {
            tell(stringify!($name), stage.$name().await, counts)
        };
    }
    law!(an_encrypted_room_is_created_and_joined);
    law!(the_devices_verify_each_other);
    law!(encrypted_messages_are_read_at_both_sides);
    law!(room_keys_are_backed_up);
    law!(a_new_device_reads_history_from_the_backup);
    law!(logging_out_ends_the_device);
}

#[tokio::main]
async fn main() {
    let mut counts = (0, 0);
    all_laws(&mut counts).await;
    println!("{} passed, {} failed", counts.0, counts.1);
    std::process::exit(i32::from(counts.1 > 0));
}
