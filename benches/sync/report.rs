//! Figures as a table for people and as JSON for programs.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wattle_testbed::Wattle;

pub(crate) struct Report {
    customers: u32,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    unit: &'static str,
    median: f64,
    low: f64,
    high: f64,
    /// At least this, or at most its amount where it is negative.
    goal: Option<f64>,
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

impl Report {
    pub(crate) fn new(customers: u32) -> Self {
        Self { customers, rows: Vec::new() }
    }

    /// The median of several rounds, with their spread.
    pub(crate) fn add(&mut self, what: &str, unit: &'static str, rounds: Vec<f64>, goal: Option<f64>) {
        let (low, high) = (percentile(&rounds, 0.0), percentile(&rounds, 100.0));
        self.push(Row { what: what.to_owned(), unit, median: median(&rounds), low, high, goal });
    }

    /// The median and the 99th percentile of many samples in milliseconds; the goal is for the latter.
    pub(crate) fn add_percentiles(&mut self, what: &str, samples_ms: Vec<f64>, goal_ms: Option<f64>) {
        for (name, percent, goal) in [("p50", 50.0, None), ("p99", 99.0, goal_ms)] {
            let value = percentile(&samples_ms, percent);
            let row = Row {
                what: format!("{what}, {name}"),
                unit: "ms",
                median: value,
                low: value,
                high: value,
                goal: goal.map(|g| -g),
            };
            self.push(row);
        }
    }

    fn push(&mut self, row: Row) {
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// Prints the table, and writes `target/bench/{name}.json`.
    pub(crate) fn finish(self, name: &str) -> Result<()> {
        println!("\n{:<58} {:>12} {:<10} {:>24}  goal", "what", "median", "unit", "spread");
        for row in &self.rows {
            println!("{}", row.line());
        }
        let machine = std::thread::available_parallelism().map_or(0, usize::from);
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({"what": row.what, "unit": row.unit, "median": row.median, "low": row.low, "high": row.high, "goal": row.goal}))
            .collect();
        let report = json!({"customers": self.customers, "cores": machine, "rows": rows});
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(&report)?)?;
        println!("\n{machine} cores, {} customers; also in target/bench/{name}.json", self.customers);
        Ok(())
    }
}

impl Row {
    fn line(&self) -> String {
        let goal = match self.goal {
            None => String::new(),
            Some(goal) if goal < 0.0 => verdict(self.median <= -goal, format!("at most {:.0}", -goal)),
            Some(goal) => verdict(self.median >= goal, format!("at least {goal:.0}")),
        };
        format!(
            "{:<58} {:>12.1} {:<10} {:>11.1} .. {:<9.1}  {goal}",
            self.what, self.median, self.unit, self.low, self.high
        )
    }
}

fn verdict(met: bool, goal: String) -> String {
    format!("{goal}: {}", if met { "met" } else { "MISSED" })
}

/// The most memory that a process ever held, by the kernel.
pub(crate) fn peak_mb(process: &Wattle) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("the kernel tells VmHWM")?;
    let kb: f64 = line.split_whitespace().nth(1).context("a figure")?.parse()?;
    Ok(kb / 1_024.0)
}
