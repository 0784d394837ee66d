//! Plain tables: columns apart by two spaces, no borders, no wrapping.

use comfy_table::{Table, presets};

/// Rows under a header, or rows alone where the header is empty. Cells may hold several lines.
pub(super) fn table<const COLUMNS: usize>(header: Option<[&str; COLUMNS]>, rows: &[[String; COLUMNS]]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(header) = header {
        table.set_header(header);
    }
    table.add_rows(rows.iter().map(|row| row.iter()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}
