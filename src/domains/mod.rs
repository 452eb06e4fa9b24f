//! The table of domains. Adding a domain adds its folder and two lines here: its module and its row.

use crate::{
    error::Result,
    sim::{Domain, params::Params, scenario::DomainConfig},
};

// Declared by hand: rustfmt does not look into macros, and a module it cannot find is never formatted.
pub mod cluster;
pub mod jamming;

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
}

/// A scenario of any domain.
pub type Scenario = crate::sim::scenario::Scenario<AnyDomain>;
