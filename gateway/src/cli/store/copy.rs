//! `playhouse store copy`

use std::{fmt, path::PathBuf, str::FromStr};

use clap::Args;
use playhouse_storage::{Store, offline};

use super::{Console, Failure};
use crate::{
    config::{self, Config, StoreKind},
    server::{self, Company},
};

/// From where to where.
#[derive(Debug, Args)]
pub struct Copy {
    /// The store to copy: a configuration file, fjall:FOLDER with the data folder of a server, or
    /// scylla:HOST:PORT/KEYSPACE. More settings of a cluster come from PLAYHOUSE_SCYLLA__ variables
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
    /// A keyspace of a cluster.
    Scylla {
        /// Nodes, `host:port`.
        nodes: Vec<String>,
        /// Its name.
        keyspace: String,
    },
    /// What a configuration file says.
    File(PathBuf),
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("fjall", "")) => Err("write fjall:FOLDER, with the data folder of a server".to_owned()),
            Some(("fjall", folder)) => Ok(Self::Fjall(folder.into())),
            Some(("scylla", place)) => match place.split_once('/') {
                Some((nodes, keyspace)) if !nodes.is_empty() && !keyspace.is_empty() => Ok(Self::Scylla {
                    nodes: nodes.split(',').map(str::to_owned).collect(),
                    keyspace: keyspace.to_owned(),
                }),
                _ => Err("write scylla:HOST:PORT/KEYSPACE, with commas between several nodes".to_owned()),
            },
            _ => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fjall(folder) => write!(f, "fjall:{}", folder.display()),
            Self::Scylla { nodes, keyspace } => write!(f, "scylla:{}/{keyspace}", nodes.join(",")),
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
            Self::Scylla { nodes, keyspace } => {
                let mut config = config::load_with(None, cluster_settings())?;
                config.store = StoreKind::Scylla;
                config.scylla.contact_points.clone_from(nodes);
                config.scylla.keyspace.clone_from(keyspace);
                Ok(config)
            }
            Self::File(path) => Ok(config::load_with(Some(path), cluster_settings())?),
        }
    }

    /// Opens the store, on which no server may run; makes it only where `may_make` says so.
    async fn open(&self, may_make: bool) -> Result<Store, Failure> {
        let config = self.config()?;
        if config.store == StoreKind::Memory {
            return Err(format!("{self} names a store in memory, which ends with its process").into());
        }
        Ok(if may_make {
            server::open_store(&config).await?
        } else {
            server::find_store(&config, Company::Alone).await?
        })
    }

    /// Whether both name one store, by whatever words.
    fn is(&self, other: &Self) -> Result<bool, Failure> {
        let (one, two) = (self.config()?, other.config()?);
        let cluster =
            |config: &Config| (config.scylla.contact_points.clone(), config.scylla.keyspace.clone());
        let folder = |config: &Config| {
            let path = server::store_path(config);
            path.canonicalize().unwrap_or(path)
        };
        Ok(one.store == two.store
            && match one.store {
                StoreKind::Scylla => cluster(&one) == cluster(&two),
                StoreKind::Fjall => folder(&one) == folder(&two),
                StoreKind::Memory => false,
            })
    }
}

/// What the environment says of clusters. Anything else in it would hold for both ends, and is of one server.
fn cluster_settings() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("PLAYHOUSE_SCYLLA__"))
}

/// Copies and compares, or compares only.
pub async fn run(options: Copy) -> Result<(), Failure> {
    if options.from.is(&options.to)? {
        return Err("--from and --to name the same store".into());
    }
    let (source, target) = tokio::try_join!(options.from.open(false), options.to.open(!options.verify))?;
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
        0 if verify => println!("{} rows compared: both ends are equal", compared.rows),
        0 => {
            offline::finish(source, target).await?;
            println!("{} rows compared: both ends are equal", compared.rows);
        }
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
        let nodes = vec!["a:9042".to_owned(), "b:9042".to_owned()];
        let keyspace = "playhouse".to_owned();
        assert_eq!("scylla:a:9042,b:9042/playhouse".parse(), Ok(End::Scylla { nodes, keyspace }));
        for wrong in ["fjall:", "scylla:a:9042", "scylla:/playhouse", "scylla:a:9042/"] {
            assert!(wrong.parse::<End>().is_err(), "{wrong}");
        }
    }
}
