//! `playhouse store copy`

use std::{fmt, path::PathBuf, str::FromStr};

use clap::Args;
use playhouse_storage::{Store, offline};

use super::{Console, Failure};
use crate::{
    config::{self, Config, StoreKind},
    server,
};

/// From where to where.
#[derive(Debug, Args)]
pub struct Copy {
    /// The store to copy: a configuration file, or fjall:FOLDER with the data folder of a server
    #[arg(long, value_name = "STORE")]
    from: End,
    /// The store to copy to, which must be empty or hold a part of this copy
    #[arg(long, value_name = "STORE")]
    to: End,
    /// Copy nothing; compare the two, row by row
    #[arg(long)]
    verify: bool,
}

/// A store, as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// The embedded store in a data folder.
    Fjall(PathBuf),
    /// What a configuration file says.
    File(PathBuf),
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("fjall", "")) => Err("write fjall:FOLDER, with the data folder of a server".to_owned()),
            Some(("fjall", folder)) => Ok(Self::Fjall(folder.into())),
            _ => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fjall(folder) => write!(f, "fjall:{}", folder.display()),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl End {
    fn config(&self) -> Result<Config, Failure> {
        match self {
            Self::Fjall(folder) => {
                Ok(Config { store: StoreKind::Fjall, data_dir: folder.clone(), ..Config::default() })
            }
            // The environment would hold for both ends.
            Self::File(path) => Ok(config::load_with(Some(path), [])?),
        }
    }

    /// Opens the store; makes it only where `may_make` says so.
    async fn open(&self, may_make: bool) -> Result<Store, Failure> {
        let config = self.config()?;
        match config.store {
            StoreKind::Memory => {
                Err(format!("{self} names a store in memory, which ends with its process").into())
            }
            StoreKind::Fjall | StoreKind::Scylla if may_make => Ok(server::open_store(&config).await?),
            StoreKind::Fjall | StoreKind::Scylla => Ok(server::find_store(&config).await?),
        }
    }
}

/// Copies and compares, or compares only.
pub async fn run(options: Copy) -> Result<(), Failure> {
    if options.from == options.to {
        return Err("--from and --to name the same store".into());
    }
    let source = options.from.open(false).await?;
    let target = options.to.open(!options.verify).await?;
    let done = copy_and_compare(&source, &target, options.verify).await;
    source.backend().close().await;
    target.backend().close().await;
    done
}

async fn copy_and_compare(source: &Store, target: &Store, verify: bool) -> Result<(), Failure> {
    if !verify {
        let mut console = Console::new("copying");
        let copied = offline::copy(source, target, &mut console).await;
        console.bar.finish_and_clear();
        let copied = copied?;
        let resumed = if copied.resumed { ", going on with a copy that was cut off" } else { "" };
        println!("{} rows copied{resumed}", copied.rows);
    } else if offline::is_half_copied(target).await? {
        return Err(
            "the target is a copy that was not finished; the same command without --verify goes on with it"
                .into(),
        );
    }
    let mut console = Console::new("comparing");
    let compared = offline::compare(source, target, &mut console).await;
    console.bar.finish_and_clear();
    let compared = compared?;
    match compared.findings {
        0 => println!("{} rows compared: both ends are equal", compared.rows),
        1 => return Err("the ends differ in one thing, see above".into()),
        findings => return Err(format!("the ends differ in {findings} things, see above").into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_kind_or_by_a_configuration_file() {
        assert_eq!("fjall:/var/lib/x".parse(), Ok(End::Fjall("/var/lib/x".into())));
        assert_eq!("/etc/playhouse.toml".parse(), Ok(End::File("/etc/playhouse.toml".into())));
        assert!("fjall:".parse::<End>().is_err());
    }
}
