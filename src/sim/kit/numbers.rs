//! The macros that declare what is measured and what is paid for. Each line becomes a field of a struct and an entry of its
//! table, so a number that is not written, or written under a name that nobody declared, does not compile.

/// Declares what is measured: `name: "unit", Aggregate, Better, "what it says";` for each metric.
///
/// ```
/// use agon::sim::kit::declare_metrics;
///
/// declare_metrics! {
///     /// What is measured of a race.
///     pub struct Metrics {
///         distance: "m", Last, Higher, "way from the start";
///         stumbles: "", Sum, Lower, "how often somebody stumbled";
///     }
/// }
///
/// assert_eq!(Metrics::SPECS[1].name, "stumbles");
/// assert_eq!(Metrics { stumbles: 2.0, distance: 7.5 }.numbers(), [7.5, 2.0]);
/// ```
#[macro_export]
macro_rules! declare_metrics {
    (
        $(#[$about:meta])*
        $vis:vis struct $Name:ident {
            $( $metric:ident : $unit:literal, $aggregate:ident, $better:ident, $doc:literal ; )+
        }
    ) => {
        $crate::__declare_numbers! {
            $(#[$about])*
            $vis struct $Name of f64, $crate::sim::MetricSpec {
                $( $metric: $doc, $crate::sim::MetricSpec {
                    name: ::std::stringify!($metric),
                    unit: $unit,
                    doc: $doc,
                    aggregate: $crate::sim::Aggregate::$aggregate,
                    better: $crate::sim::Better::$better,
                } ; )+
            }
        }
    };
}

/// Declares what agents are paid for: `name: "what is paid for";` for each reward term. See [`declare_metrics!`](crate::declare_metrics!).
#[macro_export]
macro_rules! declare_terms {
    (
        $(#[$about:meta])*
        $vis:vis struct $Name:ident {
            $( $term:ident : $doc:literal ; )+
        }
    ) => {
        $crate::__declare_numbers! {
            $(#[$about])*
            $vis struct $Name of f32, $crate::sim::RewardTerm {
                $( $term: $doc, $crate::sim::RewardTerm { name: ::std::stringify!($term), doc: $doc } ; )+
            }
        }
    };
}

/// What both macros have in common: the struct, its table, and its numbers in the order of the table.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_numbers {
    (
        $(#[$about:meta])*
        $vis:vis struct $Name:ident of $number:ty, $Declaration:ty {
            $( $field:ident : $doc:literal, $declaration:expr ; )+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        $vis struct $Name {
            $( #[doc = $doc] pub $field: $number, )+
        }

        impl $Name {
            /// The declarations, in order.
            $vis const SPECS: [$Declaration; [$( ::std::stringify!($field) ),+].len()] =
                [$( $declaration ),+];

            /// The numbers, in the order of the declarations.
            #[inline(always)]
            $vis fn numbers(self) -> [$number; Self::SPECS.len()] {
                [$( self.$field ),+]
            }
        }
    };
}
