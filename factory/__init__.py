"""The parts of the content factory, in flow order; see README for the tree and the import law."""
