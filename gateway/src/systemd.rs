//! Telling systemd how the server is doing (`Type=notify`). Without systemd nothing happens.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

/// Sends a state such as `READY=1`.
pub fn notify(state: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET").and_then(|path| path.into_string().ok()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, "systemd could not be notified");
    }
}

/// A name that begins with `@` is in the abstract namespace.
fn send(socket: &str, state: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_arrives_at_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();

        send(path.to_str().unwrap(), "READY=1").unwrap();

        let mut buffer = [0; 32];
        let length = systemd.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
    }
}
