//! One rank, no communication.

use super::engine::{Addition, Channel, Engine, Message, Op, Part, SumAlgorithm};
use std::cell::RefCell;
use std::time::Instant;

pub(super) struct Alone {
    origin: Instant,
    sum: RefCell<Vec<f64>>,
}

impl Alone {
    pub(super) fn new() -> Alone {
        Alone { origin: Instant::now(), sum: RefCell::default() }
    }
}

impl Engine for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn describe(&self) -> String {
        "one process".into()
    }

    fn clock_seconds(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    fn sum_algorithm(&self) -> SumAlgorithm {
        SumAlgorithm::None
    }

    fn start_sum(&self, words: &[f64], _: Addition) {
        let mut sum = self.sum.borrow_mut();
        sum.clear();
        sum.extend_from_slice(words);
    }

    fn poll_sum(&self) -> bool {
        true
    }

    fn finish_sum(&self, words: &mut [f64]) {
        words.copy_from_slice(&self.sum.borrow());
    }

    fn reduce_u64(&self, _: Op, _: &mut [u64]) {}

    fn reduce_f64(&self, _: Op, _: &mut [f64]) {}

    fn broadcast(&self, _: usize, _: &mut Vec<u8>) {}

    fn sparse_exchange(&self, outgoing: Vec<Message>) -> Vec<Message> {
        outgoing
    }

    fn channel(&self, sends: &[Part], receives: &[Part]) -> Box<dyn Channel> {
        assert!(sends.is_empty() && receives.is_empty(), "one rank has no neighbours");
        Box::new(NoNeighbours)
    }

    fn abort(&self, code: i32) -> ! {
        std::process::exit(code)
    }
}

struct NoNeighbours;

impl Channel for NoNeighbours {
    fn send_buffer(&mut self) -> &mut [f64] {
        &mut []
    }

    fn start(&mut self) {}

    fn finish(&mut self) -> &[f64] {
        &[]
    }

    fn received(&self) -> &[f64] {
        &[]
    }
}
