//! What can be said on the command line. Every setting is also `REFMILL_…` and a key of the `--config` file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config;

mod settings;

pub(crate) use settings::{LogFormat, Settings};

/// What was said, and which settings were said by flag or by environment.
pub(crate) struct Given {
    pub(crate) command: Command,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) settings: Settings,
    pub(crate) by_flag: BTreeSet<String>,
    pub(crate) by_env: BTreeSet<String>,
}

/// Reads the process's arguments and environment; prints help or usage errors and ends the process on them.
pub(crate) fn read() -> Given {
    parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Given, clap::Error> {
    let matches = command_line().try_get_matches_from(args)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let said = |source| {
        matches
            .ids()
            .filter(|id| matches.value_source(id.as_str()) == Some(source))
            .map(|id| key(id.as_str()))
            .collect()
    };
    Ok(Given {
        command: cli.command.unwrap_or(Command::Up),
        config_file: cli.config,
        by_flag: said(ValueSource::CommandLine),
        by_env: said(ValueSource::EnvVariable),
        settings: cli.settings,
    })
}

/// The names of all settings, in the order in which help and `refmill config` list them.
pub(crate) fn keys() -> Vec<String> {
    Settings::augment_args(clap::Command::new("settings"))
        .get_arguments()
        .map(|arg| key(arg.get_id().as_str()))
        .collect()
}

#[derive(Parser)]
#[command(
    name = "refmill",
    version,
    about = "Takes clicks and orders in, and gives out what is owed for them and why",
    disable_help_subcommand = true,
    next_line_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// TOML file of settings, each under its flag's name without the dashes in front
    #[arg(long, env = "REFMILL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process, alone or around the four servers (what happens without a subcommand)
    Up,
    /// Take clicks and conversions in: one of any number, around the four servers
    Ingest,
    /// Decide what comes in: one of any number, around the four servers
    Process,
    /// Answer companies, partners and their dashboards: one of any number, around the four servers
    Api,
    /// Make again what is made of the log and the ledger; processors may run meanwhile
    #[command(subcommand)]
    Rebuild(Rebuild),
    /// Play real clicks and orders against a running server and add up what became of them
    Demo(DemoArgs),
    /// Print the effective settings, secrets masked, and where each came from
    Config,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Rebuild {
    /// What is remembered of clicks to attribute by
    Touches,
    /// What analysts and dashboards read
    Facts {
        /// Don't wait for a processor's last insert: none has run for the last minute
        #[arg(long)]
        idle: bool,
    },
}

impl Rebuild {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Rebuild::Touches => "touches",
            Rebuild::Facts { .. } => "facts",
        }
    }
}

#[derive(Clone, Args)]
pub(crate) struct DemoArgs {
    /// Apache combined log whose GETs are the clicks (default: a slice that comes with Refmill)
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,

    /// CSV of invoices that are the sales (default: a slice that comes with Refmill)
    #[arg(long, value_name = "FILE")]
    pub(crate) orders: Option<PathBuf>,

    /// Where the server is (default: as demo.toml in the data folder says)
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,

    /// Requests that wait for their answer at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) in_flight: u16,

    /// Clicks that are sent of a longer log
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) max_clicks: usize,

    /// Invoices that are sent of a longer file
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) max_orders: usize,

    /// Seconds after which nothing more is sent
    #[arg(long, value_name = "S", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) max_seconds: u64,
}

fn command_line() -> clap::Command {
    let defaults = config::default_texts();
    Cli::command().mut_args(|arg| {
        let arg = arg.global(true).hide_env_values(true);
        let Some(default) = defaults.get(&key(arg.get_id().as_str())) else {
            return arg;
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.help(format!("{help} [default: {default}]"))
    })
}

fn key(id: &str) -> String {
    id.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_a_flag_and_a_variable_of_the_same_name() {
        for arg in command_line().get_arguments().filter(|arg| arg.get_env().is_some()) {
            let id = arg.get_id().as_str();
            assert_eq!(arg.get_long(), Some(key(id).as_str()));
            assert_eq!(
                arg.get_env().and_then(|name| name.to_str()),
                Some(format!("REFMILL_{}", id.to_uppercase()).as_str())
            );
            assert!(arg.is_global_set(), "{id} must stand before and after the subcommand");
        }
        let with_env = command_line().get_arguments().filter(|arg| arg.get_env().is_some()).count();
        assert_eq!(with_env, keys().len() + 1, "all settings, and --config");
    }

    #[test]
    fn a_flag_counts_before_and_after_the_subcommand() {
        for line in ["refmill --max-waiters 7 up", "refmill up --max-waiters 7", "refmill --max-waiters=7"] {
            let given = parse(line.split(' ').map(OsString::from)).expect("a good line");
            assert_eq!(given.settings.max_waiters, Some(7), "{line}");
            assert!(given.by_flag.contains("max-waiters"), "{line}");
            assert!(matches!(given.command, Command::Up), "{line}");
        }
    }

    #[test]
    fn no_demo_needs_no_value_and_takes_one() {
        for (line, expected) in [
            ("refmill", None),
            ("refmill --no-demo up", Some(true)),
            ("refmill up --no-demo", Some(true)),
            ("refmill --no-demo=false", Some(false)),
        ] {
            let given = parse(line.split(' ').map(OsString::from)).expect("a good line");
            assert_eq!(given.settings.no_demo, expected, "{line}");
        }
    }

    #[test]
    fn help_names_the_defaults() {
        let help = command_line().render_long_help().to_string();
        for part in
            ["[default: 127.0.0.1:8080]", "[default: 1000]", "[default: 127.0.0.1/32,::1/128]", "[default: human]"]
        {
            assert!(help.contains(part), "{part} is not in\n{help}");
        }
    }
}
