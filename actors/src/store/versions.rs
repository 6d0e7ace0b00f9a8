//! Versions of settings: kept when they are first run, found again by the first digits of their hash.

use std::path::PathBuf;

use ploy::order::StrategyId;
use sqlx::FromRow;

use super::location::Location;
use super::open;
use super::sql::sql;

/// A version of a strategy's settings, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Kept {
    /// The SHA-256 of what it means, 64 hex digits.
    pub version: String,
    /// The file, word for word.
    pub text: String,
}

/// Why a version cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    /// There is no such store.
    #[error("{}: there is no such store; `--store` names another", .0.display())]
    NoStore(PathBuf),
    /// The store cannot be read, or an older program made it.
    #[error("read the versions of settings in the store {place}")]
    Read {
        /// Where the store is.
        place: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// No version begins so.
    #[error("no version of {id} begins with {prefix}; kept are: {kept}")]
    None {
        /// The strategy.
        id: StrategyId,
        /// What was asked for.
        prefix: String,
        /// The first digits of those that are there.
        kept: String,
    },
    /// Several versions begin so.
    #[error("several versions of {id} begin with {prefix}: {kept}")]
    Several {
        /// The strategy.
        id: StrategyId,
        /// What was asked for.
        prefix: String,
        /// The first digits of those that fit.
        kept: String,
    },
}

/// How many versions are named in an answer.
const NAMED_MAX: usize = 10;

/// Returns the one version of a strategy that begins with these digits. The store is only read: a service may run
/// on it meanwhile.
///
/// # Errors
/// When there is no store, or not exactly one such version.
pub fn find(location: &Location, id: &StrategyId, prefix: &str) -> Result<Kept, VersionsError> {
    let read = |source| VersionsError::Read { place: location.to_string(), source };
    if let Location::File(path) = location
        && !path.exists()
    {
        return Err(VersionsError::NoStore(path.clone()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| read(error.into()))?;
    let all = runtime.block_on(all(location, id)).map_err(read)?;
    choose(all, id, prefix)
}

/// Returns the one version that begins with these digits.
pub(super) fn choose(all: Vec<Kept>, id: &StrategyId, prefix: &str) -> Result<Kept, VersionsError> {
    let (mut fitting, others): (Vec<Kept>, Vec<Kept>) =
        all.into_iter().partition(|kept| kept.version.starts_with(prefix));
    let (id, prefix) = (id.clone(), prefix.to_owned());
    match (fitting.pop(), fitting.is_empty()) {
        (Some(kept), true) => Ok(kept),
        (Some(kept), false) => {
            fitting.push(kept);
            Err(VersionsError::Several { id, prefix, kept: names(&fitting) })
        }
        (None, _) => Err(VersionsError::None { id, prefix, kept: names(&others) }),
    }
}

/// Reads every version of a strategy, the newest first.
async fn all(location: &Location, id: &StrategyId) -> Result<Vec<Kept>, sqlx::Error> {
    const SQL: &str = "select version, text from config_versions where strategy = $1 \
         order by at desc, version";
    let mut conn = open::reader(location).await?;
    let kept = sql(SQL).bind(id.as_str()).all(&mut conn.link()).await;
    conn.close().await?;
    kept
}

fn names(kept: &[Kept]) -> String {
    let first = kept.iter().take(NAMED_MAX);
    let names: Vec<String> = first.map(|kept| kept.version.chars().take(12).collect()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
