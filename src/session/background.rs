//! A session on a thread of its own: commands in, policies and measurements out.
//!
//! Whoever watches never waits for training: what the session last said of itself lies ready, and so do the newest policy
//! and everything measured since it was last asked for. Commands are obeyed after the iteration that is under way.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{Control, Ending, News, Observer, Session, machine::Crew};
use crate::{
    error::{Error, Result},
    learn::{critic::Critic, learner::Counters},
    policy::card::Shared,
    priority::{RightOfWay, go_last},
};

/// What a session can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop the clock after this iteration.
    Pause,
    /// Go on.
    Resume,
    /// Save now.
    Save,
    /// Give a live hyperparameter another value, as RON text.
    Set {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Save and end.
    Stop,
}

/// What a session is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Training.
    Training,
    /// Waiting for [`Command::Resume`].
    Paused,
    /// Over; everything is saved.
    Ended(Ending),
    /// Over, because of this. What was saved before is good.
    Failed(String),
}

/// What a session last said of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// How far it has come.
    pub counters: Counters,
    /// Share of the run that is done, 0 to 1.
    pub progress: f64,
    /// Wall time of the run without its pauses, in seconds.
    pub wall_s: f64,
    /// CPU time of its threads, in seconds; none where the system does not tell.
    pub cpu_s: Option<f64>,
}

/// What training has achieved in some time: whole iterations, and what they took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Env-steps.
    pub env_steps: u64,
    /// Wall time without pauses, in seconds.
    pub wall_s: f64,
    /// CPU time, in seconds; none where the system does not tell.
    pub cpu_s: Option<f64>,
}

/// What one iteration measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Env-steps of the run.
    pub step: u64,
    /// Wall time of the run without its pauses, in seconds.
    pub wall_s: f64,
    /// Named numbers, as `group/name`.
    pub scalars: Vec<(String, f64)>,
}

/// A session on a thread of its own. Dropping it stops the session and waits until it has saved.
pub struct Background {
    commands: Sender<Command>,
    samples: Receiver<Sample>,
    warnings: Receiver<String>,
    ready: Arc<Ready>,
    crew: Crew,
    thread: Option<JoinHandle<()>>,
}

/// What the thread lays ready.
struct Ready {
    status: Mutex<Status>,
    learned: Mutex<Learned>,
}

/// What has been learned up to one moment.
#[derive(Clone)]
struct Learned {
    /// One for each group that learns.
    groups: Vec<(Arc<Shared>, Option<Arc<Critic>>)>,
}

impl Background {
    /// Sets `session` going, on `threads` threads of its own or one per core. They have lower priority than others where the system
    /// can tell threads apart (on Linux), and give way to who claims time by `right_of_way`. Results depend on neither.
    ///
    /// # Errors
    /// Threads that the system does not give, or a network that has left the finite numbers.
    pub fn start(mut session: Session, threads: Option<usize>, right_of_way: &RightOfWay) -> Result<Self> {
        let status = Status {
            phase: Phase::Training,
            counters: session.counters(),
            progress: session.progress(),
            wall_s: session.wall_s(),
            cpu_s: None,
        };
        let crew = Crew::default();
        let learned = Mutex::new(Learned::of(&session)?);
        let ready = Arc::new(Ready { status: Mutex::new(status), learned });
        let ((commands, obeyed), (told, samples)) = (unbounded(), unbounded());
        let (warned, warnings) = unbounded();
        let mut watcher = Watcher {
            ready: Arc::clone(&ready),
            commands: obeyed,
            samples: told,
            warnings: warned,
            crew: crew.clone(),
            iteration: None,
            is_paused: false,
        };
        let failed = |error: &dyn std::fmt::Display| Error::system(format!("cannot start a training thread: {error}"));
        let (joining, heeded, own_heeded) = (crew.clone(), right_of_way.clone(), right_of_way.clone());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("learner-{index}"))
            .start_handler(move |_| {
                go_last(&heeded);
                joining.join();
            })
            .build()
            .map_err(|e| failed(&e))?;
        let thread = std::thread::Builder::new().name("session".to_owned()).spawn(move || {
            go_last(&own_heeded);
            watcher.crew.join();
            let ended = pool.install(|| session.run(&mut watcher));
            let phase = ended.map_or_else(|error| Phase::Failed(error.to_string()), Phase::Ended);
            let mut status = lock(&watcher.ready.status);
            // A goal in minutes is reached after the last iteration was told of.
            (status.phase, status.progress) = (phase, session.progress());
        });
        Ok(Self { commands, samples, warnings, ready, crew, thread: Some(thread.map_err(|e| failed(&e))?) })
    }

    /// Tells the session something. One that is over does not listen any more.
    pub fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// What the session last said of itself.
    pub fn status(&self) -> Status {
        lock(&self.ready.status).clone()
    }

    /// CPU time of its threads so far, in seconds; none where the system does not tell, or when they have ended.
    pub fn cpu_s(&self) -> Option<f64> {
        self.crew.cpu_s()
    }

    /// The newest policies with their cards, one for each group that learns.
    pub fn policies(&self) -> Vec<Arc<Shared>> {
        lock(&self.ready.learned).groups.iter().map(|(policy, _)| Arc::clone(policy)).collect()
    }

    /// The return that the newest critic of the group called `group` expects from each of the moments `observations`, `[moments, agents, observation]`,
    /// as the ports show them: one number per moment if the critic sees the whole team (MAPPO), one per agent if it sees
    /// what the agent sees (IPPO). None for a critic with attention, or where these are not whole moments of so many
    /// agents.
    pub fn value_of(&self, group: &str, observations: &[f32], agents: usize) -> Option<Vec<f32>> {
        let Learned { groups } = lock(&self.ready.learned).clone();
        let (policy, critic) = groups.into_iter().find(|(policy, _)| policy.card.group == group)?;
        let mut normalised = vec![0.0; observations.len()];
        policy.network.normalise(observations, &mut normalised);
        critic?.values(&normalised, agents)
    }

    /// What was measured since this was last asked.
    pub fn take_samples(&self) -> impl Iterator<Item = Sample> {
        self.samples.try_iter()
    }

    /// What a person should know, since this was last asked: refused commands among it.
    pub fn take_warnings(&self) -> impl Iterator<Item = String> {
        self.warnings.try_iter()
    }

    /// Waits until the session is over and says how it ended.
    pub fn wait(mut self) -> Phase {
        self.join();
        self.status().phase
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            lock(&self.ready.status).phase = Phase::Failed("the training thread has panicked".to_owned());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.tell(Command::Stop);
        self.join();
    }
}

impl Status {
    /// What was achieved since `earlier`.
    pub fn since(&self, earlier: &Self) -> Work {
        Work {
            env_steps: self.counters.env_steps.saturating_sub(earlier.counters.env_steps),
            wall_s: self.wall_s - earlier.wall_s,
            cpu_s: self.cpu_s.zip(earlier.cpu_s).map(|(now, then)| now - then),
        }
    }
}

impl Work {
    /// Env-steps per second of wall time; none without any.
    pub fn steps_per_s(&self) -> Option<f64> {
        (self.env_steps > 0).then(|| self.env_steps as f64 / self.wall_s.max(f64::MIN_POSITIVE))
    }

    /// CPU time per env-step in µs; none without any, or where the system does not tell.
    pub fn cpu_us_per_step(&self) -> Option<f64> {
        self.cpu_s.filter(|_| self.env_steps > 0).map(|cpu_s| 1e6 * cpu_s / self.env_steps as f64)
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, more: Self) {
        self.env_steps += more.env_steps;
        self.wall_s += more.wall_s;
        self.cpu_s = self.cpu_s.zip(more.cpu_s).map(|(ours, theirs)| ours + theirs);
    }
}

impl Learned {
    fn of(session: &Session) -> Result<Self> {
        let critic = |policy: &Shared| session.critic(&policy.card.group).map(Arc::new);
        let groups = session.policies()?.into_iter().map(|policy| {
            let critic = critic(&policy);
            (Arc::new(policy), critic)
        });
        Ok(Self { groups: groups.collect() })
    }
}

/// The session's side.
struct Watcher {
    ready: Arc<Ready>,
    commands: Receiver<Command>,
    samples: Sender<Sample>,
    warnings: Sender<String>,
    crew: Crew,
    /// The last iteration that was told of.
    iteration: Option<u64>,
    is_paused: bool,
}

impl Observer for Watcher {
    fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
        for warning in news.warnings {
            let _ = self.warnings.send(warning.clone());
        }
        if self.iteration.replace(news.report.counters.iterations) != Some(news.report.counters.iterations) {
            *lock(&self.ready.learned) = Learned::of(news.session)?;
            let Counters { env_steps, .. } = news.report.counters;
            let scalars = news.report.scalars.clone();
            let _ = self.samples.send(Sample { step: env_steps, wall_s: news.wall_s, scalars });
        }
        Ok(self.obey(news))
    }
}

impl Watcher {
    /// What the next command asks for; while the session is paused, waits for one.
    fn obey(&mut self, news: &News<'_>) -> Control {
        loop {
            *lock(&self.ready.status) = Status {
                phase: if self.is_paused { Phase::Paused } else { Phase::Training },
                counters: news.report.counters,
                progress: news.progress,
                wall_s: news.wall_s,
                cpu_s: self.crew.cpu_s(),
            };
            // Nobody at the other end: whoever started the session is gone without a word.
            let command = if self.is_paused { self.commands.recv().ok() } else { self.commands.try_recv().ok() };
            match command {
                Some(Command::Pause) => self.is_paused = true,
                Some(Command::Resume) => self.is_paused = false,
                Some(Command::Save) => return Control::Save,
                Some(Command::Set { name, value }) => return Control::Set { name, value },
                Some(Command::Stop) => return Control::Stop,
                None if self.is_paused => return Control::Stop,
                None => return Control::Continue,
            }
        }
    }
}

/// What is behind these locks is replaced as a whole, so a panic elsewhere cannot leave it half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
