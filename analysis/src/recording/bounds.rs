//! What a frame may have at the most: a few of its bytes can become very many.
//!
//! Writers stay far below all of it (docs/recording.md).

use super::Frame;
use crate::model::Environment;

/// A frame longer than this is taken for damage.
pub const MOST_BYTES: u32 = 16 << 20;
/// And one of anything but operations, which count what they stand for.
const MOST_OTHER_BYTES: usize = 4 << 20;
/// And one of a version before 4, where each byte of an operation can become forty.
const MOST_OLD_BYTES: usize = 2 << 20;
/// As many hooks, losses and costs are listed in a frame: some fifty hooks have a dozen of each.
const MOST_LISTED: usize = 16_384;
/// A name of where it was recorded has as many bytes: it is in every row of a table. Linux's own have 64 (`__NEW_UTS_LEN` in
/// include/uapi/linux/utsname.h, v6.12).
const MOST_NAME_BYTES: usize = 256;

/// Whether a frame of this version is not larger than any writer makes it.
pub fn is_small(version: u16, payload: &[u8]) -> bool {
    let most = match (version, payload.first()) {
        (1..4, _) => MOST_OLD_BYTES,
        // The second kind of frame, as its number is written: operations.
        (_, Some(1)) => MOST_BYTES as usize,
        _ => MOST_OTHER_BYTES,
    };
    payload.len() <= most
}

/// Whether no list of a frame is longer than any writer makes it.
pub fn has_short_lists(frame: &Frame) -> bool {
    let listed = match frame {
        Frame::Environment(environment) => environment.hooks.len(),
        Frame::Loss(report) => report.counters.len(),
        Frame::Calibration(calibration) => calibration.crossings.len(),
        Frame::Filtered(report) => report.filter.buffers.len(),
        _ => 0,
    };
    listed <= MOST_LISTED
}

/// Cuts names that are too long, with a mark.
pub fn cut_names(frame: &mut Frame) {
    match frame {
        Frame::Environment(environment) => {
            let Environment { run, host, kernel, xen, arch, tool, .. } = environment;
            [run, host, kernel, arch, tool].into_iter().chain(xen).for_each(cut);
        }
        Frame::Filtered(report) => report.filter.comm.iter_mut().for_each(cut),
        _ => {}
    }
}

fn cut(name: &mut String) {
    const MARK: char = '…';
    if name.len() > MOST_NAME_BYTES {
        let most = MOST_NAME_BYTES - MARK.len_utf8();
        let end = (0..=most).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        name.truncate(end);
        name.push(MARK);
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::HookId;

    use super::*;
    use crate::model::HookStatus;

    #[test]
    fn a_name_is_cut_between_characters_and_has_a_mark() {
        let run = |name: &str| {
            let mut frame = Frame::Environment(Environment { run: name.to_owned(), ..Environment::default() });
            cut_names(&mut frame);
            let Frame::Environment(environment) = frame else { panic!("it was one") };
            environment.run
        };
        assert_eq!(run(&"x".repeat(MOST_NAME_BYTES)), "x".repeat(MOST_NAME_BYTES));
        let cut = run(&"é".repeat(MOST_NAME_BYTES));
        assert!(cut.ends_with("é…") && cut.len() <= MOST_NAME_BYTES, "{cut}");
    }

    #[test]
    fn a_list_that_no_writer_makes_is_too_long() {
        let hook = HookStatus { hook: HookId::GntdevIoctl, attached_by: None, symbol: None, problem: None };
        let of = |count| Frame::Environment(Environment { hooks: vec![hook.clone(); count], ..Environment::default() });
        assert!(has_short_lists(&of(MOST_LISTED)) && !has_short_lists(&of(MOST_LISTED + 1)));
    }
}
