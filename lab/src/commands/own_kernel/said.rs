//! What a job said on the console, where nothing else leaves dom0: the lines that lab/guest/init writes of it.

use crate::boot::console_watch::End;

const SAID: &str = "grantscope-lab: said: ";
const STATUS: &str = "the job exited with status ";

/// What it said, if it said anything.
pub fn on_console(console: &str) -> Option<String> {
    let lines = console.lines().filter_map(|line| line.split_once(SAID));
    let text: String = lines.map(|(_, said)| format!("{}\n", said.trim_end())).collect();
    (!text.is_empty()).then_some(text)
}

/// Its exit status.
pub fn status(end: &End) -> Option<i32> {
    match end {
        End::Pass => Some(0),
        End::Fail(reason) => reason.strip_prefix(STATUS)?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_status_are_read_from_the_console() {
        let console =
            "[ 1.0] grantscope-lab: backend up\r\n[ 2.0] grantscope-lab: said: a  b\r\n(XEN) x\n[ 2.1] grantscope-lab: said: \n";
        assert_eq!(on_console(console).unwrap(), "a  b\n\n");
        assert_eq!(on_console("[ 1.0] grantscope-lab: backend up\n"), None);
        assert_eq!(status(&End::Fail("the job exited with status 4".into())), Some(4));
        assert_eq!((status(&End::Pass), status(&End::NoPowerOff)), (Some(0), None));
    }
}
