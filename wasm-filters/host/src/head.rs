//! The headers of a message, asked of the proxy once: each question costs about as much as all of them.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MapType;

/// The headers of a request or an answer, while the proxy holds them.
pub(super) struct Head {
    map: MapType,
    all: Vec<(String, Vec<u8>)>,
}

impl Head {
    pub(super) fn read(map: MapType) -> Self {
        Self { map, all: hostcalls::get_map_bytes(map).unwrap_or_default() }
    }

    /// A header's value, of several its first; `None` also for an empty one.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.all.iter().find(|(of, _)| of == name)?;
        (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
    }

    /// The names of all headers.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(name, _)| name.as_str())
    }

    /// Takes headers away: those whose names fit.
    pub(super) fn remove(&mut self, fits: impl Fn(&str) -> bool) {
        let map = self.map;
        self.all.retain(|(name, _)| {
            let goes = fits(name);
            if goes {
                let _refused = hostcalls::set_map_value_bytes(map, name, None);
            }
            !goes
        });
    }

    /// Sets a header that does not say this already.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let mut said = self.all.iter_mut().filter(|(of, _)| of == name);
        match (said.next(), said.next()) {
            (Some((_, now)), None) if now == value.as_bytes() => return,
            (Some((_, now)), None) => *now = value.as_bytes().to_vec(),
            (None, _) => self.all.push((name.to_owned(), value.as_bytes().to_vec())),
            // What the proxy makes of several is its own.
            (Some(_), Some(_)) => {}
        }
        let _refused = hostcalls::set_map_value_bytes(self.map, name, Some(value.as_bytes()));
    }
}
