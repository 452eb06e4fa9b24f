//! The table of domains. Adding a domain adds its folder and two lines here: its module and its row.

use crate::{
    error::Result,
    sim::{
        Domain,
        params::Params,
        scenario::{DomainConfig, Playable},
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

        impl Playable for AnyDomain {
            fn domain(&self) -> &dyn Domain {
                self.domain()
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
            let layouts: Vec<_> = domain.layouts().iter().map(spec).collect();
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
