//! A loaded plugin, of either kind.

use std::path::Path;
use std::sync::Arc;

use crate::error::HarnessError;
use crate::filter::Filter;
use crate::filter_plugin::FilterPlugin;
use crate::output::Output;
use crate::proxy::ProxyPlugin;

/// A plugin that a [`Host`](crate::Host) loaded. Dropping it neither exits nor unloads it.
#[derive(Debug)]
pub struct Plugin {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Proxy(Arc<ProxyPlugin>),
    Filter(Arc<FilterPlugin>),
}

/// What [`Plugin::exit_all`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExitReport {
    /// Calls of the plugin's exit.
    pub exit_calls: usize,
    /// Whether the shared object is still mapped after its handle was closed: another handle is
    /// open (the same file loaded as filter and output), or the plugin cannot be unloaded.
    pub still_mapped: bool,
}

impl Plugin {
    pub(crate) fn from_proxy(proxy: Arc<ProxyPlugin>) -> Self {
        Self { kind: Kind::Proxy(proxy) }
    }

    pub(crate) fn from_filter(filter: Arc<FilterPlugin>) -> Self {
        Self { kind: Kind::Filter(filter) }
    }

    /// The name the plugin registered, which users write in `Name`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Proxy(proxy) => proxy.name(),
            Kind::Filter(filter) => filter.name(),
        }
    }

    /// The path it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.kind {
            Kind::Proxy(proxy) => proxy.path(),
            Kind::Filter(filter) => filter.path(),
        }
    }

    /// Makes an output instance with these properties and has the plugin initialise it.
    ///
    /// Properties of the host itself (`match`, `alias`, `workers`, `tls`, `net.*`, ...) are kept
    /// from the plugin as the host keeps them; all others are in the instance's list.
    ///
    /// # Errors
    ///
    /// [`HarnessError::InitRefused`], with what the plugin logged, if `FLBPluginInit` answers 0 or
    /// less; [`HarnessError::WrongKind`] for a filter; [`HarnessError::PropertyValue`] if the host
    /// itself refuses a value.
    pub fn output_instance(&self, properties: &[(&str, &str)]) -> Result<Output, HarnessError> {
        let proxy = self.proxy()?;
        let instance = proxy.start_instance(properties)?;
        Ok(Output::new(Arc::clone(proxy), instance))
    }

    /// Makes a filter instance with these properties and has the plugin initialise it, calling
    /// `cb_pre_run` first on hosts that have it.
    ///
    /// # Errors
    ///
    /// As for [`Self::output_instance`]: a filter refuses with any answer but 0.
    pub fn filter_instance(&self, properties: &[(&str, &str)]) -> Result<Filter, HarnessError> {
        match &self.kind {
            Kind::Filter(filter) => {
                let instance = filter.start_instance(properties)?;
                Ok(Filter::new(Arc::clone(filter), instance))
            }
            Kind::Proxy(proxy) => {
                Err(HarnessError::WrongKind { path: proxy.path().to_owned(), wanted: "a filter", actual: "an output" })
            }
        }
    }

    /// Makes an output instance and calls its exit without having initialised it.
    ///
    /// Hosts from 4.x on do so when one output refuses to start: the outputs after it were never
    /// initialised, but all are exited, with a NULL context. A plugin must survive that.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoSingleExit`] on 1.9.10; [`HarnessError::WrongKind`] for a filter.
    pub fn exit_uninitialised_output(&self, properties: &[(&str, &str)]) -> Result<(), HarnessError> {
        self.proxy()?.exit_uninitialised(properties)
    }

    /// Ends the plugin as a host that shuts down does: exits what was not exited yet, unregisters
    /// (`FLBPluginUnregister`, if exported), closes the shared object.
    ///
    /// An output is exited once per instance, from 4.x on with that instance's context; on 1.9.10
    /// every time with the context of the instance initialised last, which is NULL if that one
    /// refused to start. 1.9.10 also unregisters after each of them, later hosts once.
    ///
    /// The real 1.9.10 unloads the plugin and frees its own record of it after the first of several
    /// exits, then goes on with what was freed: depending on its allocator it calls the others or
    /// crashes by itself. Here all are called, and the plugin is unloaded at the end.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Exited`] the second time.
    pub fn exit_all(&self) -> Result<ExitReport, HarnessError> {
        match &self.kind {
            Kind::Proxy(proxy) => proxy.exit_all(),
            Kind::Filter(filter) => filter.exit_all(),
        }
    }

    fn proxy(&self) -> Result<&Arc<ProxyPlugin>, HarnessError> {
        match &self.kind {
            Kind::Proxy(proxy) => Ok(proxy),
            Kind::Filter(filter) => {
                Err(HarnessError::WrongKind { path: filter.path().to_owned(), wanted: "an output", actual: "a filter" })
            }
        }
    }
}
