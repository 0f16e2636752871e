//! GV-CG-RR: pipelined conjugate gradients with automated residual replacement.
//!
//! Cools, Yetkin, Agullo, Giraud & Vanroose, "Analyzing the effect of local rounding error
//! propagation on the maximal attainable accuracy of the pipelined conjugate gradient method",
//! SIAM J. Matrix Anal. Appl. 39, 2018, 426–450 (arXiv:1601.07068).
//!
//! The recurrences of [`gv_cg`](super::gv_cg), with an estimate f of the gap ‖b − A x − r‖ beside
//! them, and g, h, j of the gaps in s, w, u. ε is the unit round-off, primes mean the step before:
//!
//! ```text
//! ε_r = (‖A‖ ‖x'‖ + 2 ‖A‖ |α'| ‖p'‖ + ‖r'‖ + 2 |α'| ‖s'‖) ε       local errors of the recurrences of r,
//! ε_w = (‖A‖ ‖r̃'‖ + 2 ‖A‖ |α'| ‖s̃'‖ + ‖w'‖ + 2 |α'| ‖u'‖) ε       w,
//! ε_s = (‖A‖ ‖r̃'‖ + 2 ‖A‖ |β'| ‖p''‖ + ‖w'‖ + 2 |β'| ‖s''‖) ε      s
//! ε_u = (3 ‖A‖ ‖w̃'‖ + 2 ‖A‖ |β'| ‖s̃''‖ + 2 |β'| ‖u''‖) ε           and u
//! f ← f + |α'| |β'| g + |α'| h + ε_r + |α'| ε_s      g ← h + |β'| g + ε_s
//! h ← h + |α'| |β'| j + ε_w + |α'| ε_u               j ← |β'| j + ε_u
//! replace r, r̃, w, s, s̃, u when f' ≤ √ε ‖r'‖ and f > √ε ‖r‖
//! ```
//!
//! The factors μ√n of the worst case (rows of μ entries, n rows) are left out: the estimate is meant
//! to be realistic, not safe. (PETSc's `pipecgrr` takes the square root of each bracket instead,
//! which depends on how A is scaled.)
//!
//! Per iteration: as GV-CG, with the norms of x, p, s, u, w and, with M, r̃, s̃, w̃ in the same sum.
//! A replacement costs 4 products and 2 applications of M⁻¹ that hide nothing.

use super::gv_cg::GvCg;
use super::method::{Method, Scalars, State, Step};
use crate::comm::Op;
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

pub(super) struct GvCgRr {
    inner: GvCg,
    a_norm: f64,
    /// Norms of the vectors at hand when the last scalars were summed, and at the step before.
    norms: Norms,
    norms_previous: Norms,
    alpha: f64,
    beta: f64,
    gaps: Gaps,
    /// Scalars summed since the start or the last replacement.
    age: f64,
    wanted: bool,
}

#[derive(Clone, Copy, Default)]
struct Norms {
    r: f64,
    x: f64,
    p: f64,
    s: f64,
    u: f64,
    w: f64,
    r_tilde: f64,
    s_tilde: f64,
    w_tilde: f64,
}

/// Estimates of the gaps in r, s, w, u.
#[derive(Clone, Copy, Default)]
struct Gaps {
    f: f64,
    g: f64,
    h: f64,
    j: f64,
}

impl GvCgRr {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        let mut a_norm = [a.norm_infinity()];
        a.layout().comm().reduce_f64(Op::Max, &mut a_norm);
        Box::new(GvCgRr {
            inner: GvCg::new(a, m, x, r),
            a_norm: a_norm[0],
            norms: Norms::default(),
            norms_previous: Norms::default(),
            alpha: 0.0,
            beta: 0.0,
            gaps: Gaps::default(),
            age: 0.0,
            wanted: false,
        })
    }

    /// The gaps right after r, s, w, u have been computed from their definitions.
    fn fresh_gaps(&self) -> Gaps {
        let Norms { x, p, r_tilde, s_tilde, .. } = self.norms;
        let product = f64::EPSILON * self.a_norm;
        Gaps { f: 2.0 * product * x, g: product * p, h: product * r_tilde, j: product * s_tilde }
    }

    fn next_gaps(&self) -> Gaps {
        let GvCgRr { a_norm, norms: now, norms_previous: before, gaps: Gaps { f, g, h, j }, .. } = *self;
        let (alpha, beta) = (self.alpha.abs(), self.beta.abs());
        let local = |bracket: f64| f64::EPSILON * bracket;
        // `now` holds x, r, r̃, w of this iterate, and p, s, u, s̃, w̃ of the step that led to it.
        let e_r = local(a_norm * before.x + 2.0 * a_norm * alpha * now.p + before.r + 2.0 * alpha * now.s);
        let e_w = local(a_norm * before.r_tilde + 2.0 * a_norm * alpha * now.s_tilde + before.w + 2.0 * alpha * now.u);
        let e_s = local(a_norm * before.r_tilde + 2.0 * a_norm * beta * before.p + before.w + 2.0 * beta * before.s);
        let e_u = local(3.0 * a_norm * now.w_tilde + 2.0 * a_norm * beta * before.s_tilde + 2.0 * beta * before.u);
        Gaps {
            f: f + alpha * beta * g + alpha * h + e_r + alpha * e_s,
            g: h + beta * g + e_s,
            h: h + alpha * beta * j + e_w + alpha * e_u,
            j: beta * j + e_u,
        }
    }
}

impl Method for GvCgRr {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        let GvCg { comm, x, p, s, u, w, tilde, .. } = &self.inner;
        let square = |x: &[f64]| comm.dot(x, x);
        let none = square(&[]);
        let mut squares = [square(x), square(p), square(s), square(u), square(w), none, none, none];
        let mut used = 5;
        if let Some(tilde) = tilde {
            squares[5..].copy_from_slice(&[square(&tilde.r), square(&tilde.s), square(&tilde.w)]);
            used = 8;
        }
        let scalars = self.inner.measure_with(a, m, &mut squares[..used]);
        let r = scalars.rr.sqrt();
        let [x, p, s, u, w, mut r_tilde, mut s_tilde, mut w_tilde] = squares.map(|square| square.value().sqrt());
        if used == 5 {
            (r_tilde, s_tilde, w_tilde) = (r, s, w);
        }
        self.norms_previous = std::mem::replace(&mut self.norms, Norms { r, x, p, s, u, w, r_tilde, s_tilde, w_tilde });
        let before = self.gaps.f;
        self.gaps = if self.age == 0.0 { self.fresh_gaps() } else { self.next_gaps() };
        let threshold = f64::EPSILON.sqrt();
        self.wanted = self.age > 1.0 && before <= threshold * self.norms_previous.r && self.gaps.f > threshold * r;
        self.age += 1.0;
        scalars
    }

    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step {
        let step = self.inner.advance(a, m);
        if let Step::Taken { alpha, beta } = step {
            (self.alpha, self.beta) = (alpha, beta);
        }
        step
    }

    fn solution(&self) -> &[f64] {
        self.inner.solution()
    }

    fn wants_replacement(&self) -> bool {
        self.wanted
    }

    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.inner.replace(a, m, r);
        self.age = 0.0;
        self.wanted = false;
    }

    fn state(&mut self) -> State<'_> {
        let GvCgRr { inner, norms, alpha, beta, gaps, age, .. } = self;
        let Norms { r, x, p, s, u, w, r_tilde, s_tilde, w_tilde } = norms;
        let Gaps { f, g, h, j } = gaps;
        let mut state = inner.state();
        state.scalars.extend([alpha, beta, age, r, x, p, s, u, w, r_tilde, s_tilde, w_tilde, f, g, h, j]);
        state
    }

    fn resume(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) {
        self.inner.resume(a, m);
    }
}
