// Two people talk through matrix-js-sdk, at last encrypted. Prints a line for each law, then 'N passed, N failed'.

import { ClientEvent, createClient, EventTimeline, MatrixEventEvent, RoomEvent, RoomMemberEvent } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

const baseUrl = process.env.HOMESERVER_URL;
const password = "a long enough password";
// The SDK and its encryption speak a great deal; what counts is printed with `say`.
logger.disableAll();
const say = console.log.bind(console);
for (const level of ["trace", "debug", "log", "info", "warn", "error"]) console[level] = () => {};

const laws = [];
const law = (name, test) => laws.push([name, test]);
const assert = (what, why) => {
    if (!what) throw new Error(why);
};

/** Waits until `met()` is true, looking again at each of the events; `limit` in milliseconds. */
function until(emitter, events, met, limit = 20_000) {
    return new Promise((resolve, reject) => {
        const stop = (settle, value) => {
            clearTimeout(timer);
            events.forEach((e) => emitter.off(e, look));
            settle(value);
        };
        const look = () => met() && stop(resolve);
        const timer = setTimeout(() => stop(reject, new Error(`never came: ${met}`)), limit);
        events.forEach((e) => emitter.on(e, look));
        look();
    });
}

async function registered(name) {
    const answer = await createClient({ baseUrl }).registerRequest({
        username: name,
        password,
        auth: { type: "m.login.dummy" },
    });
    return createClient({
        baseUrl,
        userId: answer.user_id,
        deviceId: answer.device_id,
        accessToken: answer.access_token,
    });
}

async function started(client) {
    await client.initRustCrypto({ useIndexedDB: false });
    await client.startClient({ initialSyncLimit: 10, pollTimeout: 5000 });
    await until(client, [ClientEvent.Sync], () => client.isInitialSyncComplete());
}

const texts = (client, room) =>
    (client.getRoom(room)?.getLiveTimeline().getEvents() ?? []).map((e) => e.getContent().body).filter(Boolean);
const hears = (client, room, text) =>
    until(client, [RoomEvent.Timeline, MatrixEventEvent.Decrypted], () => texts(client, room).includes(text));

let alice, bob, room, event;

law("accounts are registered, log in and sync", async () => {
    [alice, bob] = [await registered("js_alice"), await registered("js_bob")];
    const login = await createClient({ baseUrl }).loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: "js_alice" },
        password,
    });
    assert(login.user_id === "@js_alice:localhost", login.user_id);
    await Promise.all([started(alice), started(bob)]);
});

law("a room is created and told in sync", async () => {
    room = (await alice.createRoom({ name: "Stage", invite: ["@js_bob:localhost"] })).room_id;
    await until(alice, [ClientEvent.Room, RoomEvent.Name], () => alice.getRoom(room)?.name === "Stage");
});

law("an invite arrives and is accepted", async () => {
    await until(bob, [ClientEvent.Room, RoomEvent.MyMembership], () => bob.getRoom(room)?.getMyMembership() === "invite");
    await bob.joinRoom(room);
    await until(bob, [RoomEvent.MyMembership], () => bob.getRoom(room)?.getMyMembership() === "join");
});

law("a message is read at the other side", async () => {
    event = (await alice.sendTextMessage(room, "hello")).event_id;
    await hears(bob, room, "hello");
});

law("unread counts rise and a receipt clears them", async () => {
    const unread = () => bob.getRoom(room).getUnreadNotificationCount("total");
    await until(bob, [ClientEvent.Sync], () => unread() === 1);
    await bob.sendReadReceipt(bob.getRoom(room).findEventById(event));
    await until(bob, [ClientEvent.Sync], () => unread() === 0);
});

law("typing arrives", async () => {
    await bob.sendTyping(room, true, 10_000);
    await until(alice, [RoomMemberEvent.Typing], () => alice.getRoom(room).getMember("@js_bob:localhost")?.typing);
});

law("history is paged backwards", async () => {
    for (let n = 0; n < 30; n++) await alice.sendTextMessage(room, `line ${n}`);
    const fresh = createClient({ baseUrl, userId: bob.getUserId(), accessToken: bob.getAccessToken() });
    await fresh.startClient({ initialSyncLimit: 5, pollTimeout: 1000 });
    await until(fresh, [ClientEvent.Sync], () => fresh.isInitialSyncComplete());
    const timeline = fresh.getRoom(room).getLiveTimeline();
    while (await fresh.paginateEventTimeline(timeline, { backwards: true, limit: 10 }));
    const seen = timeline.getEvents().map((e) => e.getContent().body).filter(Boolean);
    const wanted = ["hello", ...Array.from({ length: 30 }, (_, n) => `line ${n}`)];
    assert(JSON.stringify(seen) === JSON.stringify(wanted), seen);
    fresh.stopClient();
});

law("state, redaction and account data", async () => {
    await alice.setRoomTopic(room, "what is played");
    await until(bob, [ClientEvent.Event], () => {
        const state = bob.getRoom(room).getLiveTimeline().getState(EventTimeline.FORWARDS);
        return state.getStateEvents("m.room.topic", "")?.getContent().topic === "what is played";
    });
    await alice.redactEvent(room, event);
    await until(bob, [RoomEvent.Redaction], () => bob.getRoom(room).findEventById(event).isRedacted());
    await bob.setAccountData("org.example.seat", { row: 7 });
    await until(bob, [ClientEvent.AccountData], () => bob.getAccountData("org.example.seat")?.getContent().row === 7);
    await bob.setRoomTag(room, "m.favourite", { order: 0.5 });
    await until(bob, [RoomEvent.Tags], () => bob.getRoom(room).tags["m.favourite"]?.order === 0.5);
});

law("an encrypted message is read at the other side, and answered", async () => {
    await alice.sendStateEvent(room, "m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" }, "");
    for (const client of [alice, bob]) {
        await until(client, [ClientEvent.Event], () => client.getRoom(room).hasEncryptionStateEvent());
    }
    await alice.sendTextMessage(room, "a secret");
    await hears(bob, room, "a secret");
    await bob.sendTextMessage(room, "kept");
    await hears(alice, room, "kept");
    const last = alice.getRoom(room).getLiveTimeline().getEvents().at(-1);
    assert(last.getWireType() === "m.room.encrypted", last.getWireType());
});

law("leaving ends it", async () => {
    await bob.leave(room);
    await until(bob, [RoomEvent.MyMembership], () => bob.getRoom(room).getMyMembership() === "leave");
    const refusal = await alice.invite(room, "@js_alice:localhost").catch((e) => e.errcode);
    assert(refusal === "M_FORBIDDEN", refusal);
});

let passed = 0;
let failed = 0;
for (const [name, test] of laws) {
    try {
        await test();
        passed++;
        say(`ok ${name}`);
    } catch (e) {
        failed++;
        say(`FAILED ${name}\n${e.stack}`);
    }
}
say(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
