//! No file names a place that exists on one machine only: a home folder, or the folder of this work tree.
//!
//! Places that every Linux has (/tmp, /dev, /usr) are none, and neither is what lies in the lab's own domains.

use std::path::PathBuf;

use anyhow::Result;

use super::tree::{File, Tree};

/// Beginnings of such places, in two parts so that this file has none of them.
const BEGINNINGS: [(&str, &str); 4] = [("/ho", "me/"), ("/Us", "ers/"), ("/wo", "rk/"), ("C:", "\\Users")];

/// Lines with such a place.
pub fn findings(tree: &Tree) -> Result<Vec<String>> {
    let mut places: Vec<String> = BEGINNINGS.iter().map(|(one, two)| format!("{one}{two}")).collect();
    places.extend(own_places(tree).iter().filter_map(|place| Some(place.to_str()?.to_owned())));
    Ok(tree.files.iter().flat_map(|file| of_file(file, &places)).collect())
}

/// The work tree, and its user's home folder if it has a name of its own: `/root` is the same everywhere.
fn own_places(tree: &Tree) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.components().count() > 2);
    home.into_iter().chain([tree.root.clone()]).collect()
}

fn of_file(file: &File, places: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        if let Some(place) = places.iter().find(|place| names(line, place)) {
            found.push(format!(
                "{}:{number}: {place} is a place on one machine: write a path from the work tree, or a variable such as $HOME",
                file.path
            ));
        }
    }
    found
}

/// Whether the line has the place as a whole path: a longer one that ends like it, with more words before it, is another.
fn names(line: &str, place: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-.$})>~".contains(c);
    line.match_indices(place).any(|(at, _)| !line[..at].ends_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_one_machine_is_named_with_its_line_and_other_paths_are_not() {
        let places = ["/srv/users/".to_owned(), "/srv/tree".to_owned()];
        let found = |text: &str| of_file(&File::new("a.md", text).unwrap(), &places);
        let expected =
            "a.md:2: /srv/users/ is a place on one machine: write a path from the work tree, or a variable such as $HOME";
        assert_eq!(found("# Title\ncd /srv/users/ada/grantscope\n"), [expected]);
        assert_eq!(found("see `/srv/tree/x`").len(), 1);
        for text in ["/tmp/recording", "$ROOT/srv/users/x", "sub/srv/tree", "/dev/xen/gntdev"] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
