"""The parts of the report: what the tables say (tally), what to do about it (advice), and how it is drawn."""
