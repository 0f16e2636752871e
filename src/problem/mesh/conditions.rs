//! Conditions by physical group, turned into values of nodes and cells.

use super::elements::{Vector, measure};
use super::topology::{self, Cell, boundary, degenerate, overlap, unheld};
use super::{Element, Group, Mesh, MeshFacts};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};

/// The problem on a mesh: −∇·(k∇u) = f, with u or the flux given on physical groups. A group without a name is called by its
/// number; `point:`, `curve:`, `surface:` or `volume:` before it says which one is meant where groups of several dimensions
/// are called so. Where several values meet, the last one counts.
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

/// Where the right-hand side of a problem on a mesh comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The conditions.
    Own,
    /// Elsewhere, but for the nodes where u is held.
    Other,
    /// A·(1, …, 1)/√n: the solution is known, where u is held too.
    OfOnes,
}

impl Conditions {
    /// With nothing that holds u or lets a flux in, u is held at 0 all round.
    fn is_plain(&self) -> bool {
        self.dirichlet.is_empty() && self.neumann.is_empty()
    }

    /// f where nothing is said.
    fn default_source(&self) -> f64 {
        if self.is_plain() && self.source.is_empty() { 1.0 } else { 0.0 }
    }

    /// The values that hold u, but for those of a group that has another one later.
    fn held(&self) -> impl Iterator<Item = &(String, f64)> {
        counting(&self.dirichlet, |name, later| name == later)
    }

    /// The value that u has everywhere, if nothing makes it another anywhere.
    fn everywhere(&self) -> Option<f64> {
        let value = self.held().next().map_or(0.0, |(_, value)| *value);
        let drives = self.held().any(|(_, other)| *other != value)
            || self.neumann.iter().any(|(_, flux)| *flux != 0.0)
            || self.default_source() != 0.0
            || counting(&self.source, |name, later| later.is_none() || name == later).any(|(_, f)| *f != 0.0);
        (!drives).then_some(value + 0.0) // no negative zero
    }

    /// What is in force, in words.
    pub fn words(&self, load: Load) -> String {
        let mut held: Vec<(f64, &str)> = self.held().map(|(name, value)| (*value, &name[..])).collect();
        if self.is_plain() {
            held.push((0.0, "the whole boundary (no condition was given)"));
        }
        let mut words: Vec<String> =
            held.iter().map(|(value, place)| format!("u = {} on {place}", figure(*value))).collect();
        match load {
            Load::Own => {
                words.extend(self.neumann.iter().map(|(name, value)| format!("flux {} on {name}", figure(*value))));
                words.extend(within("f", &self.source, self.default_source()));
            }
            Load::Other => words.push("elsewhere b is given in the place of f".into()),
            Load::OfOnes => {
                let places: Vec<&str> = held.iter().map(|(_, place)| *place).collect();
                words = vec![format!("u = 1/sqrt(n) everywhere, held on {}", places.join(" and "))];
            }
        }
        words.extend(within("k", &self.conductivity, 1.0));
        let still = self.everywhere().filter(|_| load == Load::Own);
        words.join(", ") + &still.map_or(String::new(), |u| format!("; nothing makes u differ from {}", figure(u)))
    }
}

/// Of values of which later ones may take the place of earlier ones, those that count.
fn counting<N>(values: &[(N, f64)], is_replaced_by: impl Fn(&N, &N) -> bool) -> impl Iterator<Item = &(N, f64)> {
    let counts = move |k: usize| !values[k + 1..].iter().any(|(later, _)| is_replaced_by(&values[k].0, later));
    values.iter().enumerate().filter(move |(k, _)| counts(*k)).map(|(_, value)| value)
}

/// Without hundreds of zeros.
fn figure(value: f64) -> String {
    if value == 0.0 || (1e-5..1e15).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

/// A coefficient in words.
fn within(letter: &str, values: &[(Option<String>, f64)], default: f64) -> Vec<String> {
    let word = |(name, value): &(Option<String>, f64)| match name {
        None => format!("{letter} = {}", figure(*value)),
        Some(name) => format!("{letter} = {} in {name}", figure(*value)),
    };
    let in_force = counting(values, |name, later| later.is_none() || name == later);
    let mut words: Vec<String> = in_force.map(word).collect();
    if values.iter().all(|(name, _)| name.is_some()) {
        words.push(format!("{letter} = {default}{}", if values.is_empty() { "" } else { " elsewhere" }));
    }
    words
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
        let is_plain = conditions.is_plain();

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
        let mut coefficients = vec![[1.0, conditions.default_source()]; cells.len()];
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
            conditions: conditions.words(Load::Own),
            groups: names(mesh.groups.iter(), 24),
            orphans,
        };
        Ok(Model { dim, points, cells, coefficients, held, inflow, facts })
    }
}

/// Names of groups, each with what it is made of: so many, and the number of the others.
fn names<'a>(groups: impl Iterator<Item = &'a Group>, most: usize) -> String {
    let short = |name: &str| name.chars().take(24).collect::<String>();
    let names: Vec<String> = groups.map(|group| format!("{} ({}s)", short(&group.name), group.kind())).collect();
    match names.len() {
        count if count > most + 1 => format!("{} and {} more", names[..most].join(", "), count - most),
        _ => names.join(", "),
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
            // Gmsh leaves out what is in no physical group as soon as there is one.
            let are_left_out = !mesh.groups.is_empty() && mesh.groups.iter().all(|group| group.dim < 2);
            return Err(mesh.error(if are_left_out {
                "the mesh has no triangles and no tetrahedra: it has physical groups, but none of surfaces or volumes, and Gmsh \
                 saves only what is in a group; add a Physical Surface (or a Physical Volume) with all of the geometry"
            } else {
                "the mesh has no triangles and no tetrahedra: make it with gmsh -2 or gmsh -3"
            }));
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
            let flat = if dim == 2 { "line" } else { "plane" };
            let how = format!("its corners lie in one {flat}, or its size is beyond what numbers hold");
            return Err(mesh.error(format!("element {} has no {what}: {how}", number(cell))));
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
    /// The indices of the elements in the groups that `text` means, of those that `fit` an option.
    fn indices(
        &self,
        text: &str,
        option: &str,
        fits: &dyn Fn(&Group) -> bool,
    ) -> Result<impl Iterator<Item = u32> + use<'a>> {
        let mesh = self.mesh;
        let is_meant = self.meant(text, option, fits)?;
        let entities: Vec<bool> =
            mesh.entities.iter().map(|groups| groups.iter().any(|group| is_meant[*group as usize])).collect();
        let is_in = move |element: &Element| entities[element.entity as usize];
        Ok((0..).zip(&mesh.elements).filter(move |(_, element)| is_in(element)).map(|(index, _)| index))
    }

    /// For each group whether `text` means it: the name, or the kind and the name. Groups of one dimension only: who holds u
    /// on curve 1 must not hold it on the whole of surface 1.
    fn meant(&self, text: &str, option: &str, fits: &dyn Fn(&Group) -> bool) -> Result<Vec<bool>> {
        let mesh = self.mesh;
        // A name may begin like a kind.
        let is_name = mesh.groups.iter().any(|group| group.name == text);
        let kind = text.split_once(':').filter(|(kind, _)| !is_name && Group::KINDS.contains(kind));
        let name = kind.map_or(text, |(_, name)| name);
        let is_called = |group: &Group| group.name == name && kind.is_none_or(|(kind, _)| kind == group.kind());
        let is_meant: Vec<bool> = mesh
            .groups
            .iter()
            .map(|group| is_called(group) && usize::from(group.dim) <= self.dim && fits(group))
            .collect();
        let of_all = mesh.groups.iter().zip(&is_meant);
        let kinds: BTreeSet<u8> = of_all.filter(|(_, is_meant)| **is_meant).map(|(group, _)| group.dim).collect();
        let refuse = |what: String| Err(Error::usage(format!("{}: --{option} {text}: {what}", mesh.name)));
        match kinds.len() {
            1 => Ok(is_meant),
            0 => {
                let of_name = || mesh.groups.iter().filter(|group| group.name == name);
                let what = match (of_name().find(|group| is_called(group)), of_name().next()) {
                    (Some(group), _) => {
                        format!("the physical group {name} is made of {}s, which do not fit", group.kind())
                    }
                    (None, Some(group)) => format!("the physical group {name} is made of {}s", group.kind()),
                    (None, None) => format!("there is no physical group called {text}"),
                };
                refuse(format!("{what}; {}", self.list(fits)))
            }
            _ => {
                let ways: Vec<String> =
                    kinds.iter().map(|dim| format!("{}:{name}", Group::KINDS[usize::from(*dim)])).collect();
                refuse(format!("physical groups of several kinds are called {name}: say {}", ways.join(" or ")))
            }
        }
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
        let fitting = self.mesh.groups.iter().filter(|group| usize::from(group.dim) <= self.dim && fits(group));
        match &names(fitting, 6)[..] {
            "" if self.mesh.groups.is_empty() => "the mesh has no physical groups".into(),
            "" => "the mesh has none that fits".into(),
            names => format!("there are {names}"),
        }
    }
}
