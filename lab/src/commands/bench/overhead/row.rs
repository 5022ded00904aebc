//! What was measured in one boot, as a row of a table.

/// What one boot showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What was added.
    pub name: String,
    /// Medians alone, in µs.
    pub alone: Vec<f64>,
    /// What was added to them.
    pub added: Vec<f64>,
    /// How far the medians before and after lie apart, at most.
    pub drift: f64,
    /// A cell for each column behind those.
    pub beside: Vec<String>,
}

impl Row {
    /// From medians in µs: alone, with what is measured, and alone again.
    pub fn new(name: String, [alone, with, again]: [Vec<f64>; 3], beside: Vec<String>) -> Self {
        let added = alone.iter().zip(&with).map(|(alone, with)| with - alone).collect();
        let drift = alone.iter().zip(&again).map(|(alone, again)| (again - alone).abs()).fold(0.0, f64::max);
        Self { name, alone, added, drift, beside }
    }

    fn line(&self) -> String {
        let added = self.added.iter().zip(&self.alone).map(|(us, alone)| format!("{us:.2} (+{:.0} %)", us / alone * 100.0));
        let cells: Vec<_> = added.chain(self.beside.iter().cloned()).chain([format!("{:.2}", self.drift)]).collect();
        format!("| {} | {} |", self.name, cells.join(" | "))
    }
}

/// As Markdown: `columns` are what was timed, `beside` what else a row has.
pub fn table(first: &str, columns: &[&str], beside: &[&str], rows: &[Row]) -> String {
    let headings: Vec<_> = [first].iter().chain(columns).chain(beside).chain(&["drift"]).copied().collect();
    let mut lines = vec![format!("| {} |", headings.join(" | ")), format!("|{}", " --- |".repeat(headings.len()))];
    if let Some(row) = rows.first() {
        let alone: Vec<_> = row.alone.iter().map(|us| format!("({us:.1})")).collect();
        lines.push(format!("| alone | {} |{}", alone.join(" | "), " |".repeat(beside.len() + 1)));
    }
    lines.extend(rows.iter().map(Row::line));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_what_is_added_also_as_a_share_and_how_far_alone_and_alone_again_are_apart() {
        let row = Row::new("with".to_owned(), [vec![10.0, 4.0], vec![12.5, 5.0], vec![10.1, 3.5]], vec!["7".to_owned()]);
        assert_eq!(
            table("µs", &["a", "b"], &["runs"], &[row]),
            "| µs | a | b | runs | drift |\n| --- | --- | --- | --- | --- |\n| alone | (10.0) | (4.0) | | |\n\
             | with | 2.50 (+25 %) | 1.00 (+25 %) | 7 | 0.50 |"
        );
    }
}
