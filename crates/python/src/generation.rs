//! Where workers come from: one state of the component's code.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::component::{ComponentConfig, WorkerConfig, WorkerStart};
use crate::control::Control;
use crate::error::StartError;
use crate::frame::Kind;
use crate::lock::lock;
use crate::orphans;
use crate::template::{ForkServer, Started, Template};
use crate::worker::{Starting, Worker};

/// The first pause before a lost template is made anew; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A template that has been there for so long does not count as a failure in a row.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Workers of one state of the component's code: they are forked from one process that has
/// constructed the component, its template, or each constructs it itself.
///
/// All pools of a server share it; a reload gives them another one, for the code as it is then.
/// Cloning gives another handle to the same. The template ends when neither a handle nor a worker
/// is left; [`Generation::stop`] ends it in any case.
#[derive(Clone)]
pub struct Generation {
    inner: Arc<Inner>,
}

struct Inner {
    config: ComponentConfig,
    /// Locked while a template is made.
    source: tokio::sync::Mutex<Source>,
    /// Forking has been seen to work here.
    has_forked: AtomicBool,
    /// Locked while a worker that is no fork constructs the component.
    constructing: tokio::sync::Mutex<()>,
    /// The control sockets of workers, while the component listens at a port of its own.
    listening: Mutex<Vec<Weak<Control>>>,
    /// There is another template although the one before has not ended.
    replaced: Arc<Notify>,
    /// What makes a lost template anew, from the first one on.
    supervisor: Mutex<Option<AbortHandle>>,
    /// What takes the status of orphans.
    reaper: Mutex<Option<AbortHandle>>,
}

enum Source {
    /// There is no template yet, or none any more.
    None,
    Template(Arc<ForkServer>),
    /// Workers construct the component themselves.
    Themselves,
    /// It has been stopped.
    Stopped,
}

/// What the next worker comes from.
enum Next {
    Fork(Arc<ForkServer>),
    /// From this very process, which may not be forked.
    This(Box<Template>),
    Itself,
}

impl Generation {
    /// The component's code as it is when the first worker is started.
    #[must_use]
    pub fn new(config: ComponentConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
                source: tokio::sync::Mutex::new(Source::None),
                has_forked: AtomicBool::new(false),
                constructing: tokio::sync::Mutex::default(),
                listening: Mutex::default(),
                replaced: Arc::default(),
                supervisor: Mutex::default(),
                reaper: Mutex::default(),
            }),
        }
    }

    /// The same component, with the code as it is from now on.
    #[must_use]
    pub fn next(&self) -> Self {
        Self::new(self.inner.config.clone())
    }

    /// Whether both are handles to the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn config(&self) -> &ComponentConfig {
        &self.inner.config
    }

    /// Where the component listens at a port of its own, closes that, so that the template of
    /// another generation can bind it. Workers are forked as before.
    pub async fn release_port(&self) {
        if let Source::Template(template) = &*self.inner.source.lock().await
            && template.constructed.listens
        {
            tracing::info!("the component listens at a port of its own, which is released");
            template.release_port().await;
        }
    }

    /// After [`Generation::release_port`], has another template listen there.
    pub async fn restore_port(&self) {
        let listens = |source: &Source| match source {
            Source::Template(template) => template.constructed.listens,
            _ => false,
        };
        if !listens(&*self.inner.source.lock().await) {
            return;
        }
        // Not under the lock: it may hang, and workers are forked from the other one meanwhile.
        match self.inner.make_template().await {
            Ok(template) => {
                let mut source = self.inner.source.lock().await;
                if listens(&source) {
                    *source = Source::Template(Arc::new(ForkServer::new(template)));
                    self.inner.replaced.notify_one();
                }
            }
            Err(error) => tracing::error!("the component's own port stays closed: {error}"),
        }
    }

    /// Ends the template, in its own way if it does so in time. No worker can be started any more,
    /// and none is left.
    pub async fn stop(&self) {
        // It may be making a template.
        self.inner.abort_supervisor();
        let source = std::mem::replace(&mut *self.inner.source.lock().await, Source::Stopped);
        self.inner.abort_supervisor();
        if let Source::Template(template) = source {
            template.end().await;
        }
    }

    /// Has a template made anew whenever it has ended, as long as there is this generation.
    fn supervise(&self) {
        lock(&self.inner.supervisor).get_or_insert_with(|| {
            let replaced = Arc::clone(&self.inner.replaced);
            tokio::spawn(supervise(Arc::downgrade(&self.inner), replaced)).abort_handle()
        });
    }

    /// A worker of this slot, which has loaded the component.
    pub(crate) async fn start_worker(
        &self,
        worker: &WorkerConfig,
        slot: usize,
    ) -> Result<Worker, StartError> {
        let start = async {
            let starting = self.start(worker, slot).await?;
            starting.into_worker(self.config(), worker, slot).await
        };
        within(self.config().start_timeout, start).await
    }

    /// A process for a worker of this slot; it has constructed the component.
    pub(crate) async fn start(
        &self,
        worker: &WorkerConfig,
        slot: usize,
    ) -> Result<Starting, StartError> {
        let mut is_second = false;
        loop {
            let template = match self.inner.next().await? {
                Next::Fork(template) => template,
                Next::This(template) => return Ok(Starting::from(*template)),
                Next::Itself => return self.inner.start_itself(worker, slot).await,
            };
            self.supervise();
            match self.inner.fork(&template, slot).await {
                // One that ends at this moment is made anew.
                Err(StartError::Socket(_)) if !is_second && template.ends().await => {
                    is_second = true;
                    self.inner.forget(&template).await;
                }
                Err(StartError::Fork(error)) if self.inner.may_give_forking_up() => {
                    self.inner.give_forking_up(&error).await;
                }
                Err(error @ StartError::Fork(_)) => {
                    // Another one may do better, and this one's workers go on.
                    template.process.kill();
                    return Err(error);
                }
                forked => return forked,
            }
        }
    }
}

impl Inner {
    async fn next(&self) -> Result<Next, StartError> {
        let mut source = self.source.lock().await;
        match &*source {
            Source::Template(template) => return Ok(Next::Fork(Arc::clone(template))),
            Source::Themselves => return Ok(Next::Itself),
            Source::Stopped => return Err(StartError::Stopped),
            Source::None => {}
        }
        if !self.may_fork() {
            *source = Source::Themselves;
            return Ok(Next::Itself);
        }
        let template = self.make_template().await?;
        match &template.constructed.obstacle {
            Some(obstacle) if self.config.start != WorkerStart::Fork => {
                tracing::info!(
                    "workers are not forked from one process, so each constructs the component: \
                     {obstacle} (--worker-start, STREELING_WORKER_START)"
                );
                *source = Source::Themselves;
                return Ok(Next::This(Box::new(template)));
            }
            Some(obstacle) => tracing::warn!(
                "workers are forked, since --worker-start is fork, and may hang: {obstacle}"
            ),
            None => {}
        }
        tracing::info!(
            pid = template.process.id(),
            "component constructed in {:.3} s; workers are forked from this process",
            template.constructed.time().as_secs_f64()
        );
        warn_of_threads(&template.constructed.threads);
        let template = Arc::new(ForkServer::new(template));
        *source = Source::Template(Arc::clone(&template));
        Ok(Next::Fork(template))
    }

    async fn make_template(&self) -> Result<Template, StartError> {
        let make = async {
            let started = Started::start(&self.config, None).await?;
            started.construct(&self.config, true, None).await
        };
        within(self.config.start_timeout, make).await
    }

    fn may_fork(&self) -> bool {
        if self.config.start == WorkerStart::Spawn || !cfg!(target_os = "linux") {
            return false;
        }
        match orphans::adopt() {
            Ok(()) => {
                self.reap_orphans();
                true
            }
            Err(error) => {
                tracing::warn!(
                    "workers are not forked from one process, so each constructs the component: \
                     the system does not give this process the children of others: {error}"
                );
                false
            }
        }
    }

    /// Takes the status of processes that workers leave behind, from the first call on.
    fn reap_orphans(&self) {
        lock(&self.reaper).get_or_insert_with(|| {
            let reap = async {
                if let Err(error) = orphans::reap().await {
                    tracing::warn!("processes that workers leave behind stay zombies: {error}");
                }
            };
            tokio::spawn(reap).abort_handle()
        });
    }

    async fn fork(&self, template: &Arc<ForkServer>, slot: usize) -> Result<Starting, StartError> {
        let (control, process) = template.fork(&self.config, slot).await?;
        self.has_forked.store(true, Ordering::Relaxed);
        if template.constructed.listens {
            let mut listening = lock(&self.listening);
            listening.retain(|control| control.strong_count() > 0);
            listening.push(Arc::downgrade(&control));
        }
        Ok(Starting::forked(template, control, process))
    }

    async fn start_itself(
        &self,
        worker: &WorkerConfig,
        slot: usize,
    ) -> Result<Starting, StartError> {
        let started = Started::start(&self.config, Some((worker, slot))).await?;
        // Constructors that fetch the model to one place, or use a lot of memory for a while, are
        // not to run at the same time.
        let _alone = self.constructing.lock().await;
        let constructed = started.construct(&self.config, false, Some(slot)).await?;
        Ok(Starting::from(constructed))
    }

    /// Whether forking may not be possible at all, and need not be.
    fn may_give_forking_up(&self) -> bool {
        self.config.start == WorkerStart::Auto && !self.has_forked.load(Ordering::Relaxed)
    }

    async fn give_forking_up(&self, error: &str) {
        let mut source = self.source.lock().await;
        if matches!(&*source, Source::Template(_)) {
            tracing::warn!(
                "each worker constructs the component, since none can be forked: {error}"
            );
            *source = Source::Themselves;
        }
    }

    /// Forgets a template that has ended, unless there is another one already.
    async fn forget(&self, lost: &Arc<ForkServer>) {
        let mut source = self.source.lock().await;
        if matches!(&*source, Source::Template(template) if Arc::ptr_eq(template, lost)) {
            *source = Source::None;
        }
    }

    async fn on_lost(&self, lost: &Weak<ForkServer>, status: io::Result<ExitStatus>) {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!("the template of the workers is lost ({status}); workers go on");
        if let Some(lost) = lost.upgrade() {
            self.forget(&lost).await;
        }
        self.release_port().await;
    }

    /// Frees the port at which the component has listened in a template that is gone: forked
    /// workers have it open, too, although none of them takes its connections.
    async fn release_port(&self) {
        let workers: Vec<_> = lock(&self.listening)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for control in workers {
            // One that has ended has it open no more.
            let _ = control.send(Kind::Release, b"").await;
        }
    }

    fn abort_supervisor(&self) {
        abort(&self.supervisor);
    }
}

fn warn_of_threads(names: &[String]) {
    /// Threads that a line of the log names.
    const NAMED: usize = 4;

    if names.is_empty() {
        return;
    }
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    tracing::warn!(
        "threads that the component has started do not live in workers ({}{more}): start them in \
         load(), or set --worker-start to spawn",
        names[..names.len().min(NAMED)].join(", ")
    );
}

async fn supervise(generation: Weak<Inner>, replaced: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    while let Some(inner) = generation.upgrade() {
        let next = inner.next().await;
        drop(inner);
        match next {
            Ok(Next::Fork(template)) => {
                let (ended, since) = (template.process.ended(), Instant::now());
                // It ends when nothing else has it.
                let template = Arc::downgrade(&template);
                let status = tokio::select! {
                    status = ended => status,
                    () = replaced.notified() => continue,
                };
                if let Some(inner) = generation.upgrade() {
                    inner.on_lost(&template, status).await;
                }
                if since.elapsed() >= STABLE_AFTER {
                    pause = FIRST_PAUSE;
                }
            }
            Ok(Next::This(_) | Next::Itself) | Err(StartError::Stopped) => return,
            Err(error) => {
                tracing::error!("the template of the workers is not made anew: {error}");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Bounds a start.
async fn within<T>(
    timeout: Option<Duration>,
    start: impl Future<Output = Result<T, StartError>>,
) -> Result<T, StartError> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, start)
            .await
            .unwrap_or(Err(StartError::Hung { timeout })),
        None => start.await,
    }
}

fn abort(task: &Mutex<Option<AbortHandle>>) {
    if let Some(task) = &*lock(task) {
        task.abort();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abort_supervisor();
        abort(&self.reaper);
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}
