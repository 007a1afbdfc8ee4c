"""The chaos harness: a seed becomes a plan of faults, and a job that is hurt by it must still come out whole."""
