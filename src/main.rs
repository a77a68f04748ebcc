//! The command line: parses, calls the library, sets the exit status.
//!
//! Exit status: 0 clean, 1 findings (or, of the bare command, a cell that is not as expected), 2 usage or input error,
//! 3 incomplete. Of findings and incompleteness, findings win.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(arguments) {
        Ok(status) => ExitCode::from(status as u8),
        Err(error) => {
            cli::complain(&format!("{error:#}"));
            ExitCode::from(cli::Status::Usage as u8)
        }
    }
}
