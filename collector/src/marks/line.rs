//! A line that a command writes: the phase of a thread, or a name for a time.

use std::borrow::Cow;

use grantscope_analysis::model::Phase;

/// Longer lines are no marks, and are not written in one piece either (PIPE_BUF).
pub const LINE_BYTES: usize = 4096;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// From then on a thread is in a phase.
    Phase {
        /// The thread.
        tid: u32,
        /// From when on.
        at_ns: u64,
        /// The phase.
        phase: Phase,
    },
    /// A time has a name.
    Name {
        /// `None`: that of the line.
        at_ns: Option<u64>,
        /// As it was written, without blanks around it; what is no UTF-8 is replaced.
        name: Cow<'a, str>,
    },
}

/// Reads a line; `None`: it says nothing that is known.
pub fn read(line: &[u8]) -> Option<Line<'_>> {
    let line = Some(line.trim_ascii()).filter(|_| line.len() <= LINE_BYTES)?;
    name(line).or_else(|| phase(str::from_utf8(line).ok()?))
}

/// `mark NAME` or `mark@NANOSECONDS NAME`.
fn name(line: &[u8]) -> Option<Line<'_>> {
    let (word, name) = line.split_at(line.iter().position(u8::is_ascii_whitespace)?);
    let at_ns = match str::from_utf8(word).ok()?.strip_prefix("mark")? {
        "" => None,
        at => Some(at.strip_prefix('@')?.parse().ok()?),
    };
    Some(Line::Name { at_ns, name: String::from_utf8_lossy(name.trim_ascii()) })
}

/// `THREAD NANOSECONDS PHASE`. Thread 0 is what interrupts are recorded as: it has no phase.
fn phase(text: &str) -> Option<Line<'_>> {
    let mut words = text.split_ascii_whitespace();
    let (tid, at_ns, name) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    let phase = Phase::ALL.iter().copied().find(|phase| phase.name() == name)?;
    (tid > 0 && words.next().is_none()).then_some(Line::Phase { tid, at_ns, phase })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_time_that_its_line_gives_it_or_none_and_begins_behind_it() {
        let named = |at_ns, name: &'static str| Some(Line::Name { at_ns, name: name.into() });
        assert_eq!(read(b"mark cable out"), named(None, "cable out"));
        assert_eq!(read(b"mark@17 cable  out \r"), named(Some(17), "cable  out"));
        assert_eq!(read(b"mark 5 100 measured"), named(None, "5 100 measured"));
        assert_eq!(read(b"mark caf\xe9"), named(None, "caf\u{fffd}"));
        let longest = [b"mark ", &[b'x'; LINE_BYTES - 5][..]].concat();
        assert!(read(&longest).is_some() && read(&[&longest[..], b"x"].concat()).is_none());
    }

    #[test]
    fn what_is_almost_a_mark_is_none() {
        let wrong: [&[u8]; 8] = [b"mark", b"mark ", b"marks a", b"Mark a", b"mark@ a", b"mark@x a", b"mark@-1 a", b"mark@17"];
        assert_eq!(wrong.map(read), [const { None }; 8]);
    }

    #[test]
    fn a_phase_has_a_thread_a_time_and_a_word_that_is_known() {
        assert_eq!(read(b" 7 100 set-up "), Some(Line::Phase { tid: 7, at_ns: 100, phase: Phase::SetUp }));
        let wrong: [&[u8]; 8] =
            [b"", b"7", b"7 100", b"x 100 set-up", b"7 100 setup", b"0 100 set-up", b"7 -1 set-up", b"7 1 set-up x"];
        assert_eq!(wrong.map(read), [const { None }; 8]);
    }
}
