//! How the running kernel was configured, where it can be read.

use std::fs::{self, File};

use flate2::read::GzDecoder;

/// The configuration of the running kernel.
pub struct Configuration(String);

impl Configuration {
    /// The kernel's own copy (CONFIG_IKCONFIG_PROC), or the distribution's.
    pub fn read() -> Option<Self> {
        let packed = File::open("/proc/config.gz").ok().and_then(|file| std::io::read_to_string(GzDecoder::new(file)).ok());
        let beside_the_kernel = || {
            let release = nix::sys::utsname::uname().ok()?.release().to_str()?.to_owned();
            fs::read_to_string(format!("/boot/config-{release}")).ok()
        };
        packed.or_else(beside_the_kernel).map(Self)
    }

    /// `=y`, or that it is not set.
    pub fn setting(&self, option: &str) -> &str {
        let set = self.0.lines().find_map(|line| line.strip_prefix(option).filter(|rest| rest.starts_with('=')));
        set.unwrap_or(" is not set")
    }

    /// Whether an option is built in.
    pub fn has(&self, option: &str) -> bool {
        self.setting(option) == "=y"
    }
}

#[cfg(test)]
impl From<&str> for Configuration {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_found_by_its_whole_name() {
        let text = "CONFIG_XEN_GNTDEV_DMABUF=y\nCONFIG_XEN_GNTDEV=m\n# CONFIG_XEN_GRANT_DMA_ALLOC is not set\n";
        let configuration = Configuration::from(text);
        assert_eq!(configuration.setting("CONFIG_XEN_GNTDEV"), "=m");
        assert_eq!(configuration.setting("CONFIG_XEN_GRANT_DMA_ALLOC"), " is not set");
        assert!(configuration.has("CONFIG_XEN_GNTDEV_DMABUF") && !configuration.has("CONFIG_XEN_GNTDEV"));
    }
}
