//! Lines to a service.

use agon::{
    apps::cluster::serve::{Decider, Service},
    domains::cluster::ClusterParams,
};
use serde_json::Value;

/// Lines of one input: enough for a story, few enough to be quick.
const MAX_LINES: usize = 50;

/// Each line has one answer in one line of JSON: an error, or what was done.
pub(crate) fn decide(data: &[u8]) -> bool {
    let mut is_any_obeyed = false;
    let params = ClusterParams::default();
    let decider = Decider::find(&params, "worst_fit", None, None).expect("a rule of the domain");
    let mut service = Service::new(&params, 1, decider);
    for line in data.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let mut answer = Vec::new();
        service.answer(line, &mut answer);
        assert!(answer.ends_with(b"\n") && answer.iter().filter(|byte| **byte == b'\n').count() == 1);
        let told: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        assert!(told["error"].is_string() != told["op"].is_string(), "{told}");
        is_any_obeyed |= told["op"].is_string();
    }
    is_any_obeyed
}
