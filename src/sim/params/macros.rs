//! The macros that declare parameters and their choices.

/// Declares a struct of parameters; see [the module](crate::sim::params).
#[macro_export]
macro_rules! params {
    (
        $(#[$about:meta])*
        $vis:vis struct $Name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident : $ty:ty = $default:expr $(, $word:ident $($value:expr)?)+ ;
            )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize)]
        $vis struct $Name {
            $( $(#[doc = $doc])+ pub $field: $ty, )*
        }

        const _: () = {
            struct __Declared {
                $( $field: $crate::sim::params::Declaration<$ty>, )*
            }

            static __DECLARED: ::std::sync::LazyLock<__Declared> = ::std::sync::LazyLock::new(|| __Declared {
                $( $field: $crate::sim::params::Declare::<$ty>::new() $( .$word($($value)?) )+, )*
            });

            static __PARAMS: ::std::sync::LazyLock<::std::vec::Vec<$crate::sim::params::Param>> =
                ::std::sync::LazyLock::new(|| {
                    let default = <$Name as ::std::default::Default>::default();
                    ::std::vec![
                        $( __DECLARED.$field.param(
                            ::std::stringify!($field),
                            ::std::concat!($($doc),+),
                            &default.$field,
                        ), )*
                    ]
                });

            impl ::std::default::Default for $Name {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }

            impl<'de> ::serde::Deserialize<'de> for $Name {
                fn deserialize<D: ::serde::Deserializer<'de>>(source: D) -> ::std::result::Result<Self, D::Error> {
                    $crate::sim::params::read_struct(source)
                }
            }

            impl $crate::sim::params::Fields for $Name {
                const TYPE: &'static str = ::std::stringify!($Name);
                const NAMES: &'static [&'static str] = &[$( ::std::stringify!($field) ),*];

                fn declare() -> &'static [$crate::sim::params::Param] {
                    &__PARAMS
                }

                fn read_field<'de, D: ::serde::Deserializer<'de>>(
                    &mut self,
                    name: &str,
                    source: D,
                ) -> ::std::result::Result<(), D::Error> {
                    match name {
                        $( ::std::stringify!($field) => {
                            self.$field = $crate::sim::params::Setting::read(__DECLARED.$field.bounds(), source)?;
                            ::std::result::Result::Ok(())
                        } )*
                        _ => ::std::result::Result::Err(::serde::de::Error::unknown_field(name, Self::NAMES)),
                    }
                }

                fn write_fields<S: ::serde::ser::SerializeStruct>(
                    &self,
                    into: &mut S,
                ) -> ::std::result::Result<(), S::Error> {
                    $( into.serialize_field(::std::stringify!($field), &self.$field)?; )*
                    ::std::result::Result::Ok(())
                }

                fn field_text(&self, name: &str) -> ::std::option::Option<::std::string::String> {
                    match name {
                        $( ::std::stringify!($field) => {
                            ::std::option::Option::Some($crate::sim::params::value_text(&self.$field))
                        } )*
                        _ => ::std::option::Option::None,
                    }
                }

                fn field_fits(&self, name: &str) -> bool {
                    match name {
                        $( ::std::stringify!($field) => {
                            $crate::sim::params::Setting::fits(&self.$field, __DECLARED.$field.bounds())
                        } )*
                        _ => false,
                    }
                }

                fn group(&self, name: &str) -> ::std::option::Option<&dyn $crate::sim::params::Params> {
                    match name {
                        $( ::std::stringify!($field) => $crate::sim::params::Setting::group(&self.$field), )*
                        _ => ::std::option::Option::None,
                    }
                }

                fn group_mut(&mut self, name: &str) -> ::std::option::Option<&mut dyn $crate::sim::params::Params> {
                    match name {
                        $( ::std::stringify!($field) => $crate::sim::params::Setting::group_mut(&mut self.$field), )*
                        _ => ::std::option::Option::None,
                    }
                }
            }

            impl $crate::sim::params::Setting for $Name {
                type Bounds = ();

                fn kind((): &()) -> $crate::sim::params::Kind {
                    $crate::sim::params::Kind::Group(<Self as $crate::sim::params::Fields>::declare())
                }

                fn read<'de, D: ::serde::Deserializer<'de>>(
                    (): &(),
                    source: D,
                ) -> ::std::result::Result<Self, D::Error> {
                    $crate::sim::params::read_struct(source)
                }

                fn fits(&self, (): &()) -> bool {
                    $crate::sim::params::Params::check(self).is_ok()
                }

                fn group(&self) -> ::std::option::Option<&dyn $crate::sim::params::Params> {
                    ::std::option::Option::Some(self)
                }

                fn group_mut(&mut self) -> ::std::option::Option<&mut dyn $crate::sim::params::Params> {
                    ::std::option::Option::Some(self)
                }
            }
        };
    };
}

/// Declares an enum that is chosen by name: `/// What it means.` and `Variant = "its_name",` for each choice.
#[macro_export]
macro_rules! choices {
    (
        $(#[$about:meta])*
        $vis:vis enum $Name:ident {
            $( $(#[doc = $doc:literal])+ $Variant:ident = $name:literal ),+ $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $Name {
            $( $(#[doc = $doc])+ $Variant, )+
        }

        impl $Name {
            /// Every choice, in the order of declaration.
            $vis const ALL: &'static [Self] = &[$( Self::$Variant ),+];
            /// The name of every choice, in the same order.
            $vis const NAMES: &'static [&'static str] = &[$( $name ),+];

            /// The name of this choice.
            $vis const fn name(self) -> &'static str {
                match self {
                    $( Self::$Variant => $name, )+
                }
            }
        }

        impl $crate::sim::params::Choice for $Name {
            const TYPE: &'static str = ::std::stringify!($Name);
            const ALL: &'static [Self] = Self::ALL;
            const NAMES: &'static [&'static str] = Self::NAMES;
            const DOCS: &'static [&'static str] = &[$( ::std::concat!($($doc),+).trim_ascii() ),+];

            fn name(self) -> &'static str {
                Self::name(self)
            }
        }

        impl ::serde::Serialize for $Name {
            fn serialize<S: ::serde::Serializer>(&self, into: S) -> ::std::result::Result<S::Ok, S::Error> {
                into.serialize_unit_variant(::std::stringify!($Name), *self as u32, self.name())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $Name {
            fn deserialize<D: ::serde::Deserializer<'de>>(source: D) -> ::std::result::Result<Self, D::Error> {
                $crate::sim::params::read_choice(source)
            }
        }

        impl $crate::sim::params::Setting for $Name {
            type Bounds = ();

            fn kind((): &()) -> $crate::sim::params::Kind {
                $crate::sim::params::Kind::Choice {
                    names: Self::NAMES,
                    docs: <Self as $crate::sim::params::Choice>::DOCS,
                }
            }

            fn read<'de, D: ::serde::Deserializer<'de>>((): &(), source: D) -> ::std::result::Result<Self, D::Error> {
                $crate::sim::params::read_choice(source)
            }

            fn fits(&self, (): &()) -> bool {
                true
            }
        }
    };
}
