//! The orders: every permutation, less the steps that are not possible in it.

use std::fmt;

use super::expected::Held;
use super::step::Step;

/// One order of release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(pub Vec<Step>);

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|step| step.name()).collect();
        f.write_str(&names.join(", "))
    }
}

/// Every order of `steps`, beginning with what is `held`. A step that is not possible where it would come is not in it; orders that
/// are the same without it are there once.
pub fn all(steps: &[Step], held: Held) -> Vec<Order> {
    let mut orders = Vec::new();
    for permutation in permutations(steps) {
        let mut held = held;
        let mut order = Vec::new();
        for step in permutation {
            if held.can(step) {
                held.release_step(step);
                order.push(step);
            }
        }
        let order = Order(order);
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    orders
}

fn permutations(steps: &[Step]) -> Vec<Vec<Step>> {
    if steps.is_empty() {
        return vec![vec![]];
    }
    let beginning_with = |place: usize| {
        let mut others = steps.to_vec();
        let first = others.remove(place);
        permutations(&others).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    (0..steps.len()).flat_map(beginning_with).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::step::Step::{Close, CloseBuffer, Detach, Munmap, Ungrant, Unmap};
    use super::*;

    #[test]
    fn four_steps_have_24_orders_and_each_is_another() {
        let orders = all(&[Close, CloseBuffer, Detach, Ungrant], Held::exported(true));
        let different: BTreeSet<_> = orders.iter().map(ToString::to_string).collect();
        assert_eq!((orders.len(), different.len()), (24, 24));
        assert!(orders.iter().all(|order| order.0.len() == 4));
    }

    #[test]
    fn without_the_unmap_that_would_come_after_close_12_orders_are_6() {
        let orders = all(&[Close, Unmap, Munmap, Ungrant], Held::mapped(false));
        let (whole, without): (Vec<_>, Vec<_>) = orders.iter().partition(|order| order.0.contains(&Unmap));
        assert_eq!((whole.len(), without.len()), (12, 6));
        let place = |order: &Order, step| order.0.iter().position(|&other| other == step);
        assert!(whole.iter().all(|order| place(order, Unmap) < place(order, Close)));
    }
}
