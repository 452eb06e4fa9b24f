//! All hyperparameters of a run side by side, and what they demand of each other.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

use super::{Algo, CriticPool, CriticSees, DdpgParams, HiddenActivation, PpoParams, RunParams};
use crate::{
    error::{Error, Result},
    policy::{
        card::Shared,
        network::{Activation, Team},
    },
    sim::params::{Fields, Param, read_struct},
};

/// The hyperparameters of a run: those that all algorithms read, and those of each family. Files and `--set` name them without
/// their family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hyperparameters {
    /// What every algorithm is told.
    pub run: RunParams,
    /// What MAPPO and IPPO are told besides.
    pub ppo: PpoParams,
    /// What MADDPG, MATD3 and DDPG are told besides.
    pub ddpg: DdpgParams,
}

impl Hyperparameters {
    /// The same with a change.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Checks what hyperparameters demand of each other when a run begins. A run that began without this check goes on as it did.
    ///
    /// # Errors
    /// Values that would not be used as they are.
    pub fn consistent(&self) -> Result<()> {
        let Self { run, ppo, ddpg } = self;
        if run.algo.is_off_policy() && ddpg.train_frequency > run.num_steps {
            return Err(Error::input(format!(
                "`train_frequency` is {}, but an iteration has only {} ticks",
                ddpg.train_frequency, run.num_steps
            ))
            .hint("set it to `num_steps` or less"));
        }
        if !run.algo.is_off_policy() && !ddpg.parameter_sharing {
            return Err(Error::input(
                "MAPPO and IPPO train one policy for all agents of a group: `parameter_sharing` is true",
            )
            .hint("leave it as it is, or train with `algo=maddpg` or `algo=matd3`"));
        }
        let sees_more = ppo.critic_sees != CriticSees::Group;
        if sees_more && (run.algo != Algo::Mappo || run.critic != CriticPool::Mean) {
            return Err(Error::input(
                "`critic_sees` is for MAPPO without attention: other critics see what their group sees",
            )
            .hint("train with `algo=mappo` and `critic=mean`, or leave `critic_sees` at `group`"));
        }
        Ok(())
    }

    /// Refuses the name of a hyperparameter that the algorithm does not read.
    ///
    /// # Errors
    /// It belongs to another family.
    pub fn check_read(&self, name: &str) -> Result<()> {
        let algo = self.run.algo;
        let (others, family) = if algo.is_off_policy() {
            (PpoParams::NAMES, "mappo and ippo")
        } else {
            (DdpgParams::NAMES, "maddpg, matd3 and ddpg")
        };
        if !others.contains(&name) {
            return Ok(());
        }
        Err(Error::input(format!("`{name}` is for {family}, and this run trains with {}", algo.name()))
            .hint("leave it out, or choose another `--algo`"))
    }

    /// The declarations of each set, with who reads them.
    pub fn families() -> [(&'static str, &'static [Param]); 3] {
        [
            ("of all algorithms", RunParams::declare()),
            ("of mappo and ippo", PpoParams::declare()),
            ("of maddpg, matd3 and ddpg", DdpgParams::declare()),
        ]
    }

    /// Takes over what a policy to start from decides: its network, the grid of its actions, and for whom it acts.
    pub fn start_from(&mut self, policy: &Shared) {
        let shape = policy.network.shape();
        self.run.hidden = shape.hidden;
        self.run.activation = match shape.activation {
            Activation::Relu => HiddenActivation::Relu,
            Activation::Tanh => HiddenActivation::Tanh,
        };
        self.ppo.action_bins = policy.card.actions.bins;
        self.ddpg.parameter_sharing = policy.card.team == Team::Any;
    }
}

const NUM_NAMES: usize = RunParams::NAMES.len() + PpoParams::NAMES.len() + DdpgParams::NAMES.len();

const NAMES: [&str; NUM_NAMES] = {
    let sets = [RunParams::NAMES, PpoParams::NAMES, DdpgParams::NAMES];
    let mut names = [""; NUM_NAMES];
    let (mut set, mut at) = (0, 0);
    while set < sets.len() {
        let mut index = 0;
        while index < sets[set].len() {
            names[at] = sets[set][index];
            (index, at) = (index + 1, at + 1);
        }
        set += 1;
    }
    names
};

static DECLARED: LazyLock<Vec<Param>> =
    LazyLock::new(|| [RunParams::declare(), PpoParams::declare(), DdpgParams::declare()].concat());

impl Fields for Hyperparameters {
    const TYPE: &'static str = "Hyperparameters";
    const NAMES: &'static [&'static str] = &NAMES;

    fn declare() -> &'static [Param] {
        &DECLARED
    }

    fn read_field<'de, D: Deserializer<'de>>(&mut self, name: &str, source: D) -> std::result::Result<(), D::Error> {
        if RunParams::NAMES.contains(&name) {
            self.run.read_field(name, source)
        } else if PpoParams::NAMES.contains(&name) {
            self.ppo.read_field(name, source)
        } else {
            self.ddpg.read_field(name, source)
        }
    }

    fn write_fields<S: SerializeStruct>(&self, into: &mut S) -> std::result::Result<(), S::Error> {
        self.run.write_fields(into)?;
        self.ppo.write_fields(into)?;
        self.ddpg.write_fields(into)
    }

    fn field_text(&self, name: &str) -> Option<String> {
        let text = self.run.field_text(name).or_else(|| self.ppo.field_text(name));
        text.or_else(|| self.ddpg.field_text(name))
    }

    fn field_fits(&self, name: &str) -> bool {
        self.run.field_fits(name) || self.ppo.field_fits(name) || self.ddpg.field_fits(name)
    }

    fn group(&self, _name: &str) -> Option<&dyn crate::sim::params::Params> {
        None
    }

    fn group_mut(&mut self, _name: &str) -> Option<&mut dyn crate::sim::params::Params> {
        None
    }
}

impl Serialize for Hyperparameters {
    fn serialize<S: Serializer>(&self, into: S) -> std::result::Result<S::Ok, S::Error> {
        let mut into = into.serialize_struct(Self::TYPE, NUM_NAMES)?;
        self.write_fields(&mut into)?;
        into.end()
    }
}

impl<'de> Deserialize<'de> for Hyperparameters {
    fn deserialize<D: Deserializer<'de>>(source: D) -> std::result::Result<Self, D::Error> {
        read_struct(source)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sim::params::Params;

    #[test]
    fn no_two_sets_share_a_name_and_every_name_is_read_set_and_written() {
        let names: BTreeSet<&str> = NAMES.into_iter().collect();
        assert_eq!(names.len(), NUM_NAMES);
        let mut params = Hyperparameters::default();
        for param in Hyperparameters::declarations() {
            assert_eq!(params.get(param.name).unwrap(), param.default);
            params.set(param.name, &param.default).unwrap();
        }
        assert!(Hyperparameters::declarations().iter().map(|param| param.name).eq(NAMES));
        params.set("gamma", "0.5").unwrap();
        params.set("clip_coef", "0.25").unwrap();
        params.set("tau", "0.125").unwrap();
        assert_eq!((params.run.gamma, params.ppo.clip_coef, params.ddpg.tau), (0.5, 0.25, 0.125));
        let text = ron::to_string(&params).unwrap();
        assert_eq!(ron::from_str::<Hyperparameters>(&text).unwrap(), params);
        assert!(params.set("taw", "1.0").unwrap_err().to_string().contains("tau"));
        params.ddpg.tau = 2.0;
        assert!(params.check().unwrap_err().to_string().contains("tau"));
    }

    #[test]
    fn what_an_algorithm_does_not_read_is_refused() {
        let on = |algo| Hyperparameters::default().with(|params| params.run.algo = algo);
        assert!(on(Algo::Mappo).check_read("buffer_size").unwrap_err().to_string().contains("maddpg"));
        assert!(on(Algo::Matd3).check_read("clip_coef").unwrap_err().to_string().contains("mappo and ippo"));
        for (algo, name) in
            [(Algo::Ippo, "clip_coef"), (Algo::Ddpg, "tau"), (Algo::Ddpg, "gamma"), (Algo::Ippo, "gamma")]
        {
            on(algo).check_read(name).unwrap();
        }
    }
}
