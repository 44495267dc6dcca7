"""What servers ask each other for: keys, profiles and aliases."""

from servers import ask, segment


def checks(asker, asked):
    """Each check of one direction: what it is, what was got, what is right."""
    profile = f"profile/{segment(asked.user)}"
    name = {"displayname": asked.display_name}
    yield "a display name", asker.looks_up(f"{profile}/displayname"), (200, name)
    status, whole = asker.looks_up(profile)
    yield "a whole profile", (status, whole.get("displayname")), (200, asked.display_name)
    status, refusal = asker.looks_up(f"profile/{segment('@nobody:' + asked.name)}")
    yield "the profile of nobody", (status, refusal["errcode"]), (404, "M_NOT_FOUND")
    status, found = asker.looks_up(f"directory/room/{segment(asked.alias)}")
    yield "an alias", (status, found), (200, {"room_id": asked.room, "servers": [asked.name]})
    status, refusal = asker.looks_up(f"directory/room/{segment('#nowhere:' + asked.name)}")
    yield "an alias that leads nowhere", (status, refusal["errcode"]), (404, "M_NOT_FOUND")
    query = f"https://127.0.0.1:{asker.port}/_matrix/key/v2/query/{segment(asked.name)}"
    status, answer = ask("GET", query)
    signers = [sorted(keys["signatures"]) for keys in answer.get("server_keys", [])]
    yield "keys, as a notary", (status, signers), (200, [sorted([asker.name, asked.name])])
