//! Summarises a data set with a command of the application: the agent's shell gets one more program, which runs here, with
//! what it may use here, and of which the sandbox sees the output alone. The model's turns are a script.
//!
//! `cargo run -p flue-sandbox-virtual --example summarise`
#![expect(clippy::print_stdout, reason = "a program to be looked at")]

use std::sync::Arc;

use flue_core::{AgentSpec, Result};
use flue_core_testkit::ScriptModel;
use flue_sandbox_virtual::Virtual;

/// Stands for a service with a credential that an agent must not see.
const RATES: [(&str, f64); 3] = [("EUR", 1.0), ("USD", 0.9), ("GBP", 1.2)];

const ORDERS: &str = "id,currency,amount\n1,EUR,10\n2,USD,20\n3,GBP,5\n4,EUR,2.5\n";

/// What a model would write: the shell's own tools, and `rate` among them. A command of the application reads its standard
/// input to the end, as `ssh` does; in a loop that reads lines it is given none.
const SCRIPT: &str = "tail -n +2 orders.csv | cut -d, -f2,3 | while IFS=, read -r currency amount; do \
    echo \"$currency $(echo \"$amount * $(rate $currency < /dev/null)\" | bc -l)\"; done \
    | awk '{ sum[$1] += $2 } END { for (c in sum) printf \"%s %.2f\\n\", c, sum[c] }' | sort > summary.txt";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let sandbox = Virtual::new().file("orders.csv", ORDERS).command("rate", |call| async move {
        let rate = RATES.iter().find(|(currency, _)| call.args.first().is_some_and(|asked| asked == currency));
        Ok(rate.map(|(_, rate)| format!("{rate}\n")).unwrap_or_default())
    });
    let command = format!("{{\"command\": {}}}", serde_json::Value::from(SCRIPT));
    let model =
        ScriptModel::new().calls([("c1", "bash", command.as_str())]).says("In euros, by currency: summary.txt.");
    let harness = AgentSpec::builder(Arc::new(model), sandbox).build()?.start("summarise").await?;
    let reply = harness.prompt("Sum orders.csv up by currency, in euros; `rate CURRENCY` prints the rate.").await?;
    println!("{}\n{}", reply.text, harness.fs().read_to_string("summary.txt").await?);
    harness.close().await
}
