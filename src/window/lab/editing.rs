//! The editor: where an episode begins is changed by hand, step by step and back, and saved as a scenario.

use std::{path::PathBuf, sync::Arc};

use bevy::math::Vec2;

use crate::{
    domains::Scenario,
    durable::{Durability, write_atomic},
    error::{Error, Result},
    places,
    sim::{EntityKind, Lane},
};

/// Steps that can be taken back.
const MOST_STEPS: usize = 1000;

/// A scenario that is being edited.
pub struct Editing {
    /// The scenario as it is now.
    scenario: Arc<Scenario>,
    undo: Vec<Arc<Scenario>>,
    redo: Vec<Arc<Scenario>>,
    saved: Arc<Scenario>,
}

impl Editing {
    /// Edits `scenario` so that its episodes begin as the env of `lane` stands now.
    ///
    /// # Errors
    /// A domain whose entities cannot be placed.
    pub fn begin(scenario: &Scenario, lane: &Lane) -> Result<Self> {
        let places = all_places(scenario, lane)?;
        let saved = Arc::new(scenario.clone());
        let scenario = Arc::new(placed(scenario, &places)?);
        Ok(Self { scenario, undo: Vec::new(), redo: Vec::new(), saved })
    }

    /// The scenario as it is now.
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// Whether there is something to take back, and something to make again.
    pub fn can(&self) -> (bool, bool) {
        (!self.undo.is_empty(), !self.redo.is_empty())
    }

    /// Whether it is what was last saved, apart from places.
    pub fn is_saved(&self) -> bool {
        self.saved == self.scenario
    }

    /// Changes the scenario, as one step that can be taken back.
    ///
    /// # Errors
    /// A scenario that its checks refuse; nothing is changed then.
    pub fn change(&mut self, change: impl FnOnce(&mut Scenario) -> Result<()>) -> Result<()> {
        let mut scenario = (*self.scenario).clone();
        change(&mut scenario)?;
        scenario.check()?;
        self.undo.push(std::mem::replace(&mut self.scenario, Arc::new(scenario)));
        if self.undo.len() > MOST_STEPS {
            self.undo.remove(0);
        }
        self.redo.clear();
        Ok(())
    }

    /// Places another entity of a kind.
    ///
    /// # Errors
    /// More than the scenario can have.
    pub fn place(&mut self, lane: &Lane, kind: usize, at: Vec2) -> Result<()> {
        let mut places = all_places(&self.scenario, lane)?;
        let (_, entities) = places.get_mut(kind).ok_or_else(|| Error::input(format!("there is no kind {kind}")))?;
        entities.push(at);
        self.change(|scenario| placed(scenario, &places).map(|changed| *scenario = changed))
    }

    /// Puts entity number `index` of a kind somewhere else.
    ///
    /// # Errors
    /// No such entity.
    pub fn move_to(&mut self, lane: &Lane, kind: usize, index: usize, at: Vec2) -> Result<()> {
        let mut places = all_places(&self.scenario, lane)?;
        *entity(&mut places, kind, index)? = at;
        self.change(|scenario| placed(scenario, &places).map(|changed| *scenario = changed))
    }

    /// Takes entity number `index` of a kind away.
    ///
    /// # Errors
    /// No such entity, or fewer than the scenario must have.
    pub fn remove(&mut self, lane: &Lane, kind: usize, index: usize) -> Result<()> {
        let mut places = all_places(&self.scenario, lane)?;
        entity(&mut places, kind, index)?;
        if let Some((_, entities)) = places.get_mut(kind) {
            entities.remove(index);
        }
        self.change(|scenario| placed(scenario, &places).map(|changed| *scenario = changed))
    }

    /// Takes the last step back; false if there is none.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.undo.pop() else { return false };
        self.redo.push(std::mem::replace(&mut self.scenario, before));
        true
    }

    /// Makes the last step that was taken back again; false if there is none.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.redo.pop() else { return false };
        self.undo.push(std::mem::replace(&mut self.scenario, after));
        true
    }

    /// Saves the scenario under a name, beside the others of its domain.
    ///
    /// # Errors
    /// A name that is none, one that is taken unless it is to be replaced, no folder of scenarios, or what the file
    /// system reports.
    pub fn save(&mut self, name: &str, replace: bool) -> Result<(PathBuf, Durability)> {
        let (path, durability) = save(&self.scenario, name, replace)?;
        let scenario = Scenario { name: name.to_owned(), ..(*self.scenario).clone() };
        self.scenario = Arc::new(scenario);
        self.saved = Arc::clone(&self.scenario);
        Ok((path, durability))
    }
}

/// Saves `scenario` under another name, beside the others of its domain.
///
/// # Errors
/// As [`Editing::save`].
pub(super) fn save(scenario: &Scenario, name: &str, replace: bool) -> Result<(PathBuf, Durability)> {
    let scenario = Scenario { name: name.to_owned(), ..scenario.clone() };
    let text = scenario.to_ron()?;
    let house = places::house();
    let house = house.ok_or_else(|| Error::input(format!("no folder `{}` was found", places::SCENARIOS)))?;
    let folder = house.join(places::SCENARIOS).join(scenario.domain.domain().id());
    let path = folder.join(format!("{name}.ron"));
    if path.exists() && !replace {
        return Err(Error::input("there is a scenario of this name")
            .in_file(path)
            .hint("choose another name, or say that it is to be replaced"));
    }
    let durability = write_atomic(&path, text.as_bytes())?;
    Ok((path, durability))
}

type Places = Vec<(&'static EntityKind, Vec<Vec2>)>;

/// Where the entities of the env are, by kind.
fn all_places(scenario: &Scenario, lane: &Lane) -> Result<Places> {
    let domain = scenario.domain.domain();
    let editor = domain.editor().filter(|editor| editor.kinds().iter().any(|kind| kind.places.is_some()));
    let editor =
        editor.ok_or_else(|| Error::input(format!("entities of domain `{}` have no places to choose", domain.id())))?;
    let of_kind = |kind: usize| editor.places(lane.world(), 0, kind).into_iter().map(|(_, at)| at).collect();
    Ok(editor.kinds().iter().enumerate().map(|(index, kind)| (kind, of_kind(index))).collect())
}

fn entity(places: &mut Places, kind: usize, index: usize) -> Result<&mut Vec2> {
    let found = places.get_mut(kind).and_then(|(_, entities)| entities.get_mut(index));
    found.ok_or_else(|| Error::input("this entity is not there any more"))
}

/// `scenario` with so many entities at these places.
fn placed(scenario: &Scenario, places: &Places) -> Result<Scenario> {
    let mut scenario = scenario.clone();
    for (kind, entities) in places {
        let numbers: Vec<String> =
            entities.iter().flat_map(|at| [at.x, at.y]).map(|number| format!("{:?}", f64::from(number))).collect();
        let (Some(count), Some(places)) = (kind.count, kind.places) else { continue };
        scenario.set(count, &entities.len().to_string())?;
        scenario.set(places, &format!("[{}]", numbers.join(", ")))?;
    }
    scenario.check()?;
    Ok(scenario)
}
