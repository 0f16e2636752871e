//! Finding rows among those of a rank.

/// Entries of a row that are remembered each for itself; more of them share.
const SLOTS: usize = 32;

/// Where rows stand among `numbers`, which increase. Columns of consecutive rows mostly increase by one, entry for entry: what
/// follows the place found for the same entry of the row before is looked at first, and searched for is the rest.
pub(super) struct Places<'a> {
    numbers: &'a [u64],
    next: [usize; SLOTS],
}

impl<'a> Places<'a> {
    pub(super) fn new(numbers: &'a [u64]) -> Places<'a> {
        Places { numbers, next: [0; SLOTS] }
    }

    /// The place of `number`, which is the `entry`-th of its row; None if it is not there.
    pub(super) fn of(&mut self, entry: usize, number: u64) -> Option<usize> {
        let next = &mut self.next[entry % SLOTS];
        let is_next = self.numbers.get(*next) == Some(&number);
        let place = if is_next { *next } else { self.numbers.binary_search(&number).ok()? };
        *next = place + 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_asked_before() {
        let numbers: Vec<u64> = (0..100).map(|k| 3 * k / 2).collect();
        let mut places = Places::new(&numbers);
        for (entry, number) in (0..400).map(|k| (k % 70, k * k % 160)).chain((0..160).map(|number| (0, number))) {
            assert_eq!(places.of(entry as usize, number), numbers.iter().position(|&other| other == number));
        }
        assert_eq!(Places::new(&[]).of(0, 0), None);
    }
}
