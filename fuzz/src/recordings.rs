//! Recordings: the file, and the states of envs in it.

use std::cell::RefCell;

use agon::{
    domains::{
        cluster::ClusterParams,
        jamming::JammingParams,
        particles::{ParticlesParams, scenario::Task},
    },
    record::{
        messages::Keyframe,
        walker::{Ending, Inner, MAX_CHUNK, Part, records, unpack, walk},
    },
    sim::{Domain, Lane, Seeds},
};

use super::accepted;

/// Ticks that follow from a state.
const TICKS: usize = 3;

/// A recording, checksums apart: what comes out lies within the file and comes out again, from a prefix as well.
pub(crate) fn recording(data: &[u8]) -> bool {
    let mut chunks = Vec::new();
    let ending = walk(data, &mut |part| {
        let Part::Chunk { record, content } = part else { return Ok(()) };
        assert!(content.len() <= MAX_CHUNK);
        let mut again = Vec::new();
        unpack(&data[record.clone()], &mut again)?;
        assert!(again == content, "unpacked as something else");
        for inner in records(content) {
            if let Inner::Message { data, .. } = inner? {
                assert!(content.get(data).is_some(), "a message outside its chunk");
            }
        }
        chunks.push(record.end);
        Ok(())
    });
    if let Ending::Cut { at } | Ending::Damaged { at, .. } = ending {
        assert!(at <= data.len() as u64 && chunks.iter().all(|end| *end as u64 <= at));
    }
    let Some((last, before)) = chunks.split_last() else { return false };
    let mut found = 0;
    let _ = walk(&data[..last - 1], &mut |part| {
        found += usize::from(matches!(part, Part::Chunk { .. }));
        Ok(())
    });
    assert!(found == before.len(), "a cut file lost what was complete");
    true
}

/// An env, and the state in which it began.
struct Stage {
    lane: Lane,
    beginning: Vec<u8>,
}

/// The envs whose states are read, as small as they can be without losing a branch.
fn domains() -> [Box<dyn Domain>; 3] {
    let cluster = ClusterParams { num_nodes: 3, max_workloads: 6, mtbf_s: 5.0, ..ClusterParams::default() };
    let jamming = JammingParams { num_enemies: 4, num_jammers: 2, ..JammingParams::default() };
    let particles = ParticlesParams { task: Task::Tag, num_adversaries: 2, ..ParticlesParams::default() };
    [Box::new(cluster), Box::new(jamming), Box::new(particles)]
}

/// A state of each of these envs, for seeds.
pub fn beginnings() -> Vec<Vec<u8>> {
    stages().into_iter().map(|stage| stage.beginning).collect()
}

fn stages() -> Vec<Stage> {
    let stage = |domain: &dyn Domain| {
        let mut lane = Lane::new(domain, 10, Seeds::new(1), 0..1);
        lane.step();
        Stage { beginning: lane.snapshot(0), lane }
    };
    domains().iter().map(|domain| stage(&**domain)).collect()
}

thread_local! {
    static STAGES: RefCell<Vec<Stage>> = RefCell::new(stages());
}

/// A state of an env: its first byte says of which one. What is taken over is what would be saved again, and the env goes on.
pub(crate) fn keyframe(data: &[u8]) -> bool {
    if let Some(keyframe) = accepted(Keyframe::decode(data)) {
        assert!(keyframe.encode() == data, "read as something else");
    }
    let Some((which, state)) = data.split_first() else { return false };
    STAGES.with_borrow_mut(|stages| {
        let at = usize::from(*which) % stages.len();
        let Stage { lane, beginning } = &mut stages[at];
        lane.restore(0, beginning).expect("a state that was saved");
        if accepted(lane.restore(0, state)).is_none() {
            return false;
        }
        let saved = lane.snapshot(0);
        lane.restore(0, &saved).expect("a state that was saved");
        assert!(lane.snapshot(0) == saved, "saved as something else");
        (0..TICKS).for_each(|_| lane.step());
        true
    })
}
