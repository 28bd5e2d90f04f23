//! The page for a terminal.

use std::fmt;

use super::{EXAMPLES, Report, table};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in facts {
            writeln!(f, "{name:width$}  {value}")?;
        }
        writeln!(f, "\n{}", self.verdict())?;
        for (title, found) in self.kinds() {
            writeln!(f, "\n{} × {}", found.len(), title)?;
            for difference in found.iter().take(EXAMPLES) {
                writeln!(f, "  {}", difference.request)?;
                for line in &difference.lines {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        writeln!(f, "\nMilliseconds until the last byte:")?;
        let rows: Vec<_> = std::iter::once(table::head())
            .chain(table::rows(self))
            .collect();
        let columns = rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &rows {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
