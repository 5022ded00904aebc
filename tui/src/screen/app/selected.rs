//! The selected row stays the selected row: a property of all keys, views, filters and frames, in any order.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope_analysis::model::{Operation, Outcome};
use grantscope_analysis::series::Group;
use grantscope_wire::{Buffer, Op};
use proptest::prelude::*;
use proptest::sample::select;

use crate::screen::app::App;
use crate::screen::command::{Command, Travel as To};
use crate::screen::event::{Event, Size};
use crate::screen::fixtures::{export, feed, operations, press, state};
use crate::screen::model::selection::is_alike;
use crate::screen::views::{self, VIEWS};

/// Something happens that selects no other row.
#[derive(Clone, Debug)]
enum Happens {
    Key(Command),
    Filter(&'static str),
    New(Box<Operation>),
    Resize(usize, usize),
}

/// What may happen, with another row selected now and then.
#[derive(Clone, Debug)]
enum Step {
    Stays(Happens),
    Moves(Command),
}

fn selects(command: &Command) -> bool {
    use Command::*;
    let moves =
        matches!(command, Up | Down | PageUp | PageDown | First | Last | FewerPages | MorePages | NextMatch | PreviousMatch);
    moves || *command == Travel(To::Longest)
}

/// Those of all keys that there are, and every view by its number.
fn commands(is_wanted: impl Fn(&Command) -> bool) -> Vec<Command> {
    let keys = views::keys();
    let of_keys = keys.all().iter().map(|binding| binding.command);
    let ends = |command: &Command| matches!(command, Command::Quit | Command::QuitAtOnce);
    let numbers = (1..=VIEWS.len()).map(Command::Number);
    of_keys.chain(numbers).filter(|command| !ends(command) && is_wanted(command)).collect()
}

fn operation() -> impl Strategy<Value = Operation> {
    let kinds = select(vec![Buffer::Pages, Buffer::Wc, Buffer::Coherent]);
    let ops = select(vec![Op::Export, Op::Map, Op::Release]);
    (kinds, ops, 1..12_u32, 1..9_999_u64, 1..3_u16, any::<bool>()).prop_map(|(kind, op, pages, ns, domid, fails)| {
        let outcome = if fails { Outcome::Errno(22) } else { Outcome::Ok };
        Operation { op, outcome, domid: Some(domid), ..export(kind, pages, ns) }
    })
}

fn step() -> impl Strategy<Value = Step> {
    // Domains too: a filter for one splits the rows.
    let filters = select(vec!["", "buffer=wc", "pages>=5", "outcome!=ok", "export", "map.pages[domid=1]", "domid=2 pages<4"]);
    prop_oneof![
        8 => select(commands(|command| !selects(command))).prop_map(|key| Step::Stays(Happens::Key(key))),
        2 => filters.prop_map(|text| Step::Stays(Happens::Filter(text))),
        4 => operation().prop_map(|operation| Step::Stays(Happens::New(Box::new(operation)))),
        1 => (0..200_usize, 0..70_usize).prop_map(|(columns, lines)| Step::Stays(Happens::Resize(columns, lines))),
        2 => select(commands(selects)).prop_map(Step::Moves),
    ]
}

fn happen(app: &mut App, what: &Happens) {
    match what {
        Happens::Key(command) => press(app, &[*command]),
        Happens::New(operation) => feed(app, operations(vec![Operation::clone(operation)])),
        Happens::Resize(columns, lines) => app.update(Event::Resize(Size { columns: *columns, lines: *lines })),
        Happens::Filter(text) => filter(app, text),
    }
}

/// Types a filter; where something lies over the views there is none, and what is typed would be keys.
fn filter(app: &mut App, text: &str) {
    press(app, &[Command::Number(1), Command::Filter]);
    let typed = |code, modifiers| Event::Typed(KeyEvent::new(code, modifiers));
    app.update(typed(KeyCode::Char('u'), KeyModifiers::CONTROL));
    text.chars().for_each(|letter| app.update(typed(KeyCode::Char(letter), KeyModifiers::NONE)));
    app.update(typed(KeyCode::Enter, KeyModifiers::NONE));
}

fn selected(app: &App) -> Option<Group> {
    app.common().listing.selected().map(|index| app.common().listing.rows()[index].group)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(160) })]

    #[test]
    fn the_selected_row_stays_the_selected_row(steps in prop::collection::vec(step(), 1..80)) {
        let mut app = state(operations([Buffer::Pages, Buffer::Wc].map(|kind| export(kind, 5, 5_000)).into()));
        press(&mut app, &[Command::NextPane]);
        for step in &steps {
            let chosen = app.common().listing.chosen().expect("a key was pressed");
            match step {
                Step::Moves(command) => press(&mut app, &[*command]),
                Step::Stays(what) => {
                    // The comparison has no row of it, shows another as selected, and where one goes from there is about that one.
                    let stand_in = app.view().0.stand_in(app.common());
                    happen(&mut app, what);
                    let now = app.common().listing.chosen().expect("as before");
                    let is_it = is_alike(&chosen, &now) || stand_in.is_some_and(|stand_in| is_alike(&stand_in, &now));
                    prop_assert!(is_it, "{what:?}: {chosen:?} became {now:?}");
                }
            }
            // A filter may hide it, and a reset take it away; where it is listed, it is what is selected.
            let chosen = app.common().listing.chosen().expect("as before");
            let is_listed = app.common().listing.rows().iter().any(|row| is_alike(&row.group, &chosen));
            let is_selected = selected(&app).is_some_and(|row| is_alike(&row, &chosen));
            prop_assert!(is_selected || !is_listed, "{step:?}: {chosen:?} is listed, and {:?} is selected", selected(&app));
        }
    }
}

#[test]
fn all_keys_take_part() {
    let parts = [commands(selects).len(), commands(|command| !selects(command)).len()];
    assert_eq!(parts[0], 11, "each of those that select another row has a key");
    assert!(parts[1] > 30, "{parts:?}");
}
