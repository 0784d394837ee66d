//! `orgtrail sim`

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::{Exit, Exits, Failure, Ui, runtime};
use crate::session::catalogue_in;
use crate::sim::{Scale, Server, ServerOptions, World};

/// Serve a simulated organisation on this machine
///
/// Prints the environment that points orgtrail at it, and serves until it is interrupted. The organisation is the same for the
/// same seed; its answers have the noise of the real API. Inside a trail it has the trail's own domains as well.
#[derive(Debug, Args)]
pub(super) struct SimArgs {
    /// Make an organisation of this size
    #[arg(long, default_value = "small")]
    scale: ScaleChoice,

    /// Make the organisation from this number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Listen on this port of the loopback address; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Allow this many requests a minute; 0 for no limit
    #[arg(long, value_name = "NUMBER", default_value_t = 300)]
    rate: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ScaleChoice {
    /// Some dozen entities
    Small,
    /// Some hundred users, some dozen queues
    Medium,
    /// 10,000 users, 2,000 queues, 5,000 flows
    Large,
}

impl From<ScaleChoice> for Scale {
    fn from(choice: ScaleChoice) -> Self {
        match choice {
            ScaleChoice::Small => Self::Small,
            ScaleChoice::Medium => Self::Medium,
            ScaleChoice::Large => Self::Large,
        }
    }
}

pub(super) fn run(args: &SimArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let catalogue = Arc::new(catalogue_in(&global.directory)?);
    let world = World::generate(&catalogue, args.scale.into(), args.seed);
    let options = ServerOptions {
        port: args.port,
        allowed_per_minute: (args.rate > 0).then_some(args.rate),
        ..ServerOptions::default()
    };
    let cannot =
        |what: &str, error: &std::io::Error| Failure::new(Exit::Upstream, format!("could not {what}: {error}"));
    runtime()?.block_on(async {
        let running = Server::start(world, options).await.map_err(|error| cannot("open the port", &error))?;
        let line = |(name, value)| format!("export {name}={value}\n");
        let environment: String = running.environment().into_iter().map(line).collect();
        ui.data(environment.as_bytes())?;
        ui.say("serving until interrupted");
        tokio::signal::ctrl_c().await.map_err(|error| cannot("wait for an interrupt", &error))?;
        Ok(Exits::default())
    })
}
