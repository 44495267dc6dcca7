//! Password hashes: Argon2id, off the async threads, a bounded number at a time.

use std::{sync::Arc, thread::available_parallelism};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use super::AccountError;
use crate::metrics::{self, Timed};

/// The longest password; what is longer is refused before anything is computed.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// How many requests may wait for a hash.
const MAX_WAITING: usize = 64;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// As OWASP advises for Argon2id: 19 MiB, two passes.
    Interactive,
    /// The least that the algorithm allows, for tests only.
    Test,
}

impl Cost {
    fn params(self) -> Params {
        let (memory_kib, passes) = match self {
            Self::Interactive => (19 * 1_024, 2),
            Self::Test => (Params::MIN_M_COST, 1),
        };
        Params::new(memory_kib, passes, 1, None).expect("constants within the algorithm's bounds")
    }
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    cost: Cost,
    /// Checked where there is no hash to check, so that an unknown user costs the time that a wrong password costs.
    decoy: Arc<str>,
    waiting: Semaphore,
    running: Semaphore,
    seconds: Timed,
}

impl Passwords {
    pub(super) fn new(cost: Cost) -> Self {
        let decoy = hash(cost, "decoy").expect("hashing a constant").into();
        let running = Semaphore::new(available_parallelism().map_or(1, usize::from));
        let waiting = Semaphore::new(MAX_WAITING);
        Self { cost, decoy, waiting, running, seconds: metrics::password_hash() }
    }

    /// The hash of a new password in PHC format.
    pub(super) async fn hash(&self, password: &str) -> Result<String, AccountError> {
        if password.is_empty() {
            return Err(AccountError::WeakPassword("The password is empty"));
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(AccountError::PasswordTooLong);
        }
        let (cost, password) = (self.cost, password.to_owned());
        self.compute(move || hash(cost, &password)).await?
    }

    /// Whether `password` is the one behind `hash`. Takes as long without a hash as with one.
    pub(super) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, AccountError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let against: Arc<str> = hash.map_or_else(|| Arc::clone(&self.decoy), Into::into);
        let password = password.to_owned();
        let matches = self.compute(move || matches(&password, &against)).await??;
        Ok(matches && hash.is_some())
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self.waiting.try_acquire().map_err(|_| AccountError::Busy)?;
        let _turn = self.running.acquire().await.map_err(|_| AccountError::Busy)?;
        let seconds = self.seconds.clone();
        let timed = move || {
            let _timer = seconds.start();
            work()
        };
        tokio::task::spawn_blocking(timed).await.map_err(|panic| AccountError::Internal(panic.to_string()))
    }
}

fn hash(cost: Cost, password: &str) -> Result<String, AccountError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
    let hash: PasswordHash = argon2.hash_password(password.as_bytes()).map_err(|error| internal(&error))?;
    Ok(hash.to_string())
}

fn matches(password: &str, hash: &str) -> Result<bool, AccountError> {
    let hash = PasswordHash::new(hash).map_err(|error| internal(&error))?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

fn internal(error: &impl ToString) -> AccountError {
    AccountError::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_fits_its_hash() {
        let passwords = Passwords::new(Cost::Test);
        let hash = passwords.hash("übers3kr1t").await.unwrap();

        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("übers3kr1t", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("ubers3kr1t", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("decoy", None).await.unwrap());
    }

    #[tokio::test]
    async fn empty_and_endless_passwords_are_refused() {
        let passwords = Passwords::new(Cost::Test);

        assert!(matches!(passwords.hash("").await, Err(AccountError::WeakPassword(_))));
        assert!(matches!(passwords.hash(&"a".repeat(1_025)).await, Err(AccountError::PasswordTooLong)));
        assert!(!passwords.verify(&"a".repeat(1 << 20), None).await.unwrap());
    }

    #[test]
    fn the_interactive_cost_is_what_owasp_advises() {
        let hash = hash(Cost::Interactive, "password").unwrap();

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}
