//! `playhouse store check`, `playhouse store dump` and `playhouse store copy`

mod copy;

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use playhouse_storage::offline::{self, Filter, Finding, Progress, Watch};

use super::{ConfigFile, Failure, runtime};
use crate::server::{self, Company};

/// What to do with the store. The server must not run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at every row and every room, and say what is wrong. Nothing is changed
    Check(ConfigFile),
    /// Print rows, one a line, with their keys by name
    Dump(Dump),
    /// Move a whole server to another store: copy every row, then compare. A copy that was cut off goes on where it was.
    /// The data folder keeps what is no part of the store, such as the signing key
    Copy(copy::Copy),
}

/// Which rows.
#[derive(Debug, Args)]
pub struct Dump {
    /// Only this table; may be given again
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Only rows whose key has this value, such as room=!abc; may be given again
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = parse_column)]
    columns: Vec<(String, String)>,
    /// At most so many rows
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
    #[command(flatten)]
    file: ConfigFile,
}

fn parse_column(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(column, value)| (column.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "write COLUMN=VALUE".to_owned())
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    runtime()?.block_on(async {
        match command {
            Command::Check(file) => check(&file).await,
            Command::Dump(options) => dump(options).await,
            Command::Copy(options) => Box::pin(copy::run(options)).await,
        }
    })
}

async fn check(file: &ConfigFile) -> Result<(), Failure> {
    let store = server::find_store(&file.load()?, Company::Alone).await?;
    let mut console = Console::new("checking");
    let summary = offline::check(&store, &mut console).await;
    console.bar.finish_and_clear();
    store.backend().close().await;
    let summary = summary?;
    println!("{} rows and {} rooms looked at", summary.rows, summary.rooms);
    match summary.findings {
        0 => Ok(()),
        1 => Err("one thing is wrong, see above".into()),
        findings => Err(format!("{findings} things are wrong, see above").into()),
    }
}

async fn dump(options: Dump) -> Result<(), Failure> {
    let store = server::find_store(&options.file.load()?, Company::Shared).await?;
    let filter = Filter { tables: options.tables, columns: options.columns, limit: options.limit };
    let mut out = io::BufWriter::new(io::stdout());
    let dumped = offline::dump(&store, &filter, &mut out).await;
    out.flush()?;
    store.backend().close().await;
    if io::stderr().is_terminal() {
        eprintln!("{} rows", dumped?);
    } else {
        dumped?;
    }
    Ok(())
}

/// Findings as lines, progress as a bar below them.
struct Console {
    bar: ProgressBar,
}

impl Console {
    fn new(doing: &'static str) -> Self {
        let bar = ProgressBar::new(1).with_prefix(doing);
        let template = "{prefix} {bar:30} {percent:>3} %  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }
}

impl Watch for Console {
    fn found(&mut self, finding: Finding) {
        self.bar.suspend(|| println!("{finding}"));
    }

    fn went_on(&mut self, progress: Progress) {
        let (done, of, message) = match progress {
            Progress::Rows { table, index, of, rows } => {
                (index as u64, of as u64, format!("{table}: {rows} rows"))
            }
            Progress::Rooms { done, of } => (done, of, format!("{done} of {of} rooms")),
        };
        self.bar.set_length(of.max(1));
        self.bar.set_position(done);
        self.bar.set_message(message);
    }
}
