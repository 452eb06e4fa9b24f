//! Where the panels lie at first, and what holds wherever a person has put them.

use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree};

use super::Pane;

/// The scene with time below it, and nothing else: who acts and what can be changed at the left, what is selected and what
/// trains at the right, and the curves below are folded until there is something to see in them.
pub(super) fn default_layout() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let tabs = |panes: &[Pane], tiles: &mut Tiles<Pane>| {
        let children = panes.iter().map(|pane| tiles.insert_pane(*pane)).collect();
        tiles.insert_tab_tile(children)
    };
    let left = tabs(&[Pane::Policies, Pane::Parameters, Pane::Scenario], &mut tiles);
    let below = tabs(&[Pane::Metrics, Pane::Events, Pane::Compare], &mut tiles);
    let right = tabs(&[Pane::Inspector, Pane::Training], &mut tiles);
    let timeline = tabs(&[Pane::Timeline], &mut tiles);
    let scene = tiles.insert_pane(Pane::Scene);
    let middle = linear(&mut tiles, LinearDir::Vertical, &[(scene, 0.55), (below, 0.29), (timeline, 0.16)]);
    let root = linear(&mut tiles, LinearDir::Horizontal, &[(left, 0.21), (middle, 0.55), (right, 0.24)]);
    [left, below, right].into_iter().for_each(|folded| tiles.set_visible(folded, false));
    Tree::new("desk", root, tiles)
}

/// What egui's tiles may make simpler: a tab that is dropped on tabs becomes one of them, and one that is alone keeps its tab,
/// which says what it is.
pub(in crate::window) fn simplification() -> SimplificationOptions {
    SimplificationOptions {
        prune_single_child_tabs: false,
        flatten_tabs_in_tabs: true,
        ..SimplificationOptions::default()
    }
}

/// Gives every panel outside of tabs a tab of its own; the scene needs none.
pub(in crate::window) fn title_lone_panels(layout: &mut Tree<Pane>) {
    for pane in Pane::ALL.into_iter().filter(|pane| *pane != Pane::Scene) {
        let Some(tile) = layout.tiles.find_pane(&pane).filter(|tile| place_of(layout, pane) == Some(*tile)) else {
            continue;
        };
        // The tab takes the place of the panel, which moves into it.
        let panel = layout.tiles.insert_pane(pane);
        layout.tiles.insert(tile, Tile::Container(Container::new_tabs(vec![panel])));
    }
}

/// The tabs that a panel is among, or the panel itself.
pub(super) fn place_of(layout: &Tree<Pane>, pane: Pane) -> Option<TileId> {
    let tile = layout.tiles.find_pane(&pane)?;
    let parent = layout.tiles.parent_of(tile);
    let is_tabs = |id: &TileId| matches!(layout.tiles.get_container(*id), Some(Container::Tabs(_)));
    parent.filter(is_tabs).or(Some(tile))
}

/// Unfolds a panel and everything that it lies in.
pub(super) fn unfold(layout: &mut Tree<Pane>, tile: TileId) {
    let mut next = Some(tile);
    while let Some(tile) = next {
        layout.set_visible(tile, true);
        next = layout.tiles.parent_of(tile);
    }
}

/// Whether a panel is seen, or would be if its tab were in front.
pub(in crate::window) fn is_unfolded(layout: &Tree<Pane>, pane: Pane) -> bool {
    let mut next = layout.tiles.find_pane(&pane);
    let mut is_unfolded = next.is_some();
    while let Some(tile) = next {
        is_unfolded &= layout.is_visible(tile);
        next = layout.tiles.parent_of(tile);
    }
    is_unfolded
}

fn linear(tiles: &mut Tiles<Pane>, direction: LinearDir, children: &[(TileId, f32)]) -> TileId {
    let mut linear =
        Linear { children: children.iter().map(|(id, _)| *id).collect(), dir: direction, ..Linear::default() };
    for (id, share) in children {
        linear.shares.set_share(*id, *share);
    }
    tiles.insert_new(Tile::Container(Container::Linear(linear)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The panels of each area of tabs.
    fn areas(layout: &Tree<Pane>) -> Vec<Vec<Pane>> {
        let panes = |children: &[TileId]| children.iter().filter_map(|id| layout.tiles.get_pane(id).copied()).collect();
        let tabs = layout.tiles.iter().filter_map(|(id, tile)| match tile {
            // What was joined to another area stays behind, without a parent, until the layout is shown.
            _ if layout.root() != Some(*id) && layout.tiles.parent_of(*id).is_none() => None,
            Tile::Container(Container::Tabs(tabs)) => Some(panes(&tabs.children)),
            _ => None,
        });
        let mut areas: Vec<Vec<Pane>> = tabs.collect();
        areas.sort();
        areas
    }

    #[test]
    fn tabs_that_are_dropped_on_tabs_are_tabs_of_one_area() {
        let mut tiles = Tiles::default();
        let [a, b, c] = [Pane::Metrics, Pane::Events, Pane::Compare].map(|pane| tiles.insert_pane(pane));
        let inner = tiles.insert_tab_tile(vec![b, c]);
        let root = tiles.insert_tab_tile(vec![a, inner]);
        let mut layout = Tree::new("desk", root, tiles);
        layout.simplify(&simplification());
        title_lone_panels(&mut layout);
        assert_eq!(areas(&layout), [vec![Pane::Metrics, Pane::Events, Pane::Compare]]);
    }

    #[test]
    fn a_panel_that_is_alone_keeps_a_tab_with_its_title() {
        let mut tiles = Tiles::default();
        let [scene, alone] = [Pane::Scene, Pane::Metrics].map(|pane| tiles.insert_pane(pane));
        let timeline = tiles.insert_pane(Pane::Timeline);
        let tab = tiles.insert_tab_tile(vec![timeline]);
        let root = linear(&mut tiles, LinearDir::Vertical, &[(scene, 0.5), (alone, 0.3), (tab, 0.2)]);
        let mut layout = Tree::new("desk", root, tiles);
        title_lone_panels(&mut layout);
        layout.simplify(&simplification());
        assert_eq!(areas(&layout), [vec![Pane::Metrics], vec![Pane::Timeline]]);
    }
}
