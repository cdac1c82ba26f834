//! Who the sandbox's one user is.

use bashkit::BuiltinContext;

/// Id of the one user and of the one group.
pub(super) const ID: u32 = 1000;

/// The user's name, which is the group's too.
pub(super) fn user(ctx: &BuiltinContext<'_>) -> String {
    // The engine sets the variable; a script may have exported another.
    let name = ctx.variables.get("USER").or_else(|| ctx.env.get("USER"));
    name.map_or_else(|| "user".to_string(), Clone::clone)
}
