//! What a critic is shown of an env apart from what its own group sees: the observations of all groups, or the env's state.
//!
//! Actors never see it, so a policy needs it only while it is trained (Lowe et al. 2017; Yu et al. 2022).

use crate::{
    error::{Error, Result},
    learn::hyperparameters::CriticSees,
    math::moments::RunningMoments,
    policy::network::OBSERVATION_CLIP,
    sim::{Ports, Spec},
};

/// One row of numbers per env, normalised block by block.
#[derive(Clone, Debug)]
pub(in crate::learn) struct GlobalView {
    blocks: Vec<Block>,
    /// Whether numbers are normalised by the moments of their block; otherwise they are only clipped.
    is_normalised: bool,
}

/// Numbers that are normalised alike.
#[derive(Clone, Debug)]
struct Block {
    source: Source,
    /// Rows of an env: agents of the group, or 1.
    rows: usize,
    moments: RunningMoments,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// Observations of the group at this place of the spec.
    Group(usize),
    /// The env's state.
    State,
}

/// Which moment is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// That of the next decision.
    Now,
    /// The end of the episode that the last tick cut off.
    End,
}

impl GlobalView {
    /// What a critic that sees this is shown; none for one that sees what its own group sees.
    ///
    /// # Errors
    /// The domain tells no state.
    pub(in crate::learn) fn new(spec: &Spec, sees: CriticSees, is_normalised: bool) -> Result<Option<Self>> {
        let block = |source, rows, columns: usize| Block { source, rows, moments: RunningMoments::new(columns) };
        let blocks = match sees {
            CriticSees::Group => return Ok(None),
            CriticSees::All => {
                let groups = spec.groups.iter().enumerate();
                groups.map(|(at, group)| block(Source::Group(at), group.agents, group.observation.len())).collect()
            }
            CriticSees::State if spec.state.is_empty() => {
                return Err(Error::input("`critic_sees` is `state`, but this domain tells critics no state")
                    .hint("set it to `all`: the observations of all groups"));
            }
            CriticSees::State => vec![block(Source::State, 1, spec.state.len())],
        };
        Ok(Some(Self { blocks, is_normalised }))
    }

    /// Numbers per env.
    pub(in crate::learn) fn width(&self) -> usize {
        self.blocks.iter().map(Block::width).sum()
    }

    /// Moments of nothing yet, one per block.
    pub(super) fn no_moments(&self) -> Vec<RunningMoments> {
        self.blocks.iter().map(|block| RunningMoments::new(block.moments.columns())).collect()
    }

    /// Adds what all envs show now to `moments`; agents that are not there show nothing.
    pub(super) fn count(&self, ports: &Ports, moments: &mut [RunningMoments]) -> Result<()> {
        for (block, moments) in self.blocks.iter().zip(moments) {
            let columns = block.moments.columns();
            let (numbers, present) = block.of(ports, Moment::Now);
            match present {
                Some(present) if present.contains(&false) => {
                    let there = numbers.chunks_exact(columns).zip(present).filter(|(_, present)| **present);
                    moments.update(&there.flat_map(|(row, _)| row).copied().collect::<Vec<f32>>())?;
                }
                _ => moments.update(numbers)?,
            }
        }
        Ok(())
    }

    /// Writes what `env` shows, normalised; 0 for agents that are not there.
    pub(super) fn write(&self, ports: &Ports, env: usize, moment: Moment, row: &mut [f32]) -> Result<()> {
        let mut rest = row;
        for block in &self.blocks {
            let (own, others) = rest.split_at_mut(block.width());
            rest = others;
            let (numbers, present) = block.of(ports, moment);
            own.copy_from_slice(&numbers[env * block.width()..][..block.width()]);
            if self.is_normalised {
                block.moments.normalise(own, OBSERVATION_CLIP)?;
            } else {
                own.iter_mut().for_each(|number| *number = number.clamp(-OBSERVATION_CLIP, OBSERVATION_CLIP));
            }
            let Some(present) = present else { continue };
            let there = &present[env * block.rows..][..block.rows];
            let rows = own.chunks_exact_mut(block.moments.columns()).zip(there);
            rows.filter(|(_, present)| !**present).for_each(|(row, _)| row.fill(0.0));
        }
        Ok(())
    }

    /// Counts what a rollout has seen; it is seen with that in the next one.
    pub(in crate::learn) fn merge(&mut self, seen: &[RunningMoments]) -> Result<()> {
        self.blocks.iter_mut().zip(seen).try_for_each(|(block, seen)| block.moments.merge(seen))
    }

    /// The moments of its blocks, for a checkpoint.
    pub(in crate::learn) fn moments(&self) -> Vec<RunningMoments> {
        self.blocks.iter().map(|block| block.moments.clone()).collect()
    }

    /// Puts back what [`moments`](Self::moments) returned.
    ///
    /// # Errors
    /// They are those of other blocks.
    pub(in crate::learn) fn restore(&mut self, moments: Vec<RunningMoments>) -> Result<()> {
        let own = self.blocks.iter().map(|block| block.moments.columns());
        if !own.eq(moments.iter().map(RunningMoments::columns)) {
            return Err(Self::another());
        }
        self.blocks.iter_mut().zip(moments).for_each(|(block, moments)| block.moments = moments);
        Ok(())
    }

    /// What is wrong with a checkpoint whose critic sees something else.
    pub(in crate::learn) fn another() -> Error {
        Error::input("the critic of this checkpoint sees something else")
            .hint("resume with the `critic_sees` and the scenario that it was made with")
    }
}

impl Block {
    fn width(&self) -> usize {
        self.rows * self.moments.columns()
    }

    /// Its numbers of all envs, and which of its rows are those of agents that are there; all are where nothing is told.
    fn of<'a>(&self, ports: &'a Ports, moment: Moment) -> (&'a [f32], Option<&'a [bool]>) {
        match (self.source, moment) {
            (Source::Group(at), Moment::Now) => (&ports.groups[at].observations, Some(&ports.groups[at].present)),
            (Source::Group(at), Moment::End) => {
                (&ports.groups[at].final_observations, Some(&ports.groups[at].final_present))
            }
            (Source::State, Moment::Now) => (&ports.state, None),
            (Source::State, Moment::End) => (&ports.final_state, None),
        }
    }
}
