//! What a run shows at its end.

use harness::report::details::Details;
use harness::report::matrix::Matrix;
use harness::report::Run;

/// Prints the matrix and what is to be said of it.
pub(super) fn show(run: Run<'_>, verbose: bool) {
    let matrix = Matrix(run);
    let details = Details { run, verbose };
    anstream::println!("\n{matrix}{details}");
    let count = run.outcomes.len();
    anstream::println!("{count} cases in {:.1} s", run.took.as_secs_f64());
}
