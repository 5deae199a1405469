//! A sentence encoder in a folder, as its makers publish it: `config.json`, `model.safetensors`, `tokenizer.json` or
//! `vocab.txt`, and where they are there `1_Pooling/config.json`, `sentence_bert_config.json`, `tokenizer_config.json`.
//!
//! A file in the place of the folder is a list of words, from which a model is made up, to try things out without a real one.

use attache_semantic::encoder::{Encoder, Files, NotEncoded, Pooling, Vocabulary};
use attache_semantic::synthetic::{self, Shape, Words};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";
const WORDS: &str = "vocab.txt";
const POOLING: &str = "1_Pooling/config.json";
const SENTENCES: &str = "sentence_bert_config.json";
const CUTTING: &str = "tokenizer_config.json";

/// The shape of a made-up model: as small as may be.
const SHAPE: Shape = Shape { hidden: 64, layers: 1, heads: 1, wide: 1, places: 256, mixing: 0.0, seed: 20 };

/// A model that makes vectors in this process.
pub struct Model {
    encoder: Encoder,
    name: String,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("name", &self.name).field("encoder", &self.encoder).finish()
    }
}

impl Model {
    /// Reads a model; where its files are those of one that is in use, it is that one.
    ///
    /// # Errors
    /// Which file is missing or wrong, for a person.
    pub fn load(folder: &Path) -> Result<Arc<Self>, String> {
        static IN_USE: Mutex<Option<(Vec<Stamp>, Weak<Model>)>> = Mutex::new(None);
        let stamps = stamps(folder);
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, model)) = &*in_use
            && *of == stamps
            && let Some(model) = model.upgrade()
        {
            return Ok(model);
        }
        let model = Arc::new(Self::read(folder)?);
        *in_use = Some((stamps, Arc::downgrade(&model)));
        Ok(model)
    }

    fn read(path: &Path) -> Result<Self, String> {
        if path.is_file() {
            return Self::made_up(path);
        }
        let folder = Folder(path);
        let config = folder.needed(CONFIG)?;
        let weights = folder.needed(WEIGHTS)?;
        let tokenizer = folder.file(TOKENIZER)?;
        let words = if tokenizer.is_some() { None } else { folder.file(WORDS)? };
        let vocabulary = match (&tokenizer, &words) {
            (Some(file), _) => Vocabulary::Json(file),
            (None, Some(file)) => Vocabulary::Text { file, lower_case: folder.json::<Cutting>(CUTTING)?.do_lower_case },
            (None, None) => return Err(format!("{} has neither {TOKENIZER} nor {WORDS}", folder.0.display())),
        };
        let pooling = folder.file(POOLING)?.map(|file| Pooling::read(&file)).transpose();
        let pooling = pooling.map_err(|error| folder.wrong(POOLING, &error))?.unwrap_or_default();
        let window = folder.json::<Sentences>(SENTENCES)?.max_seq_length;
        let mut hash = Sha256::new();
        for part in [Some(&config), Some(&weights), tokenizer.as_ref(), words.as_ref()] {
            hash.update(part.map_or_else(|| [0; 32], |part| Sha256::digest(part).into()));
        }
        hash.update(format!("{pooling:?} {window:?}"));
        let files = Files { config: &config, weights: &weights, vocabulary, pooling, window };
        let encoder = Encoder::read(&files).map_err(|error| format!("{}: {error}", folder.0.display()))?;
        Ok(Self { encoder, name: format!("model {}", short(hash.finalize().as_slice())) })
    }

    fn made_up(path: &Path) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| format!("cannot read {} as a list of words: {error}", path.display());
        let list = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let made = synthetic::Model::of(&SHAPE, &Words::read(&list));
        let vocabulary = Vocabulary::Text { file: made.vocabulary.as_bytes(), lower_case: true };
        let (config, weights, pooling) = (made.config.as_bytes(), made.weights(), Pooling::Mean);
        let files = Files { config, weights: &weights, vocabulary, pooling, window: None };
        let encoder = Encoder::read(&files).map_err(|error| wrong(&error))?;
        Ok(Self { encoder, name: format!("made up {}", short(Sha256::digest(&list).as_slice())) })
    }

    /// A name that another model, or another version of this one, does not have.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Most tokens of a text.
    pub fn window(&self) -> usize {
        self.encoder.window()
    }

    /// The vector of a text. Takes milliseconds.
    ///
    /// # Errors
    /// Why the text has none.
    pub fn vector(&self, text: &str) -> Result<Vec<f32>, NotEncoded> {
        self.encoder.encode(text)
    }
}

fn short(hash: &[u8]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// By what a file is known to be the same as before.
type Stamp = (PathBuf, Option<(u64, SystemTime)>);

fn stamps(folder: &Path) -> Vec<Stamp> {
    let names = [CONFIG, WEIGHTS, TOKENIZER, WORDS, POOLING, SENTENCES, CUTTING];
    let paths = if folder.is_file() { vec![folder.to_owned()] } else { names.map(|name| folder.join(name)).to_vec() };
    let stamp = |path: PathBuf| {
        let path = path.canonicalize().unwrap_or(path);
        let known = std::fs::metadata(&path).and_then(|known| Ok((known.len(), known.modified()?)));
        (path, known.ok())
    };
    paths.into_iter().map(stamp).collect()
}

struct Folder<'f>(&'f Path);

impl Folder<'_> {
    fn needed(&self, name: &str) -> Result<Vec<u8>, String> {
        let missing = || {
            format!(
                "{} is not there; expected a model's folder with {CONFIG}, {WEIGHTS} and {TOKENIZER} or {WORDS}",
                self.0.join(name).display()
            )
        };
        self.file(name)?.ok_or_else(missing)
    }

    fn file(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }

    /// A file that may be missing.
    fn json<T: Default + for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, String> {
        let Some(file) = self.file(name)? else { return Ok(T::default()) };
        serde_json::from_slice(&file).map_err(|error| self.wrong(name, &error))
    }

    fn wrong(&self, name: &str, error: &dyn fmt::Display) -> String {
        format!("{}: {error}", self.0.join(name).display())
    }
}

#[derive(Default, Deserialize)]
struct Sentences {
    max_seq_length: Option<usize>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Cutting {
    do_lower_case: bool,
}

impl Default for Cutting {
    fn default() -> Self {
        Self { do_lower_case: true }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::write_model;
    use super::*;

    #[test]
    fn a_folder_is_read_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), "sky blue\n");
        let model = Model::load(folder.path()).unwrap();
        assert!(Arc::ptr_eq(&model, &Model::load(folder.path()).unwrap()));
        assert_eq!((model.vector("sky").unwrap().len(), model.window()), (48, 64));
        std::fs::write(folder.path().join(SENTENCES), r#"{"max_seq_length": 8, "other": 1}"#).unwrap();
        let narrower = Model::load(folder.path()).unwrap();
        assert_eq!(narrower.window(), 8);
        assert_ne!(narrower.name(), model.name());
        assert_eq!(narrower.vector("a sky that is far too blue for a window"), Err(NotEncoded::TooLong { most: 8 }));
    }

    #[test]
    fn a_list_of_words_is_a_model_to_try_things_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        std::fs::write(&path, "# the sky\nblue azure\nsky\n- the is [CLS] [SEP]\n").unwrap();
        let model = Model::load(&path).unwrap();
        let [one, other] = ["the sky is blue", "azure is the sky"].map(|text| model.vector(text).unwrap());
        assert!(one.iter().zip(&other).map(|(one, other)| one * other).sum::<f32>() > 0.999);
        std::fs::write(&path, "blue\n").unwrap();
        assert_ne!(Model::load(&path).unwrap().name(), model.name());
    }

    #[test]
    fn a_person_reads_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let told = |name: &str| {
            Model::load(&folder.path().join(name)).unwrap_err().replace(&*folder.path().to_string_lossy(), "M")
        };
        assert_eq!(
            told("none"),
            "M/none/config.json is not there; expected a model's folder with config.json, model.safetensors and tokenizer.json or vocab.txt"
        );
        write_model(folder.path(), "sky\n");
        std::fs::remove_file(folder.path().join(WORDS)).unwrap();
        assert_eq!(told(""), "M/ has neither tokenizer.json nor vocab.txt");
        write_model(folder.path(), "sky\n");
        std::fs::write(folder.path().join(WEIGHTS), "version https://git-lfs.github.com/spec/v1").unwrap();
        assert!(told("").starts_with("M/: the model's weights: "), "{}", told(""));
        write_model(folder.path(), "sky\n");
        std::fs::write(folder.path().join(SENTENCES), "[").unwrap();
        assert!(told("").starts_with("M/sentence_bert_config.json: "), "{}", told(""));
    }
}
