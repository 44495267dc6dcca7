use super::*;

struct Fixed(AtomicI64);

impl WallClock for Fixed {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed) as u64
    }
}

fn clocks_at(ms: i64) -> (Arc<Fixed>, Arc<SlotClocks>) {
    let wall = Arc::new(Fixed(AtomicI64::new(ms)));
    (Arc::clone(&wall), SlotClocks::new(wall, 0))
}

#[test]
fn positions_increase_while_the_clock_stands_still_or_goes_back() {
    let (wall, clocks) = clocks_at(1_000);

    let first = clocks.stamp("!a:x");
    let second = clocks.stamp("!a:x");
    wall.0.store(10, Ordering::Relaxed);
    let third = clocks.stamp("!a:x");

    assert!(first < second && second < third);
}

#[test]
fn nothing_is_issued_at_or_below_a_closed_position() {
    let (_, clocks) = clocks_at(1_000);

    let closed = clocks.closed();

    assert!((0..SLOTS).all(|n| clocks.stamp(&format!("!{n}:x")) > closed));
}

#[test]
fn a_position_in_flight_holds_the_closed_position_back() {
    let (wall, clocks) = clocks_at(1_000);
    let pending = clocks.begin("!a:x", 3);
    wall.0.store(2_000, Ordering::Relaxed);

    assert_eq!(clocks.closed(), pending.first() - 1);
    assert_eq!(clocks.oldest_open(), Duration::from_secs(1));

    drop(pending);
    assert_eq!(clocks.closed(), ms_to_pos(2_000));
    assert_eq!(clocks.oldest_open(), Duration::ZERO);
}

#[test]
fn a_position_never_passes_the_persisted_limit() {
    let (_, clocks) = clocks_at(5_000);

    clocks.set_limit(4_000);

    assert_eq!(pos_to_ms(clocks.stamp("!a:x")), 4_000);
}

#[test]
fn what_another_process_issued_is_passed() {
    let (_, clocks) = clocks_at(1_000);
    let theirs = ms_to_pos(9_000);

    clocks.pass("!a:x", theirs);
    clocks.pass("!a:x", 5);

    assert_eq!(clocks.stamp("!a:x"), theirs + 1);
}

#[test]
fn a_restart_issues_above_the_floor_of_the_process_before() {
    let clocks = SlotClocks::new(Arc::new(Fixed(AtomicI64::new(10))), ms_to_pos(99));

    assert!(clocks.stamp("!a:x") > ms_to_pos(99));
}

#[test]
fn what_was_closed_stays_closed_while_others_issue() {
    let clocks = SlotClocks::new(Arc::new(SystemClock), 0);
    let closing = Arc::new(AtomicI64::new(0));
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (clocks, closing) = (Arc::clone(&clocks), Arc::clone(&closing));
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let closed_before = closing.load(Ordering::SeqCst);
                    let pending = clocks.begin(&format!("!{n}:x"), 1);
                    assert!(pending.first() > closed_before);
                    assert!(clocks.closed() < pending.first());
                }
            });
        }
        for _ in 0..20_000 {
            closing.fetch_max(clocks.closed(), Ordering::SeqCst);
        }
    });
}

#[test]
fn what_a_clock_issues_while_the_wall_is_behind_it_is_closed_when_it_is_done() {
    let clocks = SlotClocks::new(Arc::new(Fixed(AtomicI64::new(10))), ms_to_pos(99));

    let (first, second) = (clocks.begin("a", 1), clocks.begin("b", 3));
    assert!(clocks.closed() < first.first());
    let last = second.first() + 2;
    drop(first);
    assert!(clocks.closed() < second.first());
    drop(second);

    assert_eq!(clocks.closed(), last);
    assert!(clocks.stamp("c") > last);
}
