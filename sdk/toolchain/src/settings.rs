//! Where the build step keeps things.

use std::env;
use std::path::PathBuf;

use crate::{BuildError, Route};

/// Where the build step keeps things, and whether it may choose its compiler.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What outlives a checkout: the unpacked compiler, what rustup answered, the shared target folder.
    pub cache: PathBuf,
    /// The guests' target folder; `None` for the shared one in the cache.
    pub target: Option<PathBuf>,
    /// The only route to try; `None` for all in order. For tests of one route.
    pub route: Option<Route>,
}

impl Settings {
    /// From `SLUICE_CACHE`, else `XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`; `SLUICE_GUEST_TARGET`; and
    /// `SLUICE_TOOLCHAIN` (`installed`, `rustup` or `debian`).
    ///
    /// # Errors
    /// Where no cache folder can be named, or `SLUICE_TOOLCHAIN` is none of the three.
    pub fn from_env() -> Result<Self, BuildError> {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = path("SLUICE_CACHE")
            .or_else(|| path("XDG_CACHE_HOME").map(|base| base.join("sluice")))
            .or_else(|| path("HOME").map(|home| home.join(".cache").join("sluice")))
            .ok_or_else(|| BuildError::Scaffold("set SLUICE_CACHE: there is no home folder".into()))?;
        let route = match env::var("SLUICE_TOOLCHAIN").ok().filter(|value| !value.is_empty()) {
            None => None,
            Some(name) => Some(Route::from_name(&name).ok_or_else(|| {
                BuildError::Scaffold(format!("SLUICE_TOOLCHAIN is installed, rustup or debian, not {name}"))
            })?),
        };
        Ok(Self { cache, target: path("SLUICE_GUEST_TARGET"), route })
    }

    pub(crate) fn toolchain(&self) -> PathBuf {
        self.cache.join("guest-toolchain")
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.target.clone().unwrap_or_else(|| self.cache.join("guest-target"))
    }
}
