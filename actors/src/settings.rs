//! Settings: reads the config folder, and says every fault of every file at once.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ploy::config::{
    self, Fault, LogConfig, RecordConfig, ServiceConfig, Speed, StrategyConfig, VenueKind,
    WatchConfig,
};
use ploy::halt::ResumeRule;
use ploy::order::StrategyId;
use ploy::process::ProcessPolicy;
use ploy::risk::AccountLimits;

use crate::record::Limits;
use crate::store::{Begin, Location, ServerUrl, UrlError};

/// The variable that holds the address of the database.
const STORE_URL: &str = "PLOY_STORE_URL";
const MIB: u64 = 1024 * 1024;

/// All that the service is told, ready to be used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The id of this run, different for every start of the program.
    pub run: String,
    /// Whether an earlier run may be gone on with.
    pub begin: Begin,
    /// The tapes to play, as one.
    pub tapes: Vec<PathBuf>,
    /// How fast event time runs.
    pub speed: Speed,
    /// Where orders go.
    pub venue: VenueKind,
    /// How long an order takes to the paper venue.
    pub latency: Duration,
    /// The database file, where the database is one; records go beside it.
    pub store: PathBuf,
    /// Where the database is.
    pub location: Location,
    /// What all strategies together may do at most.
    pub account: AccountLimits,
    /// How many days the rows of earlier runs are kept that explain and count for nothing; 0: for ever.
    pub keep_days: u32,
    /// Where what strategies take in is recorded, unless it is not.
    pub record: Option<Limits>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Other names by which the API may be asked.
    pub hosts: Vec<String>,
    /// How much is logged, and how.
    pub log: LogConfig,
    /// Whether an outage that is over lets trading go on by itself.
    pub resume: ResumeRule,
    /// The file that halts all while it is there, beside the database.
    pub signal_file: PathBuf,
    /// How long an ordered end may take.
    pub shutdown: Duration,
    /// How many starts of the program are too many.
    pub process: ProcessPolicy,
    /// How changes of the strategies' files are noticed.
    pub watch: WatchConfig,
    /// The folder of the strategies' files.
    pub folder: PathBuf,
    /// The strategies.
    pub strategies: Vec<StrategyConfig>,
}

/// What the command line says instead of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Whether an earlier run may be gone on with.
    pub begin: Begin,
    /// The tapes to play; none means those of the file.
    pub tapes: Vec<PathBuf>,
    /// How fast event time runs.
    pub speed: Option<Speed>,
    /// The database file, unless the database is on a server.
    pub store: Option<PathBuf>,
    /// Where the database is; before all else.
    pub location: Option<Location>,
    /// Where the API listens.
    pub listen: Option<SocketAddr>,
    /// Other names by which the API may be asked.
    pub hosts: Vec<String>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or folder cannot be read.
    #[error("read {}: is it there, and may this user read it? `--config` names another folder", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Files have faults. All of them are listed.
    #[error("{} in the settings; nothing was started:\n{}", count(.0.len()), list(.0))]
    Faults(Vec<Fault>),
    /// The address of the database is none.
    #[error("read the address of the database in {place}")]
    Url {
        /// The variable or the file.
        place: String,
        /// Why it is none.
        #[source]
        source: UrlError,
    },
    /// No strategy is there.
    #[error("no strategy in {}: a file such as momentum.toml is expected", .0.display())]
    Empty(PathBuf),
}

/// Reads `ploy.toml` and `strategies/<id>.toml` of a folder.
///
/// # Errors
/// When a file cannot be read, or with every fault of every file.
pub fn load(folder: &Path, overrides: Overrides) -> Result<Settings, SettingsError> {
    let mut faults = Vec::new();
    let service = read_service(folder)?;
    let strategies = strategies(&folder.join("strategies"), &mut faults)?;
    let service = match service {
        Ok(service) if faults.is_empty() => service,
        Ok(_) => return Err(SettingsError::Faults(faults)),
        Err(mut all) => {
            all.append(&mut faults);
            return Err(SettingsError::Faults(all));
        }
    };
    let tapes = match overrides.tapes {
        none if none.is_empty() => {
            service.feed.paths.iter().map(|path| folder.join(path)).collect()
        }
        tapes => tapes,
    };
    let location = overrides.location.map_or_else(|| in_file(&service), |named| Ok(Some(named)))?;
    let keep_days = service.store.keep_days;
    let store = overrides.store.unwrap_or_else(|| PathBuf::from(service.store.path));
    Ok(Settings {
        run: uuid::Uuid::now_v7().to_string(),
        begin: overrides.begin,
        tapes,
        speed: overrides.speed.unwrap_or(service.feed.speed),
        venue: service.venue.kind,
        latency: service.venue.latency,
        account: service.account,
        keep_days,
        record: record(service.record, &store),
        location: location.unwrap_or_else(|| Location::File(store.clone())),
        resume: service.halt.resume,
        signal_file: store.with_file_name(service.halt.signal_file),
        store,
        listen: overrides.listen.unwrap_or(service.api.listen),
        hosts: overrides.hosts,
        log: service.log,
        shutdown: service.shutdown.deadline,
        process: service.process,
        watch: service.config,
        folder: folder.join("strategies"),
        strategies,
    })
}

/// Returns where the database is, as the command line says, or the environment, or `ploy.toml` of a folder.
///
/// # Errors
/// When a file cannot be read, or what it says is no address.
pub fn location(folder: &Path, store: Option<&Path>) -> Result<Location, SettingsError> {
    if let Some(named) = named(store)? {
        return Ok(named);
    }
    let service = service(folder)?;
    Ok(in_file(&service)?.unwrap_or_else(|| Location::File(service.store.path.into())))
}

/// Returns where the database is, as the command line says, or the environment.
///
/// # Errors
/// When `PLOY_STORE_URL` is no address.
pub fn named(store: Option<&Path>) -> Result<Option<Location>, SettingsError> {
    if let Some(path) = store {
        return Ok(Some(Location::File(path.to_owned())));
    }
    match std::env::var(STORE_URL) {
        Ok(text) if !text.trim().is_empty() => address(STORE_URL, &text).map(Some),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Returns the address in the file that `ploy.toml` names, where it names one.
fn in_file(service: &ServiceConfig) -> Result<Option<Location>, SettingsError> {
    let Some(path) = &service.store.url_file else { return Ok(None) };
    address(path, &read(Path::new(path))?).map(Some)
}

fn address(place: &str, text: &str) -> Result<Location, SettingsError> {
    let url: Result<ServerUrl, UrlError> = text.trim().parse();
    url.map(Location::Server)
        .map_err(|source| SettingsError::Url { place: place.to_owned(), source })
}

/// Returns where the record goes.
fn record(config: RecordConfig, store: &Path) -> Option<Limits> {
    let RecordConfig { enabled, folder, file_mb, file_span, total_mb } = config;
    enabled.then(|| Limits {
        folder: store.with_file_name(folder),
        file_bytes: file_mb * MIB,
        file_span,
        total_bytes: total_mb * MIB,
    })
}

/// Reads `ploy.toml` of a folder alone.
///
/// # Errors
/// When it cannot be read, or with every fault of it.
pub fn service(folder: &Path) -> Result<ServiceConfig, SettingsError> {
    read_service(folder)?.map_err(SettingsError::Faults)
}

/// Reads every `strategies/<id>.toml` of a folder.
///
/// # Errors
/// When one cannot be read, or with every fault of every file.
pub fn strategy_files(folder: &Path) -> Result<Vec<StrategyConfig>, SettingsError> {
    let mut faults = Vec::new();
    let files = strategies(&folder.join("strategies"), &mut faults)?;
    if faults.is_empty() { Ok(files) } else { Err(SettingsError::Faults(faults)) }
}

/// Reads one file of a strategy; its stem is the id.
///
/// # Errors
/// When it cannot be read, or with every fault of it.
pub fn strategy_file(path: &Path) -> Result<StrategyConfig, SettingsError> {
    strategy_of(path)?.map_err(SettingsError::Faults)
}

/// Reads the text of a strategy's file that stands elsewhere; `place` says where.
///
/// # Errors
/// With every fault of it.
pub fn strategy_text(
    place: &str,
    id: StrategyId,
    text: &str,
) -> Result<StrategyConfig, SettingsError> {
    config::strategy(place, id, text).map_err(SettingsError::Faults)
}

fn read_service(folder: &Path) -> Result<Result<ServiceConfig, Vec<Fault>>, SettingsError> {
    let path = folder.join("ploy.toml");
    Ok(config::service(&path.display().to_string(), &read(&path)?))
}

fn strategies(
    folder: &Path,
    faults: &mut Vec<Fault>,
) -> Result<Vec<StrategyConfig>, SettingsError> {
    let unreadable = |source| SettingsError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut strategies = Vec::new();
    for path in paths {
        match strategy_of(&path)? {
            Ok(strategy) => strategies.push(strategy),
            Err(mut all) => faults.append(&mut all),
        }
    }
    if strategies.is_empty() && faults.is_empty() {
        return Err(SettingsError::Empty(folder.to_owned()));
    }
    Ok(strategies)
}

fn strategy_of(path: &Path) -> Result<Result<StrategyConfig, Vec<Fault>>, SettingsError> {
    let name = path.display().to_string();
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let id: StrategyId = match stem.unwrap_or_default().parse() {
        Ok(id) => id,
        Err(invalid) => {
            let problem = format!("the file's name gives the strategy its id, and {invalid}");
            let (line, column, key) = (1, 1, String::new());
            return Ok(Err(vec![Fault { file: name, line, column, key, problem, hint: None }]));
        }
    };
    Ok(config::strategy(&name, id, &read(path)?))
}

fn read(path: &Path) -> Result<String, SettingsError> {
    fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })
}

fn count(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder whose `ploy.toml` names a file with this text as its address.
    fn served(address: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        fs::write(&file, address).unwrap();
        let service = format!(
            "[venue]\nkind = \"paper\"\n[feed]\nkind = \"tape\"\npaths = [\"a.jsonl\"]\n[store]\nurl_file = \"{}\"\n",
            file.display()
        );
        let shipped = include_str!("../../config/ploy.toml");
        let begin = shipped.find("[account]").unwrap();
        let account = shipped[begin..].split("\n\n").next().unwrap();
        fs::write(folder.path().join("ploy.toml"), format!("{service}{account}\n")).unwrap();
        let place = file.display().to_string();
        (folder, place)
    }

    #[test]
    fn the_file_that_is_named_holds_the_address_and_a_flag_comes_before_it() {
        let (folder, _) = served("postgresql://ploy:s3cret@db/money\n");
        let found = location(folder.path(), None).unwrap();
        assert_eq!(found.to_string(), "postgresql db:5432/money");
        let found = location(folder.path(), Some(Path::new("a.db"))).unwrap();
        assert_eq!(found.to_string(), "a.db");
    }

    #[test]
    fn a_bad_address_is_told_with_its_place_and_not_repeated() {
        let (folder, place) = served("mysql://ploy:s3cret@db/money");
        let error = location(folder.path(), None).unwrap_err();
        assert_eq!(error.to_string(), format!("read the address of the database in {place}"));
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
