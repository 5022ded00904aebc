//! How long a picture takes, and how many bytes of it go to the terminal.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantscope::screen::basic_colours::BasicColours;
use grantscope::screen::draw::draw;
use grantscope::screen::event::Event;
use grantscope::screen::theme::Theme;
use nix::time::{ClockId, clock_gettime};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::frames::{read, viewer};
use super::stream::Stream;

/// Counts what is written to it.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<usize>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0.lock().unwrap() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a picture takes of a processor, from one tick to its last byte: the median of so many, with new data before each. By the thread's own
/// clock: whatever else runs on this machine does not count.
pub fn time(view: usize, size: (u16, u16), series: u32, per_second: u64, pictures: usize) -> Duration {
    let mut stream = Stream::of(series, per_second);
    let mut app = viewer(view, size, &mut stream);
    let backend = CrosstermBackend::new(BasicColours::new(Counted::default()));
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    let theme = Theme::colourful();
    let mut took: Vec<_> = (0..pictures)
        .map(|number| {
            read(&mut app, &mut stream);
            let begun = now();
            app.update(Event::Tick(Duration::from_secs(10) + Duration::from_millis(250) * number as u32));
            terminal.draw(|canvas| draw(canvas, &app, &theme)).unwrap();
            now() - begun
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}
