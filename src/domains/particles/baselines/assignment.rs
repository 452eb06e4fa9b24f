//! Who goes where, so that all costs together are least.

/// For each of `rows` the column that it is assigned to, such that the costs `[rows, columns]` of all pairs sum to the least and
/// no column is taken twice. With more rows than columns some get none.
///
/// The Hungarian method in the form of shortest augmenting paths (R. Jonker and A. Volgenant, Computing 38 (1987)),
/// O(rows² × columns).
pub(super) fn assign(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f32) -> Vec<Option<usize>> {
    if rows <= columns {
        return assign_all(rows, columns, cost);
    }
    let mut assigned = vec![None; rows];
    for (column, row) in assign_all(columns, rows, |column, row| cost(row, column)).into_iter().enumerate() {
        if let Some(row) = row {
            assigned[row] = Some(column);
        }
    }
    assigned
}

/// The same for no more rows than columns, so that no row goes without.
fn assign_all(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f32) -> Vec<Option<usize>> {
    // Potentials of rows and columns, and the row of each column; the column past the last is where a path begins.
    let (mut of_row, mut of_column) = (vec![0.0_f32; rows], vec![0.0_f32; columns + 1]);
    let mut row_of: Vec<Option<usize>> = vec![None; columns + 1];
    for row in 0..rows {
        row_of[columns] = Some(row);
        let (mut least, mut before) = (vec![f32::INFINITY; columns], vec![columns; columns]);
        let mut is_done = vec![false; columns + 1];
        let mut at = columns;
        while let Some(from) = row_of[at] {
            is_done[at] = true;
            let (mut step, mut next) = (f32::INFINITY, columns);
            for column in (0..columns).filter(|column| !is_done[*column]) {
                let reduced = cost(from, column) - of_row[from] - of_column[column];
                if reduced < least[column] {
                    (least[column], before[column]) = (reduced, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            for column in 0..=columns {
                match (is_done[column], row_of[column]) {
                    (true, Some(row)) => {
                        of_row[row] += step;
                        of_column[column] -= step;
                    }
                    _ if column < columns => least[column] -= step,
                    _ => {}
                }
            }
            at = next;
            if !step.is_finite() {
                break;
            }
        }
        while at != columns {
            row_of[at] = row_of[before[at]];
            at = before[at];
        }
    }
    let mut assigned = vec![None; rows];
    for (column, row) in row_of.iter().take(columns).enumerate() {
        if let Some(row) = row {
            assigned[*row] = Some(column);
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Address, Purpose, Seeds};

    /// The least sum by trying everything; `taken` has a bit for each column that is gone.
    fn least(rows: usize, columns: usize, taken: u32, cost: &impl Fn(usize, usize) -> f32) -> f32 {
        let Some(row) = rows.checked_sub(1) else { return 0.0 };
        let free = (0..columns).filter(|column| taken & (1 << column) == 0);
        free.map(|column| cost(row, column) + least(row, columns, taken | (1 << column), cost))
            .fold(f32::INFINITY, f32::min)
    }

    #[test]
    fn nothing_is_cheaper_and_no_column_is_taken_twice() {
        let mut stream = Seeds::new(3).stream(Purpose::new("test"), Address { env: 0, episode: 0, tick: 0 });
        for (rows, columns) in [(1, 1), (3, 3), (5, 5), (2, 6), (6, 2), (4, 1)] {
            for _ in 0..50 {
                let costs: Vec<f32> = (0..rows * columns).map(|_| stream.unit()).collect();
                let cost = |row: usize, column: usize| costs[row * columns + column];
                let assigned = assign(rows, columns, cost);
                let mut taken: Vec<usize> = assigned.iter().flatten().copied().collect();
                let sum: f32 =
                    assigned.iter().enumerate().filter_map(|(row, column)| Some(cost(row, (*column)?))).sum();
                let expected = if rows <= columns {
                    least(rows, columns, 0, &cost)
                } else {
                    least(columns, rows, 0, &|column, row| cost(row, column))
                };
                assert!((sum - expected).abs() < 1e-5, "{rows} by {columns}: {sum}, not {expected}");
                taken.sort_unstable();
                taken.dedup();
                assert_eq!(taken.len(), rows.min(columns));
            }
        }
    }
}
