"""One file for each soft score: what it measures, its formula and source. All are 0..1, higher is better."""
