//! What an iteration of a method takes: the table of methods says it, the [performance model](crate::performance)
//! turns it into time, and tests hold the methods to it.

/// What there is to do for M, besides telling how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preconditioning {
    /// M = I.
    None,
    /// M is diagonal.
    Diagonal,
    /// Any other M: its applications are passes of their own.
    General,
}

/// An iteration of a method, in pieces that do not depend on the machine.
///
/// Arrays hold one number per [`Preconditioning`], in its order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cost {
    /// Global sums.
    pub sums: u32,
    /// f64 words in these sums together.
    pub sum_words: [u32; 3],
    /// True if the sum is in flight during the product, false if it is waited for at once.
    pub hides: bool,
    /// Vectors multiplied by A, in one pass and with one exchange; as many applications of M⁻¹.
    pub products: u32,
    /// Vectors read and vectors written by the passes over them, each once per pass; a diagonal M counts as
    /// a vector. The product's own vectors, and what the application of a general M moves, are not in it.
    pub vector_words: [u32; 3],
    /// Vectors that the method keeps: x, r, p, s and so on.
    pub kept: [u32; 3],
}

impl Cost {
    /// f64 words in the sums of an iteration.
    pub fn sum_words(&self, m: Preconditioning) -> u32 {
        self.sum_words[m as usize]
    }

    /// Vectors read and written beside the product, for each row of them a word.
    pub fn vector_words(&self, m: Preconditioning) -> u32 {
        self.vector_words[m as usize]
    }

    /// Vectors that an iteration touches: those of the method, and a diagonal M. In a single sweep over memory
    /// ([`Kind::sweeps`](super::Kind)) products are not kept.
    pub fn vectors(&self, m: Preconditioning, in_one_sweep: bool) -> u32 {
        let products = if in_one_sweep { self.products } else { 0 };
        self.kept[m as usize] - products + u32::from(m == Preconditioning::Diagonal)
    }

    /// Words that an iteration must move for each row beside the matrix, each vector read and written once per pass.
    pub fn words_per_row(&self, m: Preconditioning, in_one_sweep: bool) -> u32 {
        if in_one_sweep {
            // All that is kept is read and written; M is read.
            2 * (self.kept[m as usize] - self.products) + u32::from(m == Preconditioning::Diagonal)
        } else {
            2 * self.products + self.vector_words(m)
        }
    }
}
