//! What the engine's archive commands lack: `zcat`, `zip -q`, members to `tar`.
