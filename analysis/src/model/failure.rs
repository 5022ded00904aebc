//! Which operations failed: an errno can also be the answer to a question.

use grantscope_wire::{Cause, Op};

use super::{Operation, Outcome};

/// include/uapi/asm-generic/errno-base.h, Linux v6.12.
const ENOENT: i32 = 2;

/// An errno that is an answer, and what it says.
struct Answer {
    op: Op,
    errno: i32,
    about: &'static str,
}

/// All errnos that are answers.
///
/// To wait for a buffer that is gone is to ask whether it is: `dmabuf_exp_wait_obj_get_dmabuf` (drivers/xen/gntdev-dmabuf.c, Linux v6.12)
/// finds neither a released buffer nor a wrong descriptor, and include/uapi/xen/gntdev.h says of ENOENT that it must not be treated as an
/// error. ETIMEDOUT is not here: a holder still has the buffer, and a record does not say how long the caller was willing to wait.
const ANSWERS: [Answer; 1] =
    [Answer { op: Op::WaitReleased, errno: ENOENT, about: "the buffer is released already: nothing is left to wait for" }];

/// What an errno of this operation says, where it is an answer and no failure.
pub fn answer(op: Op, outcome: Outcome) -> Option<&'static str> {
    ANSWERS.iter().find(|answer| answer.op == op && Outcome::Errno(answer.errno) == outcome).map(|answer| answer.about)
}

/// Whether such an operation failed, or a part of it: some succeed where Xen refused a part, and have a cause then.
pub fn is_failure(op: Op, outcome: Outcome, cause: Option<Cause>) -> bool {
    answer(op, outcome).is_none() && (outcome != Outcome::Ok || cause.is_some())
}

impl Operation {
    /// Whether it failed, or a part of it.
    pub fn is_failure(&self) -> bool {
        is_failure(self.op, self.outcome, self.cause())
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::Detail;

    fn fails(op: Op, outcome: Outcome, cause: Option<Cause>) -> bool {
        let details = cause.map(Detail::Cause).into_iter().collect();
        Operation { op, outcome, details, ..export(Buffer::Wc, 1) }.is_failure()
    }

    #[test]
    fn that_a_buffer_is_released_already_is_an_answer_and_the_same_errno_of_a_release_is_not() {
        let enoent = Outcome::Errno(ENOENT);
        let cause = Some(Cause::NoSuchBuffer);
        let of = |op| [None, cause].map(|cause| fails(op, enoent, cause));
        assert_eq!((of(Op::WaitReleased), of(Op::ImportRelease)), ([false; 2], [true; 2]));
        assert!(answer(Op::WaitReleased, enoent).is_some_and(|about| about.contains("released already")));
    }

    #[test]
    fn a_buffer_that_is_still_held_and_an_operation_of_which_xen_refused_a_part_have_failed() {
        assert!(fails(Op::WaitReleased, Outcome::Errno(110), Some(Cause::StillHeld)));
        assert!(fails(Op::BatchCopy, Outcome::Ok, Some(Cause::GrantsRefused)));
        assert!(!fails(Op::BatchCopy, Outcome::Ok, None));
    }
}
