//! Files of settings as `ploy config` reads them: with their text, so that faults can be pointed at.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ploy::config::{self, Fault, StrategyConfig};

/// One file that was read.
pub(super) struct Read {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) faults: Vec<Fault>,
}

pub(super) fn strategy_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry.with_context(|| format!("read {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no strategy in {}: a file such as momentum.toml is expected", folder.display());
    }
    Ok(files)
}

pub(super) fn read_service(path: &Path) -> anyhow::Result<Read> {
    let text = text_of(path)?;
    let faults = config::service(&path.display().to_string(), &text).err().unwrap_or_default();
    Ok(Read { path: path.to_owned(), text, faults })
}

pub(super) fn read_strategy(path: &Path) -> anyhow::Result<(Read, Option<StrategyConfig>)> {
    let (text, name) = (text_of(path)?, path.display().to_string());
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let read = match stem.unwrap_or_default().parse() {
        Ok(id) => config::strategy(&name, id, &text),
        Err(invalid) => Err(vec![Fault {
            file: name,
            line: 1,
            column: 1,
            key: String::new(),
            problem: format!("the file's name gives the strategy its id, and {invalid}"),
            hint: None,
        }]),
    };
    let (config, faults) = match read {
        Ok(config) => (Some(config), Vec::new()),
        Err(faults) => (None, faults),
    };
    Ok((Read { path: path.to_owned(), text, faults }, config))
}

pub(super) fn loaded(path: &Path) -> anyhow::Result<StrategyConfig> {
    let (file, config) = read_strategy(path)?;
    config.with_context(|| format!("{} has faults:\n{}", path.display(), super::checked(&file)))
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    String::from_utf8(bytes).with_context(|| format!("{} is no UTF-8 text", path.display()))
}
