//! `cargo xtask demo`: from a fresh machine to a model that serves.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use streeling_testkit::Request;

use crate::shell::{cargo, root, run, say, target};
use crate::venv;

/// The port that README names; with another server on it, the system chooses one.
const PORT: &str = "9000";

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sets everything up, shows real predictions beside the truth, and goes on serving until Ctrl-C.
pub(crate) fn run_demo() -> anyhow::Result<()> {
    say("── environment with NumPy");
    let python = venv::RUNTIME.ensure()?;
    say("── release build");
    run(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
    say("── serving examples/iris");
    let (mut server, address) = serve(&python)?;
    show(address)?;
    let example = root().join("examples/iris");
    say(format_args!(
        "\nIt goes on serving; Ctrl-C ends it. Try it from another terminal:\n\n  \
         curl http://127.0.0.1:{}/predict -H 'Content-Type: application/json' \\\n    \
         -d @{}/requests/one_row.json\n",
        address.port(),
        example.display()
    ));
    let status = server.wait()?;
    if !status.success() {
        bail!("the server ended with {status}");
    }
    Ok(())
}

/// Starts the server and waits until it says where it serves.
fn serve(python: &Path) -> anyhow::Result<(Child, SocketAddr)> {
    let free = std::net::TcpListener::bind(("0.0.0.0", PORT.parse()?)).is_ok();
    let mut server = Command::new(target()?.join("release/streeling"))
        .args(["Iris", "--http-port", if free { PORT } else { "0" }])
        .args(["--grpc-port", "0", "--metrics-port", "0"])
        .arg("--app-dir")
        .arg(root().join("examples/iris"))
        .arg("--python")
        .arg(python)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(server.stderr.take().context("standard error is a pipe")?);
    let mut line = String::new();
    let address = loop {
        line.clear();
        if log.read_line(&mut line)? == 0 {
            bail!("the server ended with {}", server.wait()?);
        }
        say(line.trim_end());
        if let Some(port) = line.split("serving REST at http://").nth(1) {
            let address: SocketAddr = port.split_whitespace().next().unwrap_or_default().parse()?;
            break SocketAddr::from(([127, 0, 0, 1], address.port()));
        }
    };
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            say(line);
        }
    });
    Ok((server, address))
}

/// Sends every row of the example's requests and prints what comes beside what is true.
fn show(address: SocketAddr) -> anyhow::Result<()> {
    let folder = root().join("examples/iris/requests");
    let truth: Value = serde_json::from_str(&fs::read_to_string(folder.join("truth.json"))?)?;
    let truth = truth.as_object().context("truth.json is an object")?;
    let (mut right, mut all) = (0, 0);
    for (file, species) in truth {
        say(format_args!("\n{file}"));
        let body = fs::read(folder.join(file))?;
        let response = Request::json("/predict", body).send(address, TIMEOUT)?;
        let response: Value = serde_json::from_slice(&response.body)?;
        for (row, true_name) in rows(&response)?
            .iter()
            .zip(species.as_array().into_iter().flatten())
        {
            let (name, probability) = row;
            let hit = true_name == name.as_str();
            say(format_args!(
                "  {name:<12} {probability:>6.1} %   true: {} {}",
                true_name.as_str().unwrap_or("?"),
                if hit { "" } else { "✗" }
            ));
            right += usize::from(hit);
            all += 1;
        }
    }
    say(format_args!("\n{right} of {all} rows right"));
    Ok(())
}

/// For each row of the response, the most probable class, with its probability in percent.
fn rows(response: &Value) -> anyhow::Result<Vec<(String, f64)>> {
    let data = &response["data"];
    let names: Vec<&str> = data["names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let values: Vec<f64> = match (&data["ndarray"], &data["tensor"]["values"]) {
        (Value::Array(rows), _) => rows
            .iter()
            .flat_map(|row| row.as_array().into_iter().flatten())
            .filter_map(Value::as_f64)
            .collect(),
        (_, Value::Array(values)) => values.iter().filter_map(Value::as_f64).collect(),
        _ => bail!("the response has no array: {response}"),
    };
    anyhow::ensure!(
        !names.is_empty() && values.len().is_multiple_of(names.len()),
        "the rows do not fit the names: {response}"
    );
    let best = |row: &[f64]| {
        let (index, value) = row
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("rows are not empty");
        (names[index].to_owned(), value * 100.0)
    };
    Ok(values.chunks_exact(names.len()).map(best).collect())
}
