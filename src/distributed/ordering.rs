//! In which order a rank's rows lie in memory.

use super::layout::OwnedRows;
use super::places::Places;
use sprs::CsMatViewI;
use sprs::linalg::ordering::{cuthill_mckee_custom, order::Reversed, start::Strategy};

/// How a rank numbers its rows. Row sums keep the order of the original columns, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ordering {
    /// As in the file.
    Natural,
    /// Reverse Cuthill–McKee on the part of the matrix that the rank holds: neighbours near each other.
    Rcm,
    /// Reverse Cuthill–McKee where a row's neighbours lie far from it, and if it at least halves the
    /// mean distance.
    #[default]
    Auto,
}

/// Rows between neighbours, on average, from which on another order is looked for. Of twice as many rows,
/// a pair of vectors fills a second-level cache.
const FAR: f64 = 16384.0;

/// Symmetric, without values.
struct Graph {
    starts: Vec<usize>,
    columns: Vec<u32>,
}

impl Graph {
    /// Of the entries whose column is owned too.
    fn new(owned: &impl OwnedRows) -> Graph {
        let numbers = owned.numbers();
        let mut places = Places::new(numbers);
        let mut graph = Graph { starts: vec![0], columns: Vec::new() };
        for k in 0..numbers.len() {
            let columns = owned.entries(k).enumerate().filter_map(|(entry, (column, _))| places.of(entry, column));
            graph.columns.extend(columns.map(|place| place as u32));
            graph.starts.push(graph.columns.len());
        }
        graph
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows between neighbours, on average, where row k lies at `place(k)`.
    fn mean_distance(&self, place: impl Fn(usize) -> usize) -> f64 {
        let mut sum = 0.0;
        for row in 0..self.len() {
            for &column in &self.columns[self.starts[row]..self.starts[row + 1]] {
                sum += place(row).abs_diff(place(column as usize)) as f64;
            }
        }
        sum / self.columns.len().max(1) as f64
    }

    fn reverse_cuthill_mckee(&self) -> Vec<u32> {
        let (n, values) = (self.len(), vec![(); self.columns.len()]);
        let view = CsMatViewI::new((n, n), &self.starts[..], &self.columns[..], &values[..]);
        let start = Farthest { next: 0, reached: vec![false; n] };
        cuthill_mckee_custom(view, start, Reversed::new()).perm.vec()
    }
}

/// Begins each component at a row that breadth-first search reaches last. (The search repeated, as George and Liu do,
/// saves little; and what `sprs` offers looks through all rows for each component.)
struct Farthest {
    next: usize,
    reached: Vec<bool>,
}

impl Strategy<(), u32, usize> for Farthest {
    fn find_start_vertex(&mut self, visited: &[bool], _: &[usize], graph: &CsMatViewI<(), u32, usize>) -> usize {
        while visited[self.next] {
            self.next += 1;
        }
        let mut queue = vec![self.next];
        self.reached[self.next] = true;
        let mut done = 0;
        while let Some(&row) = queue.get(done) {
            let neighbours = graph.outer_view(row).map_or(&[][..], |neighbours| neighbours.into_raw_storage().0);
            for &neighbour in neighbours {
                if !std::mem::replace(&mut self.reached[neighbour as usize], true) {
                    queue.push(neighbour as usize);
                }
            }
            done += 1;
        }
        queue[done - 1]
    }
}

impl Ordering {
    /// The rows' positions in `owned` in the order in which they are to lie in memory; None to leave them as they are.
    pub(super) fn permutation(self, owned: &impl OwnedRows) -> Option<Vec<u32>> {
        if self == Ordering::Natural || self == Ordering::Auto && owned.numbers().len() as f64 <= FAR {
            return None;
        }
        let graph = Graph::new(owned);
        let natural = graph.mean_distance(|row| row);
        if self == Ordering::Auto && natural <= FAR {
            return None;
        }
        let order = graph.reverse_cuthill_mckee();
        let mut places = vec![0u32; order.len()];
        for (place, &row) in order.iter().enumerate() {
            places[row as usize] = place as u32;
        }
        let is_better = || 2.0 * graph.mean_distance(|row| places[row] as usize) <= natural;
        (self == Ordering::Rcm || is_better()).then_some(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Rows, Stencil};

    /// The rows of a grid, numbered by `number`, which permutes them.
    fn numbered(grid: &Stencil, number: impl Fn(u64) -> u64) -> Rows {
        let mut rows: Vec<(u64, Vec<(u64, f64)>)> = (0..grid.n())
            .map(|row| {
                let mut entries: Vec<_> = grid.entries(row).map(|(column, value)| (number(column), value)).collect();
                entries.sort_by_key(|entry| entry.0);
                (number(row), entries)
            })
            .collect();
        rows.sort_by_key(|row| row.0);
        let mut sorted = Rows::new();
        rows.into_iter().for_each(|(row, entries)| sorted.push(row, entries));
        sorted
    }

    fn is_permutation(order: &[u32], n: u64) -> bool {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().map(u64::from).eq(0..n)
    }

    #[test]
    fn a_shuffled_grid_gets_its_neighbours_back() {
        let grid = Stencil::new([300, 301, 1], 2, 5).unwrap();
        let shuffled = numbered(&grid, |row| row * 50_021 % grid.n());
        assert_eq!(Ordering::Natural.permutation(&shuffled), None);
        let order = Ordering::Auto.permutation(&shuffled).expect("neighbours are far from each other");
        assert!(is_permutation(&order, grid.n()));
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &row)| places[row as usize] = place);
        let distance = Graph::new(&shuffled).mean_distance(|row| places[row]);
        assert!(distance < 300.0, "{distance}");
    }

    #[test]
    fn what_is_in_order_stays_so() {
        let grid = Stencil::new([300, 301, 1], 2, 5).unwrap();
        assert_eq!(Ordering::Auto.permutation(&numbered(&grid, |row| row)), None);
        let order = Ordering::Rcm.permutation(&numbered(&grid, |row| row)).expect("it was asked for");
        assert!(is_permutation(&order, grid.n()));
    }

    /// A million components take no longer than one.
    #[test]
    fn components_and_no_rows_at_all() {
        assert_eq!(Ordering::Rcm.permutation(&Rows::new()), Some(Vec::new()));
        let n = 1_000_000;
        let mut diagonal = Rows::new();
        (0..n).for_each(|row| diagonal.push(row, [(row, 1.0)]));
        assert!(is_permutation(&Ordering::Rcm.permutation(&diagonal).expect("it was asked for"), n));
    }
}
