//! Conditions by physical group, turned into values of nodes and cells.

use super::elements::{Vector, measure};
use super::topology::{self, Cell, boundary, degenerate, overlap, unheld};
use super::{Element, Group, Mesh, MeshFacts};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};

/// The problem on a mesh: −∇·(k∇u) = f, with u or the flux given on physical groups. A group without a name is called by its
/// number. Where several values meet, the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// u on a group, of any dimension.
    pub dirichlet: Vec<(String, f64)>,
    /// k ∂u/∂n, the flux into the domain, on a group of sides, all of them on the boundary.
    pub neumann: Vec<(String, f64)>,
    /// f on a group of cells, or on all. 0 where nothing is said; 1 if no condition at all is given.
    pub source: Vec<(Option<String>, f64)>,
    /// k > 0 on a group of cells, or on all; 1 where nothing is said.
    pub conductivity: Vec<(Option<String>, f64)>,
}

/// A mesh ready for assembly, whole: nodes that no cell has are left out, and cells given more than once.
pub(super) struct Model {
    /// 2 or 3.
    pub(super) dim: usize,
    pub(super) points: Vec<Vector>,
    pub(super) cells: Vec<Cell>,
    /// k and f of each cell.
    pub(super) coefficients: Vec<[f64; 2]>,
    /// u where it is given, NaN elsewhere.
    pub(super) held: Vec<f64>,
    /// What the fluxes bring to each node.
    pub(super) inflow: Vec<f64>,
    pub(super) facts: MeshFacts,
}

impl Model {
    /// Local.
    ///
    /// # Errors
    /// A mesh without cells, or with cells that have no volume or overlap; groups that do not exist or do not
    /// fit; a part of the mesh in which nothing holds u.
    pub(super) fn new(mesh: Mesh, conditions: &Conditions) -> Result<Model> {
        let Domain { dim, points, cells, cell_of, node_of, node_numbers, orphans } = Domain::of(&mesh)?;
        let groups = Groups { mesh: &mesh, dim };
        let is_plain = conditions.dirichlet.is_empty() && conditions.neumann.is_empty();

        let mut held = vec![f64::NAN; points.len()];
        for (name, value) in &conditions.dirichlet {
            let mut is_met = false;
            for element in groups.elements(name, "dirichlet", &|_| true)? {
                for &node in element.corners() {
                    // Those that no cell has are no part of the problem.
                    if node_of[node as usize] != u32::MAX {
                        held[node_of[node as usize] as usize] = *value;
                        is_met = true;
                    }
                }
            }
            if !is_met {
                return Err(mesh.error(format!("no node of group {name} belongs to a {}", cell_name(dim, 1))));
            }
        }
        // What a flux comes in through, or u is held on if nothing is said.
        let outer = if is_plain || !conditions.neumann.is_empty() { boundary(dim, &cells) } else { Vec::new() };
        if is_plain {
            for node in outer.iter().flat_map(|face| &face.nodes[..dim]) {
                held[*node as usize] = 0.0;
            }
        }
        let mut inflow = vec![0.0; points.len()];
        for (name, flux) in &conditions.neumann {
            // Once each, though a file may repeat an element.
            let mut sides = BTreeSet::new();
            for element in groups.elements(name, "neumann", &|group| usize::from(group.dim) == dim - 1)? {
                let mut nodes = [u32::MAX; 3];
                for (new, old) in nodes.iter_mut().zip(element.corners()) {
                    *new = node_of[*old as usize];
                }
                nodes.sort_unstable();
                if outer.binary_search_by_key(&nodes, |face| face.nodes).is_err() {
                    return Err(Error::usage(format!(
                        "{}: --neumann {name}: element {} is not the side of exactly one {}, and a flux comes in through the \
                         boundary only; name a group that lies on it, or use --source",
                        mesh.name,
                        element.number,
                        cell_name(dim, 1)
                    )));
                }
                sides.insert(nodes);
            }
            for nodes in &sides {
                let at: Vec<Vector> = nodes[..dim].iter().map(|&node| points[node as usize]).collect();
                for &node in &nodes[..dim] {
                    inflow[node as usize] += flux * measure(&at) / dim as f64;
                }
            }
        }
        let default_source = if is_plain && conditions.source.is_empty() { 1.0 } else { 0.0 };
        let mut coefficients = vec![[1.0, default_source]; cells.len()];
        for (which, option, values) in
            [(0, "conductivity", &conditions.conductivity), (1, "source", &conditions.source)]
        {
            for (name, value) in values {
                match name {
                    None => coefficients.iter_mut().for_each(|pair| pair[which] = *value),
                    Some(name) => {
                        let of_group = groups.indices(name, option, &|group| usize::from(group.dim) == dim)?;
                        of_group.for_each(|element| coefficients[cell_of[&element] as usize][which] = *value);
                    }
                }
            }
        }
        if let Some(node) = unheld(dim, points.len(), &cells, |node| !held[node].is_nan()) {
            return Err(Error::usage(format!(
                "{}: nothing holds u in the part of the mesh around node {}, so that u is determined up to a constant only \
                 and the matrix is singular: add --dirichlet NAME=VALUE for a group there, of any dimension; {}",
                mesh.name,
                node_numbers[node],
                groups.list(&|_| true)
            )));
        }
        let facts = MeshFacts {
            nodes: points.len() as u64,
            cells: cells.len() as u64,
            cell_kind: cell_name(dim, 2),
            held_nodes: held.iter().filter(|value| !value.is_nan()).count() as u64,
            conditions: words(conditions, is_plain, default_source),
            orphans,
        };
        Ok(Model { dim, points, cells, coefficients, held, inflow, facts })
    }
}

fn cell_name(dim: usize, count: usize) -> &'static str {
    match (dim, count) {
        (2, 1) => "triangle",
        (2, _) => "triangles",
        (_, 1) => "tetrahedron",
        _ => "tetrahedra",
    }
}

/// The conditions in force, in words.
fn words(conditions: &Conditions, is_plain: bool, default_source: f64) -> String {
    let mut words = Vec::new();
    if is_plain {
        words.push("u = 0 on the whole boundary (no condition was given)".to_string());
    }
    words.extend(conditions.dirichlet.iter().map(|(name, value)| format!("u = {value} on {name}")));
    words.extend(conditions.neumann.iter().map(|(name, value)| format!("flux {value} on {name}")));
    for (letter, values, default) in [("f", &conditions.source, default_source), ("k", &conditions.conductivity, 1.0)] {
        words.extend(values.iter().map(|(name, value)| match name {
            None => format!("{letter} = {value}"),
            Some(name) => format!("{letter} = {value} in {name}"),
        }));
        if values.iter().all(|(name, _)| name.is_some()) {
            words.push(format!("{letter} = {default}{}", if values.is_empty() { "" } else { " elsewhere" }));
        }
    }
    words.join(", ")
}

/// The cells of a mesh, and their nodes in new numbers.
struct Domain {
    dim: usize,
    points: Vec<Vector>,
    cells: Vec<Cell>,
    /// The cell of each element that is one.
    cell_of: HashMap<u32, u32>,
    /// New numbers by old ones; `u32::MAX` for nodes that no cell has.
    node_of: Vec<u32>,
    /// The number in the file of each node.
    node_numbers: Vec<u64>,
    orphans: u64,
}

impl Domain {
    fn of(mesh: &Mesh) -> Result<Domain> {
        let most = mesh.elements.iter().map(|element| element.corners).max().unwrap_or(0);
        if most < 3 {
            return Err(mesh.error("the mesh has no triangles and no tetrahedra: make it with gmsh -2 or gmsh -3"));
        }
        let dim = usize::from(most) - 1;
        let is_cell = |element: &Element| element.corners == most;
        let mut node_of = vec![u32::MAX; mesh.points.len()];
        for &node in mesh.elements.iter().filter(|element| is_cell(element)).flat_map(Element::corners) {
            node_of[node as usize] = 0;
        }
        let (mut points, mut node_numbers) = (Vec::new(), Vec::new());
        for (old, new) in node_of.iter_mut().enumerate().filter(|(_, new)| **new == 0) {
            *new = points.len() as u32;
            points.push(mesh.points[old]);
            node_numbers.push(mesh.node_numbers[old]);
        }
        // Format 2.2 repeats an element in each of its groups: the first of each set of nodes stays.
        let mut of_nodes: Vec<(Cell, u32)> = Vec::new();
        for (index, element) in (0..).zip(&mesh.elements).filter(|(_, element)| is_cell(element)) {
            let mut nodes = element.nodes;
            nodes[..=dim].iter_mut().for_each(|node| *node = node_of[*node as usize]);
            nodes.sort_unstable();
            of_nodes.push((nodes, index));
        }
        of_nodes.sort_unstable();
        let mut first_of: Vec<(u32, u32)> = Vec::with_capacity(of_nodes.len());
        for same in of_nodes.chunk_by(|a, b| a.0 == b.0) {
            first_of.extend(same.iter().map(|(_, element)| (*element, same[0].1)));
        }
        first_of.sort_unstable();
        let (mut cells, mut elements, mut cell_of) = (Vec::new(), Vec::new(), HashMap::new());
        for (element, first) in first_of {
            if element == first {
                let mut nodes = mesh.elements[element as usize].nodes;
                nodes[..=dim].iter_mut().for_each(|node| *node = node_of[*node as usize]);
                cell_of.insert(element, cells.len() as u32);
                cells.push(nodes);
                elements.push(element);
            } else {
                let cell = cell_of[&first];
                cell_of.insert(element, cell);
            }
        }
        let number = |cell: usize| mesh.elements[elements[cell] as usize].number;
        if let Some(cell) = degenerate(dim, &points, &cells) {
            let what = if dim == 2 { "area" } else { "volume" };
            return Err(mesh.error(format!("element {} has no {what}: its corners lie in one {}", number(cell), {
                if dim == 2 { "line" } else { "plane" }
            })));
        }
        if let Some((one, other)) = overlap(dim, &points, &cells) {
            return Err(mesh.error(format!(
                "elements {} and {} overlap: one of them is turned inside out, or the mesh is damaged",
                number(one as usize),
                number(other as usize)
            )));
        }
        if dim == 3 {
            // Programs that show the mesh take a tetrahedron the other way round for one inside out.
            for cell in &mut cells {
                let [a, b, c, d] = cell.map(|node| points[node as usize]);
                if topology::signed_volume(a, b, c, d) < 0.0 {
                    cell.swap(2, 3);
                }
            }
        }
        let orphans = (mesh.points.len() - points.len()) as u64;
        Ok(Domain { dim, points, cells, cell_of, node_of, node_numbers, orphans })
    }
}

/// Groups by name.
struct Groups<'a> {
    mesh: &'a Mesh,
    dim: usize,
}

impl<'a> Groups<'a> {
    /// The indices of the elements in the groups called `name` that `fit` an option.
    fn indices(
        &self,
        name: &str,
        option: &str,
        fits: &dyn Fn(&Group) -> bool,
    ) -> Result<impl Iterator<Item = u32> + use<'a>> {
        let mesh = self.mesh;
        let is_meant: Vec<bool> = mesh.groups.iter().map(|group| group.name == name && fits(group)).collect();
        if !is_meant.contains(&true) {
            let there = mesh.groups.iter().find(|group| group.name == name);
            let what = match there {
                Some(group) => format!("the physical group {name} is made of {}, which do not fit", group.kind()),
                None => format!("there is no physical group called {name}"),
            };
            return Err(Error::usage(format!("{}: --{option} {name}: {what}; {}", mesh.name, self.list(fits))));
        }
        let entities: Vec<bool> =
            mesh.entities.iter().map(|groups| groups.iter().any(|group| is_meant[*group as usize])).collect();
        let is_in = move |element: &Element| entities[element.entity as usize];
        Ok((0..).zip(&mesh.elements).filter(move |(_, element)| is_in(element)).map(|(index, _)| index))
    }

    fn elements(
        &self,
        name: &str,
        option: &str,
        fits: &dyn Fn(&Group) -> bool,
    ) -> Result<impl Iterator<Item = &'a Element> + use<'a>> {
        let mesh = self.mesh;
        Ok(self.indices(name, option, fits)?.map(|index| &mesh.elements[index as usize]))
    }

    /// The groups that fit, for a message, which stays short.
    fn list(&self, fits: &dyn Fn(&Group) -> bool) -> String {
        const MOST: usize = 6;
        let fitting = self.mesh.groups.iter().filter(|group| usize::from(group.dim) <= self.dim && fits(group));
        let short = |name: &str| name.chars().take(24).collect::<String>();
        let names: Vec<String> = fitting.map(|group| format!("{} ({})", short(&group.name), group.kind())).collect();
        match names.len() {
            0 => "the mesh has none that fits".into(),
            count if count > MOST => format!("there are {} and {} more", names[..MOST].join(", "), count - MOST),
            _ => format!("there are {}", names.join(", ")),
        }
    }
}
