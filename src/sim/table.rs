//! Whole table columns as slices.
//!
//! All entities of one kind are spawned at once with the same components and none is removed while a world runs, so they
//! share one table and its rows stay in env-major order.

use bevy_ecs::{
    change_detection::ContiguousMut,
    component::{Component, Mutable},
    query::ArchetypeFilter,
    system::Query,
};

/// Components `C` of all entities of a query, one slice; empty without entities.
///
/// # Panics
/// The entities lie in more than one table: a domain spawned them with different components.
pub fn column<'a, C: Component, F: ArchetypeFilter>(query: &'a Query<'_, '_, &C, F>) -> &'a [C] {
    let mut tables = query.contiguous_iter().expect("state components are stored in tables").filter(|c| !c.is_empty());
    let rows = tables.next().unwrap_or_default();
    assert!(tables.next().is_none(), "entities of one kind share one table");
    rows
}

/// The same for writing. Change detection is bypassed: nothing in a tick asks what changed, everything does.
///
/// # Panics
/// As [`column()`].
pub fn column_mut<'a, C: Component<Mutability = Mutable>, F: ArchetypeFilter>(
    query: &'a mut Query<'_, '_, &mut C, F>,
) -> &'a mut [C] {
    let mut tables =
        query.contiguous_iter_mut().expect("state components are stored in tables").filter(|c| !c.is_empty());
    let rows = tables.next();
    assert!(tables.next().is_none(), "entities of one kind share one table");
    rows.map(|rows| ContiguousMut::bypass_change_detection_split(rows).0).unwrap_or_default()
}
