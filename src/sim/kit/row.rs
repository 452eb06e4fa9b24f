//! What one agent sees, written from left to right under the names that were declared.
//!
//! Whoever writes numbers into an observation names them. Where debug assertions are on, as in tests, each name has to be the one
//! that stands next in the declaration, and none may be left over; elsewhere names cost nothing.

use std::ops::Range;

use crate::sim::Field;

/// One agent's observation while it is written.
pub struct Row<'a> {
    numbers: &'a mut [f32],
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// The observation `numbers`, declared as `fields`.
    #[inline(always)]
    pub fn new(numbers: &'a mut [f32], fields: &'a [Field]) -> Self {
        debug_assert_eq!(numbers.len(), fields.len(), "an observation has a number for each field");
        Self { numbers, fields }
    }

    /// Lets `write` write the observations of a team: `numbers` has them agent after agent. Each has to be complete.
    ///
    /// # Panics
    /// With debug assertions: a row is not as it was declared.
    #[inline(always)]
    pub fn each(numbers: &mut [f32], fields: &[Field], mut write: impl FnMut(usize, &mut Row<'_>)) {
        for (agent, numbers) in numbers.chunks_exact_mut(fields.len()).enumerate() {
            let mut row = Row::new(numbers, fields);
            write(agent, &mut row);
            row.finish();
        }
    }

    /// Ends the observation.
    ///
    /// # Panics
    /// With debug assertions: a number that was declared is missing.
    #[inline(always)]
    pub fn finish(self) {
        debug_assert!(self.numbers.is_empty(), "`{}` was not written", self.fields[0].name);
    }

    /// The next numbers, which are declared under these names.
    ///
    /// # Panics
    /// There is no room for them; with debug assertions: they are declared under other names.
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, names: [&str; N], numbers: [f32; N]) {
        *self.next(|field, at| field.name == names[at], || format!("{names:?}")) = numbers;
    }

    /// The next numbers, whose declared names are `stem` and an end each, such as the names of resources.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    #[inline(always)]
    pub fn put_all<const N: usize>(&mut self, stem: &str, numbers: [f32; N]) {
        *self.next(|field, _| field.name.starts_with(stem), || format!("`{stem}…`")) = numbers;
    }

    /// The next numbers: those of a list of things alike, such as the nearest drones, of which each is declared under the
    /// name `stem`, its number and one of `ends`. Things that the list has room for and that are not there are zeros.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    #[inline(always)]
    pub fn put_list<const N: usize>(
        &mut self,
        stem: &str,
        list: Range<usize>,
        ends: [&str; N],
        things: impl IntoIterator<Item = [f32; N]>,
    ) {
        let (block, rest) = std::mem::take(&mut self.numbers).split_at_mut(list.len() * N);
        if cfg!(debug_assertions) {
            for (at, field) in self.fields[..block.len()].iter().enumerate() {
                let (number, end) = (list.start + at / N, ends[at % N]);
                assert!(
                    is_of_list(&field.name, stem, number, end),
                    "{stem}{number}_{end} is declared `{}`",
                    field.name
                );
            }
            self.fields = &self.fields[block.len()..];
        }
        self.numbers = rest;
        let (block, _) = block.as_chunks_mut();
        let mut there = 0;
        for (to, thing) in block.iter_mut().zip(things) {
            *to = thing;
            there += 1;
        }
        block[there..].fill([0.0; N]);
    }

    /// Room for the next `N` numbers, for each of which `is_declared` holds.
    #[inline(always)]
    fn next<const N: usize>(
        &mut self,
        is_declared: impl Fn(&Field, usize) -> bool,
        names: impl Fn() -> String,
    ) -> &mut [f32; N] {
        if cfg!(debug_assertions) {
            let (fields, rest) = self.fields.split_at(N.min(self.fields.len()));
            let is_all = fields.iter().enumerate().all(|(at, field)| is_declared(field, at));
            assert!(is_all && fields.len() == N, "{} is declared {:?}", names(), fields.first());
            self.fields = rest;
        }
        let (next, rest) = std::mem::take(&mut self.numbers)
            .split_first_chunk_mut()
            .expect("the declaration has room for what is written");
        self.numbers = rest;
        next
    }
}

/// Whether `name` is `stem`, `number`, `_` and `end`.
fn is_of_list(name: &str, stem: &str, number: usize, end: &str) -> bool {
    let between = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(end));
    between.and_then(|rest| rest.strip_suffix('_')).and_then(|rest| rest.parse().ok()) == Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::field;

    fn fields(names: &[&str]) -> Vec<Field> {
        names.iter().map(|name| field(*name, "", 0.0..=1.0)).collect()
    }

    /// What is written into a row that was all ones.
    fn written(names: &[&str], write: impl FnMut(usize, &mut Row<'_>)) -> Vec<f32> {
        let mut numbers = vec![1.0; names.len()];
        Row::each(&mut numbers, &fields(names), write);
        numbers
    }

    #[test]
    fn numbers_stand_where_they_were_declared_and_what_is_not_there_is_zero() {
        let names =
            ["x", "used_cpu", "used_gpu", "mate0_dx", "mate0_dy", "mate1_dx", "mate1_dy", "mate2_dx", "mate2_dy"];
        let found = written(&names, |_, row| {
            row.put(["x"], [0.5]);
            row.put_all("used_", [0.1, 0.2]);
            row.put_list("mate", 0..1, ["dx", "dy"], [[3.0, 4.0]]);
            row.put_list("mate", 1..3, ["dx", "dy"], [[5.0, 6.0]]);
        });
        assert_eq!(found, [0.5, 0.1, 0.2, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "is declared")]
    fn a_name_that_comes_too_early_is_refused() {
        written(&["x", "y"], |_, row| row.put(["y", "x"], [0.0; 2]));
    }

    #[test]
    #[should_panic(expected = "mate1_dx is declared `mate0_dx`")]
    fn a_list_that_begins_elsewhere_is_refused() {
        written(&["mate0_dx"], |_, row| row.put_list("mate", 1..2, ["dx"], [[0.0]]));
    }

    #[test]
    #[should_panic(expected = "`y` was not written")]
    fn a_field_that_nobody_writes_is_told() {
        written(&["x", "y"], |_, row| row.put(["x"], [0.0]));
    }
}
