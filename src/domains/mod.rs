//! The table of domains. Adding a domain adds its folder and two lines here: its module and its row.

use crate::{
    error::{Error, Result},
    sim::{
        Domain, Spec,
        params::{Kind, Params},
        scenario::DomainConfig,
    },
};

// Declared by hand: rustfmt does not look into macros, and a module it cannot find is never formatted.
pub mod cluster;
pub mod jamming;
pub mod particles;

/// One line per domain: its module, its name in scenario files, its configuration.
macro_rules! domains {
    ($($module:ident: $name:ident($params:ident);)+) => {
        /// A domain under one configuration, as a scenario file names it.
        #[allow(clippy::large_enum_variant, reason = "there is one of it per scenario")]
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum AnyDomain {
            $(#[doc = concat!("Domain `", stringify!($module), "`.")] $name($module::$params),)+
        }

        impl AnyDomain {
            /// The domain itself.
            pub fn domain(&self) -> &dyn Domain {
                match self {
                    $(Self::$name(params) => params,)+
                }
            }
        }

        impl DomainConfig for AnyDomain {
            fn params(&self) -> &dyn Params {
                match self {
                    $(Self::$name(params) => params,)+
                }
            }

            fn params_mut(&mut self) -> &mut dyn Params {
                match self {
                    $(Self::$name(params) => params,)+
                }
            }

            fn check(&self) -> Result<()> {
                self.domain().check()
            }
        }
    };
}

domains! {
    cluster: Cluster(ClusterParams);
    jamming: Jamming(JammingParams);
    particles: Particles(ParticlesParams);
}

/// A scenario of any domain.
pub type Scenario = crate::sim::scenario::Scenario<AnyDomain>;

/// The parameter of every domain that says what agents see. It changes no state: under each of its layouts the same
/// actions lead to the same episode.
const LAYOUT: &str = "observation";

impl AnyDomain {
    /// This domain under each of its observation layouts, its own included.
    pub fn layouts(&self) -> impl Iterator<Item = Self> {
        let declared = self.params().declared().iter().find(|param| param.name == LAYOUT);
        let names = match declared.map(|param| &param.kind) {
            Some(Kind::Choice { names, .. }) => *names,
            _ => &[],
        };
        names.iter().filter_map(|name| {
            let mut other = self.clone();
            other.params_mut().set(LAYOUT, name).ok().map(|()| other)
        })
    }
}

impl Scenario {
    /// Declarations of the scenario's groups on each of its domain's observation layouts.
    pub fn layouts(&self) -> Vec<Spec> {
        self.domain.layouts().map(|other| other.domain().spec(self.max_steps)).collect()
    }

    /// The same scenario as agents see it on these observation layouts, one for each group; without one, a group sees what it
    /// does. Layouts change no state.
    ///
    /// # Errors
    /// The domain does not show these layouts together.
    pub fn observed_on(&self, layouts: &[Option<&str>]) -> Result<Self> {
        let shows = |domain: &AnyDomain| {
            let groups = domain.domain().spec(self.max_steps).groups;
            groups.iter().zip(layouts).all(|(group, layout)| layout.is_none_or(|layout| group.layout == layout))
        };
        if shows(&self.domain) {
            return Ok(self.clone());
        }
        let domain = self.domain.layouts().find(|domain| shows(domain)).ok_or_else(|| {
            let names: Vec<String> = layouts.iter().flatten().map(|layout| format!("`{layout}`")).collect();
            let id = self.domain.domain().id();
            Error::input(format!("domain `{id}` does not show observation layout {}", names.join(" beside ")))
        })?;
        Ok(Self { domain, ..self.clone() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{cluster::ClusterParams, jamming::JammingParams, particles::ParticlesParams, *};

    #[test]
    fn every_domain_has_layouts_and_they_differ_in_nothing_but_what_agents_see() {
        let domains = [
            AnyDomain::Cluster(ClusterParams::default()),
            AnyDomain::Jamming(JammingParams::default()),
            AnyDomain::Particles(ParticlesParams::default()),
        ];
        for domain in domains {
            let spec = |domain: &AnyDomain| domain.domain().spec(10);
            let own = spec(&domain);
            let layouts: Vec<_> = domain.layouts().map(|other| spec(&other)).collect();
            assert!(layouts.len() > 1 && layouts.contains(&own));
            for mut other in layouts {
                for (group, own) in other.groups.iter_mut().zip(&own.groups) {
                    (group.layout, group.observation) = (own.layout, own.observation.clone());
                }
                assert_eq!(other, own);
            }
        }
    }

    /// The essay of a domain lists its layouts with the numbers in each.
    #[test]
    fn essays_tell_how_wide_observations_are() {
        for (domain, essay) in [
            (AnyDomain::Cluster(ClusterParams::default()), include_str!("cluster/mod.rs")),
            (AnyDomain::Jamming(JammingParams::default()), include_str!("jamming/mod.rs")),
            (AnyDomain::Particles(ParticlesParams::default()), include_str!("particles/mod.rs")),
        ] {
            for layout in domain.layouts() {
                let group = &layout.domain().spec(10).groups[0];
                let (_, name) = group.layout.split_once('/').unwrap();
                let row = format!("//! | `{name}` | {} |", group.observation.len());
                assert!(essay.contains(&row), "{row}");
            }
        }
    }
}
