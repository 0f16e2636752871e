//! A solve between two iterations, as a value: what a checkpoint holds, and a restart goes on from.

use super::course::{Checked, Course};
use super::driver::{Record, Settings};
use super::method::{Column, Method};

/// Everything that the rest of a solve depends on beside A, M, b, the method and the settings.
///
/// Put back on ranks that own the same rows in the same order, the solve goes on with the same bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// k: the next iterate to be measured.
    pub iteration: u64,
    /// c of the units 2^c in which the vectors are measured, where A and b are far from 1; else 0.
    pub rhs_exponent: i32,
    /// Scalars of driver and method, the same on every rank.
    pub scalars: Vec<f64>,
    /// The records of the iterates before.
    pub history: Vec<Record>,
    /// Vectors on owned rows; the first is x.
    pub vectors: Vec<Vec<f64>>,
}

impl Saved {
    pub(super) fn of(course: &Course, method: &mut dyn Method) -> Saved {
        let mut scalars = course.to_scalars();
        let state = method.state();
        scalars.extend(state.scalars.into_iter().map(|scalar| *scalar));
        let mut vectors = Vec::new();
        for column in state.vectors {
            match column {
                Column::One(_, vector) => vectors.push(vector.to_vec()),
                Column::Pair(_, pairs) => {
                    vectors.extend([0, 1].map(|k| pairs.iter().map(|pair| pair[k]).collect::<Vec<f64>>()));
                }
            }
        }
        if let Some(Checked { x, r, .. }) = &course.best {
            vectors.extend([x.clone(), r.clone()]);
        }
        Saved { iteration: course.iteration, rhs_exponent: 0, scalars, history: course.history.clone(), vectors }
    }

    /// The course of the solve, and what is left for [`put_back`](Saved::put_back); None if the numbers do not fit.
    pub(super) fn into_course(mut self, settings: &Settings) -> Option<(Course, Saved)> {
        let mut scalars = std::mem::take(&mut self.scalars).into_iter();
        let mut course = Course::new(settings, scalars.next()?);
        if course.take_scalars(&mut scalars, &self.history)? {
            let (r, x) = (self.vectors.pop()?, self.vectors.pop()?);
            let best = course.best.as_mut()?;
            (best.x, best.r) = (x, r);
        }
        if self.history.len() as u64 != self.iteration {
            return None; // a record for each iterate before
        }
        course.iteration = self.iteration;
        course.history = std::mem::take(&mut self.history);
        self.scalars = scalars.collect();
        Some((course, self))
    }

    /// Puts what is left in the place of the state of `method`; None if it does not fit.
    pub(super) fn put_back(self, method: &mut dyn Method) -> Option<()> {
        let state = method.state();
        let count: usize = state.vectors.iter().map(|column| if let Column::One(..) = column { 1 } else { 2 }).sum();
        if count != self.vectors.len() || state.scalars.len() != self.scalars.len() {
            return None;
        }
        let mut saved = self.vectors.into_iter();
        for column in state.vectors {
            match column {
                Column::One(_, vector) => vector.copy_from_slice(&saved.next()?),
                Column::Pair(_, pairs) => {
                    for k in [0, 1] {
                        pairs.iter_mut().zip(saved.next()?).for_each(|(pair, value)| pair[k] = value);
                    }
                }
            }
        }
        state.scalars.into_iter().zip(self.scalars).for_each(|(scalar, saved)| *scalar = saved);
        Some(())
    }
}
