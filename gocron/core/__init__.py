"""What is true: records and pure functions; no clock, file, network or database."""
