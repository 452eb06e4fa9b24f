//! MAPPO and IPPO as a session sees them.

use super::*;
use crate::{learn::learner::Sections, sim::Lane};

impl Learner for Trainer {
    fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        self.iterate(progress)
    }

    fn learn_from(&mut self, group: usize, teacher: Box<dyn Policy>) {
        if let Some(pupil) = self.pupils.iter_mut().find(|pupil| pupil.group() == group) {
            pupil.teacher = Some(teacher);
        }
    }

    fn policies(&self) -> Result<Vec<Learned>> {
        let policy =
            |pupil: &Pupil| pupil.policy(&self.params).map(|network| Learned { group: pupil.group(), network });
        self.pupils.iter().map(policy).collect()
    }

    fn critic(&self, group: usize) -> Option<Critic> {
        // A critic that is shown more than the group sees cannot tell its values from what the group sees.
        let pupil = self.pupils.iter().find(|pupil| pupil.group() == group && pupil.global.is_none())?;
        Some(Critic::new(pupil.net.critic()?, pupil.value_norm.clone()))
    }

    fn spec(&self) -> &Spec {
        self.spec()
    }

    fn lanes_mut(&mut self) -> &mut [Lane] {
        self.batch.lanes_mut()
    }

    fn counters(&self) -> Counters {
        self.counters()
    }

    fn steps_per_iteration(&self) -> u64 {
        self.steps_per_iteration()
    }

    fn set_params(&mut self, params: &Hyperparameters) {
        self.params = params.clone();
    }

    fn save(&self) -> Result<Sections> {
        self.save()
    }

    fn load(&mut self, sections: &Sections) -> Result<()> {
        self.load(sections)
    }

    fn start_from(&mut self, policy: &Learned) -> Result<()> {
        self.start_from(policy)
    }

    fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()> {
        self.change_scenario(domain, max_steps)
    }
}
