//! What `mpe2` does, recorded by `scripts/particles_vectors.py`, against what this domain does from the same states.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

const RECORDED: &[u8] = include_bytes!("mpe2.bin.gz");

/// After one step, numbers may differ by this, relative to 1 or to themselves.
const STEP_TOLERANCE: f32 = 1e-5;
/// After a whole episode, in which differences grow with every collision.
const EPISODE_TOLERANCE: f32 = 1e-3;

/// Episodes of `mpe2` have so many steps.
const EPISODE_STEPS: usize = 25;

/// One table of the file; the script says what is in it.
struct Table {
    params: ParticlesParams,
    steps: usize,
    longest: usize,
    records: Vec<Record>,
}

struct Record {
    agents: Vec<Vec2>,
    velocities: Vec<Vec2>,
    landmarks: Vec<Vec2>,
    steps: Vec<Step>,
    /// Of one agent, after the only step.
    observation: Vec<f32>,
}

struct Step {
    /// `[agents, numbers]`.
    actions: Vec<f32>,
    agents: Vec<Vec2>,
    velocities: Vec<Vec2>,
    rewards: Vec<f32>,
}

/// Reads the file from front to back.
struct Reader(std::vec::IntoIter<u8>);

impl Reader {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.0.next().unwrap())
    }

    fn header(&mut self) -> [usize; 8] {
        std::array::from_fn(|_| u32::from_le_bytes(self.bytes()) as usize)
    }

    fn f32s(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| f32::from_le_bytes(self.bytes())).collect()
    }

    fn vectors(&mut self, count: usize) -> Vec<Vec2> {
        self.f32s(2 * count).chunks_exact(2).map(Vec2::from_slice).collect()
    }

    fn rounded(&mut self, count: usize) -> Vec<Vec2> {
        let mut number = || f32::from(i16::from_le_bytes(self.bytes())) / 4096.0;
        (0..count).map(|_| Vec2::new(number(), number())).collect()
    }

    fn actions(&mut self, count: usize, unit: f32) -> Vec<f32> {
        (0..count).map(|_| f32::from(self.bytes::<1>()[0]) / unit).collect()
    }

    fn table(&mut self) -> Table {
        let [task, agents, adversaries, landmarks, actions, records, steps, longest] = self.header();
        let (actions, unit, width) =
            if actions == 0 { (Actions::Discrete, 1.0, 1) } else { (Actions::Continuous, 200.0, 5) };
        let params = if task == 0 {
            ParticlesParams { num_agents: agents, num_landmarks: landmarks, actions, ..spread() }
        } else {
            let (num_adversaries, num_good) = (adversaries, agents - adversaries);
            ParticlesParams { num_adversaries, num_good, num_obstacles: landmarks, actions, ..tag() }
        };
        let records = (0..records).map(|_| Record {
            agents: self.rounded(agents),
            velocities: self.rounded(agents),
            landmarks: self.rounded(landmarks),
            steps: (0..steps)
                .map(|_| Step {
                    actions: self.actions(agents * width, unit),
                    agents: self.vectors(agents),
                    velocities: self.vectors(agents),
                    rewards: self.f32s(agents),
                })
                .collect(),
            observation: self.f32s(if steps == 1 { longest } else { 0 }),
        });
        Table { records: records.collect(), params, steps, longest }
    }
}

fn tables() -> Vec<Table> {
    let mut bytes = Vec::new();
    GzDecoder::new(RECORDED).read_to_end(&mut bytes).unwrap();
    let mut reader = Reader(bytes.into_iter());
    let mut tables = Vec::new();
    while reader.0.len() > 0 {
        tables.push(reader.table());
    }
    tables
}

impl Table {
    /// One env for each record, as it starts.
    fn stage(&self) -> Stage {
        let mut stage = Stage::sized(&self.params, EPISODE_STEPS as u32, self.records.len() as u64);
        let all = |part: fn(&Record) -> &Vec<Vec2>| self.records.iter().flat_map(part).copied().collect::<Vec<_>>();
        stage.put_agents(&all(|record| &record.agents));
        stage.put_velocities(&all(|record| &record.velocities));
        stage.put_landmarks(&all(|record| &record.landmarks));
        stage
    }

    /// Takes step number `number` of all records.
    fn step(&self, stage: &mut Stage, number: usize) {
        let agents = self.params.num_movers();
        for group in 0..stage.lane.spec().groups.len() {
            let members = self.members(group);
            let actions: Vec<f32> = self
                .records
                .iter()
                .flat_map(|record| {
                    let actions = &record.steps[number].actions;
                    let width = actions.len() / agents;
                    actions[members.start * width..members.end * width].to_vec()
                })
                .collect();
            stage.lane.ports_mut().groups[group].actions.copy_from_slice(&actions);
        }
        stage.lane.step();
    }

    /// Agents of a group.
    fn members(&self, group: usize) -> std::ops::Range<usize> {
        match (self.params.task, group) {
            (Task::Spread, _) => 0..self.params.num_agents,
            (Task::Tag, 0) => 0..self.params.num_adversaries,
            (Task::Tag, _) => self.params.num_adversaries..self.params.num_movers(),
        }
    }

    /// Group of an agent, and its number there.
    fn place(&self, agent: usize) -> (usize, usize) {
        let group = usize::from(!self.members(0).contains(&agent));
        (group, agent - self.members(group).start)
    }

    fn describe(&self) -> String {
        let ParticlesParams { task, actions, .. } = self.params;
        format!("{task:?} of {}, {actions:?}, {} steps", self.params.num_movers(), self.steps)
    }
}

/// The largest difference so far, and where it was.
#[derive(Default)]
struct Worst(f32, String);

impl Worst {
    fn see(&mut self, what: impl Fn() -> String, expected: f32, found: f32) {
        let off = (expected - found).abs() / expected.abs().max(1.0);
        // Not a number is the worst of all.
        if off > self.0 || off.is_nan() {
            *self = Self(off, format!("{}: {found}, not {expected}", what()));
        }
    }

    fn see_states(&mut self, what: &str, expected: &[Vec2], found: &[Vec2]) {
        for (agent, (expected, found)) in expected.iter().zip(found).enumerate() {
            self.see(|| format!("{what}, x of agent {agent}"), expected.x, found.x);
            self.see(|| format!("{what}, y of agent {agent}"), expected.y, found.y);
        }
    }

    /// Compares states and rewards after step `number`.
    fn see_step(&mut self, table: &Table, stage: &mut Stage, number: usize) {
        let (agents, velocities, each) = (stage.agents(), stage.velocities(), table.params.num_movers());
        for (slot, record) in table.records.iter().enumerate() {
            let (step, what) = (&record.steps[number], format!("{}, record {slot}, step {number}", table.describe()));
            self.see_states(&format!("{what}: place"), &step.agents, &agents[slot * each..][..each]);
            self.see_states(&format!("{what}: velocity"), &step.velocities, &velocities[slot * each..][..each]);
            for (agent, expected) in step.rewards.iter().enumerate() {
                let (group, row) = table.place(agent);
                let port = &stage.lane.ports().groups[group];
                let found = port.rewards[slot * port.agents + row];
                self.see(|| format!("{what}: reward of agent {agent}"), *expected, found);
            }
        }
    }
}

#[test]
fn a_step_from_every_recorded_state_is_that_of_mpe2() {
    let mut counts = [0, 0];
    for table in tables().iter().filter(|table| table.steps == 1) {
        let (mut stage, mut worst) = (table.stage(), Worst::default());
        table.step(&mut stage, 0);
        worst.see_step(table, &mut stage, 0);
        for (slot, record) in table.records.iter().enumerate() {
            let agent = slot % table.params.num_movers();
            let (group, row) = table.place(agent);
            let port = &stage.lane.ports().groups[group];
            let seen =
                &port.observations[(slot * port.agents + row) * port.observation_width..][..port.observation_width];
            assert!(
                port.observation_width <= table.longest && record.observation[seen.len()..].iter().all(|n| *n == 0.0)
            );
            for (number, (expected, found)) in record.observation.iter().zip(seen).enumerate() {
                let what = || format!("{}, record {slot}: agent {agent} sees number {number}", table.describe());
                worst.see(what, *expected, *found);
            }
        }
        assert!(worst.0 <= STEP_TOLERANCE, "off by {}: {}", worst.0, worst.1);
        counts[usize::from(table.params.task == Task::Tag)] += table.records.len();
    }
    assert_eq!(counts, [1200, 1200]);
}

#[test]
fn whole_episodes_are_those_of_mpe2_and_are_cut_when_those_are() {
    let mut counts = [0, 0];
    for table in tables().iter().filter(|table| table.steps > 1) {
        assert_eq!(table.steps, EPISODE_STEPS);
        let (mut stage, mut worst) = (table.stage(), Worst::default());
        for number in 0..EPISODE_STEPS - 1 {
            table.step(&mut stage, number);
            worst.see_step(table, &mut stage, number);
            assert!(stage.lane.ports().truncated.iter().all(|truncated| !truncated), "step {number}");
        }
        // After the last step the next episode has begun: rewards alone are left of this one.
        table.step(&mut stage, EPISODE_STEPS - 1);
        assert!(stage.lane.ports().truncated.iter().all(|truncated| *truncated));
        for (slot, record) in table.records.iter().enumerate() {
            for (agent, expected) in record.steps[EPISODE_STEPS - 1].rewards.iter().enumerate() {
                let (group, row) = table.place(agent);
                let port = &stage.lane.ports().groups[group];
                let what = || format!("{}, record {slot}, last reward of agent {agent}", table.describe());
                worst.see(what, *expected, port.rewards[slot * port.agents + row]);
            }
        }
        assert!(worst.0 <= EPISODE_TOLERANCE, "off by {}: {}", worst.0, worst.1);
        counts[usize::from(table.params.task == Task::Tag)] += table.records.len();
    }
    assert_eq!(counts, [14, 14]);
}

/// The tables hold what they are there for: touches, fines, speeds at the limit, actions beyond 1.
#[test]
fn recorded_states_come_to_everything_that_can_happen() {
    let tables = tables();
    let steps = |task| {
        let of_task = tables.iter().filter(move |table| table.params.task == task && table.steps == 1);
        of_task.flat_map(|table| table.records.iter().map(move |record| (table, record)))
    };
    let count = |task, is: &dyn Fn(&Table, &Record) -> bool| steps(task).filter(|(t, r)| is(t, r)).count();
    let rewards = |record: &Record| record.steps[0].rewards.clone();
    let unequal = |_: &Table, record: &Record| rewards(record).windows(2).any(|pair| pair[0] != pair[1]);
    assert!(count(Task::Spread, &unequal) > 300, "some collide and some do not");
    assert!(count(Task::Tag, &|_, record| rewards(record)[0] >= 10.0) > 100, "catches");
    assert!(count(Task::Tag, &|_, record| rewards(record)[0] >= 20.0) > 10, "several catches at once");
    let fined = |_: &Table, record: &Record| rewards(record).last().is_some_and(|last| last.fract() != 0.0);
    assert!(count(Task::Tag, &fined) > 100, "fines");
    let is_fast = |_: &Table, record: &Record| (record.steps[0].velocities[0].length() - 1.0).abs() < 1e-6;
    assert!(count(Task::Tag, &is_fast) > 50, "adversaries at top speed");
    let beyond = |_: &Table, record: &Record| {
        record.steps[0].actions.iter().any(|action| *action > 1.0 && action.fract() != 0.0)
    };
    assert!(count(Task::Spread, &beyond) > 50 && count(Task::Tag, &beyond) > 50, "actions that are clipped");
}
