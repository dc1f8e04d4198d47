//! What a guard costs end to end: the same load through a real Envoy three ways in one run, without ext_proc,
//! with an ext_proc server that does nothing, and with Tidegate under the built-in policy.
//!
//! ```text
//! cargo bench --bench e2e                            # about three minutes
//! cargo bench --bench e2e -- --rounds 9 --seconds 5
//! cargo bench --bench e2e -- --only burst            # scenarios whose name has this
//! ```
//!
//! The ways take turns round by round, so that a slow minute of the machine is a slow minute for all. Load
//! and upstream are in this process, each Envoy (one worker), the no-op server and the guard in their own.
//! All of it shares the machine's cores: the ratios are what counts.

mod load;
mod noop;
mod table;
mod upstream;
mod ways;

use std::time::Duration;

use load::Scenario;
use table::Spent;

/// How long it all takes.
struct Plan {
    rounds: usize,
    turn: Duration,
    only: String,
}

fn main() {
    if let Some(socket) = std::env::var_os(noop::SOCKET) {
        return noop::run(socket.into());
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` asks whether it runs at all.
    if args.iter().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let number = |name: &str| value(name)?.parse::<u64>().ok();
    let plan = Plan {
        rounds: number("--rounds").map_or(4, |n| usize::try_from(n).expect("a small number")),
        turn: Duration::from_secs(number("--seconds").unwrap_or(3)),
        only: value("--only").unwrap_or_default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("threads");
    runtime.block_on(measure(&plan));
}

async fn measure(plan: &Plan) {
    let upstream = upstream::start().await;
    let ways = ways::start(upstream.addr).await;
    println!(
        "{} rounds of {} s a way and scenario; {} cores",
        plan.rounds,
        plan.turn.as_secs(),
        cores()
    );
    println!("{}", table::HEAD);
    for scenario in Scenario::ALL {
        if !scenario.name().contains(&plan.only) {
            continue;
        }
        let mut samples = [const { Vec::new() }; 3];
        let mut spent = [const { Spent::ZERO }; 3];
        // The first turn warms connections and caches and is not counted.
        for round in 0..=plan.rounds {
            for (at, way) in ways.iter().enumerate() {
                let turn = if round == 0 { plan.turn / 4 } else { plan.turn };
                let before = way.used();
                let (took, mut got) = load::run(scenario, way.addr, turn, &upstream).await;
                if round > 0 {
                    samples[at].append(&mut got);
                    spent[at].add(took, before, way.used());
                }
            }
        }
        table::print(scenario, &ways, &mut samples, &spent);
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}
