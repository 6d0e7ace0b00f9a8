//! Every table as a text file, for other programs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::Value;

use super::copy::page;
use super::{AdminError, Location, Moved, Table, block_on, failed, look, tables};
use crate::store::sql::{Cell, Link};

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line with the names, then a line a row. Absent cells are empty, empty texts are `""`.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// Returns how its files end.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// Writes every table into a file of this folder, in the order of its primary key. A service may run meanwhile: all
/// files are of one instant.
///
/// # Errors
/// When the store cannot be read, or a file is there already.
pub fn export(from: &Location, folder: &Path, format: Format) -> Result<Vec<Moved>, AdminError> {
    block_on(async {
        let mut conn = look(from).await?;
        let link = &mut conn.link();
        let refused = |source| failed(from, source);
        link.begin_reading().await.map_err(refused)?;
        let tables = tables(link).await.map_err(refused)?;
        let unmade = |source| AdminError::Write { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unmade)?;
        let files =
            tables.iter().map(|table| folder.join(format!("{}.{}", table.name, format.ending())));
        let files: Vec<_> = files.collect();
        if let Some(there) = files.iter().find(|path| path.exists()) {
            return Err(AdminError::Exists(there.clone()));
        }
        let mut written = Vec::new();
        for (table, path) in tables.iter().zip(files) {
            let rows = write(table, format, &path, (&mut *link, from)).await?;
            written.push(Moved { table: table.name.clone(), rows });
        }
        link.run("commit").await.map_err(refused)?;
        conn.close().await.map_err(refused)?;
        Ok(written)
    })
}

async fn write(
    table: &Table,
    format: Format,
    path: &Path,
    (link, from): (&mut Link<'_>, &Location),
) -> Result<u64, AdminError> {
    let unwritten = |source| AdminError::Write { path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create_new(path).map_err(unwritten)?);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    if format == Format::Csv {
        writeln!(file, "{}", names.join(",")).map_err(unwritten)?;
    }
    let (mut count, mut after) = (0, None);
    loop {
        let rows = page(table, after, link).await.map_err(|source| failed(from, source))?;
        let Some(last) = rows.last() else { break };
        after = Some(last.clone());
        for row in rows {
            line(&mut file, format, &names, row).map_err(unwritten)?;
            count += 1;
        }
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).map_err(unwritten)?;
    file.sync_all().map_err(unwritten)?;
    Ok(count)
}

fn line(
    file: &mut impl io::Write,
    format: Format,
    names: &[&str],
    row: Vec<Cell>,
) -> io::Result<()> {
    match format {
        Format::Csv => {
            let cells: Vec<String> = row.into_iter().map(field).collect();
            writeln!(file, "{}", cells.join(","))
        }
        Format::Jsonl => {
            let pairs = names.iter().zip(row).map(|(name, cell)| {
                let value = match cell {
                    Cell::Text(text) => text.map_or(Value::Null, Value::String),
                    Cell::Whole(number) => number.map_or(Value::Null, Value::from),
                };
                format!("\"{name}\":{value}")
            });
            writeln!(file, "{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

/// A field of a line of CSV: quoted where it must be.
fn field(cell: Cell) -> String {
    match cell {
        Cell::Text(None) | Cell::Whole(None) => String::new(),
        Cell::Whole(Some(number)) => number.to_string(),
        Cell::Text(Some(text)) => {
            let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
            if plain { text } else { format!("\"{}\"", text.replace('"', "\"\"")) }
        }
    }
}
