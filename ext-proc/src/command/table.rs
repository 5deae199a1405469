//! Rows of text for people and for spreadsheets.

/// Columns with a head. Every row has as many cells as there are columns.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    name: String,
    /// Numbers stand to the right.
    number: bool,
}

impl Table {
    /// Adds a column of words.
    pub fn words(mut self, name: &str) -> Self {
        self.columns.push(Column { name: name.to_owned(), number: false });
        self
    }

    /// Adds a column of numbers.
    pub fn numbers(mut self, name: &str) -> Self {
        self.columns.push(Column { name: name.to_owned(), number: true });
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// For people: columns side by side. Control characters, which could come from a client, are shown and not obeyed.
    pub fn text(&self) -> String {
        let head: Vec<String> =
            self.columns.iter().map(|column| column.name.to_uppercase().replace('_', " ")).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
        let widths: Vec<usize> = (0..head.len())
            .map(|i| std::iter::once(&head).chain(&rows).filter_map(|row| row.get(i)).map(|cell| width(cell)).max())
            .map(Option::unwrap_or_default)
            .collect();
        std::iter::once(&head).chain(&rows).map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(&self.columns).zip(widths).map(|((cell, column), wide)| {
            let blank = " ".repeat(wide.saturating_sub(width(cell)));
            if column.number { format!("{blank}{cell}") } else { format!("{cell}{blank}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    }

    /// For spreadsheets: RFC 4180, with the columns' names in the first line.
    pub fn csv(&self) -> String {
        let head: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let line =
            |row: &Vec<String>| format!("{}\n", row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
        std::iter::once(&head).chain(&self.rows).map(line).collect()
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

fn harmless(cell: &str) -> String {
    cell.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_names() {
        let mut table = Table::default().words("who").numbers("cost_usd");
        table.row(vec!["a\x1b[2J,".into(), "0.5".into()]);
        table.row(vec!["é\"".into(), "12".into()]);
        assert_eq!(table.text(), "WHO          COST USD\na\\u{1b}[2J,       0.5\né\"                 12\n");
        assert_eq!(table.csv(), "who,cost_usd\n\"a\x1b[2J,\",0.5\n\"é\"\"\",12\n");
    }
}
