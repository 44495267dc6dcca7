//! A proxy in front of a CQL node, through which a connection fails the way networks do.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::frame::Frame;

/// Where proxies listen, on ports of their own.
const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// How late a request comes that is late: longer than the tests' statements may take, tries again included.
pub const LATE_BY: Duration = Duration::from_secs(5);

/// What befalls one request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the server. The connection stays.
    LoseRequest,
    /// The server gets it; its answer does not come back. The connection stays.
    LoseAnswer,
    /// It reaches the server when nobody waits for it any more.
    LateRequest,
    /// Half of it reaches the server, then the connection ends.
    CutRequest,
    /// The server gets it; half of the answer comes back, then the connection ends.
    CutAnswer,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LoseRequest, Self::LoseAnswer, Self::LateRequest, Self::CutRequest, Self::CutAnswer];
}

/// Faults at random.
#[derive(Debug)]
pub struct Storm {
    rng: StdRng,
    per_mille: u32,
    longest_delay: Duration,
}

impl Storm {
    /// Of a thousand statements `per_mille` come to harm; each request is held up for up to `longest_delay`.
    pub fn new(seed: u64, per_mille: u32, longest_delay: Duration) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), per_mille, longest_delay }
    }

    fn next(&mut self) -> (Option<Fault>, Duration) {
        let hit = self.rng.random_range(0..1000) < self.per_mille;
        let fault = hit.then(|| Fault::ALL.choose(&mut self.rng).copied()).flatten();
        (fault, self.rng.random_range(Duration::ZERO..=self.longest_delay))
    }
}

/// What the proxy does at the moment.
#[derive(Debug, Default)]
struct Weather {
    /// The fault of the next statement that holds these bytes.
    trap: Option<(Vec<u8>, Fault)>,
    storm: Option<Storm>,
    /// Takes no connection.
    closed: bool,
    faults: u64,
    /// Requests that came late, and what the server said of those that it did not take.
    late: Late,
}

/// What became of requests that came late.
#[derive(Debug, Clone, Default)]
pub struct Late {
    /// How many the server ran, whatever the result.
    pub answered: usize,
    /// Why it did not run others.
    pub failed: Vec<String>,
}

impl Weather {
    /// What befalls a request: its fault, and how long it is held up.
    fn on(&mut self, request: &Frame) -> (Option<Fault>, Duration) {
        if !request.is_statement() {
            return (None, Duration::ZERO);
        }
        let (fault, delay) = match &self.trap {
            Some((needle, fault)) if request.holds(needle) => {
                let fault = *fault;
                self.trap = None;
                (Some(fault), Duration::ZERO)
            }
            _ => self.storm.as_mut().map_or((None, Duration::ZERO), Storm::next),
        };
        self.faults += u64::from(fault.is_some());
        (fault, delay)
    }
}

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<Mutex<Weather>>,
    /// Connections end when this moves on.
    generation: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a free port in front of `node`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(node: SocketAddrV4) -> io::Result<Self> {
        let listener = TcpListener::bind(ADDRESS).await?;
        let address = listener.local_addr()?;
        let weather = Arc::<Mutex<Weather>>::default();
        let generation = watch::Sender::new(0);
        let accepting = tokio::spawn(accept(listener, node, Arc::clone(&weather), generation.clone()));
        Ok(Self { address, weather, generation, accepting })
    }

    /// Where it takes connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets the next statement that holds `needle` come to harm.
    pub fn set_trap(&self, needle: &str, fault: Fault) {
        self.weather.lock().trap = Some((needle.as_bytes().to_vec(), fault));
    }

    /// Whether a trap was set and nothing went into it.
    pub fn trap_is_set(&self) -> bool {
        self.weather.lock().trap.is_some()
    }

    /// Begins or ends a storm.
    pub fn set_storm(&self, storm: Option<Storm>) {
        self.weather.lock().storm = storm;
    }

    /// How many statements came to harm.
    pub fn faults(&self) -> u64 {
        self.weather.lock().faults
    }

    /// What became of requests that came late.
    pub fn late(&self) -> Late {
        self.weather.lock().late.clone()
    }

    /// Ends every connection, in the middle of whatever is on its way.
    pub fn cut_all(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// Ends every connection and takes no other: the node is gone, as far as anyone can see.
    pub fn close(&self) {
        self.weather.lock().closed = true;
        self.cut_all();
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.weather.lock().closed = false;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

async fn accept(
    listener: TcpListener,
    node: SocketAddrV4,
    weather: Arc<Mutex<Weather>>,
    generation: watch::Sender<u64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if weather.lock().closed {
            continue;
        }
        let (weather, mut ends) = (Arc::clone(&weather), generation.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                _ = ends.changed() => {}
                () = carry(client, node, weather) => {}
            }
        });
    }
}

/// Carries frames both ways until either side ends or a fault ends both.
async fn carry(client: TcpStream, node: SocketAddrV4, weather: Arc<Mutex<Weather>>) {
    let Ok(server) = TcpStream::connect(node).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let doomed = Mutex::new(HashMap::new());
    tokio::select! {
        () = requests(from_client, to_server, node, &weather, &doomed) => {}
        () = answers(from_server, to_client, *node.ip(), &doomed) => {}
    }
}

/// Answers to come, by stream, that will come to harm.
type Doomed = Mutex<HashMap<i16, Fault>>;

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    node: SocketAddrV4,
    weather: &Arc<Mutex<Weather>>,
    doomed: &Doomed,
) {
    while let Some(request) = Frame::read(&mut from).await {
        let (fault, delay) = weather.lock().on(&request);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match fault {
            Some(Fault::LoseRequest) => continue,
            Some(Fault::LateRequest) => {
                let weather = Arc::clone(weather);
                tokio::spawn(async move {
                    let came = comes_late(request, node).await;
                    let late = &mut weather.lock().late;
                    match came {
                        Ok(()) => late.answered += 1,
                        Err(why) => late.failed.push(why),
                    }
                });
                continue;
            }
            Some(Fault::CutRequest) => {
                let _ = to.write_all(request.half()).await;
                return;
            }
            Some(fault) => drop(doomed.lock().insert(request.stream(), fault)),
            None => {}
        }
        if to.write_all(request.bytes()).await.is_err() {
            return;
        }
    }
}

/// Brings a request to the server by another way, much later. Prepared statements are known to the whole server.
///
/// # Errors
/// What the server says of it, or that it says nothing.
async fn comes_late(request: Frame, node: SocketAddrV4) -> Result<(), String> {
    tokio::time::sleep(LATE_BY).await;
    let mut server = TcpStream::connect(node).await.map_err(|error| error.to_string())?;
    for frame in [Frame::startup(), request] {
        server.write_all(frame.bytes()).await.map_err(|error| error.to_string())?;
        let answer = Frame::read(&mut server).await.ok_or("the connection ended")?;
        if let Some(error) = answer.error() {
            return Err(error);
        }
    }
    Ok(())
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, node: Ipv4Addr, doomed: &Doomed) {
    while let Some(answer) = Frame::read(&mut from).await {
        let answer = answer.told_by(*ADDRESS.ip(), node);
        let fault = doomed.lock().remove(&answer.stream());
        match fault {
            Some(Fault::LoseAnswer) => continue,
            Some(Fault::CutAnswer) => {
                let _ = to.write_all(answer.half()).await;
                return;
            }
            _ => {}
        }
        if to.write_all(answer.bytes()).await.is_err() {
            return;
        }
    }
}
