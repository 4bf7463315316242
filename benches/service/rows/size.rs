//! What a user takes on the disk.

use crate::Failure;
use crate::report::{self, Report, grouped};
use crate::site::Site;
use crate::stats::real;

pub(super) fn run(site: &Site, report: &mut Report) -> Result<(), Failure> {
    let users = f64::from(site.plan.users);
    report::heading(
        "size",
        &format!("{} users on the disk, indexes included", grouped(users)),
    );
    for home in site.homes() {
        let filled = real(home.filled()?);
        let now = real(home.database.user_bytes()?);
        report.bound(
            "size",
            &format!("{}, just filled", home.name()),
            &format!("{} bytes a user", report::whole(filled / users)),
            &format!(
                "{:.1} MB; after this run's logins {:.1} MB",
                filled / 1e6,
                now / 1e6
            ),
        );
    }
    Ok(())
}
