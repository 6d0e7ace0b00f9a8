//! Disturbances: what the soak does to the program, one at a time, as its dice fall.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::dice::Dice;
use super::service::Service;

/// The shortest and the longest pause between two disturbances, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 900);

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    EditLive,
    EditRestart,
    EditComment,
    Break,
    Cut,
    Remove,
    Restore,
    Save50,
    Start,
    Stop,
    Restart,
    Resume,
    Pause,
    Halt,
    ResumeAll,
    Drill,
}

/// How a drill may fail here. What burns a processor for ever ends the process by design, and is not here.
const FAULTS: [&str; 5] = ["panic", "error", "hang", "grow", "spin"];

/// Each as often as it stands here.
const ALL: [Disturbance; 24] = [
    Disturbance::EditLive,
    Disturbance::EditLive,
    Disturbance::EditLive,
    Disturbance::EditRestart,
    Disturbance::EditComment,
    Disturbance::Break,
    Disturbance::Cut,
    Disturbance::Remove,
    Disturbance::Restore,
    Disturbance::Restore,
    Disturbance::Save50,
    Disturbance::Start,
    Disturbance::Start,
    Disturbance::Stop,
    Disturbance::Restart,
    Disturbance::Resume,
    Disturbance::Pause,
    Disturbance::Halt,
    Disturbance::ResumeAll,
    Disturbance::ResumeAll,
    Disturbance::Drill,
    Disturbance::Drill,
    Disturbance::Drill,
    Disturbance::Drill,
];

/// Returns the body of a wish about all.
fn wish() -> serde_json::Value {
    serde_json::json!({"actor": "soak", "reason": "soak"})
}

/// Disturbs the program.
pub(crate) struct Disturber {
    dice: Dice,
    folder: PathBuf,
    /// Every strategy's file as it was at the beginning.
    files: BTreeMap<String, String>,
    done: BTreeMap<Disturbance, u64>,
    /// How often a drill was told to fail.
    drilled: u64,
}

impl Disturber {
    pub(crate) fn new(dice: Dice, folder: PathBuf) -> Self {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let files = entries.filter_map(|entry| {
            let stem = entry.path().file_stem()?.to_str()?.to_owned();
            Some((stem, fs::read_to_string(entry.path()).ok()?))
        });
        Self { dice, files: files.collect(), folder, done: BTreeMap::new(), drilled: 0 }
    }

    /// Returns how long to wait before the next one.
    pub(crate) fn pause(&mut self) -> Duration {
        let (least, most) = PAUSE_MS;
        Duration::from_millis(least + self.dice.below(most - least))
    }

    /// Does one thing to one strategy.
    pub(crate) async fn disturb(&mut self, service: &Service) -> anyhow::Result<()> {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let name = self.dice.one_of(&names).clone();
        let what = *self.dice.one_of(&ALL);
        *self.done.entry(what).or_default() += 1;
        let original = self.files.get(&name).cloned().unwrap_or_default();
        let number = self.dice.below(20) + 5;
        let line = |key: &str, value: String| -> String {
            let with = |line: &str| match line.split(" = ").next() {
                Some(found) if found == key => format!("{key} = {value}\n"),
                Some(_) | None => format!("{line}\n"),
            };
            original.lines().map(with).collect()
        };
        match what {
            Disturbance::EditLive => self.write(&name, &line("order_burst", number.to_string()))?,
            Disturbance::EditRestart => {
                let text = original.replacen(
                    "_prefixes = [\"",
                    &format!("_prefixes = [\"x{number}-\", \""),
                    1,
                );
                self.write(&name, &text)?;
            }
            Disturbance::EditComment => self.write(&name, &format!("# {number}\n{original}"))?,
            Disturbance::Break => self.write(&name, &line("order_burst", "\"many\"".to_owned()))?,
            Disturbance::Cut => {
                let half: String = original.chars().take(original.len() / 2).collect();
                self.write(&name, &half)?;
            }
            Disturbance::Remove => drop(fs::remove_file(self.path(&name))),
            Disturbance::Restore => self.write(&name, &original)?,
            Disturbance::Save50 => {
                for save in 0..50 {
                    self.write(&name, &line("order_burst", (save + 1).to_string()))?;
                }
            }
            Disturbance::Start => drop(service.command(&name, "start").await?),
            Disturbance::Stop => drop(service.command(&name, "stop").await?),
            Disturbance::Restart => drop(service.command(&name, "restart").await?),
            Disturbance::Resume => drop(service.command(&name, "resume").await?),
            Disturbance::Pause => drop(service.command(&name, "pause").await?),
            Disturbance::Halt => drop(service.post("v1/halt", &wish()).await?),
            Disturbance::ResumeAll => drop(service.post("v1/resume", &wish()).await?),
            Disturbance::Drill => self.drill()?,
        }
        Ok(())
    }

    /// Lets a drill fail now.
    fn drill(&mut self) -> anyhow::Result<()> {
        self.drilled += 1;
        let name = *self.dice.one_of(&["drill_1", "drill_2"]);
        let fault = *self.dice.one_of(&FAULTS);
        let original = self.files.get(name).cloned().unwrap_or_default();
        let line = |line: &str| match line.split(" = ").next() {
            Some("fault") => format!("fault = \"{fault}\"\n"),
            Some("fault_number") => format!("fault_number = {}\n", self.drilled),
            Some(_) | None => format!("{line}\n"),
        };
        let text: String = original.lines().map(line).collect();
        self.write(name, &text)
    }

    /// Puts every file back as it was and lets everything run that a person has stopped.
    pub(crate) async fn mend(&self, service: &Service) -> anyhow::Result<()> {
        for (name, original) in &self.files {
            self.write(name, original)?;
        }
        // The files are read before anything is started: what has none cannot be.
        tokio::time::sleep(Duration::from_secs(3)).await;
        service.post("v1/resume", &wish()).await?;
        for name in self.files.keys() {
            service.command(name, "start").await?;
            service.command(name, "resume").await?;
        }
        Ok(())
    }

    /// Returns what was done how often.
    pub(crate) fn told(&self) -> String {
        let one = |(what, count): (&Disturbance, &u64)| format!("{what:?} {count}");
        self.done.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.toml"))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.path(name), text)?)
    }
}
