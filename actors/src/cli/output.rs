//! Answers go to standard output, talk to standard error; a reader that left is no failure.

use std::io::{self, Write};

/// Whether somebody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Yes.
    There,
    /// The other end of the pipe is closed, as by `head`.
    Gone,
}

/// Writes an answer.
pub(super) fn answer(text: &str) -> io::Result<Reader> {
    write(&mut io::stdout().lock(), text)
}

/// Writes talk.
pub(super) fn talk(text: &str) {
    // Where even this cannot be written, nobody is left to be told.
    write(&mut io::stderr().lock(), text).ok();
}

fn write(to: &mut impl Write, text: &str) -> io::Result<Reader> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(to, "{text}{end}").and_then(|()| to.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let gone = write(&mut Closed(io::ErrorKind::BrokenPipe), "a").unwrap();
        assert_eq!(gone, Reader::Gone);
        let full = write(&mut Closed(io::ErrorKind::StorageFull), "a");
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn an_answer_ends_with_one_line_break() {
        for text in ["a", "a\n"] {
            let mut bytes = Vec::new();
            assert_eq!(write(&mut bytes, text).unwrap(), Reader::There);
            assert_eq!(bytes, b"a\n");
        }
    }
}
