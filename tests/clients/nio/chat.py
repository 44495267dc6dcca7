"""Two people talk through matrix-nio. Prints a line for each law, then 'N passed, N failed'."""

import asyncio
import os
import sys
import traceback

import nio

URL = os.environ["HOMESERVER_URL"]
PASSWORD = "a long enough password"
LAWS = []


def law(test):
    LAWS.append(test)
    return test


def accepted(response, kind):
    """The response, if it is of that kind; nio answers refusals with an error of another kind."""
    assert isinstance(response, kind), response
    return response


class Stage:
    """What the laws share; each goes on from where the one before it stopped."""

    alice: nio.AsyncClient
    bob: nio.AsyncClient
    room: str
    event: str


async def registered(name):
    client = nio.AsyncClient(URL, name)
    accepted(await client.register(name, PASSWORD, "first"), nio.RegisterResponse)
    return client


async def sync_until(client, met):
    for _ in range(20):
        response = accepted(await client.sync(timeout=2000), nio.SyncResponse)
        if met(response):
            return response
    raise AssertionError("never told")


def bodies(response, room):
    joined = response.rooms.join.get(room)
    return [e.body for e in joined.timeline.events if isinstance(e, nio.RoomMessageText)] if joined else []


@law
async def accounts_are_registered_and_log_in_again(s):
    s.alice, s.bob = await registered("nio_alice"), await registered("nio_bob")
    await s.alice.logout()
    s.alice.access_token = ""
    accepted(await s.alice.login(PASSWORD, "second"), nio.LoginResponse)
    whoami = accepted(await s.alice.whoami(), nio.WhoamiResponse)
    assert whoami.user_id == "@nio_alice:localhost", whoami


@law
async def a_room_is_created_and_told_in_sync(s):
    created = await s.alice.room_create(name="Stage", topic="what is played", invite=["@nio_bob:localhost"])
    s.room = accepted(created, nio.RoomCreateResponse).room_id
    await sync_until(s.alice, lambda r: s.room in r.rooms.join)
    room = s.alice.rooms[s.room]
    assert (room.name, room.topic) == ("Stage", "what is played")


@law
async def an_invite_arrives_and_is_accepted(s):
    await sync_until(s.bob, lambda r: s.room in r.rooms.invite)
    assert s.bob.invited_rooms[s.room].inviter == "@nio_alice:localhost"
    accepted(await s.bob.join(s.room), nio.JoinResponse)
    await sync_until(s.bob, lambda r: s.room in r.rooms.join)
    members = accepted(await s.alice.joined_members(s.room), nio.JoinedMembersResponse)
    assert sorted(m.user_id for m in members.members) == ["@nio_alice:localhost", "@nio_bob:localhost"]


@law
async def a_message_is_read_at_the_other_side(s):
    content = {"msgtype": "m.text", "body": "hello"}
    sent = await s.alice.room_send(s.room, "m.room.message", content, tx_id="only once")
    s.event = accepted(sent, nio.RoomSendResponse).event_id
    await sync_until(s.bob, lambda r: "hello" in bodies(r, s.room))
    again = await s.alice.room_send(s.room, "m.room.message", content, tx_id="only once")
    assert accepted(again, nio.RoomSendResponse).event_id == s.event


@law
async def history_is_paged_backwards(s):
    for n in range(5):
        await s.bob.room_send(s.room, "m.room.message", {"msgtype": "m.text", "body": f"line {n}"})
    await sync_until(s.alice, lambda r: "line 4" in bodies(r, s.room))
    seen, start = [], ""
    while len(seen) < 6:
        page = await s.alice.room_messages(s.room, start, limit=3, direction=nio.MessageDirection.back)
        page = accepted(page, nio.RoomMessagesResponse)
        seen += [e.body for e in page.chunk if isinstance(e, nio.RoomMessageText)]
        assert page.chunk, seen
        start = page.end
    assert seen[:6] == ["line 4", "line 3", "line 2", "line 1", "line 0", "hello"], seen


@law
async def receipts_and_typing_arrive(s):
    accepted(await s.bob.room_typing(s.room, True, 10_000), nio.RoomTypingResponse)
    accepted(await s.bob.update_receipt_marker(s.room, s.event), nio.UpdateReceiptMarkerResponse)
    accepted(await s.bob.room_read_markers(s.room, s.event, s.event), nio.RoomReadMarkersResponse)
    seen = set()

    def both(response):
        joined = response.rooms.join.get(s.room)
        seen.update(type(e).__name__ for e in (joined.ephemeral if joined else []))
        return {"TypingNoticeEvent", "ReceiptEvent"} <= seen

    await sync_until(s.alice, both)


@law
async def state_profile_and_redaction(s):
    accepted(await s.bob.set_displayname("Bob the second"), nio.ProfileSetDisplayNameResponse)
    profile = accepted(await s.alice.get_displayname("@nio_bob:localhost"), nio.ProfileGetDisplayNameResponse)
    assert profile.displayname == "Bob the second"
    await sync_until(s.alice, lambda r: s.alice.rooms[s.room].user_name("@nio_bob:localhost") == "Bob the second")
    accepted(await s.alice.room_put_state(s.room, "m.room.topic", {"topic": "new"}), nio.RoomPutStateResponse)
    topic = accepted(await s.bob.room_get_state_event(s.room, "m.room.topic"), nio.RoomGetStateEventResponse)
    assert topic.content == {"topic": "new"}
    accepted(await s.alice.room_redact(s.room, s.event), nio.RoomRedactResponse)
    event = accepted(await s.bob.room_get_event(s.room, s.event), nio.RoomGetEventResponse).event
    assert isinstance(event, nio.RedactedEvent), event


@law
async def leaving_ends_it(s):
    accepted(await s.bob.room_leave(s.room), nio.RoomLeaveResponse)
    await sync_until(s.bob, lambda r: s.room in r.rooms.leave)
    refused = await s.bob.room_send(s.room, "m.room.message", {"msgtype": "m.text", "body": "still here?"})
    assert isinstance(refused, nio.RoomSendError) and refused.status_code == "M_FORBIDDEN", refused


async def main():
    stage, passed, failed = Stage(), 0, 0
    for test in LAWS:
        try:
            await asyncio.wait_for(test(stage), 60)
            passed += 1
            print(f"ok {test.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {test.__name__}\n{traceback.format_exc()}", flush=True)
    for client in (getattr(stage, "alice", None), getattr(stage, "bob", None)):
        if client:
            await client.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
