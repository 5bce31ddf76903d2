"""The sections of the benchmark of sparse weights."""
