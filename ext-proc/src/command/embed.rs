//! `attache embed`: vectors of texts, and whether a model makes the right ones.

use super::{Anything, print, tell};
use crate::cache::semantic::embedder::Kind;
use crate::cache::semantic::{Embedder, Model};
use crate::config;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;

/// Print the vectors of texts, or prove a model.
///
/// A vector is printed as a line of JSON: `{"text": TEXT, "vector": [NUMBERS]}`. Such lines are golden vectors, too.
#[derive(Debug, clap::Args)]
pub struct Embed {
    #[command(flatten)]
    of: Of,
    /// Compare with golden vectors. Exit code 0 if all are the same; 3 if not.
    #[arg(long, conflicts_with = "texts")]
    check: bool,
    /// The golden vectors, one in a line. Default: `golden.jsonl` in the model's folder.
    #[arg(long, value_name = "FILE", requires = "check")]
    golden: Option<PathBuf>,
    /// The texts.
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
}

/// Who makes the vectors.
#[derive(Debug, clap::Args)]
pub struct Of {
    /// A model's folder, or a list of words from which one is made up.
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    model: Option<PathBuf>,
    /// A configuration, whose `cache.embedder` is meant. Default: attache.yaml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where golden vectors are looked for.
const GOLDEN: &str = "golden.jsonl";
/// A model that computes in numbers of 32 bits is nearer than this to one that computes in others; a wrong one is not.
const SIMILARITY_MIN: f64 = 0.9995;
/// Texts without golden vectors, for the clock.
const TEXTS: [&str; 2] = ["What is the capital of France?", "How do I reset the password of my account?"];

/// A text and its vector.
#[derive(Serialize, Deserialize)]
struct Line {
    text: String,
    vector: Vec<f32>,
}

/// A model does not make the vectors that it should.
#[derive(Debug)]
pub struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl Embed {
    pub(super) fn run(self) -> Result<(), Anything> {
        let source = Source::open(&self.of)?;
        if self.check {
            return self.prove(&source);
        }
        if self.texts.is_empty() {
            return Err("there is no text; give one, or --check".into());
        }
        for text in self.texts {
            let vector = source.vector(&text)?;
            print(&format!("{}\n", serde_json::to_string(&Line { text, vector })?))?;
        }
        Ok(())
    }

    fn prove(&self, source: &Source) -> Result<(), Anything> {
        let golden = self.golden.clone().or_else(|| self.of.folder(source).map(|folder| folder.join(GOLDEN)));
        let golden = golden.filter(|golden| self.golden.is_some() || golden.exists());
        let lines = golden.as_deref().map(read).transpose()?;
        let texts: Vec<&str> =
            lines.as_ref().map_or(TEXTS.to_vec(), |lines| lines.iter().map(|line| line.text.as_str()).collect());
        // The first one also pays for what is only done once.
        source.vector(TEXTS.first().copied().unwrap_or_default())?;
        let begun = Instant::now();
        let vectors = texts.iter().map(|text| source.vector(text)).collect::<Result<Vec<_>, _>>()?;
        let ms = begun.elapsed().as_secs_f64() * 1000.0 / vectors.len().max(1) as f64;
        let mut told = source.told();
        let _written = writeln!(told, "dimensions  {}", vectors.first().map_or(0, Vec::len));
        let _written = writeln!(told, "time        {ms:.1} ms per text");
        let Some(lines) = lines else {
            let _written =
                writeln!(told, "golden      none: there is no {GOLDEN}, so nothing says whether these are right");
            return print(&told);
        };
        let mut least: f64 = 1.0;
        for (line, vector) in lines.iter().zip(&vectors) {
            let similarity = similarity(&line.vector, vector);
            least = least.min(similarity);
            if similarity < SIMILARITY_MIN {
                tell(&format!("`{}`: similarity {similarity:.4} to its golden vector", line.text.escape_debug()));
            }
        }
        let _written =
            writeln!(told, "golden      {} vectors, the farthest at a similarity of {least:.6}", lines.len());
        print(&told)?;
        if least < SIMILARITY_MIN {
            return Err(Wrong("this model does not make the golden vectors: hits would be random".to_owned()).into());
        }
        Ok(())
    }
}

impl Of {
    /// The folder of the model, where it has one.
    fn folder(&self, source: &Source) -> Option<PathBuf> {
        self.model.clone().or_else(|| source.folder.clone())
    }
}

/// Who makes vectors for a command.
#[derive(Debug)]
pub struct Source {
    of: SourceOf,
    folder: Option<PathBuf>,
}

#[derive(Debug)]
enum SourceOf {
    Model(Arc<Model>),
    Configured(Arc<Embedder>, Runtime),
}

impl Source {
    /// The model of a folder, or a configuration's embedder.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn open(of: &Of) -> Result<Self, Anything> {
        if let Some(folder) = &of.model {
            return Ok(Self { of: SourceOf::Model(Model::load(folder)?), folder: Some(folder.clone()) });
        }
        let path = of.config.as_deref().unwrap_or(Path::new("attache.yaml"));
        let config = config::load(path)?;
        let folder = config.written.cache.as_ref().and_then(|cache| cache.embedder.as_ref()?.path.clone());
        let embedder = config.cache.and_then(|rules| rules.embedder);
        let embedder = embedder.ok_or_else(|| format!("{} has no `cache.embedder`", path.display()))?;
        let of = match &embedder.kind {
            Kind::InProcess(model) => SourceOf::Model(model.clone()),
            Kind::Remote(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                SourceOf::Configured(embedder, runtime)
            }
        };
        Ok(Self { of, folder: folder.map(PathBuf::from) })
    }

    /// The vector of a text.
    ///
    /// # Errors
    /// Why there is none.
    pub fn vector(&self, text: &str) -> Result<Vec<f32>, String> {
        match &self.of {
            SourceOf::Model(model) => model.vector(text).map_err(|error| error.to_string()),
            SourceOf::Configured(embedder, runtime) => {
                let made = runtime.block_on(embedder.look(text, |_| ()));
                made.map(|made| made.vector.to_vec()).map_err(|why| format!("no vector: {}", why.as_str()))
            }
        }
    }

    fn told(&self) -> String {
        match &self.of {
            SourceOf::Model(model) => format!("model       {}\nwindow      {} tokens\n", model.name(), model.window()),
            SourceOf::Configured(embedder, _) => format!("model       {}\n", embedder.name()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<Line>, Anything> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(i, line)| {
        let line: Result<Line, _> = serde_json::from_str(line);
        line.map_err(|error| format!("{}, line {}: {error}", path.display(), i + 1))
    });
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() {
        return Err(format!("{} has no vectors", path.display()).into());
    }
    Ok(lines)
}

fn similarity(one: &[f32], other: &[f32]) -> f64 {
    if one.len() != other.len() {
        return 0.0;
    }
    let product = |one: &[f32], other: &[f32]| {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum::<f64>()
    };
    product(one, other) / (product(one, one) * product(other, other)).sqrt().max(f64::MIN_POSITIVE)
}
