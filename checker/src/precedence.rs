//! The precedence graph behind a counterexample, and the cycle that makes it one.
//!
//! Nodes are the *blocks* of a register with unique values: a value with its write and its
//! reads, contiguous in every linearization. An edge says that one block must come before
//! another, and keeps the two operations that force it. A cycle is the contradiction.
//! Registers with repeated values have no such blocks and get no graph.

use petgraph::algo::{astar, tarjan_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::history::{History, Moment, Outcome, Value};
use crate::verdict::{Edge, OperationId, Precedence};

/// A value with its write and its reads.
struct Block {
    value: Value,
    write: Option<OperationId>,
    operations: Vec<OperationId>,
}

/// The shortest cycle of forced precedences among operations of one register whose written
/// values are unique; empty if they force none.
///
/// `operations` are reads that returned and writes. Each edge starts where the one before
/// it ended, and the first where the last ended.
pub fn cycle(history: &History, operations: &[OperationId]) -> Vec<Edge> {
    let graph = graph(history, &blocks(history, operations));
    shortest_cycle(&graph).map_or_else(Vec::new, |blocks| edges(history, &graph, &blocks))
}

fn blocks(history: &History, operations: &[OperationId]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for &id in operations {
        let member = history.get(id);
        let writes = member.f() == "write";
        let value = if writes { member.argument } else { member.result };
        let index = blocks.iter().position(|block| block.value == value).unwrap_or_else(|| {
            blocks.push(Block { value, write: None, operations: Vec::new() });
            blocks.len() - 1
        });
        blocks[index].operations.push(id);
        if writes {
            blocks[index].write = Some(id);
        }
    }
    blocks
}

/// The block graph; edges carry the pair of operations that forces them.
fn graph(history: &History, blocks: &[Block]) -> DiGraph<Value, Edge> {
    let mut graph = DiGraph::new();
    let nodes: Vec<NodeIndex> = blocks.iter().map(|block| graph.add_node(block.value)).collect();
    for (before, &from) in blocks.iter().zip(&nodes) {
        for (after, &to) in blocks.iter().zip(&nodes) {
            if from == to {
                // The only order forced within a block: its write comes first.
                if let Some(edge) = read_before_write(history, before) {
                    graph.add_edge(from, to, edge);
                }
            } else if let Some(edge) = forced(history, before, after) {
                graph.add_edge(from, to, edge);
            }
        }
    }
    graph
}

/// The pair that shows best that one block must come before another.
fn forced(history: &History, before: &Block, after: &Block) -> Option<Edge> {
    // A register holds its initial value before all else, whatever the clock says.
    if let (true, None, Some(to)) = (before.value.is_null(), before.write, after.write) {
        let from = latest(history, &before.operations);
        return Some(Edge { from, to, why: Precedence::InitialValue });
    }
    let to = latest(history, &after.operations);
    let ended = before.operations.iter().copied().filter(|id| end(history, *id).is_some());
    let from = ended.min_by_key(|id| end(history, *id))?;
    ended_before(history, from, to).then_some(Edge { from, to, why: Precedence::RealTime })
}

fn read_before_write(history: &History, block: &Block) -> Option<Edge> {
    let to = block.write?;
    let read = block.operations.iter().copied().find(|&id| ended_before(history, id, to))?;
    Some(Edge { from: read, to, why: Precedence::RealTime })
}

fn latest(history: &History, operations: &[OperationId]) -> OperationId {
    *operations
        .iter()
        .max_by_key(|id| history.get(**id).invoked.position())
        .expect("a block is made for an operation")
}

fn end(history: &History, id: OperationId) -> Option<u32> {
    let operation = history.get(id);
    match operation.outcome {
        Outcome::Ok => operation.completed.map(Moment::position),
        Outcome::Fail | Outcome::Info => None,
    }
}

fn ended_before(history: &History, first: OperationId, second: OperationId) -> bool {
    end(history, first).is_some_and(|end| end < history.get(second).invoked.position())
}

/// The edges of a shortest cycle of blocks, each by its ends and what it carries.
fn shortest_cycle(graph: &DiGraph<Value, Edge>) -> Option<Vec<NodeIndex>> {
    let cyclic = tarjan_scc(graph);
    let cycles = cyclic.iter().flatten().flat_map(|&start| graph.edges(start)).filter_map(|edge| {
        // The shortest way back from where the edge leads.
        let (from, to) = (edge.source(), edge.target());
        astar(graph, to, |node| node == from, |_| 1_u32, |_| 0).map(|(_, path)| path)
    });
    cycles.min_by_key(Vec::len)
}

/// The cycle as edges between operations, with the steps inside the blocks filled in.
fn edges(history: &History, graph: &DiGraph<Value, Edge>, blocks: &[NodeIndex]) -> Vec<Edge> {
    let between: Vec<Edge> = (0..blocks.len())
        .filter_map(|position| {
            let next = blocks[(position + 1) % blocks.len()];
            let edge = graph.find_edge(blocks[position], next)?;
            Some(graph[edge])
        })
        .collect();
    let mut edges = Vec::with_capacity(2 * between.len());
    for (position, edge) in between.iter().enumerate() {
        edges.push(*edge);
        let next = between[(position + 1) % between.len()];
        if edge.to != next.from {
            edges.push(Edge { from: edge.to, to: next.from, why: within(history, edge.to) });
        }
    }
    edges
}

/// What leads from one operation of a block to another.
fn within(history: &History, from: OperationId) -> Precedence {
    if history.get(from).f() == "write" { Precedence::ReadsFrom } else { Precedence::SameValue }
}
