//! The reader: a tape as a stream of events.

use std::path::Path;

use ploy::event::MarketEvent;
use ploy::tape::{Decoder, Fault, Header, Item};

use super::TapeError;
use super::lines::Lines;

/// A tape that is being read. As an iterator it ends after the last event, or after the first fault.
#[derive(Debug)]
pub struct Tape {
    lines: Lines,
    decoder: Decoder,
    header: Header,
    events: u64,
    is_over: bool,
}

/// Opens a tape, gzip or plain, and reads its header.
///
/// # Errors
/// When there is no such file, it cannot be read, it is no tape, or one of a version that is not read.
pub fn open(path: &Path) -> Result<Tape, TapeError> {
    let mut lines = Lines::open(path)?;
    let mut decoder = Decoder::default();
    let header = match lines.next_line()? {
        Some(line) => decoder.header(line.text),
        None => Err(Fault::NoHeader("the file is empty".to_owned())),
    };
    let header = header.map_err(|fault| TapeError::Fault { path: path.to_owned(), fault })?;
    Ok(Tape { lines, decoder, header, events: 0, is_over: false })
}

impl Tape {
    /// Returns what the tape says about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns how many events were read so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Returns the next event, or nothing at the end. After a fault there is nothing more.
    ///
    /// # Errors
    /// When the tape breaks a rule of the format here, is damaged, or was cut off.
    pub fn next_event(&mut self) -> Result<Option<MarketEvent>, TapeError> {
        if self.is_over {
            return Ok(None);
        }
        let event = self.read_event();
        self.is_over = !matches!(event, Ok(Some(_)));
        event
    }

    fn read_event(&mut self) -> Result<Option<MarketEvent>, TapeError> {
        // The closing line is not the last read: the file must end there too, and its check sum be right.
        while let Some(line) = self.lines.next_line()? {
            let (number, is_open) = (line.number, line.is_open);
            match self.decoder.line(line.text) {
                Ok(Item::Event(event)) => {
                    self.events += 1;
                    return Ok(Some(event));
                }
                Ok(Item::End { .. }) => {}
                Err(Fault::Line { .. }) if is_open => {
                    return Err(self.fault(Fault::CutOff { line: number - 1 }));
                }
                Err(fault) => return Err(self.fault(fault)),
            }
        }
        match self.decoder.finish() {
            Ok(()) => Ok(None),
            Err(fault) => Err(self.fault(fault)),
        }
    }

    fn fault(&self, fault: Fault) -> TapeError {
        TapeError::Fault { path: self.lines.path().to_owned(), fault }
    }

    /// Returns how many bytes the buffer of the lines takes now.
    #[cfg(test)]
    pub(super) const fn buffer_bytes(&self) -> usize {
        self.lines.buffer_bytes()
    }
}

impl Iterator for Tape {
    type Item = Result<MarketEvent, TapeError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}
