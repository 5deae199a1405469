//! What a hold costs. Not a test: `cargo test -p attache --release -- --ignored --nocapture redis::tests::measure`.

use super::*;
use futures_util::future::join_all;

const AT_ONCE: usize = 64;
const EACH: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn holds_per_second_and_cpu() {
    let Some(server) = Server::start(&[]) else { return };
    for (claims, leases) in [(1, false), (1, true), (4, false), (4, true)] {
        let (store, _told) = replica(Settings { leases, ..settings(&server) }, HOUR).await;
        let claimed = format!("{claims} claims, {} leases", if leases { "with" } else { "without" });
        let counters: Vec<_> = (0..claims).map(|i| minute(&format!("c{i}"), 1 << 50)).collect();
        let one = async |_| {
            for _ in 0..EACH {
                let all = counters.iter().map(|counter| wanted(counter, 1, 1_000)).collect();
                held(&store, all).await.expect("it fits").settle(&vec![500; claims]);
            }
        };
        let (begun, cpu) = (Instant::now(), cpu_ms());
        join_all((0..AT_ONCE).map(one)).await;
        store.flush().await;
        let (all, took) = (AT_ONCE * EACH, begun.elapsed());
        let micros = (cpu_ms() - cpu) as f64 * 1000.0 / all as f64;
        eprintln!(
            "{claimed}: {:.0} holds and settles a second, {micros:.1} µs of CPU in this process for each",
            all as f64 / took.as_secs_f64()
        );
        let begun = Instant::now();
        for _ in 0..2_000 {
            let all = counters.iter().map(|counter| wanted(counter, 1, 1_000)).collect();
            held(&store, all).await.expect("it fits").settle(&vec![500; claims]);
        }
        eprintln!("{claimed}: {:?} for one hold after the other", begun.elapsed() / 2_000);
    }
}

/// CPU time of this process so far, in milliseconds: `utime` and `stime` of /proc/self/stat, in hundredths of a second.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(')').next().expect("the name is in brackets").split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().expect("a number")).sum::<u64>() * 10
}
