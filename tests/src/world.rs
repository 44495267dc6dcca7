//! A world: one server, and the users who act in it.

use crate::{Http, Reply, Server, Setup, User, Value, json};

/// One server on a store of its own. Ends with the test.
#[derive(Debug)]
pub struct World {
    /// The server process.
    pub server: Server,
    http: Http,
}

impl World {
    /// A new world with an empty store and the usual configuration.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// A new world with an empty store.
    pub async fn with(setup: Setup) -> Self {
        let server = Server::start(&setup).await;
        let http = Http::new(&server.url());
        Self { server, http }
    }

    /// A new account with its first device.
    pub async fn user(&self, name: &str) -> User {
        User::registers(&self.http, name).await
    }

    /// A new room of `users[0]`, which everyone else has joined.
    pub async fn room_of(&self, users: &[&User]) -> String {
        let room = users[0].creates_room(json!({ "preset": "public_chat" })).await;
        for user in &users[1..] {
            user.joins(&room).await;
        }
        room
    }

    /// A request without an access token.
    pub async fn request(&self, method: &str, path: &str, body: impl Into<Option<Value>>) -> Reply {
        self.http.send(method, path, None, body.into().as_ref()).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// The plain client, for requests that no helper makes.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Ends the server at once, in the middle of whatever it does.
    pub fn kill_minus_nine(&mut self) {
        self.server.kill_minus_nine();
    }

    /// Ends the server, politely if it still runs, and starts it on the same store.
    pub async fn restart(&mut self) {
        if self.server.pid().is_some() {
            self.server.stop().await;
        }
        self.server.start_again().await;
    }
}
