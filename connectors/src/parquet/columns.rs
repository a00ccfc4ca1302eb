//! Which of a file's columns are read and which are written anew.

use std::sync::Arc;

use arrow::datatypes::FieldRef;

use super::error::FormatError;
use super::schema::{FileSchema, Leaf};
use crate::unit::is_place_column;

/// The columns of one file that take part. Files with one schema share it.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) schema: Arc<FileSchema>,
    /// The root columns of the typed lane, in the order they were asked for.
    pub(super) roots: Vec<Root>,
    /// The leaves written anew, in file order.
    pub(super) masked: Vec<usize>,
}

/// A root column with the leaves that are read.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) field: FieldRef,
    /// Its leaves that are read, in file order.
    pub(super) leaves: Vec<usize>,
    /// Whether one of them is written anew.
    pub(super) masked: bool,
}

impl Columns {
    /// Resolves dotted names or paths of leaves, or of groups for all leaves below them.
    pub(super) fn try_new(
        path: &str,
        schema: &Arc<FileSchema>,
        typed: &[String],
        masked: &[String],
    ) -> Result<Self, FormatError> {
        let mut keep = vec![false; schema.leaves.len()];
        let mut order = vec![];
        let mut masked_leaves = vec![];
        for name in typed.iter().chain(masked) {
            let leaves = find(path, schema, name)?;
            order.push(schema.leaves[leaves[0]].root);
            leaves.into_iter().for_each(|leaf| keep[leaf] = true);
        }
        for name in masked {
            for leaf in find(path, schema, name)? {
                refuse_unmaskable(path, &schema.leaves[leaf])?;
                masked_leaves.push(leaf);
            }
        }
        masked_leaves.sort_unstable();
        masked_leaves.dedup();
        schema.close(&mut keep);

        let mut pruned = schema.pruned(&keep);
        let mut roots = vec![];
        for root in order {
            // A root is taken once, where it was first named.
            let Some(field) = pruned[root].take() else {
                continue;
            };
            let here = |leaf: &usize| schema.leaves[*leaf].root == root;
            let leaves = (0..keep.len())
                .filter(here)
                .filter(|leaf| keep[*leaf])
                .collect();
            roots.push(Root {
                field,
                leaves,
                masked: masked_leaves.iter().any(here),
            });
        }
        Ok(Self {
            schema: Arc::clone(schema),
            roots,
            masked: masked_leaves,
        })
    }

    /// What is left when only the root columns at `roots` are written anew.
    pub(super) fn only(&self, roots: &[usize]) -> Self {
        let roots: Vec<Root> = roots.iter().map(|root| self.roots[*root].clone()).collect();
        let here = |leaf: &usize| roots.iter().any(|root| root.leaves.contains(leaf));
        Self {
            schema: Arc::clone(&self.schema),
            masked: self.masked.iter().copied().filter(here).collect(),
            roots,
        }
    }

    /// Root columns that the plan hands back.
    pub(super) fn masked_roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter().filter(|root| root.masked)
    }
}

fn find(path: &str, schema: &FileSchema, name: &str) -> Result<Vec<usize>, FormatError> {
    let leaves = schema.leaves_of(name);
    let root = |leaf: &usize| schema.leaves[*leaf].root;
    let same_root = leaves
        .windows(2)
        .all(|pair| root(&pair[0]) == root(&pair[1]));
    let is_exact = |leaf: &&usize| {
        let leaf = &schema.leaves[**leaf];
        leaf.path == name || leaf.name == name
    };
    let exact = leaves.iter().filter(is_exact).count();
    let found = match (
        leaves.is_empty(),
        same_root && (exact == 0 || leaves.len() == 1),
    ) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    if found != 1 {
        return Err(FormatError::Column {
            path: path.to_owned(),
            column: name.to_owned(),
            found,
        });
    }
    let root = schema.fields.field(root(&leaves[0])).name();
    if is_place_column(root) {
        return Err(FormatError::Unsupported {
            path: path.to_owned(),
            column: root.clone(),
            reason: "has a name that is reserved",
        });
    }
    Ok(leaves)
}

fn refuse_unmaskable(path: &str, leaf: &Leaf) -> Result<(), FormatError> {
    leaf.maskable().map_err(|reason| FormatError::Unsupported {
        path: path.to_owned(),
        column: leaf.path.clone(),
        reason,
    })
}
