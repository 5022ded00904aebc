//! What hands remember: keys, prompt, and that the selected row stays the selected row.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope_analysis::column::{COLUMNS, place};
use grantscope_analysis::series::{Group, Pages};
use grantscope_wire::Buffer;

use crate::screen::app::{self, App};
use crate::screen::command::Command::*;
use crate::screen::command::ViewId;
use crate::screen::event::{Event, Size, Wheel};
use crate::screen::fixtures::{SMALL, export, feed, group, operations, picture, press, state, viewer};
use crate::screen::model::columns::of;
use crate::screen::request::Request;
use crate::screen::views::{COMPARE, HELP, INFO, SHAPE, VIEWS};
use crate::support::synthetic;

/// Types text, `⏎` and `⎋` among it.
fn type_in(app: &mut App, text: &str) {
    for character in text.chars() {
        let code = match character {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            character => KeyCode::Char(character),
        };
        app.update(Event::Typed(KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

fn selected(app: &App) -> Option<Group> {
    app.common().listing.selected().map(|index| app.common().listing.rows()[index].group)
}

fn pages(app: &App) -> Vec<Pages> {
    app.common().listing.rows().iter().map(|row| row.group.pages).collect()
}

/// Exports of both kinds that are compared here, of these page counts.
fn exports(sizes: &[u32]) -> App {
    let each = |kind| sizes.iter().map(move |&pages| export(kind, pages, u64::from(pages) * 1_000));
    state(operations(each(Buffer::Pages).chain(each(Buffer::Wc)).collect()))
}

#[test]
fn the_first_row_is_selected_until_a_key_is_pressed_and_then_stays() {
    let mut app = exports(&[5]);
    feed(&mut app, operations(vec![export(Buffer::Pages, 3, 1)]));
    assert_eq!(selected(&app), Some(group(Buffer::Pages, Pages::Exactly(3))));
    // The first key may be one that puts another row in its place.
    press(&mut app, &[Reverse]);
    feed(&mut app, operations(vec![export(Buffer::Pages, 1, 1)]));
    assert_eq!(selected(&app), Some(group(Buffer::Pages, Pages::Exactly(3))));
}

#[test]
fn merging_selects_the_row_that_has_the_selected_one_and_splitting_the_same_one_again() {
    let mut app = exports(&[1, 4, 256]);
    press(&mut app, &[Last, MergePages]);
    assert_eq!(selected(&app), Some(group(Buffer::Wc, Pages::All)));
    press(&mut app, &[Sort, MergePages]);
    assert_eq!(selected(&app), Some(group(Buffer::Wc, Pages::Exactly(256))));
}

#[test]
fn the_row_that_is_selected_in_the_comparison_is_the_one_that_is_opened() {
    let mut app = exports(&[1, 4, 16]);
    press(&mut app, &[Last, First, COMPARE, Down, SHAPE]);
    assert_eq!(selected(&app), Some(group(Buffer::Pages, Pages::Exactly(4))));
    press(&mut app, &[Back, Last, COMPARE]);
    assert!(picture((100, 30), &app).lines().any(|line| line.starts_with("▸ export") && line.contains(" 16 ")));
    // Of the same kind as before.
    press(&mut app, &[Up, Back]);
    assert_eq!(selected(&app), Some(group(Buffer::Wc, Pages::Exactly(4))));
}

#[test]
fn in_the_comparison_and_in_the_shape_keys_do_not_sort_what_is_not_seen() {
    let mut app = exports(&[1, 4, 16]);
    let before = app.common().listing.order();
    press(&mut app, &[COMPARE, Sort, Reverse, SHAPE, Sort, Reverse]);
    assert_eq!(app.common().listing.order(), before);
}

#[test]
fn a_filter_shows_what_it_means_and_the_selected_row_comes_back_with_its_rows() {
    let mut app = exports(&[1, 4, 16]);
    press(&mut app, &[First]);
    type_in(&mut app, "/buffer=wc pages>=4⏎");
    assert_eq!(pages(&app), [4, 16].map(Pages::Exactly));
    let screen = picture((100, 30), &app);
    assert!(screen.contains("filter buffer=wc pages>=4 hides 4 rows") && screen.contains("operation 1/2▲"), "{screen}");
    // A comparison needs all kinds.
    press(&mut app, &[COMPARE]);
    assert_eq!(picture((100, 30), &app).matches("export  ").count(), 2);
    press(&mut app, &[Back, MergePages]);
    assert_eq!(app.common().listing.rows()[0].count, 2);
    press(&mut app, &[MergePages, Filter]);
    app.update(Event::Typed(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    type_in(&mut app, "⏎");
    assert_eq!((pages(&app).len(), selected(&app)), (6, Some(group(Buffer::Pages, Pages::Exactly(1)))));
}

#[test]
fn a_prompt_points_at_a_mistake_and_escape_leaves_all_as_it_was() {
    let mut app = exports(&[1, 4]);
    type_in(&mut app, "/export[sides=1]⏎");
    let screen = picture(SMALL, &app);
    let lines: Vec<_> = screen.lines().collect();
    let at = lines.iter().position(|line| *line == "/export[sides=1]").unwrap();
    assert_eq!(lines[at + 1], "        ^", "{screen}");
    assert!(lines[at + 2].starts_with("`sides` is nothing that a series has"), "{screen}");
    app.update(Event::Paste(" 計\u{1b}".repeat(100)));
    assert!(picture(SMALL, &app).contains("計"));
    type_in(&mut app, "⎋");
    assert_eq!((pages(&app).len(), app.quit()), (4, None));
}

#[test]
fn what_is_said_is_seen_whole_on_a_usual_terminal() {
    let mut app = exports(&[1]);
    // The advice is at its end.
    type_in(&mut app, "/wc");
    assert!(picture(SMALL, &app).contains("`wc` alone is no operation: write buffer=wc"));
    type_in(&mut app, "x");
    let screen = picture(SMALL, &app);
    let last = grantscope_wire::Op::ALL.last().unwrap().name();
    assert!(screen.contains("`wcx` is no operation; there are map, mmap") && screen.trim_end().ends_with(last), "{screen}");
    type_in(&mut app, "⎋");
    let long = format!("{} at the end: the advice", "a word ".repeat(16));
    app.update(Event::Said(long.clone()));
    let screen = picture(SMALL, &app);
    let lines: Vec<_> = screen.lines().map(str::trim_end).collect();
    assert!(lines[lines.len() - 2..].join(" ") == long, "{screen}");
    // The help has no room for a novel either.
    press(&mut app, &[HELP]);
    app.update(Event::Said("word ".repeat(1_000)));
    let screen = picture(SMALL, &app);
    assert!(screen.trim_end().ends_with('…') && screen.lines().filter(|line| line.starts_with("word ")).count() == 3, "{screen}");
}

#[test]
fn a_key_that_does_nothing_says_where_keys_are_listed() {
    let mut app = exports(&[1]);
    let said = |app: &mut App, key: KeyEvent| {
        app.update(Event::Typed(key));
        app.common().notice.clone()
    };
    assert_eq!(
        said(&mut app, KeyEvent::new(KeyCode::F(9), KeyModifiers::NONE)).as_deref(),
        Some("F9 does nothing; ? F1: all keys")
    );
    assert!(said(&mut app, KeyEvent::new(KeyCode::Char('o'), KeyModifiers::CONTROL)).unwrap().starts_with("Ctrl-o does nothing"));
    // What does something takes it away.
    assert_eq!(said(&mut app, KeyEvent::new(KeyCode::Down, KeyModifiers::NONE)), None);
    type_in(&mut app, "L");
    assert_eq!(app.common().notice.as_deref(), Some("this is the present: there is nothing later"));
    type_in(&mut app, "}");
    assert!(app.common().notice.is_some() && app.common().timeline.cursor_ns().is_none());
}

#[test]
fn a_filter_that_hides_everything_says_so() {
    let mut app = exports(&[1]);
    type_in(&mut app, "/map⏎");
    assert!(picture(SMALL, &app).contains("The filter hides all rows"));
}

#[test]
fn a_search_goes_from_row_to_row_and_around() {
    let mut app = exports(&[1, 4, 16]);
    let mut places = Vec::new();
    for keys in ["\\pages>=4⏎", "n", "n", "n", "n", "N"] {
        type_in(&mut app, keys);
        places.push(app.common().listing.selected().unwrap());
    }
    assert_eq!(places, [1, 2, 4, 5, 1, 5]);
    type_in(&mut app, "\\map⏎");
    assert!(picture(SMALL, &app).contains("no other row here is map"));
}

/// The rows that are seen, below the heading that says which is selected.
fn rows_seen(screen: &str) -> usize {
    let after = screen.lines().skip_while(|line| !line.starts_with("  operation"));
    after.skip(1).take_while(|line| line.starts_with("  ") || line.starts_with('▸')).count()
}

#[test]
fn a_page_is_as_many_rows_as_are_seen() {
    for commands in [&[][..], &[COMPARE], &[NextPane, NextPane, NextPane]] {
        let mut app = exports(&(1..=90).collect::<Vec<_>>());
        app.update(Event::Resize(Size { columns: 80, lines: 24 }));
        press(&mut app, commands);
        press(&mut app, &[First]);
        let seen = rows_seen(&picture(SMALL, &app)) as u32;
        press(&mut app, &[PageDown]);
        assert_eq!(selected(&app), Some(group(Buffer::Pages, Pages::Exactly(1 + seen))), "{commands:?}");
        assert!(seen > 3);
    }
}

#[test]
fn the_mouse_selects_the_row_that_it_points_at_and_its_wheel_moves() {
    for commands in [&[][..], &[COMPARE]] {
        let mut app = exports(&(1..=90).collect::<Vec<_>>());
        app.update(Event::Resize(Size { columns: 80, lines: 24 }));
        press(&mut app, commands);
        press(&mut app, &[First, PageDown, PageDown]);
        let screen = picture(SMALL, &app);
        let line = screen.lines().position(|line| line.starts_with("▸")).unwrap() - 2;
        let pages = screen.lines().nth(line).unwrap().split_whitespace().filter_map(|word| word.parse::<u32>().ok()).next();
        app.update(Event::Clicked(line, 0));
        assert_eq!(selected(&app), pages.map(|pages| group(Buffer::Pages, Pages::Exactly(pages))), "{screen}");
        app.update(Event::Scrolled(Wheel::Down));
        app.update(Event::Scrolled(Wheel::Up));
        app.update(Event::Scrolled(Wheel::Down));
        assert_eq!(selected(&app), pages.map(|pages| group(Buffer::Pages, Pages::Exactly(pages + 3))));
        // What is no row selects none.
        [0, 23, 4_000].into_iter().for_each(|line| app.update(Event::Clicked(line, 0)));
        assert_eq!(selected(&app), pages.map(|pages| group(Buffer::Pages, Pages::Exactly(pages + 3))));
    }
}

#[test]
fn views_are_opened_by_number_and_one_after_the_other() {
    let mut app = exports(&[1]);
    let seen = |app: &App| app.view().1.id;
    for (number, row) in (1..).zip(VIEWS) {
        press(&mut app, &[Number(number)]);
        assert_eq!(seen(&app), row.id);
    }
    press(&mut app, &[NextView]);
    assert_eq!(seen(&app), VIEWS[0].id);
    press(&mut app, &[PreviousView, PreviousView, Number(VIEWS.len() + 1)]);
    assert_eq!(seen(&app), VIEWS[VIEWS.len() - 2].id);
    assert_eq!(app.common().notice, Some(format!("there are {} views", VIEWS.len())));
}

#[test]
fn q_closes_what_lies_over_the_views_and_quits_elsewhere_and_control_c_always_quits() {
    for command in [HELP, INFO] {
        let mut app = exports(&[1]);
        press(&mut app, &[command, Quit]);
        assert_eq!((app.view().1.id, app.quit()), (ViewId("table"), None));
        press(&mut app, &[command, QuitAtOnce]);
        assert_eq!(app.quit(), Some(&app::Quit::Asked));
    }
    for command in [First, COMPARE, SHAPE] {
        let mut app = exports(&[1]);
        press(&mut app, &[command, Quit]);
        assert_eq!(app.quit(), Some(&app::Quit::Asked));
    }
}

#[test]
fn the_selected_row_is_copied_as_a_line_that_a_filter_understands() {
    let mut app = exports(&[4]);
    press(&mut app, &[Last, Copy]);
    let Some(Request::Copy(text)) = app.take_request() else { panic!("nothing is copied") };
    assert!(text.starts_with("export.wc[pages=4 domid=1] · count 1 · ") && text.contains(" · max 4.00 µs · "), "{text}");
    assert!(app.take_request().is_none());
}

#[test]
fn rows_are_sorted_by_all_the_time_that_went_into_them() {
    let mut app = viewer((160, 40), synthetic::frames(6), &[]);
    while app.common().listing.order().column != of("sum_ns") {
        press(&mut app, &[Sort]);
    }
    let sums = app.common().listing.rows().iter().map(|row| row.cells[place(COLUMNS, "sum_ns")].number());
    assert!(sums.collect::<Vec<_>>().is_sorted_by(|one, other| one >= other));
    assert!(picture((160, 40), &app).contains("sum▼"));
}

#[test]
fn the_selected_operation_alone_is_split_or_merged_and_merging_all_forgets_that() {
    let mut app = exports(&[1, 4]);
    press(&mut app, &[First, Down, Expand]);
    // It was of ordinary pages; those of the other kind are as before.
    let wc = [Pages::Exactly(1), Pages::Exactly(4)];
    assert_eq!(pages(&app), [&[Pages::All][..], &wc].concat());
    assert_eq!(selected(&app), Some(group(Buffer::Pages, Pages::All)));
    press(&mut app, &[Expand]);
    assert_eq!((pages(&app).len(), selected(&app)), (4, Some(group(Buffer::Pages, Pages::Exactly(4)))));
    press(&mut app, &[MergePages, Last, Expand]);
    assert_eq!(pages(&app), [&[Pages::All][..], &wc].concat());
    press(&mut app, &[MergePages, MergePages]);
    assert_eq!(pages(&app), [Pages::All, Pages::All]);
}
