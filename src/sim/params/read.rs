//! Reading declared settings through serde, refusing what is out of bounds where it stands.
//!
//! RON and JSON say of each value which type it has. There any type is read, so that an error can say both what was
//! expected and what was found. Postcard says no types: there a value is read as the type that is expected. Both are
//! checked in the same way.

use std::{cell::Cell, fmt, marker::PhantomData};

use ron::extensions::Extensions;
use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor},
    ser::SerializeStruct,
};

use super::{
    Choice, Kind, Param, Params,
    declare::{Limits, ListBounds, Setting},
    no_such_choice, refused,
};
use crate::error::Result;

/// What [`params!`](crate::params!) writes out for a struct: its fields by name.
pub trait Fields: Clone + Default + Serialize + 'static {
    /// Name of the struct.
    const TYPE: &'static str;
    /// Names of the fields.
    const NAMES: &'static [&'static str];

    /// The declarations, in the order of the fields.
    fn declare() -> &'static [Param];

    /// Reads one field.
    fn read_field<'de, D: Deserializer<'de>>(&mut self, name: &str, source: D) -> Result<(), D::Error>;

    /// Writes all fields.
    fn write_fields<S: SerializeStruct>(&self, into: &mut S) -> Result<(), S::Error>;

    /// One field as RON text.
    fn field_text(&self, name: &str) -> Option<String>;

    /// Whether a field is within its bounds.
    fn field_fits(&self, name: &str) -> bool;

    /// A field that is a group.
    fn group(&self, name: &str) -> Option<&dyn Params>;

    /// A field that is a group, to be changed.
    fn group_mut(&mut self, name: &str) -> Option<&mut dyn Params>;
}

/// The RON that scenarios and `--set` are written in: `Some(…)` may be left out.
///
/// The limit on nesting stays at RON's 128 levels, which the stack can hold.
pub(in crate::sim) fn dialect() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// Reads `value` into the field that `param` declares; on an error nothing is changed.
pub(super) fn assign<T: Fields>(target: &mut T, path: &str, param: &Param, value: &str) -> Result<()> {
    let mut changed = target.clone();
    read_ron(path, &param.kind, value, |ron| changed.read_field(param.name, ron))?;
    *target = changed;
    Ok(())
}

/// Reads a setting that no struct declares from RON text.
pub(in crate::sim) fn read_text<T: Setting>(name: &str, bounds: &T::Bounds, value: &str) -> Result<T> {
    read_ron(name, &T::kind(bounds), value, |ron| T::read(bounds, ron))
}

fn read_ron<T>(
    name: &str,
    kind: &Kind,
    value: &str,
    read: impl FnOnce(&mut ron::Deserializer) -> ron::Result<T>,
) -> Result<T> {
    let outcome =
        ron::Deserializer::from_str_with_options(value, &dialect()).map_err(ron::Error::from).and_then(|mut ron| {
            let read = read(&mut ron)?;
            ron.end()?;
            Ok(read)
        });
    outcome.map_err(|error| match error {
        ron::Error::NoSuchEnumVariant { expected, found, .. } => no_such_choice(name, &found, expected),
        _ => refused(name, kind, value),
    })
}

/// Reads a struct of settings: absent keys keep their default, unknown and repeated keys are errors.
pub fn read_struct<'de, T: Fields, D: Deserializer<'de>>(source: D) -> Result<T, D::Error> {
    source.deserialize_struct(T::TYPE, T::NAMES, StructVisitor(PhantomData))
}

struct StructVisitor<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for StructVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", Kind::Group(&[]))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut target = T::default();
        let mut seen = Vec::new();
        while let Some(name) = map.next_key_seed(NameSeed(T::NAMES))? {
            let name = match name {
                Ok(name) => name,
                Err(unknown) => return Err(A::Error::unknown_field(&unknown, T::NAMES)),
            };
            if seen.contains(&name) {
                return Err(A::Error::duplicate_field(name));
            }
            seen.push(name);
            map.next_value_seed(FieldSeed { target: &mut target, name })?;
        }
        Ok(target)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut target = T::default();
        for (index, &name) in T::NAMES.iter().enumerate() {
            if seq.next_element_seed(FieldSeed { target: &mut target, name })?.is_none() {
                return Err(A::Error::invalid_length(index, &self));
            }
        }
        Ok(target)
    }
}

/// Reads a name and finds it among the known ones; the error is the unknown name.
struct NameSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Result<&'static str, String>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Result<&'static str, String>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "one of {}", self.0.join(", "))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|known| *known == name).ok_or_else(|| name.to_string()))
    }

    /// Formats without names count variants.
    fn visit_u64<E: serde::de::Error>(self, index: u64) -> Result<Self::Value, E> {
        let name = usize::try_from(index).ok().and_then(|index| self.0.get(index).copied());
        name.map(Ok).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(index), &self))
    }
}

struct FieldSeed<'t, T> {
    target: &'t mut T,
    name: &'static str,
}

impl<'de, T: Fields> DeserializeSeed<'de> for FieldSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        self.target.read_field(self.name, source)
    }
}

/// What was found where a name should be.
pub(in crate::sim) const NOT_A_NAME: &str = "something that is not a name";

/// Reads a choice by name.
pub fn read_choice<'de, T: Choice, D: Deserializer<'de>>(source: D) -> Result<T, D::Error> {
    let is_name = Cell::new(false);
    let outcome = source.deserialize_enum(T::TYPE, T::NAMES, ChoiceVisitor::<T> { is_name: &is_name, of: PhantomData });
    match outcome {
        // The format's own complaint would not say which names there are.
        Err(_) if !is_name.get() => Err(D::Error::invalid_type(
            Unexpected::Other(NOT_A_NAME),
            &ChoiceVisitor::<T> { is_name: &is_name, of: PhantomData },
        )),
        outcome => outcome,
    }
}

struct ChoiceVisitor<'c, T> {
    is_name: &'c Cell<bool>,
    of: PhantomData<T>,
}

impl<'de, T: Choice> Visitor<'de> for ChoiceVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", Kind::Choice { names: T::NAMES, docs: T::DOCS })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<T, A::Error> {
        let (name, variant) = data.variant_seed(NameSeed(T::NAMES))?;
        self.is_name.set(true);
        let name = name.map_err(|unknown| A::Error::unknown_variant(&unknown, T::NAMES))?;
        variant.unit_variant()?;
        let found = T::NAMES.iter().zip(T::ALL).find(|(known, _)| **known == name);
        found.map(|(_, choice)| *choice).ok_or_else(|| A::Error::unknown_variant(name, T::NAMES))
    }
}

/// Reads a number within limits.
pub(super) struct NumberVisitor<'b>(pub(super) &'b Limits<f64>);

impl Visitor<'_> for NumberVisitor<'_> {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", f64::kind(self.0))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<f64, E> {
        if value.fits(self.0) { Ok(value) } else { Err(E::invalid_value(Unexpected::Float(value), &self)) }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }
}

/// Reads a whole number within limits.
pub(super) struct WholeVisitor<'b, T>(pub(super) &'b Limits<T>);

impl<T> Visitor<'_> for WholeVisitor<'_, T>
where
    T: Setting<Bounds = Limits<T>> + TryFrom<u64> + TryFrom<i64>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", T::kind(self.0))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<T, E> {
        let fitting = T::try_from(value).ok().filter(|value| value.fits(self.0));
        fitting.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<T, E> {
        let fitting = T::try_from(value).ok().filter(|value| value.fits(self.0));
        fitting.ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
    }
}

/// Reads `true` or `false`.
pub(super) struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", Kind::Flag)
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
}

/// Reads a list within its bounds; it stops at the first entry too many.
pub(super) struct ListVisitor<'b, T: Setting>(pub(super) &'b ListBounds<T::Bounds>);

impl<'de, T: Setting> Visitor<'de> for ListVisitor<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", Vec::<T>::kind(self.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element_seed(EntrySeed::<T>(&self.0.each))? {
            entries.push(entry);
            if entries.len() > *self.0.entries.end() {
                break;
            }
        }
        if self.0.entries.contains(&entries.len()) {
            Ok(entries)
        } else {
            Err(A::Error::invalid_length(entries.len(), &self))
        }
    }
}

struct EntrySeed<'b, T: Setting>(&'b T::Bounds);

impl<'de, T: Setting> DeserializeSeed<'de> for EntrySeed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<T, D::Error> {
        T::read(self.0, source)
    }
}

/// Reads a value or its absence.
pub(super) struct OptionalVisitor<'b, T: Setting>(pub(super) &'b T::Bounds);

impl<'de, T: Setting> Visitor<'de> for OptionalVisitor<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", Option::<T>::kind(self.0))
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Option<T>, D::Error> {
        T::read(self.0, source).map(Some)
    }
}
