//! Where a store is: a file of the embedded database, or a database of a PostgreSQL server, which may ask for a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// Where a store is. What it shows holds no secret.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of the embedded database.
    File(PathBuf),
    /// A database of a server.
    Server(ServerUrl),
}

/// The address of a PostgreSQL database. What it shows is host and database alone.
#[derive(Clone)]
pub struct ServerUrl {
    options: Box<PgConnectOptions>,
    /// Whether the text that it was made of holds a password.
    has_password: bool,
}

/// Why a text is no address of a database. It does not repeat the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It does not begin as it must.
    #[error("an address such as postgresql://USER@HOST/DATABASE is expected")]
    Scheme,
    /// It says something that is not known.
    #[error("the address has the parameter `{0}`, which is not known")]
    Parameter(String),
    /// It names no database.
    #[error("the address names no database: postgresql://USER@HOST/DATABASE is expected")]
    Database,
    /// It cannot be read.
    #[error("the address cannot be read")]
    Unreadable(#[source] sqlx::Error),
}

/// What an address may say behind its question mark.
const PARAMETERS: [&str; 6] = ["host", "port", "user", "password", "dbname", "sslmode"];

impl ServerUrl {
    /// Tells whether the address itself holds a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.has_password
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.options).clone()
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = text.strip_prefix("postgresql://").or(text.strip_prefix("postgres://"));
        let rest = rest.ok_or(UrlError::Scheme)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let keys = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
        let mut has_password = false;
        for key in keys.filter(|key| !key.is_empty()) {
            if !PARAMETERS.contains(&key) {
                return Err(UrlError::Parameter(key.to_owned()));
            }
            has_password |= key == "password";
        }
        let user = place.split('/').next().and_then(|authority| authority.rsplit_once('@'));
        has_password |= user.is_some_and(|(user, _)| user.contains(':'));
        let options: PgConnectOptions = text.parse().map_err(UrlError::Unreadable)?;
        if options.get_database().is_none() {
            return Err(UrlError::Database);
        }
        let options = Box::new(options.disable_statement_logging());
        Ok(Self { options, has_password })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.options.get_database().unwrap_or_default();
        match self.options.get_socket() {
            Some(socket) => write!(f, "postgresql {}/{database}", socket.display()),
            None => write!(
                f,
                "postgresql {}:{}/{database}",
                self.options.get_host(),
                self.options.get_port()
            ),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => write!(f, "{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_host_and_database_and_no_secret() {
        check_url("postgresql://ploy@db.local/money", "postgresql db.local:5432/money", false);
        check_url(
            "postgres://ploy:s3cret@db.local:6000/money",
            "postgresql db.local:6000/money",
            true,
        );
        check_url("postgres://u@h/money?password=s3cret", "postgresql h:5432/money", true);
        check_url("postgresql:///money?host=/run/pg&user=ploy", "postgresql /run/pg/money", false);
    }

    /// The one place that reads an address: it shows this, and tells whether it holds a password.
    fn check_url(text: &str, shown: &str, has_password: bool) {
        let url: ServerUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(url.has_password(), has_password);
        let location = Location::Server(url);
        for said in [format!("{location:?}"), format!("{location:#?}"), location.to_string()] {
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, advice) in [
            ("mysql://u:s3cret@h/d", "postgresql://USER@HOST/DATABASE is expected"),
            ("data/s3cret.db", "postgresql://USER@HOST/DATABASE is expected"),
            ("postgresql://u:s3cret@h", "names no database"),
            ("postgresql://u:s3cret@h:port/d", "cannot be read"),
            ("postgresql://u@h/d?pasword=s3cret", "`pasword`, which is not known"),
        ] {
            let error = text.parse::<ServerUrl>().unwrap_err();
            assert!(error.to_string().contains(advice), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
