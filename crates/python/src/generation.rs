//! Where workers come from: one state of the component's code.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::component::{ComponentConfig, WorkerConfig, WorkerStart};
use crate::control::Control;
use crate::error::StartError;
use crate::frame::Kind;
use crate::lock::lock;
use crate::orphans;
use crate::template::{Started, Template};
use crate::worker::{Starting, Worker};

/// The first pause before a lost template is made anew; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Workers of one state of the component's code: they are forked from one process that has
/// constructed the component, its template, or each constructs it itself.
///
/// All pools of a server share it; a reload gives them another one, for the code as it is then.
/// Cloning gives another handle to the same. When the last one is dropped, the template is killed;
/// [`Generation::stop`] lets it end.
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
    /// What makes a lost template anew, and takes the status of orphans.
    tasks: Mutex<Vec<AbortHandle>>,
}

enum Source {
    /// There is no template yet, or none any more.
    None,
    Template(Arc<Template>),
    /// Workers construct the component themselves.
    Themselves,
    /// It has been stopped.
    Stopped,
}

/// What the next worker comes from.
enum Next {
    Fork(Arc<Template>),
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
                tasks: Mutex::default(),
            }),
        }
    }

    /// The same component, with the code as it is from now on.
    #[must_use]
    pub fn next(&self) -> Self {
        Self::new(self.inner.config.clone())
    }

    pub(crate) fn config(&self) -> &ComponentConfig {
        &self.inner.config
    }

    /// Where the component listens at a port of its own, ends the template, so that that of another
    /// generation can bind the port. It is made anew when a worker is to be started.
    pub async fn release_port(&self) {
        let mut source = self.inner.source.lock().await;
        match std::mem::replace(&mut *source, Source::None) {
            Source::Template(template) if template.constructed.listens => {
                tracing::info!("the component listens at a port of its own, which is released");
                self.inner.abort_tasks();
                template.end().await;
            }
            other => *source = other,
        }
    }

    /// Makes the template anew where there is none any more.
    pub async fn restore(&self) {
        if let Err(error) = self.inner.next().await {
            tracing::error!("the template of the workers is not made anew: {error}");
        }
    }

    /// Ends the template, in its own way if it does so in time. No worker can be started any more.
    pub async fn stop(&self) {
        let source = std::mem::replace(&mut *self.inner.source.lock().await, Source::Stopped);
        self.inner.abort_tasks();
        if let Source::Template(template) = source {
            template.end().await;
        }
    }

    /// A worker of this slot, which has loaded the component.
    pub(crate) async fn start_worker(
        &self,
        worker: &WorkerConfig,
        slot: usize,
    ) -> Result<Worker, StartError> {
        let starting = self.start(worker, slot).await?;
        starting.into_worker(self.config(), worker, slot).await
    }

    /// A process for a worker of this slot; it has constructed the component.
    pub(crate) async fn start(
        &self,
        worker: &WorkerConfig,
        slot: usize,
    ) -> Result<Starting, StartError> {
        let mut has_failed = false;
        loop {
            match self.inner.next().await? {
                Next::Fork(template) => match self.inner.fork(&template, slot).await {
                    // One that does not come to it is of no use any more.
                    Err(error @ StartError::Silent { .. }) => {
                        template.process.kill();
                        return Err(error);
                    }
                    Err(StartError::Fork(error)) if self.inner.may_give_forking_up() => {
                        self.inner.give_forking_up(&error).await;
                    }
                    Err(error) if has_failed || !template.process.has_ended() => return Err(error),
                    // One that ends at this moment is made anew.
                    Err(_) => {
                        has_failed = true;
                        self.inner.forget(&template).await;
                    }
                    forked => return forked,
                },
                Next::This(template) => return Ok(Starting::from(*template)),
                Next::Itself => return self.inner.start_itself(worker, slot).await,
            }
        }
    }
}

impl Inner {
    async fn next(self: &Arc<Self>) -> Result<Next, StartError> {
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
        let started = Started::start(&self.config, None).await?;
        let template = started.construct(&self.config, true, None).await?;
        let forks = self.config.start == WorkerStart::Fork;
        match &template.constructed.obstacle {
            Some(obstacle) if !forks => {
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
        if !template.constructed.threads.is_empty() {
            tracing::warn!(
                "threads that the component has started do not live in workers ({}): start them \
                 in load(), or set --worker-start to spawn",
                template.constructed.threads.join(", ")
            );
        }
        let template = Arc::new(template);
        self.keep(&template);
        *source = Source::Template(Arc::clone(&template));
        Ok(Next::Fork(template))
    }

    fn may_fork(&self) -> bool {
        if self.config.start == WorkerStart::Spawn || !cfg!(target_os = "linux") {
            return false;
        }
        match orphans::adopt() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    "workers are not forked from one process, so each constructs the component: \
                     the system does not give this process the children of others: {error}"
                );
                false
            }
        }
    }

    async fn fork(&self, template: &Template, slot: usize) -> Result<Starting, StartError> {
        let (control, process) = template.fork(&self.config, slot).await?;
        self.has_forked.store(true, Ordering::Relaxed);
        if template.constructed.listens {
            let mut listening = lock(&self.listening);
            listening.retain(|control| control.strong_count() > 0);
            listening.push(Arc::downgrade(&control));
        }
        Ok(Starting::new(
            control,
            process,
            template.interpreter.clone(),
            None,
        ))
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
        tracing::warn!("each worker constructs the component, since none can be forked: {error}");
        self.abort_tasks();
        *self.source.lock().await = Source::Themselves;
    }

    /// Forgets a template that has ended, unless there is another one already.
    async fn forget(&self, lost: &Arc<Template>) {
        let mut source = self.source.lock().await;
        if matches!(&*source, Source::Template(template) if Arc::ptr_eq(template, lost)) {
            *source = Source::None;
        }
    }

    /// Makes the template anew when it ends, as long as there is this generation.
    fn keep(self: &Arc<Self>, template: &Arc<Template>) {
        let ended = template.process.ended();
        let (generation, lost) = (Arc::downgrade(self), Arc::downgrade(template));
        let supervisor = tokio::spawn(async move {
            let status = ended.await;
            if let (Some(generation), Some(lost)) = (generation.upgrade(), lost.upgrade()) {
                let status = status.map_or_else(|error| error.to_string(), |it| it.to_string());
                tracing::error!("the template of the workers is lost ({status}); workers go on");
                generation.forget(&lost).await;
                generation.release_port(&lost).await;
            }
            make_anew(&generation).await;
        });
        let reaper = tokio::spawn(async {
            if let Err(error) = orphans::reap().await {
                tracing::warn!("processes that workers leave behind stay zombies: {error}");
            }
        });
        self.abort_tasks();
        lock(&self.tasks).extend([supervisor.abort_handle(), reaper.abort_handle()]);
    }

    /// Frees the port at which the component has listened in a template that is gone: forked
    /// workers have it open, too, although none of them takes its connections.
    async fn release_port(&self, lost: &Template) {
        if !lost.constructed.listens {
            return;
        }
        let workers: Vec<_> = lock(&self.listening)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for control in workers {
            // One that has ended has it open no more.
            let _ = control.send(Kind::Release, b"").await;
        }
    }

    fn abort_tasks(&self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

/// Makes a template, and tries until there is one or the generation is gone.
async fn make_anew(generation: &Weak<Inner>) {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        let Some(inner) = generation.upgrade() else {
            return;
        };
        match inner.next().await {
            Ok(_) | Err(StartError::Stopped) => return,
            Err(error) => tracing::error!("the template of the workers is not made anew: {error}"),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abort_tasks();
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}
