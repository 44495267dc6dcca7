//! What the machine itself can do: no server on it is faster than this.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Seek, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use playhouse_tests::Http;
use tokio::net::TcpListener;

use crate::latency::Latencies;

const TIME: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 10;
const RESERVED: usize = 32 << 20;

/// The limits, measured in seconds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A small write into room that the file has already, followed by `fdatasync`: what a store that reserves its
    /// journal ahead pays.
    pub sync: Latencies,
    /// A small append followed by `fdatasync`: the file's length is written as well.
    pub append: Latencies,
    /// Signatures a second on one core.
    pub signatures: f64,
    /// Answers a second of hyper to this generator over ten connections, both on this machine.
    pub hello_worlds: f64,
    /// Logical cores.
    pub cores: usize,
}

/// Measures them.
pub async fn limits() -> Limits {
    let sync = tokio::task::spawn_blocking(|| syncs(RESERVED)).await.expect("no panic");
    let append = tokio::task::spawn_blocking(|| syncs(0)).await.expect("no panic");
    let signatures = tokio::task::spawn_blocking(signatures).await.expect("no panic");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Limits { sync, append, signatures, hello_worlds: hello_worlds().await, cores }
}

fn syncs(reserved: usize) -> Latencies {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = File::create(folder.path().join("log")).expect("a file");
    file.write_all(&vec![0; reserved]).and_then(|()| file.sync_all()).expect("a disk");
    file.rewind().expect("a disk");
    let (mut latencies, began) = (Latencies::default(), Instant::now());
    while began.elapsed() < TIME {
        let start = Instant::now();
        file.write_all(&[7; 1024]).and_then(|()| file.sync_data()).expect("a disk");
        latencies.add(start.elapsed());
    }
    latencies
}

fn signatures() -> f64 {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), [7; 600]);
    let (mut count, began) = (0_u32, Instant::now());
    while began.elapsed() < TIME {
        std::hint::black_box(key.sign(std::hint::black_box(&message)));
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

async fn hello_worlds() -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(serve(listener));
    let began = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let http = Http::new(&url);
            tokio::spawn(async move {
                let mut count = 0_u32;
                while began.elapsed() < TIME {
                    http.send("GET", "/", None, None).await.expect("an answer");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0;
    for client in clients {
        total += client.await.expect("no panic");
    }
    server.abort();
    f64::from(total) / began.elapsed().as_secs_f64()
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let hello = service_fn(|_: Request<hyper::body::Incoming>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), hello),
        );
    }
}
