//! `agon decide`: places workloads of a real cluster, as a service on stdin and stdout.

use std::{io, time::Duration};

use super::{args::DecideArgs, load_changed, output};
use crate::{
    apps::cluster::serve::{Decider, Service, serve},
    domains::AnyDomain,
    error::{Error, Result},
    places,
};

/// What `agon decide --help` tells beside its flags.
pub(super) const PROTOCOL: &str = r#"Each line of stdin is a request, one JSON object; each gets one line on stdout, in order:
an answer or {"error":"…","line":7}. A line that cannot be obeyed changes nothing.
An "id", a whole number of up to 64 bits or a text, comes back with the answer.

  observe  "nodes": [{"name", "capacity", "used", "up", "rtt_s"}], "gone": [names]
           declares nodes and takes over what the outside says of them;
           what has not changed may be left out later
  place    "workload", "demand", "priority" (1 to 3), "deadline_s", "declined" (how often before)
           names the node, which then has less to give; or null, "why",
           and how many nodes were out for which cause
  release  "workload"
           its node has back what it took
  fail     "node"
           lists the workloads lost with it
  repair   "node"
           it works again, empty
  report   "history": N
           counters, p50 and p99 of the decisions, use of each resource, the last N decisions

Amounts are objects with the scenario's resources, such as {"cpu":4,"memory":8}. The unit of
each resource is yours, the same for nodes and workloads: cores or thousandths of a core, GiB
or bytes ("memory":68719476736), from 0 to 1e15. They are counted in ten-thousandths, so that
five times 0.2 fill a node of 1, and kept to seven digits. A trained policy compares capacities
with the scenario's mean node, "node_capacity": give it the units it was trained in, or
--set node_capacity=[…] in yours. Rules do not care.
"deadline_s" and "rtt_s" are in seconds. Without "deadline_s" any node is near enough.

Where the policy's weights are missing, unreadable, stale or give no number, the node with the
least loaded CPU is chosen; the answer says "by":"fallback" and "because". Weights are read
again when they change.

Answers that nobody reads hold up no decision: beyond 16 MiB the oldest are dropped, and the
next line says {"dropped":n}. With --wait, or where stdin is a file, decisions wait for the
reader instead.

Example:
  {"op":"observe","nodes":[{"name":"a","capacity":{"cpu":64,"memory":256,"bandwidth":1000,"storage":500}}]}
  {"op":"observe","nodes":1}
  {"op":"place","id":7,"workload":"w1","demand":{"cpu":4,"memory":8}}
  {"id":7,"op":"place","workload":"w1","node":"a","by":"policy","latency_us":3.1}
"#;

/// Answers until stdin ends.
pub(super) fn run(args: &DecideArgs) -> Result<()> {
    let scenario = load_changed(&args.scenario())?;
    let AnyDomain::Cluster(params) = &scenario.domain else {
        let what = format!("`{}` is not a scenario of domain `cluster`, the one that places workloads", scenario.name);
        return Err(Error::input(what).hint("name one of those, such as `cluster/default`"));
    };
    let max_age = args.max_age.map(Duration::from_secs_f64);
    let decider = Decider::find(params, &args.policy, places::checkpoints().as_deref(), max_age)?;
    let mut service = Service::new(params, scenario.seed, decider);
    if let Some(trouble) = service.trouble() {
        output::note(format_args!("`least_loaded` decides for now: {trouble}"));
    }
    let waits = args.wait || is_file();
    serve(&mut service, io::stdin().lock(), io::stdout(), waits)
}

/// Whether stdin is an ordinary file: whoever wrote it waits for no answer.
fn is_file() -> bool {
    use std::os::fd::AsFd;
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    stdin.is_ok_and(|stdin| std::fs::File::from(stdin).metadata().is_ok_and(|metadata| metadata.is_file()))
}
