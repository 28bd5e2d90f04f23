//! The chores of the repository.

mod conformance;

fn main() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((task, rest)) if task == "conformance" => conformance::run(rest),
        _ => anyhow::bail!("usage: cargo xtask conformance"),
    }
}
