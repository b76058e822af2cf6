//! `wattle graph`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use layout::backends::svg::SVGWriter;
use layout::gv::{DotParser, GraphBuilder};
use serde_json::{Value, json};
use wattle_core::{EdgeKind, EntityGraph, NodeId, Statistics, TenantId, Tracking};

use crate::context::Context;
use crate::output::print_json;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// A diagram for Markdown.
    Mermaid,
    /// The same for a browser.
    Svg,
    /// For programs.
    Json,
}

/// Explains a tenant's entity graph: what is captured, what is folded, and why.
///
/// Example: wattle graph correa --format mermaid
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The tenant's name.
    tenant: TenantId,
    /// For whom.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Graph {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let tenant = context.tenant(&self.tenant).await?;
        for part in context.sources(&tenant).await? {
            let graph = part.adapter.graph();
            match self.format {
                Format::Text => {
                    // The graph itself needs no source; only the shares of events do.
                    let statistics = part.adapter.statistics().await.ok();
                    print!("{}", text(graph, statistics.as_ref()));
                }
                Format::Mermaid => print!("{}", mermaid(graph)),
                Format::Svg => println!("{}", svg(graph)?),
                Format::Json => print_json(&facts(graph))?,
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Why a node is captured or folded.
fn reason(graph: &EntityGraph, id: NodeId) -> String {
    let node = graph.node(id);
    if let Tracking::Folded { into } = node.tracking {
        let into = &graph.node(into).name;
        return format!(
            "its rows change only with their row of {into}, in the same transaction, and never move; they are read with it"
        );
    }
    let mut fed: Vec<&str> = graph.feeding(id).iter().map(|path| graph.path(*path).entity.name()).collect();
    fed.sort_unstable();
    fed.dedup();
    match (node.entity, fed.is_empty()) {
        (Some(entity), true) => format!("roots {entity}"),
        (Some(entity), false) => format!("roots {entity}, is read by {}", fed.join(", ")),
        (None, _) => format!("is read by {}", fed.join(", ")),
    }
}

fn text(graph: &EntityGraph, statistics: Option<&Statistics>) -> String {
    let mut out = String::new();
    // Some sources do not count writes; then how large a table is says something, too.
    let counted = statistics.is_some_and(|s| s.nodes.iter().any(|node| node.writes > 0));
    let width = graph.node_ids().map(|id| graph.node(id).name.len()).max().unwrap_or(0);
    for id in graph.node_ids() {
        let node = graph.node(id);
        let size = statistics
            .and_then(|s| s.nodes.get(id.index()))
            .map(
                |n| if counted { format!("{:>12} writes", n.writes) } else { format!("{:>12} rows", n.rows) },
            )
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:width$}  {:8}{size}  {}",
            node.name,
            node.tracking.to_string(),
            reason(graph, id)
        );
    }
    if let Some(statistics) = statistics {
        let sum = |wanted: bool| -> u64 {
            let is = |id: &NodeId| (graph.node(*id).tracking == Tracking::Captured) == wanted;
            graph
                .node_ids()
                .filter(is)
                .filter_map(|id| statistics.nodes.get(id.index()))
                .map(|n| n.writes)
                .sum()
        };
        let (captured, folded, other) = (sum(true), sum(false), statistics.other_writes);
        let all = captured + folded + other;
        if all > 0 {
            let share = 100.0 * (folded + other) as f64 / all as f64;
            let _ = writeln!(
                out,
                "\nof {all} row writes since the source began to count, {captured} are events; {folded} are folded and {other} are on tables that the CDR does not need: {share:.1} % never captured"
            );
        }
    }
    out
}

fn mermaid(graph: &EntityGraph) -> String {
    let mut out = String::from("flowchart BT\n");
    for id in graph.node_ids() {
        let node = graph.node(id);
        let label = node
            .entity
            .map_or_else(|| node.name.clone(), |entity| format!("{}<br/><b>{entity}</b>", node.name));
        let shape = if node.entity.is_some() { format!("[[\"{label}\"]]") } else { format!("[\"{label}\"]") };
        let class = if node.tracking == Tracking::Captured { "" } else { ":::folded" };
        let _ = writeln!(out, "    {}{shape}{class}", node.name);
    }
    for edge in graph.edges() {
        let arrow = match edge.kind {
            EdgeKind::Owns => "-->|owned by|",
            EdgeKind::Refers => "-.->|refers to|",
        };
        let _ = writeln!(
            out,
            "    {} {arrow} {}",
            graph.node(edge.child).name,
            graph.node(edge.predecessor).name
        );
    }
    out.push_str("    classDef folded stroke-dasharray: 4 4,color:#777\n");
    out
}

fn svg(graph: &EntityGraph) -> anyhow::Result<String> {
    let parsed = DotParser::new(&dot(graph)).process();
    let parsed = parsed.map_err(|what| anyhow!("the graph cannot be drawn: {what}"))?;
    let (mut builder, mut picture) = (GraphBuilder::new(), SVGWriter::new());
    builder.visit_graph(&parsed);
    builder.get().do_it(false, false, false, &mut picture);
    Ok(picture.finalize())
}

/// The graph as Graphviz reads it, those below that own. What is folded is grey, and what merely refers is dashed.
fn dot(graph: &EntityGraph) -> String {
    let mut out = String::from("digraph {\n    rankdir=BT;\n");
    for id in graph.node_ids() {
        let node = graph.node(id);
        let label =
            node.entity.map_or_else(|| node.name.clone(), |entity| format!("{}\\n{entity}", node.name));
        let shape = if node.entity.is_some() { "record" } else { "box" };
        let colour = if node.tracking == Tracking::Captured { "white" } else { "lightgrey" };
        let _ = writeln!(
            out,
            "    \"{}\" [label=\"{label}\", shape={shape}, style=filled, fillcolor={colour}];",
            node.name
        );
    }
    for edge in graph.edges() {
        let (label, style) = match edge.kind {
            EdgeKind::Owns => ("owned by", "solid"),
            EdgeKind::Refers => ("refers to", "dashed"),
        };
        let (child, predecessor) = (&graph.node(edge.child).name, &graph.node(edge.predecessor).name);
        let _ = writeln!(out, "    \"{child}\" -> \"{predecessor}\" [label=\"{label}\", style={style}];");
    }
    out.push_str("}\n");
    out
}

fn facts(graph: &EntityGraph) -> Value {
    let nodes: Vec<Value> = graph
        .node_ids()
        .map(|id| {
            let node = graph.node(id);
            json!({
                "node": node.name,
                "relation": node.relation,
                "key": node.key.iter().map(|column| json!({"column": column.name, "type": column.key_type})).collect::<Vec<_>>(),
                "rank": node.rank,
                "entity": node.entity,
                "tracking": node.tracking.to_string(),
                "reason": reason(graph, id),
            })
        })
        .collect();
    let edges: Vec<Value> = graph
        .edges()
        .iter()
        .map(|edge| {
            json!({
                "child": graph.node(edge.child).name,
                "predecessor": graph.node(edge.predecessor).name,
                "by": edge.columns,
                "kind": match edge.kind { EdgeKind::Owns => "owned_by", EdgeKind::Refers => "refers_to" },
                "moves": edge.moves,
            })
        })
        .collect();
    json!({"nodes": nodes, "edges": edges})
}
