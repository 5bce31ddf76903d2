"""The commands of `eqgen`, a module each; `eqgen.cli` puts them together."""
