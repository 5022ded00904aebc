//! What holds at every size from 40×12 to 400×120: no figure is cut in silence, what matters is said, and keys are at hand.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use grantscope_analysis::model::Phase;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{Phases, Times, Wanted};
use grantscope_analysis::shown::{CUT, width as width_of};
use grantscope_analysis::units::is_unit;

use crate::screen::app::App;
use crate::screen::command::Command::{self, Down, MergePages, NextPane, Number, Reverse, Sort};
use crate::screen::event::{Event, Size};
use crate::screen::fixtures::{
    HUGE, LEAST, SMALL, common, failing, picture, press, shown, sweep, troubled, viewer, viewer_of, with_ledger,
};
use crate::screen::model::columns::SHOWN;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::views::{VIEWS, errors, help, info, maps, probes};
use crate::screen::widgets::lines::Line;
use crate::source::frames::{Ended, Input, Origin};
use crate::source::pace::Speed;
use crate::source::tee::Tee;
use crate::source::written::written;

/// From the least to the largest, with what is between the widths at which columns come and go.
const WIDTHS: [u16; 21] = [40, 41, 43, 46, 49, 50, 54, 57, 59, 60, 63, 66, 70, 79, 80, 92, 100, 121, 160, 250, 400];
const HEIGHTS: [u16; 8] = [12, 13, 14, 16, 20, 24, 48, 120];

/// Two of the heights for each width, so that every one comes with narrow and wide ones.
fn sizes() -> impl Iterator<Item = (u16, u16)> {
    let heights = |place: usize| [HEIGHTS[place % HEIGHTS.len()], HEIGHTS[(place * 3 + 1) % HEIGHTS.len()]];
    WIDTHS.into_iter().enumerate().flat_map(move |(place, width)| heights(place).map(|height| (width, height)))
}

/// A benchmark of the lab, read to its end, of which what is measured is seen.
fn measured(size: (u16, u16)) -> App {
    let wanted = Wanted { phases: Phases::Only(Phase::Measured), ..Wanted::default() };
    let mut app = viewer_of(wanted, size, sweep(), &[]);
    app.update(Event::StreamEnded(Ended::Complete));
    app
}

/// The same on a terminal of this size.
fn resized(app: &mut App, size: (u16, u16)) -> String {
    app.update(Event::Resize(Size { columns: size.0.into(), lines: size.1.into() }));
    app.update(Event::Tick(std::time::Duration::ZERO));
    picture(size, app)
}

/// The numbers of a line, with their units: `~2.59 µs`, `256`, `3.49×?`. Names that have digits in them are none.
fn figures(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split([' ', '│', '┤']).filter(|word| !word.is_empty()).collect();
    let is_figure =
        |word: &str| word.trim_start_matches(['~', '+', '−', '[', '(']).starts_with(|first: char| first.is_ascii_digit());
    let with_unit = |place: usize| match words.get(place + 1) {
        Some(unit) if is_unit(unit.trim_end_matches([',', '.', ';', ')'])) => format!("{} {unit}", words[place]),
        _ => words[place].to_owned(),
    };
    (0..words.len()).filter(|&place| is_figure(words[place])).map(with_unit).collect()
}

#[test]
fn figures_are_found_with_their_units() {
    assert_eq!(figures("▸ export   wc  16  ~2.59 µs 3.49×?"), ["16", "~2.59 µs", "3.49×?"]);
    assert_eq!(figures("p2m_update  −9.60 µs│█"), ["−9.60 µs"]);
}

fn selected_line(screen: &str) -> Option<&str> {
    screen.lines().find(|line| line.starts_with('▸'))
}

/// What the selected row has in all columns, whatever their widths.
fn own_figures(app: &App) -> BTreeSet<String> {
    let listing = &app.common().listing;
    let row = &listing.rows()[listing.selected().unwrap()];
    SHOWN.iter().flat_map(|shown| figures(&text::cell(row, shown.column))).collect()
}

/// Each of these is one of those, in the same order.
fn is_part_of(some: &[String], all: &[String]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|figure| rest.any(|other| other == figure))
}

/// In the table, the comparison and the stages of a row, whatever is selected and however it is sorted.
#[test]
fn every_figure_of_a_row_is_one_that_the_largest_terminal_has_there() {
    let mut app = measured(HUGE);
    let sorted = [vec![], vec![Down; 26], vec![Sort, Sort], vec![MergePages, Reverse], vec![Down; 9]];
    for keys in sorted {
        press(&mut app, &keys);
        for view in [1, 2, 5] {
            press(&mut app, &[Number(view)]);
            let largest = resized(&mut app, (400, 120));
            let Some(all) = selected_line(&largest).map(figures) else { continue };
            assert!(!all.is_empty(), "{largest}");
            if view == 1 {
                let own = own_figures(&app);
                assert!(all.iter().all(|figure| own.contains(figure)), "{all:?} of {own:?}");
            }
            // One quotient, or one kind, may be all that is seen; the figures of the view are those of the largest together.
            let everywhere: BTreeSet<_> = largest.lines().flat_map(figures).collect();
            for size in sizes() {
                let screen = resized(&mut app, size);
                let line = selected_line(&screen).unwrap_or_else(|| panic!("no row at {size:?}\n{screen}"));
                let some = figures(line);
                let is_whole =
                    if view == 2 { some.iter().all(|figure| everywhere.contains(figure)) } else { is_part_of(&some, &all) };
                assert!(is_whole && (!some.is_empty() || all.is_empty()), "{some:?} of {all:?} at {size:?}\n{screen}");
            }
            press(&mut app, &[Number(1)]);
        }
    }
}

#[test]
fn what_the_table_sorts_by_is_seen_at_every_size() {
    let mut app = measured(HUGE);
    for _ in 0..10 {
        press(&mut app, &[Sort]);
        for size in sizes() {
            let screen = resized(&mut app, size);
            assert!(screen.lines().any(|line| line.contains(['▲', '▼'])), "{size:?}\n{screen}");
        }
    }
}

/// Errors, maps, probes, the recording and the help are texts: none has a line that is wider than the screen.
#[test]
fn no_line_of_a_text_is_wider_than_the_screen() {
    type Lines = fn(&Common) -> Vec<Line>;
    let texts: [(&str, Lines); 5] = [
        ("errors", errors::lines),
        ("maps", maps::lines),
        ("probes", probes::lines),
        ("info", info::lines),
        ("help", help::lines),
    ];
    let all: [Vec<Frame>; 5] = [Vec::new(), sweep(), troubled(), failing(), with_ledger()];
    for frames in all {
        let mut common = common(frames);
        for columns in WIDTHS.map(usize::from) {
            common.size = Size { columns, lines: 12 };
            for (name, lines) in texts {
                for line in lines(&common) {
                    assert!(width_of(&line.text) <= columns, "{name} at {columns}: {:?}", line.text);
                }
            }
        }
    }
}

#[test]
fn the_least_header_says_what_numbers_are_worth_and_counts_the_rest() {
    let mut app = viewer(LEAST, troubled(), &[]);
    press(&mut app, &[Command::Pause]);
    let screen = picture(LEAST, &app);
    let header: Vec<_> = screen.lines().take(2).collect();
    let said = header.join(" · ");
    for word in ["PAUSED", "LOST 12", "EMULATED TIME", "(i: which)"] {
        assert!(said.contains(word), "{word}\n{screen}");
    }
    // What is counted is named there, and nowhere else.
    let count: usize = said.split('+').nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    let named = super::header::left_out(app.common());
    assert_eq!(named.len(), count, "{named:?}\n{screen}");
    press(&mut app, &[crate::screen::open::INFO]);
    // In whatever lines it is there.
    let lines: Vec<_> = info::lines(app.common()).into_iter().map(|line| line.text.trim().to_owned()).collect();
    let info = lines.join(" ");
    for fact in named {
        assert!(info.contains(&fact), "{fact}\n{info}");
    }
    assert!(super::header::left_out(viewer(HUGE, troubled(), &[]).common()).is_empty());
}

/// Who looks at a serial console must not take a part for the whole, or believe that what is not written is kept.
#[test]
fn what_misleads_if_it_is_not_said_is_in_every_header() {
    let mut frames = troubled();
    frames.extend(with_ledger());
    let tee = Tee::new("a-long-name.gsr", std::io::sink()).unwrap();
    let input = written(Input::live(Box::new(std::sync::mpsc::channel().1)), tee);
    let mut app = App::new(Origin::Live, Times::Corrected).about(&input, Speed::Max);
    frames.into_iter().for_each(|frame| app.update(Event::Frame(frame)));
    "/mmap.pages[pages>=16]\n".chars().for_each(|letter| {
        let code = if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) };
        app.update(Event::Typed(code.into()));
    });
    app.update(Event::Unwritten("no space is left on the device that has it".to_owned()));
    for size in sizes() {
        let screen = resized(&mut app, size);
        let header: Vec<_> = screen.lines().take(usize::from(size.1) / 2).collect();
        let said = header.join(" ");
        for word in ["NOT WRITTEN", "filter mmap", "LEAK SUSPECTS 2"] {
            assert!(said.contains(word), "{word} at {size:?}\n{screen}");
        }
    }
    // What is shortened is there in full.
    resized(&mut app, LEAST);
    press(&mut app, &[crate::screen::open::INFO]);
    let lines: Vec<_> = info::lines(app.common()).into_iter().map(|line| line.text.trim().to_owned()).collect();
    for fact in ["no space is left on the device", "filter mmap.pages[pages>=16] hides", "(M: which)"] {
        assert!(lines.join(" ").contains(fact), "{fact}\n{lines:?}");
    }
}

#[test]
fn help_and_the_way_out_are_in_every_footer() {
    for (place, row) in VIEWS.iter().enumerate() {
        for (width, height) in [LEAST, (41, 13), SMALL] {
            let screen = shown((width, height), sweep(), &[Number(place + 1)]);
            let footer = screen.lines().last().unwrap();
            assert!(footer.starts_with("q ") && footer.contains("? help"), "{:?}\n{screen}", row.id);
        }
    }
}

#[test]
fn a_row_that_failed_has_a_mark_where_its_outcome_has_no_column_and_says_why_it_failed() {
    let screen = shown(LEAST, failing(), &[]);
    assert!(screen.contains("▸!mmap"), "{screen}");
    assert!(screen.contains("EINVAL · count 3 · S: all of it"), "{screen}");
    let wide = shown(SMALL, failing(), &[]);
    assert!(wide.contains("▸ mmap") && wide.contains("EINVAL") && !wide.contains("all of it"), "{wide}");
    let good = shown(LEAST, sweep(), &[]);
    assert!(!good.contains('!'), "{good}");
}

#[test]
fn on_the_least_terminal_one_quotient_is_seen_and_a_key_goes_on_to_the_next() {
    let mut app = measured(LEAST);
    press(&mut app, &[Number(5)]);
    for (quotient, next) in [("wc÷pages", "coh÷wc"), ("coh÷wc", "coh÷pages"), ("coh÷pages", "wc÷pages")] {
        let screen = picture(LEAST, &app);
        let heading = screen.lines().find(|line| line.contains("operation ")).unwrap_or_else(|| panic!("{screen}"));
        assert!(heading.ends_with(quotient) && screen.contains(&format!("v: {next}")), "{screen}");
        let row = selected_line(&screen).unwrap();
        assert!(row.contains('×') || row.contains("same"), "{screen}");
        press(&mut app, &[NextPane]);
    }
}

#[test]
fn details_are_seen_on_the_least_terminal_if_somebody_asks_for_them() {
    let mut app = measured(LEAST);
    assert!(!picture(LEAST, &app).contains('┤'));
    press(&mut app, &[NextPane]);
    let screen = picture(LEAST, &app);
    assert!(screen.contains('┤') && selected_line(&screen).is_some(), "{screen}");
    press(&mut app, &[NextPane]);
    assert!(picture(LEAST, &app).contains("whole operation"));
}

/// A title, a remark or a name that is cut says so: the last column is a blank, or the end of a word, or the mark.
#[test]
fn of_a_long_title_the_least_terminal_says_that_it_is_cut() {
    let mut app = measured(LEAST);
    for view in [2, 4, 9] {
        press(&mut app, &[Number(view)]);
        let screen = picture(LEAST, &app);
        let title = screen.lines().nth(2).unwrap();
        assert!(title.contains(CUT), "{screen}");
        press(&mut app, &[Number(1)]);
    }
}
