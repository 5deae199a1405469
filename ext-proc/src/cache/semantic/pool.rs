//! Threads for what takes milliseconds, so that no exchange waits for another's: vectors of texts, searches.
//!
//! Work that finds the queue full is refused at once: a lookup that is late is worth less than none.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// There is no room for more work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A few threads and a queue. They begin with the first work, and end with the pool.
pub struct Pool {
    threads: usize,
    queue: usize,
    inbox: OnceLock<SyncSender<Job>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads).field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Pool {
    /// So many threads, with so much work waiting at most.
    pub fn new(threads: usize, queue: usize) -> Self {
        Self { threads, queue, inbox: OnceLock::new() }
    }

    /// Has work done. What it comes to is not sent where nobody waits for it any more; then it is not even begun.
    ///
    /// # Errors
    /// When too much work is waiting.
    pub fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Full> {
        let (tell, told) = oneshot::channel();
        let job = move || {
            if !tell.is_closed() {
                // Nobody may be waiting any more.
                let _told = tell.send(work());
            }
        };
        self.do_it(job)?;
        Ok(told)
    }

    /// Has work done of which nobody waits for anything.
    ///
    /// # Errors
    /// When too much work is waiting.
    pub fn do_it(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.inbox.get_or_init(|| self.start()).try_send(Box::new(work)).map_err(|_| Full)
    }

    fn start(&self) -> SyncSender<Job> {
        let (inbox, jobs) = sync_channel(self.queue.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..self.threads.max(1) {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new().name(format!("semantic-{number}"));
            if let Err(error) = thread.spawn(move || serve(&jobs)) {
                tracing::error!(%error, "no thread for semantic lookups");
            }
        }
        inbox
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // One text must not take the thread away from all others.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a semantic lookup ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_or_refused() {
        let pool = Pool::new(1, 2);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let first = pool.work(move || {
            begun.send(()).unwrap();
            wait.recv().unwrap();
            1
        });
        begins.await.unwrap();
        let (second, gone) = (pool.work(|| 2).unwrap(), pool.work(|| panic!("nobody waits for it")).unwrap());
        assert_eq!(pool.work(|| 4).unwrap_err(), Full);
        drop(gone);
        go.send(()).unwrap();
        assert_eq!((first.unwrap().await, second.await), (Ok(1), Ok(2)));
        let bad = pool.work(|| -> u8 { panic!("a bad text") }).unwrap();
        assert!(bad.await.is_err());
        assert_eq!(pool.work(|| 5).unwrap().await, Ok(5));
    }
}
