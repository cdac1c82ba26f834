//! Spans sent to a collector of OpenTelemetry, as OTLP over HTTP in protobuf.
//!
//! The standard variables say where and how: `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, their
//! `…_HEADERS` and `…_TIMEOUT`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`. Without an endpoint, or
//! with `OTEL_SDK_DISABLED=true`, nothing is sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Array, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::host::io_error;

/// Variables that say where spans go; one is enough.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// Switches everything off.
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// Switches on what models and tools say, which is off otherwise.
const CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
/// The name of this service, where the environment gives no other.
const SERVICE: &str = "flue";
/// Crates whose spans are sent begin so.
const TARGETS: &str = "flue_";

/// Whether spans are to have what models and tools say.
pub(crate) fn wants_content() -> bool {
    is_true(CONTENT)
}

fn is_true(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

/// Spans on their way. What is left is sent when this is dropped.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
    // Outlives the provider's last batch.
    _runtime: Arc<Runtime>,
}

impl Telemetry {
    /// Begins to send spans, if the environment says where to.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an endpoint that is none, and those of starting a thread.
    pub(crate) fn begin() -> Result<Option<Self>> {
        if is_true(DISABLED) || !ENDPOINTS.into_iter().any(is_set) {
            return Ok(None);
        }
        let unusable = |error: &dyn fmt::Display| {
            Error::new(ErrorKind::Config, "send spans", error.to_string()).with("variable", ENDPOINTS[1])
        };
        let client = Client::new()?;
        let runtime = client.runtime.clone();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(|error| unusable(&error))?;
        let provider =
            SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(Lists(exporter)).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGETS, LevelFilter::INFO));
        tracing_subscriber::registry().with(layer).try_init().map_err(|error| unusable(&error))?;
        Ok(Some(Self { provider, _runtime: runtime }))
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // A collector that cannot be reached is not the run's failure, and says so by itself in the SDK's own log.
        if let Err(error) = self.provider.shutdown() {
            crate::output::complain(&Error::new(ErrorKind::Io, "send spans", error.to_string()));
        }
    }
}

/// Attributes that the conventions have as lists, and `tracing` knows none.
const LISTS: [&str; 1] = ["gen_ai.response.finish_reasons"];

/// Sends what are to be lists as lists.
#[derive(Debug)]
struct Lists<E>(E);

impl<E: SpanExporter> SpanExporter for Lists<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for attribute in batch.iter_mut().flat_map(|span| &mut span.attributes) {
            if let Value::String(text) = &attribute.value
                && LISTS.contains(&attribute.key.as_str())
            {
                attribute.value = Value::Array(Array::String(vec![text.clone()]));
            }
        }
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn resource() -> Resource {
    let builder = Resource::builder();
    let named = is_set("OTEL_SERVICE_NAME")
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|text| text.contains("service.name"));
    if named { builder.build() } else { builder.with_service_name(SERVICE).build() }
}

/// Sends requests on a thread of its own: whoever exports waits without a runtime.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    fn new() -> Result<Self> {
        let refused = |error: &dyn fmt::Display| Error::new(ErrorKind::Config, "send spans", error.to_string());
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| refused(&error))?
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| refused(&error))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self { client, runtime: Arc::new(runtime.map_err(|error| io_error("send spans", &error))?) })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let response = client.execute(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        });
        let (status, headers, body) = sent.await??;
        let mut response = Response::builder().status(status).body(body)?;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
