//! `playhouse user create`

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use playhouse_actors::{Node, accounts::NewAccount};

use super::{ConfigFile, Failure, runtime};
use crate::server;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account. The server must not run; a running one is asked through /_synapse/admin/v1/register
    Create(Create),
}

/// The account.
#[derive(Debug, Args)]
pub struct Create {
    /// The user name, without @ and server name
    username: String,
    /// Make it a server administrator
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(options) => runtime()?.block_on(create(options)),
    }
}

async fn create(options: Create) -> Result<(), Failure> {
    let config = options.file.load()?;
    let password = read_password()?;
    let store = server::open_store(&config).await?;
    let node = Node::start(store, server::node_config(&config)).await?;
    let made = async {
        let user = node.accounts().available(Some(&options.username)).await?;
        let new = NewAccount { password: Some(password), admin: options.admin, agreed_terms: Vec::new() };
        node.accounts().register(&user, new).await.map(|()| user)
    };
    let made = made.await;
    node.shutdown(std::time::Duration::from_secs(2)).await;
    println!("{} made", made?);
    Ok(())
}

/// One line of standard input, so that the password is in no process list and no shell history.
fn read_password() -> std::io::Result<String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        print!("Password (shown as you type): ");
        std::io::stdout().flush()?;
    }
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
