//! What a run's weights depend on, noted in every checkpoint.
//!
//! `run.ron` and `scenario.ron` lie open beside the checkpoints, and a digit that was changed in one of them would go on
//! with other numbers without a word. So a checkpoint, which is under a checksum, notes the value of every field that
//! changes what is learned. How a file is laid out does not matter, nor do the goal, names and comments.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Plan, folder::stage_file, generation::Generation};
use crate::{
    error::{Error, Result},
    learn::hyperparameters::Hyperparameters,
    sim::{
        params::{Params, When, names_of},
        scenario::DomainConfig,
    },
};

/// Name of the section of a checkpoint.
pub(super) const SECTION: &str = "plan";

/// The file of the hyperparameters.
const PLAN: &str = "run.ron";

/// Longer values, such as a trace, are noted as their SHA-256.
const MAX_VALUE_BYTES: usize = 120;

/// The most changes that an error lists.
const MAX_TOLD: usize = 4;

/// What a checkpoint notes of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// Value as RON text, by file and name.
    fields: BTreeMap<(String, String), String>,
    /// A hyperparameter that is given another value at this moment, with the one that `run.ron` may still have.
    changing: Option<(String, String)>,
}

/// A field that is not what the run was trained with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    file: String,
    name: String,
    trained: String,
    found: String,
}

impl Binding {
    /// That of `plan`, while `changing` is given another value.
    pub(super) fn of(plan: &Plan, changing: Option<&(String, String)>) -> Self {
        let mut fields = BTreeMap::new();
        let mut note = |file: &str, name: &str, value: String| {
            let value = if value.len() > MAX_VALUE_BYTES { sha256(&value) } else { value };
            fields.insert((file.to_owned(), name.to_owned()), value);
        };
        note(PLAN, "seed", plan.seed.to_string());
        note(PLAN, "stages", plan.stages.len().to_string());
        let roles = ron::to_string(&plan.roles).unwrap_or_default();
        note(PLAN, "roles", roles);
        for name in names_of(Hyperparameters::declarations()) {
            note(PLAN, &name, plan.params.get(&name).unwrap_or_default());
        }
        for (stage, scenario) in plan.stages.iter().enumerate() {
            let file = stage_file(stage);
            note(&file, "domain", scenario.domain.domain().id().to_owned());
            note(&file, "seed", scenario.seed.to_string());
            note(&file, "max_steps", scenario.max_steps.to_string());
            let params = scenario.domain.params();
            for name in names_of(params.declared()) {
                note(&file, &name, params.get(&name).unwrap_or_default());
            }
        }
        Self { fields, changing: changing.cloned() }
    }

    /// That of a checkpoint; none in those of an agon that did not note it yet.
    ///
    /// # Errors
    /// A section that is damaged.
    pub(super) fn read(generation: &Generation) -> Result<Option<Self>> {
        let Some(bytes) = generation.sections.get(SECTION) else { return Ok(None) };
        let read = postcard::from_bytes(bytes);
        read.map(Some)
            .map_err(|error| Error::input(format!("section `{SECTION}` of the checkpoint is damaged: {error}")))
    }

    /// The section of a checkpoint.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self)
            .map_err(|error| Error::system(format!("a checkpoint section could not be written: {error}")))
    }

    /// Gives a hyperparameter of `plan` the value that it was being given when the process died; tells whether it did.
    pub(super) fn finish_change(&self, plan: &mut Plan) -> Result<bool> {
        let Some((name, before)) = &self.changing else { return Ok(false) };
        let Some(after) = self.fields.get(&(PLAN.to_owned(), name.clone())) else { return Ok(false) };
        if plan.params.get(name).as_ref() != Some(before) || after == before {
            return Ok(false);
        }
        plan.params.set(name, after)?;
        Ok(true)
    }

    /// What is different in `plan`. Fields that only one of two versions of agon knows are passed over.
    pub(super) fn changes(&self, plan: &Plan) -> Vec<Change> {
        let found = Self::of(plan, None).fields;
        let both = self.fields.iter().filter_map(|(key, trained)| Some((key, trained, found.get(key)?)));
        both.filter(|(_, trained, found)| trained != found)
            .map(|((file, name), trained, found)| Change {
                file: file.clone(),
                name: name.clone(),
                trained: trained.clone(),
                found: found.clone(),
            })
            .collect()
    }
}

impl Change {
    /// Whether it is of a hyperparameter that may change while a run goes on, and so says nothing of what its network is.
    pub(super) fn is_live(&self) -> bool {
        let declared = Hyperparameters::declarations().iter().find(|param| param.name == self.name);
        self.file == PLAN && declared.is_some_and(|param| param.when == When::Live)
    }

    /// What a log keeps of it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let Self { file, name, trained, found } = self;
        serde_json::json!({ "file": file, "name": name, "from": trained, "to": found })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, name, trained, found } = self;
        write!(f, "`{name}` in `{file}` is {found}, but this run was trained with {trained}")
    }
}

/// The error of a plan that was changed; none where nothing was.
pub(super) fn refusal(changes: &[Change]) -> Option<Error> {
    let told: Vec<String> = changes.iter().take(MAX_TOLD).map(Change::to_string).collect();
    let more = changes.len().checked_sub(MAX_TOLD).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!("; and {more} more fields"));
    (!changes.is_empty()).then(|| {
        Error::input(format!("{}{more}", told.join("; ")))
            .hint("put the file back as it was, or go on with what it says now by `--accept-changes`")
    })
}

fn sha256(text: &str) -> String {
    let digits: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("something of SHA-256 {digits}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{domains::Scenario, metrics::Goal, session::Roles};

    fn plan() -> Plan {
        let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
        let stage = Scenario::parse(text, "x.ron").unwrap();
        Plan {
            stages: vec![stage.clone(), stage],
            seed: 3,
            goal: Goal::Steps(9),
            params: Hyperparameters::default(),
            roles: Roles::default(),
        }
    }

    #[test]
    fn every_field_that_changes_what_is_learned_is_noticed_by_name() {
        let binding = Binding::of(&plan(), None);
        assert_eq!(binding.changes(&plan()), []);
        let mut changed = plan();
        changed.params.run.learning_rate = 0.0006;
        changed.seed = 4;
        changed.stages[1].set("jam_threshold_dbm", "-35.5").unwrap();
        changed.stages[0].max_steps = 5;
        let told: Vec<String> = binding.changes(&changed).iter().map(Change::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        for expected in [
            "`learning_rate` in `run.ron` is 0.0006, but this run was trained with 0.0005",
            "`seed` in `run.ron` is 4, but this run was trained with 3",
            "`jam_threshold_dbm` in `scenario.2.ron` is -35.5, but",
            "`max_steps` in `scenario.ron` is 5, but",
        ] {
            assert!(told.iter().any(|told| told.starts_with(expected)), "{expected}: {told:?}");
        }
        let error = refusal(&binding.changes(&changed)).unwrap();
        assert!(error.to_string().contains("--accept-changes"), "{error}");
        assert!(refusal(&[]).is_none());
    }

    #[test]
    fn goal_names_and_notes_are_free() {
        let binding = Binding::of(&plan(), None);
        let mut changed = plan();
        changed.goal = Goal::Seconds(1.0);
        for stage in &mut changed.stages {
            (stage.name, stage.title, stage.about) = ("other".to_owned(), "Other".to_owned(), "Other".to_owned());
            stage.train.insert("learning_rate".to_owned(), "0.5".to_owned());
        }
        assert_eq!(binding.changes(&changed), []);
    }

    #[test]
    fn a_change_that_was_cut_off_is_finished() {
        let (old, mut new) = (plan(), plan());
        new.params.run.learning_rate = 0.25;
        let before = ("learning_rate".to_owned(), old.params.get("learning_rate").unwrap());
        let binding = Binding::of(&new, Some(&before));
        let mut found = old;
        assert!(binding.finish_change(&mut found).unwrap());
        assert_eq!(found, new);
        assert!(!binding.finish_change(&mut found).unwrap(), "it is done");
        found.params.run.learning_rate = 0.125;
        assert!(!binding.finish_change(&mut found).unwrap(), "that is neither the old value nor the new");
        assert_eq!(binding.changes(&found).len(), 1);
    }

    #[test]
    fn a_binding_reads_back_and_an_older_checkpoint_has_none() {
        let binding = Binding::of(&plan(), None);
        let mut generation = Generation::default();
        assert_eq!(Binding::read(&generation).unwrap(), None);
        generation.sections.insert(SECTION.to_owned(), binding.to_bytes().unwrap());
        assert_eq!(Binding::read(&generation).unwrap(), Some(binding));
        generation.sections.insert(SECTION.to_owned(), vec![0xff; 20]);
        assert!(Binding::read(&generation).is_err());
    }
}
