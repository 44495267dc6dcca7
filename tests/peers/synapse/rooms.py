"""What two servers do in rooms that they share. Each function is a law: `host` has the room, `guest` comes into it."""

import base64
import itertools
import time

from signedjson.key import generate_signing_key, get_verify_key
from signedjson.sign import sign_json

from servers import Refused, segment

TRANSACTIONS = itertools.count()
CURVE_KEY = "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY"


def sends(server, room, text):
    path = f"rooms/{segment(room)}/send/m.room.message/{next(TRANSACTIONS)}"
    return server.does("PUT", path, {"msgtype": "m.text", "body": text})["event_id"]


def timeline(sync, room, section="join"):
    return sync.get("rooms", {}).get(section, {}).get(room, {}).get("timeline", {}).get("events", [])


def hears(server, room, text):
    return server.sees(lambda sync: [e for e in timeline(sync, room) if e["content"].get("body") == text])


def ephemeral(sync, room, kind):
    events = sync.get("rooms", {}).get("join", {}).get(room, {}).get("ephemeral", {}).get("events", [])
    return [event["content"] for event in events if event["type"] == kind]


def joins(guest, host, room):
    guest.does("POST", f"join/{segment(room)}?server_name={host.name}&via={host.name}")
    host.sees(lambda sync: [e for e in timeline(sync, room) if e.get("state_key") == guest.user])


def shared_room(host, guest, **more):
    room = host.does("POST", "createRoom", {"preset": "public_chat", **more})["room_id"]
    joins(guest, host, room)
    return room


def messages_go_both_ways(host, guest):
    room = shared_room(host, guest)
    for number in range(3):
        for one, other in [(host, guest), (guest, host)]:
            sends(one, room, f"{one.kind} {number}")
            hears(other, room, f"{one.kind} {number}")


def an_alias_of_the_other_server_is_joined(host, guest):
    room = host.does("POST", "createRoom", {"preset": "public_chat", "room_alias_name": "stage"})["room_id"]
    joined = guest.does("POST", f"join/{segment('#stage:' + host.name)}")["room_id"]
    assert joined == room
    sends(guest, room, "through the alias")
    hears(host, room, "through the alias")


def state_that_was_set_before_and_after_is_told(host, guest):
    room = shared_room(host, guest, topic="before")
    state = f"rooms/{segment(room)}/state/m.room.topic/"
    assert guest.does("GET", state)["topic"] == "before"
    host.does("PUT", state, {"topic": "after"})
    guest.sees(lambda sync: [e for e in timeline(sync, room) if e["content"].get("topic") == "after"])
    assert guest.does("GET", state)["topic"] == "after"


def a_redaction_takes_the_text_from_the_other_server(host, guest):
    room = shared_room(host, guest)
    event = sends(host, room, "a mistake")
    hears(guest, room, "a mistake")
    host.does("PUT", f"rooms/{segment(room)}/redact/{segment(event)}/{next(TRANSACTIONS)}")
    guest.sees(lambda sync: [e for e in timeline(sync, room) if e["type"] == "m.room.redaction"])
    assert guest.does("GET", f"rooms/{segment(room)}/event/{segment(event)}")["content"] == {}


def typing_and_receipts_are_seen(host, guest):
    room = shared_room(host, guest)
    event = sends(host, room, "read this")
    hears(guest, room, "read this")
    guest.does("PUT", f"rooms/{segment(room)}/typing/{segment(guest.user)}", {"typing": True, "timeout": 20000})
    host.sees(lambda sync: any(guest.user in typing["user_ids"] for typing in ephemeral(sync, room, "m.typing")))
    guest.does("POST", f"rooms/{segment(room)}/receipt/m.read/{segment(event)}")
    host.sees(lambda sync: any(guest.user in receipts.get(event, {}).get("m.read", {})
                               for receipts in ephemeral(sync, room, "m.receipt")))


def an_invite_is_seen_declined_and_accepted(host, guest):
    room = host.does("POST", "createRoom", {"preset": "private_chat", "name": "Behind the stage"})["room_id"]
    invite = f"rooms/{segment(room)}/invite"

    def invited(sync):
        return sync.get("rooms", {}).get("invite", {}).get(room, {}).get("invite_state", {}).get("events")

    host.does("POST", invite, {"user_id": guest.user})
    described = guest.sees(invited)
    assert any(e["content"].get("name") == "Behind the stage" for e in described), described
    guest.does("POST", f"rooms/{segment(room)}/leave")
    host.sees(lambda sync: [e for e in timeline(sync, room) if e["content"].get("membership") == "leave"])
    host.does("POST", invite, {"user_id": guest.user})
    guest.sees(invited)
    joins(guest, host, room)
    sends(guest, room, "thank you")
    hears(host, room, "thank you")


def an_invite_is_taken_back(host, guest):
    room = host.does("POST", "createRoom", {"preset": "private_chat"})["room_id"]
    host.does("POST", f"rooms/{segment(room)}/invite", {"user_id": guest.user})
    guest.sees(lambda sync: room in sync.get("rooms", {}).get("invite", {}))
    host.does("POST", f"rooms/{segment(room)}/kick", {"user_id": guest.user})
    guest.sees(lambda sync: room in sync.get("rooms", {}).get("leave", {}))


def a_knock_is_answered(host, guest):
    rules = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}
    room = host.does("POST", "createRoom", {"preset": "private_chat", "initial_state": [rules]})["room_id"]
    guest.does("POST", f"knock/{segment(room)}?server_name={host.name}&via={host.name}", {"reason": "please"})
    host.sees(lambda sync: [e for e in timeline(sync, room) if e["content"].get("membership") == "knock"])
    host.does("POST", f"rooms/{segment(room)}/invite", {"user_id": guest.user})
    guest.sees(lambda sync: room in sync.get("rooms", {}).get("invite", {}))
    joins(guest, host, room)


def members_of_a_room_may_join_another(host, guest):
    space = shared_room(host, guest)
    rules = {"type": "m.room.join_rules", "state_key": "", "content": {
        "join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]}}
    room = host.does("POST", "createRoom", {"preset": "private_chat", "initial_state": [rules]})["room_id"]
    joins(guest, host, room)
    guest.does("POST", f"rooms/{segment(room)}/leave")
    guest.does("POST", f"rooms/{segment(space)}/leave")
    host.sees(lambda sync: [e for e in timeline(sync, space) if e["content"].get("membership") == "leave"])
    try:
        guest.does("POST", f"join/{segment(room)}?server_name={host.name}&via={host.name}")
    except Refused:
        return
    raise AssertionError("who is in no room that lets one in, came in")


def a_banned_user_is_out(host, guest):
    room = shared_room(host, guest)
    host.does("POST", f"rooms/{segment(room)}/ban", {"user_id": guest.user, "reason": "noise"})
    guest.sees(lambda sync: room in sync.get("rooms", {}).get("leave", {}))
    for attempt in [lambda: sends(guest, room, "noise"), lambda: joins(guest, host, room)]:
        try:
            attempt()
        except Refused:
            continue
        raise AssertionError("a banned user does as before")
    host.does("POST", f"rooms/{segment(room)}/unban", {"user_id": guest.user})
    joins(guest, host, room)


def a_message_to_a_device_arrives(host, guest):
    shared_room(host, guest)
    content = {"from": host.kind, "at": time.time_ns() // 1_000_000}
    messages = {"messages": {guest.user: {"*": content}}}
    host.does("PUT", f"sendToDevice/m.test/{next(TRANSACTIONS)}", messages)
    guest.sees(lambda sync: [e for e in sync.get("to_device", {}).get("events", []) if e["content"] == content])


def signed_keys(user, device):
    """Identity keys of a device, signed by it."""
    key = generate_signing_key(device)
    public = base64.b64encode(bytes(get_verify_key(key))).decode().rstrip("=")
    keys = {"user_id": user, "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": {f"curve25519:{device}": CURVE_KEY, f"ed25519:{device}": public}}
    return sign_json(keys, user, key)


def keys_of_devices_are_told_and_given_once(host, guest):
    shared_room(host, guest)
    keys = signed_keys(guest.user, guest.device)
    name = f"signed_curve25519:AAAA{next(TRANSACTIONS)}"
    one_time = {name: {"key": CURVE_KEY, "signatures": {}}}
    guest.does("POST", "keys/upload", {"device_keys": keys, "one_time_keys": one_time})

    def told():
        answer = host.does("POST", "keys/query", {"device_keys": {guest.user: []}})
        return answer["device_keys"].get(guest.user, {}).get(guest.device)

    deadline = time.monotonic() + 20
    while not (found := told()) and time.monotonic() < deadline:
        host.syncs()
    assert found and found["keys"] == keys["keys"], found
    wish = {"one_time_keys": {guest.user: {guest.device: "signed_curve25519"}}}
    claims = [host.does("POST", "keys/claim", wish)["one_time_keys"].get(guest.user, {}) for _ in range(2)]
    assert list(claims[0].get(guest.device, {})) == [name] and not claims[1].get(guest.device), claims


def a_device_that_comes_or_goes_is_heard_of(host, guest):
    shared_room(host, guest)
    host.syncs()
    login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": guest.user},
             "password": "correct horse"}
    second = guest.client("POST", "login", login)[1]
    keys = signed_keys(guest.user, second["device_id"])
    assert guest.client("POST", "keys/upload", {"device_keys": keys}, second["access_token"])[0] == 200
    host.sees(lambda sync: guest.user in sync.get("device_lists", {}).get("changed", []))

    def devices():
        answer = host.does("POST", "keys/query", {"device_keys": {guest.user: []}})
        return answer["device_keys"].get(guest.user, {})

    assert second["device_id"] in devices()
    assert guest.client("POST", "logout", {}, second["access_token"])[0] == 200
    host.sees(lambda sync: guest.user in sync.get("device_lists", {}).get("changed", []))
    assert second["device_id"] not in devices()


def what_was_sent_while_a_server_was_away_reaches_it(host, guest):
    room = shared_room(host, guest)
    guest.syncs()
    guest.kill_minus_nine()
    missing = {f"meanwhile {number}" for number in range(30)}
    for text in sorted(missing, key=lambda text: int(text.split()[1])):
        sends(host, room, text)
    guest.restart()
    # Whoever comes back says so: some servers wait for that.
    sends(guest, room, "back again")
    hears(host, room, "back again")
    hears(guest, room, "meanwhile 29")
    page = guest.does("GET", f"rooms/{segment(room)}/messages?dir=b&limit=100")
    missing -= {event["content"].get("body") for event in page["chunk"]}
    assert not missing, sorted(missing)


def one_server_is_killed_while_it_sends_and_loses_nothing(host, guest):
    room = shared_room(host, guest)
    guest.syncs()
    sent = [f"sent {number}" for number in range(20)]
    for text in sent:
        sends(host, room, text)
    host.kill_minus_nine()
    host.restart()
    sends(host, room, "back again")
    hears(guest, room, "back again")
    page = guest.does("GET", f"rooms/{segment(room)}/messages?dir=b&limit=100")
    missing = set(sent) - {event["content"].get("body") for event in page["chunk"]}
    assert not missing, sorted(missing)


def public_rooms_are_listed(host, guest):
    name = f"Listed at {host.kind}"
    host.does("POST", "createRoom", {"preset": "public_chat", "visibility": "public", "name": name})
    search = {"filter": {"generic_search_term": "Listed"}}
    for answer in [guest.does("GET", f"publicRooms?server={host.name}"),
                   guest.does("POST", f"publicRooms?server={host.name}", search)]:
        assert name in [room.get("name") for room in answer["chunk"]], answer


def history_from_before_a_join_is_read(host, guest):
    room = host.does("POST", "createRoom", {"preset": "public_chat"})["room_id"]
    sent = [f"before {number}" for number in range(120)]
    for text in sent:
        sends(host, room, text)
    joins(guest, host, room)
    seen, start = [], ""
    for _ in range(20):
        page = guest.does("GET", f"rooms/{segment(room)}/messages?dir=b&limit=50{start}")
        seen += [e["content"]["body"] for e in page["chunk"] if e["type"] == "m.room.message"]
        if not page.get("end") or len(seen) >= len(sent):
            break
        start = f"&from={page['end']}"
    assert seen[::-1] == sent, seen[::-1]


LAWS = [
    messages_go_both_ways,
    an_alias_of_the_other_server_is_joined,
    state_that_was_set_before_and_after_is_told,
    a_redaction_takes_the_text_from_the_other_server,
    history_from_before_a_join_is_read,
    public_rooms_are_listed,
    typing_and_receipts_are_seen,
    an_invite_is_seen_declined_and_accepted,
    an_invite_is_taken_back,
    a_knock_is_answered,
    members_of_a_room_may_join_another,
    a_banned_user_is_out,
    a_message_to_a_device_arrives,
    keys_of_devices_are_told_and_given_once,
    a_device_that_comes_or_goes_is_heard_of,
    what_was_sent_while_a_server_was_away_reaches_it,
    one_server_is_killed_while_it_sends_and_loses_nothing,
]
