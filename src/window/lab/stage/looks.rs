//! What can be shown of an env, and what of it is.

use super::Stage;
use crate::{
    error::{Error, Result},
    sim::{View, ViewSpec},
};

impl Stage {
    /// How the domain of the scenario shows its envs.
    pub fn view(&self) -> Option<&dyn View> {
        self.scenario.domain.domain().view()
    }

    /// What can be shown.
    pub fn view_spec(&self) -> Option<ViewSpec> {
        self.view().map(View::declared)
    }

    /// Colours agents by the next quantity.
    pub(in crate::window::lab) fn next_colour(&mut self) {
        let choices = self.view_spec().map_or(1, |view| view.colour_by.len().max(1));
        self.options.colour_by = (self.options.colour_by + 1) % choices;
        self.invalidate();
    }

    /// Colours agents by the quantity of this number.
    ///
    /// # Errors
    /// The domain declares fewer.
    pub(in crate::window::lab) fn colour_by(&mut self, choice: usize) -> Result<()> {
        let choices = self.view_spec().map_or(0, |view| view.colour_by.len());
        if choice >= choices {
            return Err(Error::input(format!("there is no quantity {choice} to colour by, but {choices} from 0")));
        }
        self.options.colour_by = choice;
        self.invalidate();
        Ok(())
    }

    /// Shows or hides a layer of the pictures.
    ///
    /// # Errors
    /// The domain declares none of this name.
    pub(in crate::window::lab) fn toggle_layer(&mut self, name: &str) -> Result<()> {
        let spec = self.view_spec().ok_or_else(|| Error::input("this domain has nothing to look at"))?;
        self.options.toggle(spec.layer(name)?);
        self.invalidate();
        Ok(())
    }
}
