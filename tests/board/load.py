"""A few people who chat, look around and mistype, until they are told to stop."""

import itertools
import json
import threading
import urllib.error
import urllib.request

PASSWORD = "a password for the board"
PAUSE_S = 0.2
ODD_PAUSE_S = 0.5


class Load:
    """Users of one server in one room, each sending and holding a sync open."""

    def __init__(self, url, users=4):
        self.url, self.over, self.failures = url, threading.Event(), []
        self.next = {}
        self.tokens = [self.register(f"user{n}") for n in range(users)]
        self.room = self.call("POST", "/v3/createRoom", {"preset": "public_chat"}, self.tokens[0])["room_id"]
        for token in self.tokens[1:]:
            self.call("POST", f"/v3/join/{self.room}", {}, token)
        work = [(self.chats, token) for token in self.tokens] + [(self.reads, token) for token in self.tokens]
        work.append((self.does_odd_things, self.tokens[0]))
        self.threads = [threading.Thread(target=self.goes_on, args=job, daemon=True) for job in work]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends it; what went wrong meanwhile is in `failures`."""
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=5)

    def register(self, name):
        """A new user's access token."""
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        return self.call("POST", "/v3/register", body)["access_token"]

    def goes_on(self, deed, token):
        try:
            for number in itertools.count():
                if self.over.is_set():
                    return
                deed(token, number)
        except Exception as error:  # of whatever kind: the run must not pass with half its users gone
            if not self.over.is_set():
                self.failures.append(f"{deed.__name__}: {error}")

    def chats(self, token, number):
        path = f"/v3/rooms/{self.room}/send/m.room.message/{number}"
        self.call("PUT", path, {"msgtype": "m.text", "body": f"message {number}"}, token)
        self.over.wait(PAUSE_S)

    def reads(self, token, number):
        since = f"&since={self.next[token]}" if number else ""
        answer = self.call("GET", f"/v3/sync?timeout=2000{since}", None, token)
        self.next[token] = answer["next_batch"]

    def does_odd_things(self, token, number):
        user = self.call("GET", "/v3/account/whoami", None, token)["user_id"]
        self.call("PUT", f"/v3/user/{user}/account_data/org.example.board", {"number": number}, token)
        self.call("PUT", f"/v3/rooms/{self.room}/state/m.room.topic", {"topic": f"topic {number}"}, token)
        self.call("GET", "/v3/no/such/route", None, token, refusals=[404])
        login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "user1"}}
        self.call("POST", "/v3/login", {**login, "password": "wrong"}, refusals=[403, 429])
        self.over.wait(ODD_PAUSE_S)

    def call(self, method, path, body, token=None, refusals=()):
        """The answer to a request; what is no answer and no expected refusal is an error."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_matrix/client{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code in refusals:
                return {}
            raise RuntimeError(f"{method} {path}: {refusal.code} {refusal.read().decode()}") from refusal
