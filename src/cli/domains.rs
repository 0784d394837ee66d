//! `orgtrail domains`

use clap::{Args, Subcommand};

use super::args::Global;
use super::print::{Plain, plain};
use super::{Exit, Exits, Failure, Ui};
use crate::catalogue::{Catalogue, Domain, embedded_file};
use crate::model::DomainId;
use crate::report;
use crate::session::{catalogue, catalogue_in};

/// List the configuration domains, or explain one
///
/// Inside a trail its own domains, the files under orgtrail.d/, count as well.
#[derive(Debug, Args)]
pub(super) struct DomainsArgs {
    #[command(subcommand)]
    command: Option<DomainsCommand>,
}

#[derive(Debug, Subcommand)]
enum DomainsCommand {
    /// Say everything that is known of a domain
    Explain {
        /// Name of the domain, such as routing.queues
        name: String,
    },
    /// Print the file of a domain that comes with orgtrail, to begin one's own from
    Template {
        /// Name of the domain, such as routing.queues
        name: String,

        /// Print the schema instead of the domain file
        #[arg(long)]
        schema: bool,
    },
}

pub(super) fn run(args: &DomainsArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let format = plain("domains", global)?;
    let mut out = Vec::new();
    let written = match &args.command {
        None => {
            let catalogue = catalogue_in(&global.directory)?;
            match format {
                Plain::Json => report::listing::domains_json(catalogue.iter(), &mut out),
                Plain::Text | Plain::Markdown => report::listing::domains_text(catalogue.iter(), &mut out),
            }
        }
        Some(DomainsCommand::Explain { name }) => {
            let catalogue = catalogue_in(&global.directory)?;
            report::listing::explain_domain(find(&catalogue, name)?, &mut out)
        }
        Some(DomainsCommand::Template { name, schema }) => {
            let catalogue = catalogue()?;
            let domain = find(&catalogue, name)?;
            let file = if *schema { &domain.schema_file } else { &domain.file };
            out.extend_from_slice(embedded_file(file).unwrap_or_default().as_bytes());
            Ok(())
        }
    };
    written.map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(Exits::default())
}

fn find<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Domain, Failure> {
    let found = name.parse::<DomainId>().ok().and_then(|id| catalogue.get(&id));
    found.ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("there is no domain {name}"));
        failure.hint(match catalogue.nearest(name) {
            Some(nearest) => format!("did you mean {nearest}? `orgtrail domains` lists all"),
            None => "`orgtrail domains` lists all".to_owned(),
        })
    })
}
