using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "bridge", worker = .worker),
    # Objects that are kept in memory have no SQL, which the SDK needs.
    (name = "disk", disk = (path = "disk", writable = true)),
    (name = "stub", external = (address = "{{stub}}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "bridge")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "bundle.js")],
  compatibilityDate = "2026-06-01",
  compatibilityFlags = ["nodejs_compat"],
  durableObjectNamespaces = [
    (className = "Sandbox", uniqueKey = "sandbox", enableSql = true),
    (className = "WarmPool", uniqueKey = "pool", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "Sandbox", durableObjectNamespace = "Sandbox"),
    (name = "WarmPool", durableObjectNamespace = "WarmPool"),
    (name = "STUB", service = "stub"),
    (name = "SANDBOX_API_KEY", text = "{{key}}"),
    (name = "SANDBOX_TRANSPORT", text = "http"),
    (name = "WARM_POOL_MAX_INSTANCES", text = "{{instances}}"),
  ],
);
