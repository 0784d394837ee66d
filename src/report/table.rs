//! Plain tables: columns apart by two spaces, no borders, no wrapping.

use comfy_table::{CellAlignment, Table, presets};

/// Rows under a header, with some columns of numbers.
pub(super) fn number_table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    numbers: &[usize],
) -> String {
    let mut table = plain(Some(header), rows);
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Rows under a header, or rows alone where the header is empty. Cells may hold several lines.
pub(super) fn table<const COLUMNS: usize>(header: Option<[&str; COLUMNS]>, rows: &[[String; COLUMNS]]) -> String {
    plain(header, rows).trim_fmt()
}

fn plain<const COLUMNS: usize>(header: Option<[&str; COLUMNS]>, rows: &[[String; COLUMNS]]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(header) = header {
        table.set_header(header);
    }
    table.add_rows(rows.iter().map(|row| row.iter()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}
