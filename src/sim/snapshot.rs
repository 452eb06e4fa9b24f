//! Saving, restoring and hashing the state of one env.
//!
//! A domain declares which components are state; everything else must follow from them (it is derived anew by the
//! [`Refresh`] schedule). Randomness has an address, so the clock is all there is to save of it.

use bevy_app::App;
use bevy_ecs::{
    component::{Component, Mutable},
    entity::Entity,
    resource::Resource,
    world::World,
};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

use super::tick::{Due, EnvSlot, Refresh};
use crate::error::{Error, Result};

/// The kinds of components that make up the state of an env.
#[derive(Resource, Default)]
pub(super) struct StateRegistry {
    columns: Vec<Column>,
}

struct Column {
    name: &'static str,
    save: fn(&World, &[Entity], &mut Vec<u8>),
    load: Load,
}

/// Reads a column from the front of some bytes and returns the rest.
type Load = for<'a> fn(&mut World, &[Entity], &'a [u8]) -> std::result::Result<&'a [u8], postcard::Error>;

/// The entities of each env, in a fixed order.
#[derive(Resource)]
pub(super) struct Roster(Vec<Vec<Entity>>);

/// Declares components to be state.
pub trait DeclareState {
    /// Components of type `C` are saved, restored and hashed with their env. The order of declarations is part of the format.
    fn declare_state<C>(&mut self, name: &'static str) -> &mut Self
    where
        C: Component<Mutability = Mutable> + Serialize + DeserializeOwned;
}

impl DeclareState for App {
    fn declare_state<C>(&mut self, name: &'static str) -> &mut Self
    where
        C: Component<Mutability = Mutable> + Serialize + DeserializeOwned,
    {
        self.init_resource::<StateRegistry>();
        self.world_mut().resource_mut::<StateRegistry>().columns.push(Column {
            name,
            save: save_column::<C>,
            load: load_column::<C>,
        });
        self
    }
}

fn save_column<C: Component + Serialize>(world: &World, entities: &[Entity], bytes: &mut Vec<u8>) {
    for component in entities.iter().filter_map(|entity| world.get::<C>(*entity)) {
        bytes.append(&mut postcard::to_stdvec(component).expect("writing plain data into memory cannot fail"));
    }
}

fn load_column<'a, C>(
    world: &mut World,
    entities: &[Entity],
    mut bytes: &'a [u8],
) -> std::result::Result<&'a [u8], postcard::Error>
where
    C: Component<Mutability = Mutable> + DeserializeOwned,
{
    for entity in entities {
        if let Some(mut component) = world.get_mut::<C>(*entity) {
            (*component, bytes) = postcard::take_from_bytes(bytes)?;
        }
    }
    Ok(bytes)
}

/// Lists the entities of each env. Called once when all have been spawned.
pub(super) fn take_roster(world: &mut World, envs: usize) {
    let mut roster = vec![Vec::new(); envs];
    for (entity, slot) in world.query::<(Entity, &EnvSlot)>().iter(world) {
        roster[slot.0 as usize].push(entity);
    }
    world.insert_resource(Roster(roster));
}

/// Everything that affects the future of the env at `slot`.
///
/// # Panics
/// The world has no such env.
pub fn save(world: &World, slot: usize) -> Vec<u8> {
    let entities = &world.resource::<Roster>().0[slot];
    let mut bytes = Vec::new();
    for column in &world.resource::<StateRegistry>().columns {
        (column.save)(world, entities, &mut bytes);
    }
    bytes
}

/// Puts the env at `slot` back into a state that [`save`] returned and derives anew what follows from it.
///
/// # Errors
/// The bytes are damaged or of another scenario; the env is then undefined until it is restored from good ones.
///
/// # Panics
/// The world has no such env.
pub fn restore(world: &mut World, slot: usize, bytes: &[u8]) -> Result<()> {
    load(world, slot, bytes)?;
    refresh(world, slot);
    Ok(())
}

/// Derives anew what follows from the state of the env at `slot`, which was changed by hand; nothing else is touched.
///
/// # Panics
/// The world has no such env.
pub fn refresh(world: &mut World, slot: usize) {
    world.resource_mut::<Due>().only(slot);
    world.run_schedule(Refresh);
}

/// A 64-bit hash of the state of the env at `slot`; equal states have equal hashes on every machine.
///
/// # Panics
/// The world has no such env.
pub fn hash(world: &World, slot: usize) -> u64 {
    hash_of(&save(world, slot))
}

/// The hash of a saved state: the one that [`hash`] gives of the env that it was saved from.
pub fn hash_of(state: &[u8]) -> u64 {
    xxh3_64(state)
}

/// Lets two entities of one kind take on each other's state. What follows from it is not derived anew.
pub(super) fn exchange(world: &mut World, one: Entity, other: Entity) -> Result<()> {
    let columns: Vec<_> = world.resource::<StateRegistry>().columns.iter().map(|c| (c.save, c.load)).collect();
    for (save, load) in columns {
        let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
        save(world, &[one], &mut of_one);
        save(world, &[other], &mut of_other);
        for (who, bytes) in [(one, of_other), (other, of_one)] {
            load(world, &[who], &bytes)
                .map_err(|error| Error::input(format!("the two are of different kinds: {error}")))?;
        }
    }
    Ok(())
}

fn load(world: &mut World, slot: usize, mut bytes: &[u8]) -> Result<()> {
    let entities = world.resource::<Roster>().0[slot].clone();
    let columns: Vec<_> = world.resource::<StateRegistry>().columns.iter().map(|c| (c.name, c.load)).collect();
    for (name, load) in columns {
        bytes = load(world, &entities, bytes)
            .map_err(|error| Error::input(format!("the snapshot of an env is damaged at `{name}`: {error}")))?;
    }
    if !bytes.is_empty() {
        return Err(Error::input(format!("the snapshot of an env has {} bytes too many", bytes.len()))
            .hint("it was taken from another scenario"));
    }
    Ok(())
}
