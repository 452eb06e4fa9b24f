//! Scenarios whose domain can be played, which is what evaluation asks of them: agon's own, and those of a domain that a
//! program brings along.

use super::{DomainConfig, Scenario};
use crate::{
    error::{Error, Result},
    sim::{
        Domain, Spec,
        params::{Kind, Params},
    },
};

/// The parameter, of every domain that has several layouts, that says what agents see. It changes no state: under each of
/// its layouts the same actions lead to the same episode.
const LAYOUT: &str = "observation";

/// A configuration of a domain that can be played.
pub trait Playable: DomainConfig + Send + Sync {
    /// The domain itself.
    fn domain(&self) -> &dyn Domain;

    /// This configuration under each of its observation layouts, its own included.
    fn layouts(&self) -> Vec<Self> {
        let declared = self.params().declared().iter().find(|param| param.name == LAYOUT);
        let Some(Kind::Choice { names, .. }) = declared.map(|param| &param.kind) else { return vec![self.clone()] };
        let under = |name: &&str| {
            let mut other = self.clone();
            other.params_mut().set(LAYOUT, name).ok().map(|()| other)
        };
        names.iter().filter_map(under).collect()
    }
}

/// The parameters of a domain configure it by themselves: a scenario of one domain needs no enum of all.
impl<P> DomainConfig for P
where
    P: Params + Domain + Clone + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    fn params(&self) -> &dyn Params {
        self
    }

    fn params_mut(&mut self) -> &mut dyn Params {
        self
    }

    fn check(&self) -> Result<()> {
        Domain::check(self)
    }
}

impl<P: DomainConfig + Params + Domain> Playable for P {
    fn domain(&self) -> &dyn Domain {
        self
    }
}

impl<D: Playable> Scenario<D> {
    /// Declaration of the scenario.
    pub fn spec(&self) -> Spec {
        self.domain.domain().spec(self.max_steps)
    }

    /// Declarations of the scenario's groups on each of its domain's observation layouts.
    pub fn layouts(&self) -> Vec<Spec> {
        self.domain.layouts().iter().map(|other| other.domain().spec(self.max_steps)).collect()
    }

    /// The same scenario as agents see it on these observation layouts, one for each group; without one, a group sees what it
    /// does. Layouts change no state.
    ///
    /// # Errors
    /// The domain does not show these layouts together.
    pub fn observed_on(&self, layouts: &[Option<&str>]) -> Result<Self> {
        let shows = |domain: &D| {
            let groups = domain.domain().spec(self.max_steps).groups;
            groups.iter().zip(layouts).all(|(group, layout)| layout.is_none_or(|layout| group.layout == layout))
        };
        if shows(&self.domain) {
            return Ok(self.clone());
        }
        let domain = self.domain.layouts().into_iter().find(|domain| shows(domain)).ok_or_else(|| {
            let names: Vec<String> = layouts.iter().flatten().map(|layout| format!("`{layout}`")).collect();
            let id = self.domain.domain().id();
            Error::input(format!("domain `{id}` does not show observation layout {}", names.join(" beside ")))
        })?;
        Ok(Self { domain, ..self.clone() })
    }
}
