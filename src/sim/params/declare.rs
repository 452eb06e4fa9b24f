//! From the words of a declaration to the bounds of a typed setting, checked by the compiler.
//!
//! Each word of a [`params!`](crate::params!) line is a method of [`Declare`]; a word that does not fit the type of the
//! field, or a line without bounds or without a time of effect, has no such method and does not compile.

use std::{marker::PhantomData, ops::RangeInclusive};

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Choice, Kind, Param, Params, When,
    read::{Fields, FlagVisitor, ListVisitor, NumberVisitor, OptionalVisitor, WholeVisitor},
};

/// A type that a parameter may have.
pub trait Setting: Clone + Serialize {
    /// What is allowed of it.
    type Bounds: Send + Sync;

    /// The bounds for people and for panels.
    fn kind(bounds: &Self::Bounds) -> Kind;

    /// Reads a value and refuses one that is out of bounds.
    fn read<'de, D: Deserializer<'de>>(bounds: &Self::Bounds, source: D) -> Result<Self, D::Error>;

    /// Whether a value that is already here is within bounds.
    fn fits(&self, bounds: &Self::Bounds) -> bool;

    /// The parameters inside, if this is a group.
    fn group(&self) -> Option<&dyn Params> {
        None
    }

    /// The same, to be changed.
    fn group_mut(&mut self) -> Option<&mut dyn Params> {
        None
    }
}

/// Bounds of a number.
#[derive(Clone, Debug)]
pub struct Limits<T> {
    pub(super) range: RangeInclusive<T>,
    pub(super) unit: &'static str,
}

/// Bounds of a list: how many entries, and those of each entry.
pub struct ListBounds<B> {
    pub(super) entries: RangeInclusive<usize>,
    pub(super) each: B,
}

/// A declaration being written: of a `T`, which the field holds plainly, in a list or optionally (`W`).
pub struct Declare<T, W = Plain> {
    unit: &'static str,
    wrap: W,
    of: PhantomData<T>,
}

/// A declaration that lacks only the time of effect.
pub struct Bounded<T: Setting> {
    bounds: T::Bounds,
}

/// A finished declaration of a field of type `T`.
pub struct Declaration<T: Setting> {
    bounds: T::Bounds,
    when: When,
}

/// How a field holds the value that is being declared.
pub trait Wrap<T: Setting> {
    /// Type of the field.
    type Field: Setting;

    /// Bounds of the field from those of the value.
    fn wrap(self, bounds: T::Bounds) -> <Self::Field as Setting>::Bounds;
}

/// The field is the value.
pub struct Plain;

/// The field is a list of values.
pub struct Entries(RangeInclusive<usize>);

/// The field is an optional value.
pub struct Optional;

impl<T> Limits<T> {
    /// The values of a range; the unit is empty for a plain number.
    pub const fn new(range: RangeInclusive<T>, unit: &'static str) -> Self {
        Self { range, unit }
    }
}

impl<T: Setting> Wrap<T> for Plain {
    type Field = T;

    fn wrap(self, bounds: T::Bounds) -> T::Bounds {
        bounds
    }
}

impl<T: Setting> Wrap<T> for Entries {
    type Field = Vec<T>;

    fn wrap(self, bounds: T::Bounds) -> ListBounds<T::Bounds> {
        ListBounds { entries: self.0, each: bounds }
    }
}

impl<T: Setting> Wrap<T> for Optional {
    type Field = Option<T>;

    fn wrap(self, bounds: T::Bounds) -> T::Bounds {
        bounds
    }
}

impl<T: Setting> Declare<T> {
    /// Starts the declaration of a field of type `T`.
    #[expect(clippy::new_without_default, reason = "only the macro starts a declaration")]
    pub fn new() -> Self {
        Self { unit: "", wrap: Plain, of: PhantomData }
    }
}

impl<T: Setting> Declare<Vec<T>> {
    /// A list of so many entries; the words that follow speak of one entry.
    pub fn list(self, entries: RangeInclusive<usize>) -> Declare<T, Entries> {
        Declare { unit: "", wrap: Entries(entries), of: PhantomData }
    }
}

impl<T: Setting> Declare<Option<T>> {
    /// A value that may be absent; the words that follow speak of the value.
    pub fn optional(self) -> Declare<T, Optional> {
        Declare { unit: "", wrap: Optional, of: PhantomData }
    }
}

impl<T: Setting, W: Wrap<T>> Declare<T, W> {
    /// The unit of a number.
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The values a number may take.
    pub fn range(self, range: RangeInclusive<T>) -> Bounded<W::Field>
    where
        T: Setting<Bounds = Limits<T>>,
    {
        Bounded { bounds: self.wrap.wrap(Limits::new(range, self.unit)) }
    }

    /// One of the names of an enum.
    pub fn choice(self) -> Bounded<W::Field>
    where
        T: Choice + Setting<Bounds = ()>,
    {
        Bounded { bounds: self.wrap.wrap(()) }
    }

    /// Parameters of their own.
    pub fn group(self) -> Bounded<W::Field>
    where
        T: Fields + Setting<Bounds = ()>,
    {
        Bounded { bounds: self.wrap.wrap(()) }
    }
}

impl<W: Wrap<bool>> Declare<bool, W> {
    /// True or false.
    pub fn flag(self) -> Bounded<W::Field> {
        Bounded { bounds: self.wrap.wrap(()) }
    }
}

impl<T: Setting> Bounded<T> {
    /// A change takes effect at once.
    pub fn live(self) -> Declaration<T> {
        Declaration { bounds: self.bounds, when: When::Live }
    }

    /// A change takes effect when the env is next reset.
    pub fn next_reset(self) -> Declaration<T> {
        Declaration { bounds: self.bounds, when: When::NextReset }
    }
}

impl<T: Setting> Declaration<T> {
    /// What is allowed of the field.
    pub fn bounds(&self) -> &T::Bounds {
        &self.bounds
    }

    /// The record of this declaration.
    pub fn param(&self, name: &'static str, doc: &'static str, default: &T) -> Param {
        Param { name, doc: doc.trim(), kind: T::kind(&self.bounds), default: value_text(default), when: self.when }
    }
}

/// A value as RON on one line.
pub fn value_text<T: Serialize>(value: &T) -> String {
    ron::to_string(value).expect("settings are numbers, names, lists and structs of them, which RON can write")
}

impl Setting for f64 {
    type Bounds = Limits<f64>;

    fn kind(bounds: &Limits<f64>) -> Kind {
        Kind::Number { low: *bounds.range.start(), high: *bounds.range.end(), unit: bounds.unit }
    }

    fn read<'de, D: Deserializer<'de>>(bounds: &Limits<f64>, source: D) -> Result<f64, D::Error> {
        let visitor = NumberVisitor(bounds);
        if source.is_human_readable() { source.deserialize_any(visitor) } else { source.deserialize_f64(visitor) }
    }

    fn fits(&self, bounds: &Limits<f64>) -> bool {
        // A range holds neither NaN nor, as its ends are finite, an infinity.
        self.is_finite() && bounds.range.contains(self)
    }
}

macro_rules! whole_settings {
    ($($whole:ty, $deserialize:ident;)+) => {$(
        impl Setting for $whole {
            type Bounds = Limits<$whole>;

            fn kind(bounds: &Limits<$whole>) -> Kind {
                Kind::Whole {
                    low: i128::try_from(*bounds.range.start()).unwrap_or(i128::MAX),
                    high: i128::try_from(*bounds.range.end()).unwrap_or(i128::MAX),
                    unit: bounds.unit,
                }
            }

            fn read<'de, D: Deserializer<'de>>(bounds: &Limits<$whole>, source: D) -> Result<$whole, D::Error> {
                let visitor = WholeVisitor(bounds);
                if source.is_human_readable() {
                    source.deserialize_any(visitor)
                } else {
                    source.$deserialize(visitor)
                }
            }

            fn fits(&self, bounds: &Limits<$whole>) -> bool {
                bounds.range.contains(self)
            }
        }
    )+};
}

whole_settings! {
    u8, deserialize_u8;
    u16, deserialize_u16;
    u32, deserialize_u32;
    u64, deserialize_u64;
    usize, deserialize_u64;
    i32, deserialize_i32;
    i64, deserialize_i64;
}

impl Setting for bool {
    type Bounds = ();

    fn kind((): &()) -> Kind {
        Kind::Flag
    }

    fn read<'de, D: Deserializer<'de>>((): &(), source: D) -> Result<bool, D::Error> {
        if source.is_human_readable() { source.deserialize_any(FlagVisitor) } else { bool::deserialize(source) }
    }

    fn fits(&self, (): &()) -> bool {
        true
    }
}

impl<T: Setting> Setting for Vec<T> {
    type Bounds = ListBounds<T::Bounds>;

    fn kind(bounds: &Self::Bounds) -> Kind {
        Kind::List { least: *bounds.entries.start(), most: *bounds.entries.end(), of: Box::new(T::kind(&bounds.each)) }
    }

    fn read<'de, D: Deserializer<'de>>(bounds: &Self::Bounds, source: D) -> Result<Self, D::Error> {
        let visitor = ListVisitor::<T>(bounds);
        if source.is_human_readable() { source.deserialize_any(visitor) } else { source.deserialize_seq(visitor) }
    }

    fn fits(&self, bounds: &Self::Bounds) -> bool {
        bounds.entries.contains(&self.len()) && self.iter().all(|entry| entry.fits(&bounds.each))
    }
}

impl<T: Setting> Setting for Option<T> {
    type Bounds = T::Bounds;

    fn kind(bounds: &T::Bounds) -> Kind {
        Kind::Optional(Box::new(T::kind(bounds)))
    }

    fn read<'de, D: Deserializer<'de>>(bounds: &T::Bounds, source: D) -> Result<Self, D::Error> {
        source.deserialize_option(OptionalVisitor::<T>(bounds))
    }

    fn fits(&self, bounds: &T::Bounds) -> bool {
        self.as_ref().is_none_or(|value| value.fits(bounds))
    }
}
