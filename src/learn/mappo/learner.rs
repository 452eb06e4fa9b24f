//! MAPPO and IPPO as a session sees them.

use super::*;
use crate::{learn::learner::Sections, sim::Lane};

impl Learner for Trainer {
    fn iterate(&mut self, progress: f64) -> Result<IterationReport> {
        self.iterate(progress)
    }

    fn learn_from(&mut self, teacher: Box<dyn Policy>) {
        self.learn_from(teacher);
    }

    fn policy(&self) -> Result<Network> {
        self.policy()
    }

    fn critic(&self) -> Option<Critic> {
        self.critic()
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

    fn set_params(&mut self, params: &PpoParams) {
        self.set_params(params);
    }

    fn save(&self) -> Result<Sections> {
        self.save()
    }

    fn load(&mut self, sections: &Sections) -> Result<()> {
        self.load(sections)
    }

    fn start_from(&mut self, policy: &Network) -> Result<()> {
        self.start_from(policy)
    }

    fn change_scenario(&mut self, domain: &dyn Domain, max_steps: u32) -> Result<()> {
        self.change_scenario(domain, max_steps)
    }
}
